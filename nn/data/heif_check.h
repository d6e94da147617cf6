/* Whether libheif can be given a HEIF file, and how much it will have to decode: what its images are made of forms no
 * circle, and is not absurdly much, whatever the file says of its size outside of what is coded. */
#ifndef DCLS_NN_HEIF_CHECK_H
#define DCLS_NN_HEIF_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dcls/base/err.h"

/* In pixels, for the image that the file shows. */
struct heif_cost {
    uint64_t at_once; /* the most that lie in memory at a time: an item, what it is put together from, its alpha */
    uint64_t in_all;  /* that are decoded, one after the other */
    bool av1;         /* some of them by a decoder of AV1, which takes more memory a pixel */
};

int heif_check(const uint8_t *bytes, size_t count, struct heif_cost *cost, struct err *err);

#endif
