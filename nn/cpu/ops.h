/* The operations of this backend that have a file each and are the only one of their kind, or the last. */
#ifndef DCLS_NN_CPU_OPS_H
#define DCLS_NN_CPU_OPS_H

#include "nn/graph/op.h"

extern const struct op_functions cpu_conv, cpu_batch_norm, cpu_activation, cpu_max_pool, cpu_global_avg_pool, cpu_add,
    cpu_scale, cpu_dropout, cpu_stochastic_depth, cpu_linear, cpu_reorder;

#endif
