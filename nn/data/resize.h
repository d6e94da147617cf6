/* Resizing of an image whose rows come one after the other, for decoders that need not keep it whole: image.h has the
 * same for one in memory. Order: resize_start; for each row resize_room, filled by the caller, then resize_row. */
#ifndef DCLS_NN_RESIZE_H
#define DCLS_NN_RESIZE_H

#include "image.h"

/* `out` has room for (to_height, to_width, 3) and is full after the last row. A start ends what was not finished. */
int resize_start(struct resize_scratch *scratch, int from_width, int from_height, int to_width, int to_height,
                 uint8_t *out, struct err *err);
/* Room for the next row, (from_width, 3), and the same row with it done. */
uint8_t *resize_room(struct resize_scratch *scratch);
void resize_row(struct resize_scratch *scratch);

#endif
