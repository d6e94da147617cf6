/* The two loops of resize.c, for each instruction set. Rows are RGB, 8 bits a sample. */
#ifndef DCLS_NN_RESIZE_PASSES_H
#define DCLS_NN_RESIZE_PASSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dcls/nn/cpu_isa.h"

#define RESIZE_BITS 22  /* behind the point of a weight: 8 bits of value and 2 for overshoot remain of 32 */
#define RESIZE_BAND 4   /* rows that the horizontal pass takes at once, so that weights are loaded once for them */
#define RESIZE_SLACK 16 /* bytes that may be read behind a row, and written behind one that is made */

/* The weights of each output position over a run of input positions. */
struct taps {
    int width;    /* room for weights at each position, a multiple of 4 */
    int *first;   /* (size) first input position */
    int *count;   /* (size) */
    int *weights; /* (size, width), never negative, 0 behind `count` */
    /* (size, width/4, 2, 16): the weights' upper and lower 11 bits, each pair of taps once a channel, as the vector
     * instruction that multiplies and adds pairs takes them; made for those passes that use them */
    int16_t *pairs;
    size_t positions_cap, weights_cap, pairs_cap;
    int from, to; /* what they were made for; 0: nothing yet */
};

struct resize_passes {
    const char *name;
    bool pairs; /* whether `across` reads taps->pairs */
    /* Each of the RESIZE_BAND rows to `width` pixels, row r at out + r * stride. */
    void (*across)(const struct taps *taps, const uint8_t *const *rows, int width, uint8_t *out, size_t stride);
    /* One row of `samples` from `count` rows; up to RESIZE_SLACK samples behind each row are read. */
    void (*down)(const uint8_t *const *rows, const int *weights, int count, size_t samples, uint8_t *out);
};

/* The fastest that this CPU has, up to `isa`. */
const struct resize_passes *resize_passes(enum isa isa);

#endif
