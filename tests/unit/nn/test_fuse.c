/* Fusion: which layers become one op, and that such ops compute what the layers do. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "dcls/nn/models.h"
#include "rig.h"

/* A convolution with everything that can be fused into it, in the plainest way; in place of its summand if it may. */
static int conv_prepare(struct plan *plan, struct op *op, struct err *err)
{
    const struct param *weight = &plan->net->params[op_layer(op)->weight];
    op->share_data = op->in[IN_RESIDUAL] >= 0 ? IN_RESIDUAL : -1;
    op->state = malloc((weight->count + (size_t)weight->shape[0]) * sizeof(float));
    return op->state ? 0 : err_set(err, "out of memory");
}

static int conv_pack(struct plan *plan, struct op *op, struct err *err)
{
    (void)err;
    float *weight = op->state;
    stage_fold(plan, &op->stages[0], weight, weight + plan->net->params[op_layer(op)->weight].count);
    return 0;
}

static float tap_sum(const struct plan *plan, const struct op *op, int n, int o, int y, int x)
{
    const struct value *in = op_input(plan, op, IN_DATA);
    const struct layer *layer = op_layer(op);
    const float *weight = (const float *)op->state + (size_t)(o * in->c * layer->kernel * layer->kernel);
    float sum = 0;
    for (int c = 0; c < in->c; c++)
        for (int ky = 0; ky < layer->kernel; ky++)
            for (int kx = 0; kx < layer->kernel; kx++, weight++) {
                int row = y * layer->stride + ky - layer->padding, column = x * layer->stride + kx - layer->padding;
                if (row >= 0 && row < in->h && column >= 0 && column < in->w)
                    sum += *weight * op_input_data(plan, op, IN_DATA)[((n * in->c + c) * in->h + row) * in->w + column];
            }
    return sum;
}

static int conv_forward(struct plan *plan, struct op *op, struct err *err)
{
    (void)err;
    const struct value *out = op_result(plan, op);
    const float *bias = (const float *)op->state + plan->net->params[op_layer(op)->weight].count;
    const float *summand = op->in[IN_RESIDUAL] >= 0 ? op_input_data(plan, op, IN_RESIDUAL) : NULL;
    if (summand)
        assert_int_equal(summand == op_result_data(plan, op), op->data_shared);
    float *to = op_result_data(plan, op);
    for (int n = 0; n < out->n; n++)
        for (int o = 0; o < out->c; o++)
            for (int y = 0; y < out->h; y++)
                for (int x = 0; x < out->w; x++) {
                    int at = ((n * out->c + o) * out->h + y) * out->w + x;
                    float sum = tap_sum(plan, op, n, o, y, x) + bias[o] + (summand ? summand[at] : 0);
                    to[at] = op_last(op)->activation && sum < 0 ? 0 : sum;
                }
    return 0;
}

static void conv_release(struct op *op)
{
    free(op->state);
}

static const struct op_functions fused_conv = {
    .canonical = true,
    .prepare = conv_prepare,
    .pack = conv_pack,
    .forward = conv_forward,
    .release = conv_release,
};

static bool is_one_conv(const struct op *op)
{
    return op->kind == OP_CONV && !op->trains && op->stage_count == 1 && op->in[IN_SCALE] < 0 && op->out[OUT_MEAN] < 0;
}

static const struct op_functions *select_fusing(const struct plan *plan, const struct op *op)
{
    (void)plan;
    enum activation activation = op_last(op)->activation;
    return is_one_conv(op) && (!activation || activation == ACTIVATION_RELU) ? &fused_conv : NULL;
}

static const struct backend fusing = { .name = "fusing", .select = select_fusing, .fallback = &backend_reference };

/* The stage that is a depthwise convolution, where it is the only one, or around it are 1x1 ones; else -1. */
static int depthwise_stage(const struct op *op)
{
    int found = -1;
    for (int i = 0; i < op->stage_count; i++)
        if (layer_is_depthwise(op->stages[i].layer) && found < 0)
            found = i;
        else if (!layer_is_pointwise(op->stages[i].layer))
            return -1;
    return found <= 1 && op->stage_count <= found + 2 ? found : -1;
}

/* The next are looked at only, not run. */
static const struct op_functions *select_expanding(const struct plan *plan, const struct op *op)
{
    (void)plan;
    bool expands = op->kind == OP_CONV && !op->trains && op->stage_count == 2 && depthwise_stage(op) == 1 &&
                   op->in[IN_RESIDUAL] < 0 && op->in[IN_SCALE] < 0 && op->out[OUT_MEAN] < 0;
    return is_one_conv(op) || expands ? &fused_conv : NULL;
}

static const struct backend expanding = { .name = "expanding",
                                          .select = select_expanding,
                                          .fallback = &backend_reference };

/* Takes all that fusion offers: whole inverted residuals, scales and means. */
static const struct op_functions *select_gathering(const struct plan *plan, const struct op *op)
{
    (void)plan;
    if (op->kind != OP_CONV || op->trains)
        return NULL;
    bool inverted = depthwise_stage(op) >= 0 && op->in[IN_SCALE] < 0;
    return op->stage_count == 1 || inverted ? &fused_conv : NULL;
}

