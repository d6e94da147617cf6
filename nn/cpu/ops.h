/* The backend and the implementations that it chooses from, a file each. */
#ifndef DCLS_NN_CPU_OPS_H
#define DCLS_NN_CPU_OPS_H

#include "nn/graph/backend.h"

extern const struct backend backend_onednn;

/* For struct backend: by the table of select.c. */
const struct op_functions *cpu_select(const struct plan *plan, const struct op *op);

extern const struct op_functions cpu_mbconv, cpu_conv_winograd, cpu_conv_1x1, cpu_conv_im2col, cpu_conv_eval,
    cpu_conv_train, cpu_batch_norm, cpu_relu, cpu_eltwise, cpu_max_pool, cpu_global_avg_pool, cpu_add, cpu_scale,
    cpu_dropout, cpu_stochastic_depth, cpu_linear_gemv, cpu_linear, cpu_reorder;

/* What some ask of an op beside what the table says. */
bool mbconv_supports(const struct plan *plan, const struct op *op);
bool conv_winograd_supports(const struct plan *plan, const struct op *op);
bool conv_1x1_supports(const struct plan *plan, const struct op *op);
bool conv_im2col_supports(const struct plan *plan, const struct op *op);
bool linear_gemv_supports(const struct plan *plan, const struct op *op);

#endif
