/* The table of implementations, in the order of preference: the first that supports an op runs it. What an op would be
 * with more fused into it is asked here too, so that fusion and choice cannot disagree.
 *
 * Rows before the last of a kind may depend on the layout of the op's input where a later row takes the op in any. */
#include "select.h"

#include "conv_1x1.h"
#include "conv_im2col.h"
#include "conv_winograd.h"
#include "mbconv.h"
#include "ops.h"

struct candidate {
    enum op_kind kind;
    const char *name;
    bool (*supports)(const struct plan *plan, const struct op *op);
    const struct op_functions *functions;
};

static bool supports_plain(const struct plan *plan, const struct op *op)
{
    (void)plan;
    return op_is_plain(op);
}

/* In evaluation with all that belongs to one convolution. */
static bool supports_conv(const struct plan *plan, const struct op *op)
{
    (void)plan;
    return op_is_plain(op) || (!op->trains && op->stage_count == 1 && op->in[IN_SCALE] < 0 && op->out[OUT_MEAN] < 0);
}

static bool supports_batch_norm(const struct plan *plan, const struct op *op)
{
    (void)plan;
    return op->stages[0].activation != ACTIVATION_SIGMOID;
}

static bool supports_add(const struct plan *plan, const struct op *op)
{
    (void)plan;
    return op->stages[0].activation == ACTIVATION_NONE || op->stages[0].activation == ACTIVATION_RELU;
}

static const struct candidate candidates[] = {
    { OP_CONV, "mbconv", mbconv_supports, &cpu_mbconv },
    { OP_CONV, "winograd", conv_winograd_supports, &cpu_conv_winograd },
    { OP_CONV, "conv_1x1", conv_1x1_supports, &cpu_conv_1x1 },
    { OP_CONV, "im2col", conv_im2col_supports, &cpu_conv_im2col },
    { OP_CONV, "onednn", supports_conv, &cpu_conv },
    { OP_BATCH_NORM, "batch_norm", supports_batch_norm, &cpu_batch_norm },
    { OP_ACTIVATION, "activation", supports_plain, &cpu_activation },
    { OP_MAX_POOL, "max_pool", supports_plain, &cpu_max_pool },
    { OP_GLOBAL_AVG_POOL, "global_avg_pool", supports_plain, &cpu_global_avg_pool },
    { OP_ADD, "add", supports_add, &cpu_add },
    { OP_SCALE, "scale", supports_plain, &cpu_scale },
    { OP_DROPOUT, "dropout", supports_plain, &cpu_dropout },
    { OP_STOCHASTIC_DEPTH, "stochastic_depth", supports_plain, &cpu_stochastic_depth },
    { OP_LINEAR, "linear", supports_plain, &cpu_linear },
    { OP_REORDER, "reorder", supports_plain, &cpu_reorder },
};

const struct op_functions *cpu_select(const struct plan *plan, const struct op *op)
{
    for (size_t i = 0; i < sizeof candidates / sizeof *candidates; i++)
        if (candidates[i].kind == op->kind && candidates[i].supports(plan, op))
            return candidates[i].functions;
    return NULL;
}
