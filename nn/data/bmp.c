/* BMP: every kind that PIL 9.4 reads, with its pixels, and headers of 16, 52 and 56 bytes. stb_image decodes, but it
 * has palettes of OS/2 wrong, takes colours that a palette lacks from its stack, and refuses gaps, other headers and
 * run-length codes. So each strip of rows is written anew in the plain form that it reads rightly: a header of 40
 * bytes, a whole palette, rows of 1, 4, 8 or 24 bits a pixel that are padded.
 *
 * As with PIL, colours that a palette lacks are a ramp of grey, and alpha is dropped. Where the palette is a ramp of
 * grey, or two colours that are black and white, PIL reads 8, or 1, bits a pixel whatever the header says; so does
 * this where the rows are long enough, and PIL would not read behind them.
 *
 * Refused: masks with gaps, 2 bits a pixel, embedded JPEG and PNG, and a file that ends before its pixels do. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bmp_rle.h"
#include "decoders.h"
#include "little_endian.h"
#include "stb.h"

enum { FILE_HEADER = 14, PLAIN_HEADER = FILE_HEADER + 40, COLOURS_MAX = 256, STRIP = 1 << 20 };
enum { RAW, RLE8, RLE4, BIT_FIELDS };

struct bmp {
    const uint8_t *bytes;
    size_t count;
    int width, height;
    bool top_down; /* the file's first row is the top one */
    int bits;      /* of a pixel in the file */
    uint32_t compression;
    uint32_t masks[3];               /* red, green, blue */
    bool masked;                     /* pixels are taken apart by masks */
    uint8_t palette[COLOURS_MAX][4]; /* blue, green, red, 0 */
    const uint8_t *rows;
    size_t rows_at, stride; /* of the rows in the file */
};

/* A strip of it in the plain form. */
struct plain {
    uint8_t *bytes;
    size_t head, stride; /* what stands in front of the rows; a row */
};

static int early(struct err *err)
{
    return err_set(err, "the BMP image ends early");
}

/* A sample from 0 to 255, as PIL widens it. */
static uint8_t sample(uint32_t pixel, uint32_t mask)
{
    int shift = __builtin_ctz(mask);
    uint32_t value = (pixel & mask) >> shift, max = mask >> shift;
    return (uint8_t)(max == 255 ? value : (uint64_t)value * 255 / max);
}

static bool has_gap(uint32_t mask)
{
    uint64_t ones = mask >> __builtin_ctz(mask);
    return ones & (ones + 1);
}

/* `masks`: red, green, blue; NULL, or all 0: the usual ones. */
static int set_masks(struct bmp *bmp, const uint8_t *masks, struct err *err)
{
    static const uint32_t usual[] = { 0xff0000, 0xff00, 0xff }, usual_16[] = { 0x7c00, 0x3e0, 0x1f };
    memcpy(bmp->masks, bmp->bits == 16 ? usual_16 : usual, sizeof(usual));
    bmp->masked = bmp->bits != 24;
    if (!masks || !(le32(masks) | le32(masks + 4) | le32(masks + 8)))
        return 0;
    bmp->masked = true;
    for (int i = 0; i < 3; i++) {
        bmp->masks[i] = le32(masks + 4 * i);
        if (!bmp->masks[i] || has_gap(bmp->masks[i]))
            return err_set(err, "a BMP image with the bit mask %#x is not supported", bmp->masks[i]);
    }
    return 0;
}

/* `colours` of `size` bytes each, as many as there are. */
static void read_palette(struct bmp *bmp, size_t at, size_t colours, size_t size)
{
    const uint8_t *entry = bmp->bytes + at;
    bool whole = (bmp->count - at) / size >= colours, grey = whole;
    for (int i = 0; i < COLOURS_MAX; i++)
        memset(bmp->palette[i], i, 3);
    for (size_t i = 0; i < colours && i < (bmp->count - at) / size; i++, entry += size) {
        uint8_t level = colours == 2 && i == 1 ? 255 : (uint8_t)i;
        grey = grey && entry[0] == level && entry[1] == level && entry[2] == level;
        if (i < COLOURS_MAX)
            memcpy(bmp->palette[i], entry, 3);
    }
    if (grey && colours == 2)
        bmp->bits = 1;
    else if (grey && (size_t)bmp->width <= bmp->stride)
        bmp->bits = 8;
}

