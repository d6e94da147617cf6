/* Each operation's backward against finite differences of its forward, on every backend: small networks that hold the
 * operation behind a convolution, whose own gradient is right only if the operation's input gradient is. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "rig.h"

enum { CLASSES = 5, BATCH = 3, SIZE = 9, CHANNELS = 8 };

typedef int build(struct net *net, int in);

/* (N, 3, 9, 9) -> conv to 8 channels -> batch norm -> the body -> average -> linear */
static struct net *net_around(build *body)
{
    struct net *net = calloc(1, sizeof *net);
    assert_non_null(net);
    net->type = "small";
    net->classes = CLASSES;
    int value = net_conv(net, net_input(net, 3), "first", CHANNELS, 3, 1, 1, 1);
    value = net_batch_norm(net, value, "norm", 1e-5f, 0.1f);
    value = body(net, value);
    net_linear(net, net_global_avg_pool(net, value), "last", CLASSES);
    return net;
}

static double loss_at(struct plan *plan, float *to, const float *from, const float *direction, size_t count,
                      double step)
{
    for (size_t i = 0; i < count; i++)
        to[i] = (float)(from[i] + step * direction[i]);
    plan_weights_changed(plan);
    rig_forward(plan, 3);
    return rig_loss(plan);
}

/* For each parameter: its gradient times a random direction is the slope of the loss in that direction. */
static void check_slopes(struct rig *rig, struct plan *plan)
{
    rig_step(plan, 3);
    float *grad = malloc(rig->net->trainable_count * sizeof(float));
    assert_non_null(grad);
    memcpy(grad, rig->grad, rig->net->trainable_count * sizeof(float));
    for (int k = 0; k < rig->net->param_count; k++) {
        const struct param *param = &rig->net->params[k];
        if (param->kind >= PARAM_RUNNING_MEAN)
            continue;
        float *value = weights_at(rig->net, rig->weights, k);
        float *from = malloc(param->count * sizeof(float)), *direction = malloc(param->count * sizeof(float));
        assert_non_null(from);
        assert_non_null(direction);
        memcpy(from, value, param->count * sizeof(float));
        rig_fill(direction, param->count, 1000 + (uint64_t)k);
        double expected = 0, squares = 0, length = 0;
        for (size_t i = 0; i < param->count; i++) {
            expected += (double)grad[param->offset + i] * direction[i];
            squares += (double)grad[param->offset + i] * grad[param->offset + i];
            length += (double)direction[i] * direction[i];
        }
        for (size_t i = 0; i < param->count; i++)
            direction[i] /= (float)sqrt(length);
        expected /= sqrt(length);
        /* A long step crosses kinks of ReLU and max, a short one drowns in rounding: one of them must agree. The
         * tolerance is relative to what a random direction sees of the gradient, plus what rounding leaves. */
        double scale = sqrt(squares / (double)param->count), slope = 0;
        bool agrees = false;
        for (double step = 4e-3; !agrees && step > 1e-4; step /= 2) {
            slope = (loss_at(plan, value, from, direction, param->count, step) -
                     loss_at(plan, value, from, direction, param->count, -step)) /
                    (2 * step);
            agrees = fabs(slope - expected) <= 0.02 * scale + 1e-7 / step;
        }
        memcpy(value, from, param->count * sizeof(float));
        if (!agrees)
            fail_msg("%s on %s: the slope is %g, the gradient says %g (typical %g)", param->name,
                     plan->spec.backend->name, slope, expected, scale);
        free(from);
        free(direction);
    }
    free(grad);
}

static void check(build *body)
{
    for (int i = 0; backends[i]; i++) {
        struct rig rig;
        rig_init(&rig, net_around(body), 5);
        struct plan *plan = rig_plan(&rig, backends[i]->name, PLAN_TRAIN, BATCH, SIZE, NULL);
        check_slopes(&rig, plan);
        plan_free(plan);
        rig_release(&rig);
    }
}

