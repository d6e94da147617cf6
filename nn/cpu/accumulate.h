/* Gradients of inputs that are added to what another consumer wrote: oneDNN can only overwrite, so they are made in
 * backward's scratch and added from there. */
#ifndef DCLS_NN_CPU_ACCUMULATE_H
#define DCLS_NN_CPU_ACCUMULATE_H

#include "nn/cpu/onednn/primitive.h"

/* Where the gradient of in[IN_DATA] is made: in its place, or at `offset` of the scratch. */
struct location accumulate_target(const struct op *op, size_t offset);
/* Bytes of that scratch, 0 where it is made in its place. */
size_t accumulate_bytes(const struct plan *plan, const struct op *op);
/* Adds it from there, if it is not in its place. */
void accumulate_run(const struct plan *plan, const struct op *op, size_t offset);

/* For struct op_functions: the backward of an op that has one primitive for it, which makes the gradient behind its
 * scratchpad. */
int accumulate_backward(struct plan *plan, struct op *op, struct err *err);

/* to[i] += from[i]; both of one layout, so padding is added along (it is 0). */
void add_into(float *to, const float *from, size_t bytes);

#endif
