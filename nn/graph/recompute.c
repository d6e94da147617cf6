/* Which activations training does not keep from forward to backward but makes anew when backward wants to read them.
 *
 * Backward reads most of what forward made, so that nearly all of it would lie in memory when backward starts. A batch
 * norm's result follows from its input, which is kept for its own backward anyway, and so does that of squeeze and
 * excitation's scale: one more pass over memory for each. A seventh of the bytes is saved so, for about 2 % of the
 * time; all that can be recomputed, half of the bytes, would cost 7 %. */
#include <stdlib.h>

#include "recompute.h"

#define KEPT_SHARE 0.85 /* of the bytes that backward reads */

static void find_kept(const struct plan *plan, bool *kept)
{
    for (int i = 0; i < plan->op_count; i++) {
        const struct op *op = &plan->ops[i];
        for (int j = 0; j < OP_INPUTS; j++)
            if (op->trains && op->keep_in[j] && op->in[j] >= 0)
                kept[op->in[j]] = true;
        if (op->trains && op->keep_out)
            kept[op->out[OUT_RESULT]] = true;
    }
}

/* An exponential costs more than the memory that it works on. */
static bool is_cheap(const struct op *op)
{
    enum activation activation = op->stages[0].activation;
    return activation != ACTIVATION_SILU && activation != ACTIVATION_SIGMOID;
}

static size_t result_bytes(const struct plan *plan, const struct op *op)
{
    return op_result(plan, op)->bytes;
}

/* The next op to be recomputed: the cheap ones first, of those the largest. NULL: none is left. */
static struct op *next_recomputed(struct plan *plan, const bool *kept)
{
    struct op *best = NULL;
    for (int i = 0; i < plan->op_count; i++) {
        struct op *op = &plan->ops[i];
        int out = op->out[OUT_RESULT];
        if (!op->functions->recompute || op->recomputed || !op->trains || !kept[out] || op->share_data >= 0 ||
            out == plan->logits)
            continue;
        if (!best || is_cheap(op) > is_cheap(best) ||
            (is_cheap(op) == is_cheap(best) && result_bytes(plan, op) > result_bytes(plan, best)))
            best = op;
    }
    return best;
}

int recompute_choose(struct plan *plan, struct err *err)
{
    bool *kept = calloc((size_t)plan->value_count, sizeof *kept);
    if (!kept)
        return err_set(err, "out of memory for a plan");
    find_kept(plan, kept);
    size_t bytes = 0;
    for (int i = 0; i < plan->value_count; i++)
        bytes += kept[i] ? plan->values[i].bytes : 0;
    size_t most = (size_t)((double)bytes * KEPT_SHARE);
    for (struct op *op; bytes > most && (op = next_recomputed(plan, kept)); bytes -= result_bytes(plan, op))
        op->recomputed = true;
    free(kept);
    return 0;
}
