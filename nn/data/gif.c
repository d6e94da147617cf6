/* GIF's first frame, by a decoder of our own: what other decoders refuse, PIL 9.4 reads, whose pixels are due. Bytes
 * between blocks, frames larger than the screen, no table of colours, no end code and no trailer are taken, and with
 * convert('RGB') transparency is dropped: of a transparent pixel its colour shows, of what the frame does not cover
 * that of the transparent index, or of index 0. Colours that the table lacks are a ramp of grey.
 *
 * Refused: a file that ends before all pixels of its first frame are there, or with an incomplete block. */
#include <stdbool.h>
#include <string.h>

#include "decoders.h"
#include "little_endian.h"
#include "lzw.h"

enum { COLOURS_MAX = 256, READ_SIZE = 64 * 1024 };
enum { EXTENSION = '!', IMAGE = ',', TRAILER = ';', GRAPHIC_CONTROL = 0xf9, COMMENT = 0xfe };
enum { HAS_TABLE = 0x80, INTERLACED = 0x40, HAS_TRANSPARENT = 1 };

struct gif {
    const uint8_t *bytes;
    size_t count, at;
    size_t seen;       /* of the frame's data, so much has been read by PIL */
    size_t block_left; /* bytes of the block of data */
    uint32_t bits_held;
    int bits_count;
    uint8_t colours[COLOURS_MAX][3];
    int blank;               /* index of what the frame does not cover */
    int width, height;       /* of the screen */
    int x, y, columns, rows; /* of the frame */
    bool interlaced;
    int pass, row, column; /* of the frame, where the next pixel goes; pass: of an interlaced one */
    struct lzw lzw;
};

/* An interlaced frame's rows come in four passes. */
static const struct {
    int first, step;
} passes[] = { { 0, 8 }, { 4, 8 }, { 2, 4 }, { 1, 2 } };
enum { LAST_PASS = sizeof passes / sizeof *passes - 1 };

/* The next `count` bytes; NULL where the file ends before. */
static const uint8_t *take(struct gif *gif, size_t count)
{
    if (gif->count - gif->at < count)
        return NULL;
    gif->at += count;
    return gif->bytes + gif->at - count;
}

/* A block of a length byte and so many bytes: the length, 0 of the block that ends a row of them; -1 where the file
 * ends. */
static int take_block(struct gif *gif, const uint8_t **block)
{
    const uint8_t *length = take(gif, 1);
    *block = length ? take(gif, *length) : NULL;
    return *block ? *length : -1;
}

static bool skip_blocks(struct gif *gif)
{
    const uint8_t *block;
    int length;
    do
        length = take_block(gif, &block);
    while (length > 0);
    return !length;
}

/* Of a table with these flags. One that is a ramp of grey counts as none, so that the global one stays in use behind
 * it, as with PIL. */
static bool take_colours(struct gif *gif, uint8_t flags)
{
    if (!(flags & HAS_TABLE))
        return true;
    size_t colours = (size_t)2 << (flags & 7);
    const uint8_t *table = take(gif, 3 * colours);
    bool grey = true;
    for (size_t i = 0; table && i < 3 * colours; i++)
        grey = grey && table[i] == i / 3;
    if (!table || grey)
        return table;
    for (int i = 0; i < COLOURS_MAX; i++)
        memset(gif->colours[i], i, 3);
    memcpy(gif->colours, table, 3 * colours);
    return true;
}

static bool take_extension(struct gif *gif)
{
    const uint8_t *label = take(gif, 1), *block;
    int length = label ? take_block(gif, &block) : -1;
    if (length >= 4 && *label == GRAPHIC_CONTROL && block[0] & HAS_TRANSPARENT)
        gif->blank = block[3];
    /* PIL takes an empty extension for the beginning of one, unless it is a comment. */
    if (!length && *label == COMMENT)
        return true;
    return length >= 0 && skip_blocks(gif);
}

/* Up to the image of the first frame; false where there is none. */
static bool find_frame(struct gif *gif)
{
    for (;;) {
        const uint8_t *kind = take(gif, 1);
        if (!kind || *kind == TRAILER)
            return false;
        if (*kind == IMAGE)
            return true;
        if (*kind == EXTENSION && !take_extension(gif))
            return false;
    }
}

static int early(struct err *err)
{
    return err_set(err, "the GIF image ends early or has no frame");
}

