/* Fusion: which layers become one op, and that such ops compute what the layers do. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "dcls/nn/models.h"
#include "nn/graph/fold.h"
#include "rig.h"

/* A convolution with everything that can be fused into it, in the plainest way; in place of its summand if it may. */
static int conv_prepare(struct plan *plan, struct op *op, struct err *err)
{
    const struct param *weight = &plan->net->params[op->layer->weight];
    op->share_data = op->in[1] >= 0 ? 1 : -1;
    op->state = malloc((weight->count + (size_t)weight->shape[0]) * sizeof(float));
    return op->state ? 0 : err_set(err, "out of memory");
}

static int conv_pack(struct plan *plan, struct op *op, struct err *err)
{
    (void)err;
    float *weight = op->state;
    fold_batch_norm(plan->net, plan->weights, op->layer, op->batch_norm, weight,
                    weight + plan->net->params[op->layer->weight].count);
    return 0;
}

static float tap_sum(const struct plan *plan, const struct op *op, int n, int o, int y, int x)
{
    const struct value *in = &plan->values[op->in[0]];
    const struct layer *layer = op->layer;
    const float *weight = (const float *)op->state + (size_t)(o * in->c * layer->kernel * layer->kernel);
    float sum = 0;
    for (int c = 0; c < in->c; c++)
        for (int ky = 0; ky < layer->kernel; ky++)
            for (int kx = 0; kx < layer->kernel; kx++, weight++) {
                int row = y * layer->stride + ky - layer->padding, column = x * layer->stride + kx - layer->padding;
                if (row >= 0 && row < in->h && column >= 0 && column < in->w)
                    sum += *weight * value_data(plan, op->in[0])[((n * in->c + c) * in->h + row) * in->w + column];
            }
    return sum;
}

static int conv_forward(struct plan *plan, struct op *op, struct err *err)
{
    (void)err;
    const struct value *out = &plan->values[op->out];
    const float *bias = (const float *)op->state + plan->net->params[op->layer->weight].count;
    const float *summand = op->in[1] >= 0 ? value_data(plan, op->in[1]) : NULL;
    if (summand)
        assert_int_equal(summand == value_data(plan, op->out), op->data_shared);
    float *to = value_data(plan, op->out);
    for (int n = 0; n < out->n; n++)
        for (int o = 0; o < out->c; o++)
            for (int y = 0; y < out->h; y++)
                for (int x = 0; x < out->w; x++) {
                    int at = ((n * out->c + o) * out->h + y) * out->w + x;
                    float sum = tap_sum(plan, op, n, o, y, x) + bias[o] + (summand ? summand[at] : 0);
                    to[at] = op->activation && sum < 0 ? 0 : sum;
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

static const struct backend fusing = {
    .name = "fusing", .folds = true, .conv_activations = 1 << ACTIVATION_RELU, .ops = { [OP_CONV] = &fused_conv }
};

static bool always(const struct plan *plan, const struct op *one, const struct op *other)
{
    (void)plan, (void)one, (void)other;
    return true;
}

static bool always_pools(const struct plan *plan, const struct op *conv)
{
    (void)plan, (void)conv;
    return true;
}

/* These are looked at only, not run. */
static const struct backend expanding = { .name = "expanding",
                                          .folds = true,
                                          .conv_activations = 1 << ACTIVATION_RELU6,
                                          .expands = always,
                                          .ops = { [OP_CONV] = &fused_conv } };

static const struct backend gathering = { .name = "gathering",
                                          .folds = true,
                                          .conv_activations =
                                              1 << ACTIVATION_RELU6 | 1 << ACTIVATION_SILU | 1 << ACTIVATION_SIGMOID,
                                          .expands = always,
                                          .projects = always,
                                          .pools = always_pools,
                                          .scales = always,
                                          .ops = { [OP_CONV] = &fused_conv } };

/* In place of the program's list. */
const struct backend *const backends[] = { &backend_reference, &fusing, &expanding, &gathering, NULL };

const struct backend *backend_find(const char *name, struct err *err)
{
    for (int i = 0; backends[i]; i++)
        if (strcmp(backends[i]->name, name) == 0)
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
        sums += op->in[1] >= 0;
        rectified += op->activation == ACTIVATION_RELU;
        in_place += op->data_shared;
        assert_int_equal(op->batch_norm != NULL, op->kind == OP_CONV);
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
        const struct op_stage *expansion = &op->expansion;
        if (!expansion->layer)
            continue;
        expansions++;
        assert_int_equal(expansion->layer->kernel, 1);
        assert_non_null(expansion->batch_norm);
        assert_int_equal(expansion->activation, ACTIVATION_RELU6);
        assert_int_equal(op->layer->groups, expansion->layer->channels);
        assert_int_equal(plan->values[op->in[0]].c, expansion->layer->channels / 6);
        assert_int_equal(op->activation, ACTIVATION_RELU6);
        assert_non_null(op->batch_norm);
    }
    assert_int_equal(expansions, 16);
    plan_free(plan);
    struct plan *training = rig_plan(&rig, "expanding", PLAN_TRAIN, 2, 33, NULL);
    for (int i = 0; i < training->op_count; i++)
        assert_null(training->ops[i].expansion.layer);
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
        assert_int_equal(op->layer->kernel, 1);
        assert_int_equal(op->depthwise.layer->groups, op->layer->in[0] >= 0 ? op->depthwise.layer->channels : 0);
        assert_int_equal(op->depthwise.activation, ACTIVATION_RELU6);
        assert_non_null(op->depthwise.batch_norm);
        assert_int_equal(op->expansion.layer != NULL, i > 1);
        assert_int_equal(op->activation, ACTIVATION_NONE);
        assert_non_null(op->batch_norm);
        assert_int_equal(op->in[0], plan->ops[i - 1].out);
        sums += op->in[1] >= 0;
        assert_true(op->in[1] < 0 || op->in[1] == op->in[0]);
        assert_false(op->data_shared); /* the sum's other summand is still read, for the rows below */
        assert_int_equal(op->pooled, -1);
    }
    assert_int_equal(sums, 10);
    assert_true(plan->ops[18].pooled >= 0);
    assert_int_equal(plan->ops[19].in[0], plan->ops[18].pooled);
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
        assert_true(depthwise->pooled >= 0);
        assert_int_equal(depthwise->activation, ACTIVATION_SILU);
        assert_int_equal(squeeze->in[0], depthwise->pooled);
        assert_int_equal(excite->in[0], squeeze->out);
        assert_int_equal(excite->activation, ACTIVATION_SIGMOID);
        assert_int_equal(project->in[0], depthwise->out);
        assert_int_equal(project->in[2], excite->out);
        assert_null(project->depthwise.layer);
        const struct value *means = &plan->values[depthwise->pooled], *planes = &plan->values[depthwise->out];
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
