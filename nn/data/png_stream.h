/* A PNG file as the shortest stream that has its pixels, for libpng to read: the header, a palette where one is due,
 * the pixels' chunks and an end, whatever stood before, between and behind them in the file. */
#ifndef DCLS_NN_PNG_STREAM_H
#define DCLS_NN_PNG_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dcls/base/err.h"

enum png_colour { PNG_GREY = 0, PNG_RGB = 2, PNG_PALETTE = 3, PNG_GREY_ALPHA = 4, PNG_RGBA = 6 };

struct png_stream {
    uint32_t width, height;
    int bits; /* a sample */
    enum png_colour colour;
    bool interlaced;
    uint8_t palette[256][3]; /* as PIL has it, colour i is (i, i, i) where the file has none */
    bool drained;            /* all of the file's pixel data were read, and more were wanted */

    const uint8_t *bytes; /* the file */
    size_t count, at;
    uint8_t made[64]; /* bytes that do not stand in the file */
    struct {
        const uint8_t *bytes;
        size_t count;
    } runs[3]; /* what is read next, in this order */
};

/* `bytes` stay the caller's and outlive the stream. Reads as far as the first pixel data. */
int png_stream_open(struct png_stream *stream, const uint8_t *bytes, size_t count, struct err *err);
/* Fills `out`; false where the stream has ended. */
bool png_stream_read(struct png_stream *stream, uint8_t *out, size_t count);

#endif
