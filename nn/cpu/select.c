/* The table of implementations, in the order of preference: the first that takes an op runs it. What an op would be
 * with more fused into it is asked here too, so that fusion and choice cannot disagree. A row that looks at the layout
 * of the op's input, which fusion does not know yet, is followed by one that takes what it takes in any layout. */
#include "ops.h"

enum { TRAIN = 1, EVAL = 2, BOTH = TRAIN | EVAL };

#define BIT(activation) (1u << (activation))
#define NONE BIT(ACTIVATION_NONE)
#define RELU BIT(ACTIVATION_RELU)
#define RELUS (RELU | BIT(ACTIVATION_RELU6))
#define SILU BIT(ACTIVATION_SILU)
#define SIGMOID BIT(ACTIVATION_SIGMOID)
/* Our own loops want the zeros that pad the last block of channels to stay zero, which a sigmoid does not leave. */
#define BUT_SIGMOID (NONE | RELUS | SILU)

struct candidate {
    enum op_kind kind;
    unsigned modes;
    unsigned fused;                                                 /* what it takes beside activations, FUSED_… */
    unsigned activations;                                           /* of any stage, as bits */
    bool (*supports)(const struct plan *plan, const struct op *op); /* what else it asks of the op; NULL: nothing */
    const struct op_functions *functions;
};

#define CONV_FUSED (FUSED_NORM | FUSED_RESIDUAL)
#define MBCONV_FUSED (CONV_FUSED | FUSED_MEAN | FUSED_CHAIN)

static const struct candidate candidates[] = {
    { OP_CONV, EVAL, MBCONV_FUSED, BUT_SIGMOID, mbconv_supports, &cpu_mbconv },
    { OP_CONV, EVAL, CONV_FUSED, NONE | RELU, conv_winograd_supports, &cpu_conv_winograd },
    { OP_CONV, TRAIN, 0, NONE, conv_winograd_supports, &cpu_conv_winograd },
    { OP_CONV, EVAL, CONV_FUSED | FUSED_SCALE, BUT_SIGMOID, conv_1x1_supports, &cpu_conv_1x1 },
    { OP_CONV, EVAL, FUSED_NORM, BUT_SIGMOID, conv_im2col_supports, &cpu_conv_im2col },
    { OP_CONV, EVAL, CONV_FUSED, BUT_SIGMOID | SIGMOID, NULL, &cpu_conv_eval },
    { OP_CONV, TRAIN, 0, NONE, NULL, &cpu_conv_train },
    { OP_BATCH_NORM, BOTH, 0, BUT_SIGMOID, NULL, &cpu_batch_norm },
    { OP_ACTIVATION, BOTH, 0, RELUS, NULL, &cpu_relu },
    { OP_ACTIVATION, BOTH, 0, SILU | SIGMOID, NULL, &cpu_eltwise },
    { OP_MAX_POOL, BOTH, 0, NONE, NULL, &cpu_max_pool },
    { OP_GLOBAL_AVG_POOL, BOTH, 0, NONE, NULL, &cpu_global_avg_pool },
    { OP_ADD, BOTH, 0, NONE | RELU, NULL, &cpu_add },
    { OP_SCALE, BOTH, 0, NONE, NULL, &cpu_scale },
    { OP_DROPOUT, BOTH, 0, NONE, NULL, &cpu_dropout },
    { OP_STOCHASTIC_DEPTH, BOTH, 0, NONE, NULL, &cpu_stochastic_depth },
    { OP_LINEAR, EVAL, 0, NONE, linear_gemv_supports, &cpu_linear_gemv },
    { OP_LINEAR, BOTH, 0, NONE, NULL, &cpu_linear },
    { OP_REORDER, BOTH, 0, NONE, NULL, &cpu_reorder },
};

static unsigned activations_of(const struct op *op)
{
    unsigned activations = 0;
    for (int i = 0; i < op->stage_count; i++)
        activations |= BIT(op->stages[i].activation);
    return activations;
}

const struct op_functions *cpu_select(const struct plan *plan, const struct op *op)
{
    unsigned mode = op->trains ? TRAIN : EVAL, fused = op_fused(op) & ~(unsigned)FUSED_ACTIVATION;
    for (size_t i = 0; i < sizeof candidates / sizeof *candidates; i++) {
        const struct candidate *candidate = &candidates[i];
        if (candidate->kind == op->kind && (candidate->modes & mode) && !(fused & ~candidate->fused) &&
            !(activations_of(op) & ~candidate->activations) && (!candidate->supports || candidate->supports(plan, op)))
            return candidate->functions;
    }
    return NULL;
}