/* Of all sizes of headers; *colours: 0 where the header does not tell. */
static int read_header(struct bmp *bmp, const uint8_t *header, uint32_t size, uint32_t *colours, struct err *err)
{
    int64_t width, height;
    *colours = 0;
    if (size == 12) {
        width = le16(header + 4);
        height = le16(header + 6);
        bmp->bits = (int)le16(header + 10);
    } else if (size == 16 || size == 40 || size == 52 || size == 56 || size == 64 || size == 108 || size == 124) {
        width = le32(header + 4);
        height = (int32_t)le32(header + 8);
        bmp->bits = (int)le16(header + 14);
    } else {
        return err_set(err, "a BMP image with a header of %u bytes is not supported", size);
    }
    if (size >= 40) {
        bmp->compression = le32(header + 16);
        *colours = le32(header + 32);
    }
    bmp->top_down = height < 0;
    if (image_size_check(width, llabs(height), err))
        return -1;
    bmp->width = (int)width;
    bmp->height = (int)llabs(height);
    return 0;
}

/* Whether pixels are indices; -1 where the kind is not supported. */
static int has_palette(const struct bmp *bmp, struct err *err)
{
    bool rle = bmp->compression == RLE8 || bmp->compression == RLE4, masked = bmp->compression == BIT_FIELDS;
    if (rle || masked || bmp->compression == RAW)
        switch (bmp->bits) {
        case 1:
        case 4:
        case 8:
            if (!masked)
                return 1;
            break;
        case 16:
        case 24:
        case 32:
            if (!rle)
                return 0;
            break;
        }
    return err_set(err, "a BMP image of %d bits a pixel with compression %u is not supported", bmp->bits,
                   bmp->compression);
}

/* Everything in front of the rows. */
static int read_head(struct bmp *bmp, struct err *err)
{
    const uint8_t *header = bmp->bytes + FILE_HEADER;
    if (bmp->count < FILE_HEADER + 4 || le32(header) > bmp->count - FILE_HEADER)
        return early(err);
    uint32_t size = le32(header), colours;
    if (read_header(bmp, header, size, &colours, err))
        return -1;
    int palette = has_palette(bmp, err);
    if (palette < 0)
        return -1;
    bmp->stride = ((size_t)bmp->width * (size_t)bmp->bits + 31) / 32 * 4;
    size_t end = FILE_HEADER + size;
    bmp->rows_at = le32(bmp->bytes + 10);
    if (palette) {
        if (!colours)
            colours = 1u << bmp->bits;
        if (bmp->rows_at == end)
            bmp->rows_at += 4 * (size_t)colours;
        size_t entry = size == 12 ? 3 : 4;
        read_palette(bmp, end, colours, entry);
        end += entry * colours;
    } else {
        const uint8_t *masks = NULL;
        if (bmp->compression == BIT_FIELDS && size < 52) {
            if (bmp->count - end < 12)
                return early(err);
            masks = bmp->bytes + end;
            end += 12;
        } else if (bmp->compression == BIT_FIELDS) {
            masks = header + 40;
        }
        if (set_masks(bmp, masks, err))
            return -1;
    }
    if (!bmp->rows_at)
        bmp->rows_at = end;
    return 0;
}

/* Where the rows lie; *unpacked, of run-length codes, is the caller's to free. */
static int find_rows(struct bmp *bmp, uint8_t **unpacked, struct err *err)
{
    if (bmp->compression == RLE8 || bmp->compression == RLE4) {
        size_t pixels = (size_t)bmp->width * (size_t)bmp->height;
        *unpacked = calloc(pixels, 1);
        if (!*unpacked)
            return err_set(err, "no memory for a BMP image");
        if (bmp_rle_unpack(bmp->bytes, bmp->count, bmp->rows_at, bmp->compression == RLE8 ? 8 : 4, bmp->width,
                           bmp->height, *unpacked) < pixels)
            return early(err);
        bmp->bits = 8;
        bmp->rows = *unpacked;
        bmp->stride = (size_t)bmp->width;
        return 0;
    }
    /* The last row may lack its padding. */
    size_t row = ((size_t)bmp->width * (size_t)bmp->bits + 7) / 8;
    if (bmp->rows_at > bmp->count || (size_t)(bmp->height - 1) * bmp->stride + row > bmp->count - bmp->rows_at)
        return early(err);
    bmp->rows = bmp->bytes + bmp->rows_at;
    return 0;
}