/* Everything in front of the frame's data. */
static int read_head(struct gif *gif, struct err *err)
{
    for (int i = 0; i < COLOURS_MAX; i++)
        memset(gif->colours[i], i, 3);
    const uint8_t *screen = take(gif, 13);
    if (!screen || !take_colours(gif, screen[10]) || !find_frame(gif))
        return early(err);
    const uint8_t *frame = take(gif, 9), *bits = NULL;
    if (frame && take_colours(gif, frame[8]))
        bits = take(gif, 1);
    if (!bits)
        return early(err);
    if (lzw_init(&gif->lzw, *bits))
        return err_set(err, "a GIF image with codes of %d bits is not supported", *bits + 1);
    gif->interlaced = frame[8] & INTERLACED;
    gif->x = (int)le16(frame);
    gif->y = (int)le16(frame + 2);
    gif->columns = (int)le16(frame + 4);
    gif->rows = (int)le16(frame + 6);
    gif->width = (int)le16(screen + 6);
    gif->height = (int)le16(screen + 8);
    if (gif->width < gif->x + gif->columns)
        gif->width = gif->x + gif->columns;
    if (gif->height < gif->y + gif->rows)
        gif->height = gif->y + gif->rows;
    if (!gif->x && !gif->columns) { /* to PIL this is the whole screen */
        gif->y = 0;
        gif->columns = gif->width;
        gif->rows = gif->height;
    }
    if (!gif->columns || !gif->rows)
        return err_set(err, "the GIF image's first frame has no pixels");
    return 0;
}

/* PIL reads 64 KiB at a time. False where nothing is left. */
static bool see_more(struct gif *gif)
{
    if (gif->seen == gif->count)
        return false;
    gif->seen += gif->count - gif->seen < READ_SIZE ? gif->count - gif->seen : READ_SIZE;
    return true;
}

/* The next code; -1 where the file ends. */
static int take_code(struct gif *gif)
{
    while (gif->bits_count < gif->lzw.bits) {
        if (!gif->block_left) {
            while (gif->at >= gif->seen || gif->seen - gif->at <= gif->bytes[gif->at])
                if (!see_more(gif))
                    return -1;
            gif->block_left = gif->bytes[gif->at++];
            continue;
        }
        gif->bits_held |= (uint32_t)gif->bytes[gif->at++] << gif->bits_count;
        gif->bits_count += 8;
        gif->block_left--;
    }
    int code = (int)(gif->bits_held & ((1u << gif->lzw.bits) - 1));
    gif->bits_held >>= gif->lzw.bits;
    gif->bits_count -= gif->lzw.bits;
    return code;
}

/* False behind the last one. */
static bool next_row(struct gif *gif)
{
    gif->column = 0;
    gif->row += gif->interlaced ? passes[gif->pass].step : 1;
    while (gif->interlaced && gif->row >= gif->rows && gif->pass < LAST_PASS)
        gif->row = passes[++gif->pass].first;
    return gif->row < gif->rows;
}

static uint8_t *pixel_at(const struct gif *gif, struct image *image)
{
    return image->rgb + ((size_t)(gif->y + gif->row) * (size_t)gif->width + (size_t)(gif->x + gif->column)) * 3;
}

/* False behind the frame's last pixel. */
static bool put(struct gif *gif, struct image *image, const uint8_t *indices, int count)
{
    uint8_t *pixel = pixel_at(gif, image);
    for (int i = 0; i < count; i++, pixel += 3) {
        memcpy(pixel, gif->colours[indices[i]], 3);
        if (++gif->column < gif->columns)
            continue;
        if (!next_row(gif))
            return false;
        pixel = pixel_at(gif, image) - 3;
    }
    return true;
}

static int decode_frame(struct gif *gif, struct image *image, struct err *err)
{
    const uint8_t *indices;
    int count;
    gif->seen = gif->at;
    do {
        int code = take_code(gif);
        if (code < 0)
            return early(err);
        count = lzw_expand(&gif->lzw, code, &indices);
        if (count == LZW_BROKEN)
            return err_set(err, "the GIF image is broken");
        /* An end code before the last pixel: PIL reads on where the file does. */
        if (count == LZW_END && !see_more(gif))
            return early(err);
    } while (put(gif, image, indices, count));
    return 0;
}

static void fill(const struct gif *gif, struct image *image)
{
    size_t row = (size_t)gif->width * 3;
    for (int x = 0; x < gif->width; x++)
        memcpy(image->rgb + 3 * x, gif->colours[gif->blank], 3);
    for (int y = 1; y < gif->height; y++)
        memcpy(image->rgb + (size_t)y * row, image->rgb, row);
}

int gif_decode(struct decode_target *target, const uint8_t *bytes, size_t count, struct err *err)
{
    struct gif gif = { .bytes = bytes, .count = count };
    if (read_head(&gif, err))
        return -1;
    /* A byte holds at most 8 codes, and a code at most LZW_CODES indices. */
    if ((size_t)gif.columns * (size_t)gif.rows / (8 * LZW_CODES) > count - gif.at)
        return early(err);
    if (target_whole(target, gif.width, gif.height, err))
        return -1;
    if (gif.columns < gif.width || gif.rows < gif.height)
        fill(&gif, target->image);
    return decode_frame(&gif, target->image, err);
}
