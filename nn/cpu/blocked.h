/* What an op reads, in the blocks of channels that our own loops take: as it lies, or copied to forward's scratch. */
#ifndef DCLS_NN_CPU_BLOCKED_H
#define DCLS_NN_CPU_BLOCKED_H

#include "nn/cpu/onednn/primitive.h"

struct blocked {
    enum op_input input;
    struct primitive copy; /* empty: as it lies */
    size_t at, bytes;      /* of the copy, in the scratch */
};

/* `at`: where in the scratch the copy may lie. `blocked` is zeroed; its copy is the caller's to release. */
int blocked_prepare(struct blocked *blocked, const struct plan *plan, const struct op *op, enum op_input input,
                    size_t at, struct err *err);
int blocked_bind(struct blocked *blocked, const struct plan *plan, const struct op *op, struct err *err);
/* The blocks, copied if they must be; NULL with err. */
const float *blocked_run(const struct blocked *blocked, const struct plan *plan, const struct op *op, struct err *err);

#endif
