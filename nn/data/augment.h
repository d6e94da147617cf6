/* How training images are augmented: which change is made is a function of (seed, epoch, sample) alone, and each change
 * gives the pixels that torchvision gives on PIL images for the same parameters. The steps, in this order:
 *
 *   strong only   a random part of the image (a quarter to all of its area, 3:4 to 4:3) resized to the whole
 *   both          flipped or not; rotated by -10 to 10 degrees (nearest pixel, black where there is none);
 *                 brightness, contrast and saturation times 0.8 to 1.2, hue by -0.2 to 0.2 of the circle, in any order
 *   strong only   in a quarter of the images a rectangle (2 to 33 % of the area) wiped out with the mean colour */
#ifndef DCLS_NN_AUGMENT_H
#define DCLS_NN_AUGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "colour.h"
#include "dcls/base/err.h"

enum augment { AUGMENT_NONE, AUGMENT_BASIC, AUGMENT_STRONG };

/* "none", "basic" or "strong". */
int augment_parse(const char *name, enum augment *augment, struct err *err);

/* The edge of the square that an image is resized to before it is augmented to `size`: a strong crop needs more. */
int augment_side(enum augment augment, int size);

enum jitter { JITTER_BRIGHTNESS, JITTER_CONTRAST, JITTER_SATURATION, JITTER_HUE, JITTERS };

struct box {
    int left, top, width, height; /* a width of 0: no box */
};

/* What is done to one image. */
struct augment_params {
    struct box crop;         /* of the image as it comes */
    bool flip;               /* left to right */
    double angle;            /* degrees, counter-clockwise */
    double amounts[JITTERS]; /* factors; of hue a share of the circle, -0.5 to 0.5 */
    enum jitter order[JITTERS];
    struct box erase; /* of the result */
};

/* Not for AUGMENT_NONE. */
void augment_choose(struct augment_params *params, enum augment augment, int size, uint64_t seed, int epoch,
                    uint64_t sample);

/* One thread's means of augmenting images to (size, size). */
struct augmenter;
struct augmenter *augmenter_new(int size, enum isa isa);
void augmenter_free(struct augmenter *augmenter);

/* Augments rgb (side, side, 3). The result, (3, size, size), is valid until the next call; NULL where memory lacks. */
const struct planes *augmenter_run(struct augmenter *augmenter, const struct augment_params *params, const uint8_t *rgb,
                                   int side, struct err *err);

#endif