/* Of 16 to 32 bits a pixel, in 24. */
static void write_masked(const struct bmp *bmp, const uint8_t *row, uint8_t *out)
{
    int size = bmp->bits / 8;
    for (int x = 0; x < bmp->width; x++, row += size) {
        uint32_t pixel = 0;
        for (int i = 0; i < size; i++)
            pixel |= (uint32_t)row[i] << 8 * i;
        for (int c = 2; c >= 0; c--)
            *out++ = sample(pixel, bmp->masks[c]);
    }
}

/* The row at `y` from the top of the image. */
static void write_row(const struct bmp *bmp, int y, uint8_t *out)
{
    const uint8_t *row = bmp->rows + (size_t)(bmp->top_down ? y : bmp->height - 1 - y) * bmp->stride;
    if (bmp->masked)
        write_masked(bmp, row, out);
    else
        memcpy(out, row, ((size_t)bmp->width * (size_t)bmp->bits + 7) / 8);
}

/* `rows` rows from y on, of the plain image, whose header lacks only their number. */
static int decode_strip(const struct bmp *bmp, struct plain *plain, int y, int rows, struct decode_target *target,
                        struct err *err)
{
    le32_put(plain->bytes + 22, (uint32_t)rows);
    for (int i = 0; i < rows; i++) /* the bottom row first */
        write_row(bmp, y + rows - 1 - i, plain->bytes + plain->head + (size_t)i * plain->stride);
    uint8_t *rgb = stb_decode_bmp(plain->bytes, plain->head + (size_t)rows * plain->stride, bmp->width, rows, err);
    if (!rgb)
        return -1;
    size_t row = (size_t)bmp->width * 3;
    for (int i = 0; i < rows; i++) {
        memcpy(target_row(target), rgb + (size_t)i * row, row);
        target_row_done(target);
    }
    free(rgb);
    return 0;
}

static int decode_strips(const struct bmp *bmp, struct decode_target *target, struct err *err)
{
    size_t bits = bmp->bits > 8 ? 24 : (size_t)bmp->bits, palette = bits > 8 ? 0 : sizeof(*bmp->palette) << bits;
    struct plain plain = { .head = PLAIN_HEADER + palette, .stride = ((size_t)bmp->width * bits + 31) / 32 * 4 };
    int rows = (int)(1 + STRIP / plain.stride), status = 0;
    if (rows > bmp->height)
        rows = bmp->height;
    plain.bytes = calloc(plain.head + (size_t)rows * plain.stride, 1);
    if (!plain.bytes)
        return err_set(err, "no memory for a BMP image");
    memcpy(plain.bytes, "BM", 2);
    le32_put(plain.bytes + 10, (uint32_t)plain.head);
    le32_put(plain.bytes + 14, PLAIN_HEADER - FILE_HEADER);
    le32_put(plain.bytes + 18, (uint32_t)bmp->width);
    plain.bytes[26] = 1; /* plane */
    plain.bytes[28] = (uint8_t)bits;
    memcpy(plain.bytes + PLAIN_HEADER, bmp->palette, palette);
    for (int y = 0; y < bmp->height && !status; y += rows)
        status = decode_strip(bmp, &plain, y, rows < bmp->height - y ? rows : bmp->height - y, target, err);
    free(plain.bytes);
    return status;
}

int bmp_decode(struct decode_target *target, const uint8_t *bytes, size_t count, struct err *err)
{
    struct bmp bmp = { .bytes = bytes, .count = count };
    uint8_t *unpacked = NULL;
    int status = -1;
    if (read_head(&bmp, err) || find_rows(&bmp, &unpacked, err) || target_start(target, bmp.width, bmp.height, err))
        goto out;
    status = decode_strips(&bmp, target, err);
out:
    free(unpacked);
    return status;
}
