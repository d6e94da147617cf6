/* How much there is to decode in a stream of AV1. */
#ifndef DCLS_NN_AV1_SIZE_H
#define DCLS_NN_AV1_SIZE_H

#include <stdbool.h>

#include "coded_size.h"
#include "span.h"

/* False where a header ends early, or a frame comes before the sequence that it is of. */
bool av1_size(struct span stream, struct coded_size *size);

#endif
