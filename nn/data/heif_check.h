/* Whether libheif can be given a HEIF file: what its images are made of forms no circle, and is not absurdly much. */
#ifndef DCLS_NN_HEIF_CHECK_H
#define DCLS_NN_HEIF_CHECK_H

#include <stddef.h>
#include <stdint.h>

#include "dcls/base/err.h"

int heif_check(const uint8_t *bytes, size_t count, struct err *err);

#endif
