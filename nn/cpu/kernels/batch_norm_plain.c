/* The loops of batch norm for any CPU. */
#include "batch_norm_isa.h"
#include "batch_norm_loops.h"

const struct norm_kernels norm_kernels_plain = { "norm:plain", moments, forward, sums, backward };
