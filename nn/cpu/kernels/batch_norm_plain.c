/* The loops of batch norm for any CPU. */
#include "batch_norm_isa.h"
#include "batch_norm_loops.h"

const struct batch_norm_kernels batch_norm_kernels_plain = { "batch_norm:plain", moments, forward, sums, backward };