static const struct backend gathering = { .name = "gathering",
                                          .select = select_gathering,
                                          .fallback = &backend_reference };

/* In place of the program's list. */
const struct backend *const backends[] = { &backend_reference, &fusing, &expanding, &gathering, NULL };

const struct backend *backend_find(const char *name, struct err *err)
{
    for (int i = 0; backends[i]; i++)
        if (!strcmp(backends[i]->name, name))
            return backends[i];
    err_set(err, "unknown backend '%s'", name);
    return NULL;
}

static void resnet_for_evaluation_becomes_convolutions_and_little_else(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct rig rig;
    rig_init(&rig, network_new("resnet", 5, &err), 4);
    struct plan *reference = rig_plan(&rig, "reference", PLAN_EVAL, 2, 33, NULL);
    struct plan *fused = rig_plan(&rig, "fusing", PLAN_EVAL, 2, 33, NULL);
    assert_int_equal(reference->op_count, 20 + 20 + 17 + 8 + 3);
    assert_int_equal(fused->op_count, 20 + 3);
    int sums = 0, rectified = 0, in_place = 0;
    for (int i = 0; i < fused->op_count; i++) {
        const struct op *op = &fused->ops[i];
        sums += op->in[IN_RESIDUAL] >= 0;
        rectified += op_last(op)->activation == ACTIVATION_RELU;
        in_place += op->data_shared;
        assert_int_equal(!op_last(op)->batch_norm, op->kind != OP_CONV);
    }
    assert_int_equal(sums, 8);
    assert_int_equal(rectified, 17);
    assert_int_equal(in_place, 8);
    rig_forward(reference, 1);
    rig_forward(fused, 1);
    assert_true(distance(plan_logits(fused), plan_logits(reference), 2 * 5) <= 1e-5);
    plan_free(reference);
    plan_free(fused);
    rig_release(&rig);
}

/* Of MobileNetV2's 17 blocks all but the first expand; what they expand is the block's input. */
static void an_expansion_goes_into_the_depthwise_convolution_behind_it(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct rig rig;
    rig_init(&rig, network_new("mobilenet", 5, &err), 4);
    struct plan *plan = rig_plan(&rig, "expanding", PLAN_EVAL, 2, 33, NULL);
    int expansions = 0;
    assert_int_equal(plan->op_count, 52 - 16 + 2);
    for (int i = 0; i < plan->op_count; i++) {
        const struct op *op = &plan->ops[i];
        const struct op_stage *expansion = &op->stages[0], *depthwise = &op->stages[1];
        if (op->stage_count == 1)
            continue;
        expansions++;
        assert_int_equal(op->stage_count, 2);
        assert_int_equal(expansion->layer->kernel, 1);
        assert_non_null(expansion->batch_norm);
        assert_int_equal(expansion->activation, ACTIVATION_RELU6);
        assert_int_equal(depthwise->layer->groups, expansion->layer->channels);
        assert_int_equal(plan->values[op->in[IN_DATA]].c, expansion->layer->channels / 6);
        assert_int_equal(depthwise->activation, ACTIVATION_RELU6);
        assert_non_null(depthwise->batch_norm);
    }
    assert_int_equal(expansions, 16);
    plan_free(plan);
    struct plan *training = rig_plan(&rig, "expanding", PLAN_TRAIN, 2, 33, NULL);
    for (int i = 0; i < training->op_count; i++)
        assert_int_equal(training->ops[i].stage_count, 1);
    plan_free(training);
    rig_release(&rig);
}

/* MobileNetV2: the first convolution, 17 blocks, the last convolution with the average, the linear layer. */
static void a_whole_inverted_residual_becomes_one_op(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct rig rig;
    rig_init(&rig, network_new("mobilenet", 5, &err), 4);
    struct plan *plan = rig_plan(&rig, "gathering", PLAN_EVAL, 2, 33, NULL);
    assert_int_equal(plan->op_count, 1 + 17 + 1 + 1);
    int sums = 0;
    for (int i = 1; i <= 17; i++) {
        const struct op *op = &plan->ops[i];
        const struct op_stage *last = op_last(op), *depthwise = last - 1;
        assert_int_equal(op->stage_count, i > 1 ? 3 : 2); /* the first block does not expand */
        assert_int_equal(last->layer->kernel, 1);
        assert_true(layer_is_depthwise(depthwise->layer));
        assert_int_equal(depthwise->activation, ACTIVATION_RELU6);
        assert_non_null(depthwise->batch_norm);
        assert_int_equal(last->activation, ACTIVATION_NONE);
        assert_non_null(last->batch_norm);
        assert_int_equal(op->in[IN_DATA], plan->ops[i - 1].out[OUT_RESULT]);
        sums += op->in[IN_RESIDUAL] >= 0;
        assert_true(op->in[IN_RESIDUAL] < 0 || op->in[IN_RESIDUAL] == op->in[IN_DATA]);
        assert_false(op->data_shared); /* the sum's other summand is still read, for the rows below */
        assert_int_equal(op->out[OUT_MEAN], -1);
    }
    assert_int_equal(sums, 10);
    assert_true(plan->ops[18].out[OUT_MEAN] >= 0);
    assert_int_equal(plan->ops[19].in[IN_DATA], plan->ops[18].out[OUT_MEAN]);
    plan_free(plan);
    rig_release(&rig);
}

