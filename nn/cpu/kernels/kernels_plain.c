/* The loops for any CPU. */
#include "kernels.h"

#define ISA_NAME "plain"
#define LANES 16
#include "batch_norm_loops.h"

const struct kernels kernels_plain = { .isa = ISA_PLAIN, .batch_norm = &batch_norm_kernels };