static int conv_3x3(struct net *net, int in)
{
    return net_conv(net, in, "conv", 16, 3, 1, 1, 1);
}
static int conv_3x3_stride_2(struct net *net, int in)
{
    return net_conv(net, in, "conv", 16, 3, 2, 1, 1);
}
static int conv_7x7_stride_2(struct net *net, int in)
{
    return net_conv(net, in, "conv", 8, 7, 2, 3, 1);
}
static int conv_1x1_stride_2(struct net *net, int in)
{
    return net_conv(net, in, "conv", 5, 1, 2, 0, 1);
}
static int conv_2x2_without_padding(struct net *net, int in)
{
    return net_conv(net, in, "conv", 8, 2, 3, 0, 1);
}
static int conv_in_groups(struct net *net, int in)
{
    return net_conv(net, in, "conv", 12, 3, 1, 1, 4);
}
static int conv_depthwise(struct net *net, int in)
{
    return net_conv(net, in, "conv", CHANNELS, 3, 2, 1, CHANNELS);
}
static int norm(struct net *net, int in)
{
    return net_batch_norm(net, net_conv(net, in, "conv", 8, 1, 1, 0, 1), "second", 1e-3f, 0.2f);
}
static int relu(struct net *net, int in)
{
    return net_conv(net, net_relu(net, in), "conv", 8, 1, 1, 0, 1);
}
static int conv_with_bias(struct net *net, int in)
{
    return net_conv_bias(net, in, "conv", 6, 3, 1, 1, 1);
}
static int depthwise_5x5(struct net *net, int in)
{
    return net_conv(net, in, "conv", CHANNELS, 5, 1, 2, CHANNELS);
}
static int relu6(struct net *net, int in)
{
    return net_conv(net, net_activation(net, in, ACTIVATION_RELU6), "conv", 8, 1, 1, 0, 1);
}
static int silu(struct net *net, int in)
{
    return net_conv(net, net_activation(net, in, ACTIVATION_SILU), "conv", 8, 1, 1, 0, 1);
}
static int sigmoid(struct net *net, int in)
{
    return net_conv(net, net_activation(net, in, ACTIVATION_SIGMOID), "conv", 8, 1, 1, 0, 1);
}
/* Each activation with a second reader of its input, whose gradient is there already. */
static int activations_of_one(struct net *net, int in)
{
    int value = net_conv(net, in, "conv", 8, 3, 1, 1, 1), sum = value;
    for (enum activation a = ACTIVATION_RELU; a < ACTIVATIONS; a++)
        sum = net_add(net, sum, net_activation(net, value, a));
    return sum;
}
static int squeeze_excite(struct net *net, int in)
{
    int value = net_conv(net, in, "conv", 12, 3, 1, 1, 1);
    int factors = net_conv_bias(net, net_global_avg_pool(net, value), "fc1", 3, 1, 1, 0, 1);
    factors = net_conv_bias(net, net_activation(net, factors, ACTIVATION_SILU), "fc2", 12, 1, 1, 0, 1);
    return net_scale(net, value, net_activation(net, factors, ACTIVATION_SIGMOID));
}
static int stochastic_depth(struct net *net, int in)
{
    return net_add(net, in, net_stochastic_depth(net, net_conv(net, in, "conv", 8, 3, 1, 1, 1), 0.4f));
}
static int dropout(struct net *net, int in)
{
    int value = net_global_avg_pool(net, net_conv(net, in, "conv", 20, 3, 1, 1, 1));
    return net_conv(net, net_dropout(net, value, 0.4f), "second", 8, 1, 1, 0, 1);
}
static int max_pool_3x3(struct net *net, int in)
{
    return net_max_pool(net, in, 3, 2, 1);
}
static int max_pool_2x2(struct net *net, int in)
{
    return net_max_pool(net, in, 2, 2, 0);
}
static int max_pool_twice(struct net *net, int in)
{
    int value = net_max_pool(net, net_relu(net, in), 3, 2, 1);
    return net_max_pool(net, net_conv(net, value, "conv", 8, 1, 1, 0, 1), 3, 1, 1);
}
static int sum_of_two(struct net *net, int in)
{
    return net_relu(net, net_add(net, net_conv(net, in, "a", 8, 3, 1, 1, 1), net_conv(net, in, "b", 8, 1, 1, 0, 1)));
}
static int sum_with_itself(struct net *net, int in)
{
    int value = net_relu(net, in);
    return net_conv(net, net_add(net, value, value), "conv", 8, 1, 1, 0, 1);
}
/* The value has three readers, one of them a sum that comes before the others. */
static int three_readers(struct net *net, int in)
{
    int value = net_relu(net, in), first = net_conv(net, value, "a", 8, 3, 1, 1, 1);
    int sum = net_relu(net, net_add(net, value, first));
    int second = net_max_pool(net, value, 3, 1, 1);
    return net_add(net, net_relu(net, net_batch_norm(net, second, "n", 1e-5f, 0.1f)), net_add(net, sum, value));
}
static int residual(struct net *net, int in)
{
    int value = net_relu(net, net_batch_norm(net, net_conv(net, in, "a", 8, 3, 1, 1, 1), "na", 1e-5f, 0.1f));
    value = net_batch_norm(net, net_conv(net, value, "b", 8, 3, 1, 1, 1), "nb", 1e-5f, 0.1f);
    return net_relu(net, net_add(net, value, in));
}

#define BACKWARD_TEST(name)                                                                                            \
    static void backward_of_##name##_is_the_slope(void **state)                                                        \
    {                                                                                                                  \
        (void)state;                                                                                                   \
        check(name);                                                                                                   \
    }
