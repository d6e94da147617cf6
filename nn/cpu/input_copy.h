/* What an op reads, in a layout of its choice: as it lies, or copied to the op's scratch. */
#ifndef DCLS_NN_CPU_INPUT_COPY_H
#define DCLS_NN_CPU_INPUT_COPY_H

#include "nn/cpu/onednn/reorder.h"

struct input_copy {
    struct primitive reorder; /* empty: as it lies */
    struct location location;
    size_t bytes; /* of the copy, 0 without */
};

/* `scratch`: where the copy may lie. `copy` is zeroed, and part of the op's state. */
int input_copy_init(struct input_copy *copy, const struct plan *plan, struct op *op, enum op_input input,
                    const struct layout *wanted, struct location scratch, struct err *err);
/* In the blocks of channels that our own loops take. */
int input_copy_blocked(struct input_copy *copy, const struct plan *plan, struct op *op, enum op_input input,
                       struct location scratch, struct err *err);
/* Where it lies, copied if it must be; NULL with err. */
float *input_copy_run(const struct input_copy *copy, const struct plan *plan, const struct op *op, struct err *err);

#endif
