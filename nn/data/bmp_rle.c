/* Run-length coded BMP pixels (RLE8, RLE4), read as PIL 9.4 reads them, whose pixels are due:
 * - a jump is read from the two bytes behind the two that hold it;
 * - of literal RLE4 pixels of an odd number the last is left out;
 * - whether a padding byte follows literal pixels is told by the position in the file, not in the codes;
 * - literal pixels may pass the end of a row, runs are cut there. */
#include "bmp_rle.h"

#include <stdbool.h>

struct rle {
    const uint8_t *bytes;
    size_t count, at;
    int bits;
    size_t width;
    uint8_t *indices;
    size_t len, max; /* of the indices */
    size_t x;        /* what is said to be in the row: literal pixels may have it wrong */
};

enum { END_OF_ROW, END_OF_BITMAP, JUMP };

static size_t at_most(size_t a, size_t b)
{
    return a < b ? a : b;
}

static uint8_t pixel(const struct rle *rle, uint8_t byte, size_t i)
{
    if (rle->bits == 8)
        return byte;
    return i % 2 ? byte & 15 : byte >> 4;
}

static void run(struct rle *rle, size_t pixels, uint8_t byte)
{
    pixels = at_most(pixels, rle->x < rle->width ? rle->width - rle->x : 0);
    rle->x += pixels;
    for (size_t i = 0; i < pixels && rle->len < rle->max; i++)
        rle->indices[rle->len++] = pixel(rle, byte, i);
}

/* False where the file ends before them. */
static bool literal(struct rle *rle, size_t pixels)
{
    size_t a_byte = rle->bits == 8 ? 1 : 2, needed = pixels / a_byte, given = at_most(needed, rle->count - rle->at);
    for (size_t i = 0; i < given * a_byte && rle->len < rle->max; i++)
        rle->indices[rle->len++] = pixel(rle, rle->bytes[rle->at + i / a_byte], i);
    rle->x += pixels;
    rle->at += given;
    rle->at += rle->at % 2;
    return given == needed;
}

/* Over pixels that stay zero. */
static void skip(struct rle *rle, size_t pixels)
{
    rle->len += at_most(pixels, rle->max - rle->len);
    rle->x = rle->len % rle->width;
}

size_t bmp_rle_unpack(const uint8_t *bytes, size_t count, size_t at, int bits, int width, int height, uint8_t *indices)
{
    struct rle rle = { .bytes = bytes,
                       .count = count,
                       .at = at,
                       .bits = bits,
                       .width = (size_t)width,
                       .indices = indices,
                       .max = (size_t)width * (size_t)height };
    while (rle.len < rle.max && rle.at < count && count - rle.at >= 2) {
        uint8_t pixels = bytes[rle.at], code = bytes[rle.at + 1];
        rle.at += 2;
        if (pixels) {
            run(&rle, pixels, code);
        } else if (code == END_OF_ROW) {
            skip(&rle, (rle.width - rle.len % rle.width) % rle.width);
        } else if (code == END_OF_BITMAP) {
            break;
        } else if (code == JUMP) {
            if (count - rle.at < 4)
                break;
            skip(&rle, bytes[rle.at + 2] + bytes[rle.at + 3] * rle.width);
            rle.at += 4;
        } else if (!literal(&rle, code)) {
            break;
        }
    }
    return rle.len;
}