#define BODIES(X)                                                                                                      \
    X(conv_3x3)                                                                                                        \
    X(conv_3x3_stride_2)                                                                                               \
    X(conv_7x7_stride_2)                                                                                               \
    X(conv_1x1_stride_2)                                                                                               \
    X(conv_2x2_without_padding)                                                                                        \
    X(conv_in_groups)                                                                                                  \
    X(conv_depthwise)                                                                                                  \
    X(norm)                                                                                                            \
    X(relu)                                                                                                            \
    X(conv_with_bias)                                                                                                  \
    X(depthwise_5x5)                                                                                                   \
    X(relu6)                                                                                                           \
    X(silu)                                                                                                            \
    X(sigmoid)                                                                                                         \
    X(activations_of_one)                                                                                              \
    X(squeeze_excite)                                                                                                  \
    X(stochastic_depth)                                                                                                \
    X(dropout)                                                                                                         \
    X(max_pool_3x3)                                                                                                    \
    X(max_pool_2x2)                                                                                                    \
    X(max_pool_twice)                                                                                                  \
    X(sum_of_two)                                                                                                      \
    X(sum_with_itself)                                                                                                 \
    X(three_readers)                                                                                                   \
    X(residual)
BODIES(BACKWARD_TEST)

/* A pooled plane of one value repeated: the gradient goes to the first of the equals, as in PyTorch. */
static void max_pool_gives_the_gradient_to_the_first_maximum(void **state)
{
    (void)state;
    struct net *net = calloc(1, sizeof *net);
    assert_non_null(net);
    net->type = "pool";
    net->classes = 4;
    int value = net_conv(net, net_input(net, 1), "first", 1, 1, 1, 0, 1);
    net_linear(net, net_global_avg_pool(net, net_max_pool(net, value, 3, 2, 1)), "last", 4);
    struct rig rig;
    rig_init(&rig, net, 1);
    struct plan *plan = rig_plan(&rig, "reference", PLAN_TRAIN, 1, 4, NULL);
    const int conv = 1; /* its layer and value */
    struct err err = ERR_INIT;
    weights_at(net, rig.weights, net->layers[conv].weight)[0] = 1;
    for (int i = 0; i < 16; i++)
        plan_input(plan)[i] = 2;
    assert_int_equal(plan_forward(plan, &err), 0);
    rig_loss(plan);
    assert_int_equal(plan_backward(plan, &err), 0);
    /* The windows start at rows and columns -1 and 1; their first elements inside are 0 and 1. The gradient of the
     * conv's output has been written by the pool's backward and is still there: nothing comes after it but the conv. */
    const float *gradient = value_grad(plan, conv);
    for (int i = 0; i < 16; i++) {
        bool first = (i / 4 == 0 || i / 4 == 1) && (i % 4 == 0 || i % 4 == 1);
        assert_int_equal(gradient[i] != 0, first);
    }
    plan_free(plan);
    rig_release(&rig);
}

static void batch_norm_keeps_the_unbiased_variance(void **state)
{
    (void)state;
    for (int b = 0; backends[b]; b++) {
        struct net *net = calloc(1, sizeof *net);
        assert_non_null(net);
        net->type = "norm";
        net->classes = 2;
        int value = net_conv(net, net_input(net, 1), "conv", 1, 1, 1, 0, 1);
        value = net_batch_norm(net, value, "norm", 1e-5f, 0.1f);
        net_linear(net, net_global_avg_pool(net, value), "last", 2);
        struct rig rig;
        rig_init(&rig, net, 1);
        const struct layer *norm_layer = &net->layers[2];
        float *mean = weights_at(net, rig.weights, norm_layer->mean);
        float *var = weights_at(net, rig.weights, norm_layer->var);
        weights_at(net, rig.weights, net->layers[1].weight)[0] = 1;
        *mean = 10;
        *var = 100;
        struct plan *plan = rig_plan(&rig, backends[b]->name, PLAN_TRAIN, 1, 2, NULL);
        const float pixels[4] = { 1, 2, 3, 6 }; /* mean 3, sum of squares around it 14 */
        memcpy(plan_input(plan), pixels, sizeof pixels);
        struct err err = ERR_INIT;
        assert_int_equal(plan_forward(plan, &err), 0);
        assert_float_equal(*mean, 0.9 * 10 + 0.1 * 3, 1e-5);
        assert_float_equal(*var, 0.9 * 100 + 0.1 * 14 / 3, 1e-4);
        assert_int_equal(rig.weights->tracked[0], 1);
        plan_free(plan);
        rig_release(&rig);
    }
}

#define BACKWARD_ROW(name) cmocka_unit_test(backward_of_##name##_is_the_slope),

int main(void)
{
    const struct CMUnitTest tests[] = {
        BODIES(BACKWARD_ROW) cmocka_unit_test(max_pool_gives_the_gradient_to_the_first_maximum),
        cmocka_unit_test(batch_norm_keeps_the_unbiased_variance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