/* EfficientNet-B0: of each of 16 blocks the depthwise convolution with the average of its planes, two convolutions of
 * that, and the projection, which multiplies what the first made by what the third did. */
static void squeeze_and_excitation_leaves_no_pass_over_planes(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct rig rig;
    rig_init(&rig, network_new("efficientnet", 5, &err), 4);
    struct plan *plan = rig_plan(&rig, "gathering", PLAN_EVAL, 2, 33, NULL);
    assert_int_equal(plan->op_count, 1 + 16 * 4 + 1 + 1);
    for (int i = 1; i < 1 + 16 * 4; i += 4) {
        const struct op *depthwise = &plan->ops[i], *squeeze = depthwise + 1, *excite = depthwise + 2;
        const struct op *project = depthwise + 3;
        int mean = depthwise->out[OUT_MEAN], result = depthwise->out[OUT_RESULT];
        assert_true(mean >= 0);
        assert_int_equal(op_last(depthwise)->activation, ACTIVATION_SILU);
        assert_int_equal(squeeze->in[IN_DATA], mean);
        assert_int_equal(excite->in[IN_DATA], squeeze->out[OUT_RESULT]);
        assert_int_equal(op_last(excite)->activation, ACTIVATION_SIGMOID);
        assert_int_equal(project->in[IN_DATA], result);
        assert_int_equal(project->in[IN_SCALE], excite->out[OUT_RESULT]);
        assert_int_equal(project->stage_count, 1);
        const struct value *means = &plan->values[mean], *planes = &plan->values[result];
        assert_true(means->data + means->bytes <= planes->data || planes->data + planes->bytes <= means->data);
    }
    plan_free(plan);
    rig_release(&rig);
}

/* conv -> norm, of which both conv and norm are read elsewhere: nothing may be merged away that another op needs. */
static void a_value_with_another_reader_is_not_fused_away(void **state)
{
    (void)state;
    struct net *net = calloc(1, sizeof *net);
    assert_non_null(net);
    net->type = "small";
    net->classes = 5;
    int conv = net_conv(net, net_input(net, 3), "conv", 8, 3, 1, 1, 1);
    int norm = net_batch_norm(net, conv, "norm", 1e-5f, 0.1f);
    int value = net_add(net, net_relu(net, norm), net_relu(net, conv));
    net_linear(net, net_global_avg_pool(net, net_add(net, value, norm)), "last", 5);
    struct rig rig;
    rig_init(&rig, net, 4);
    struct plan *reference = rig_plan(&rig, "reference", PLAN_EVAL, 2, 9, NULL);
    struct plan *fused = rig_plan(&rig, "fusing", PLAN_EVAL, 2, 9, NULL);
    assert_int_equal(fused->op_count, reference->op_count);
    rig_forward(reference, 1);
    rig_forward(fused, 1);
    assert_true(distance(plan_logits(fused), plan_logits(reference), 2 * 5) <= 1e-6);
    plan_free(reference);
    plan_free(fused);
    rig_release(&rig);
}

/* The sum's other summand is read again later: it must not be overwritten. */
static void a_summand_that_is_read_later_is_not_overwritten(void **state)
{
    (void)state;
    struct net *net = calloc(1, sizeof *net);
    assert_non_null(net);
    net->type = "small";
    net->classes = 5;
    int first = net_conv(net, net_input(net, 3), "first", 8, 3, 1, 1, 1);
    int sum = net_relu(net, net_add(net, net_conv(net, first, "a", 8, 3, 1, 1, 1), first));
    sum = net_add(net, net_conv(net, sum, "b", 8, 3, 1, 1, 1), first);
    net_linear(net, net_global_avg_pool(net, sum), "last", 5);
    struct rig rig;
    rig_init(&rig, net, 4);
    struct plan *reference = rig_plan(&rig, "reference", PLAN_EVAL, 2, 9, NULL);
    struct plan *fused = rig_plan(&rig, "fusing", PLAN_EVAL, 2, 9, NULL);
    assert_int_equal(fused->op_count, 5);
    assert_false(fused->ops[1].data_shared);
    assert_true(fused->ops[2].data_shared);
    rig_forward(reference, 1);
    rig_forward(fused, 1);
    assert_true(distance(plan_logits(fused), plan_logits(reference), 2 * 5) <= 1e-6);
    plan_free(reference);
    plan_free(fused);
    rig_release(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resnet_for_evaluation_becomes_convolutions_and_little_else),
        cmocka_unit_test(an_expansion_goes_into_the_depthwise_convolution_behind_it),
        cmocka_unit_test(a_whole_inverted_residual_becomes_one_op),
        cmocka_unit_test(squeeze_and_excitation_leaves_no_pass_over_planes),
        cmocka_unit_test(a_value_with_another_reader_is_not_fused_away),
        cmocka_unit_test(a_summand_that_is_read_later_is_not_overwritten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
