/* How much there is to decode in an item coded by HEVC. */
#ifndef DCLS_NN_HEVC_SIZE_H
#define DCLS_NN_HEVC_SIZE_H

#include <stdbool.h>

#include "coded_size.h"
#include "span.h"

/* `configuration`: the item's `hvcC`, whose units are decoded before the stream's. False where either is damaged,
 * or they are more units than any image has. */
bool hevc_size(struct span configuration, struct span stream, struct coded_size *size);

#endif
