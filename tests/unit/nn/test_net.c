/* The description of a network and its initial weights. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>

#include <string.h>

#include "dcls/nn/models.h"
#include "nn/graph/net.h"

static int find(const struct net *net, const char *name)
{
    for (int i = 0; i < net->param_count; i++)
        if (!strcmp(net->params[i].name, name))
            return i;
    fail_msg("no parameter '%s'", name);
    return -1;
}

static void resnet18_has_torchvisions_parameters_in_its_order(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct net *net = network_new("resnet", 1000, &err);
    assert_non_null(net);
    assert_int_equal(net->trainable_count, 11689512);
    assert_int_equal(net->running_stats_count, 9600);
    assert_int_equal(net->tracked_count, 20);
    assert_int_equal(net->param_count, 122);
    const char *const first[] = { "conv1.weight",         "bn1.weight",      "bn1.bias",
                                  "bn1.running_mean",     "bn1.running_var", "bn1.num_batches_tracked",
                                  "layer1.0.conv1.weight" };
    for (int i = 0; i < 7; i++)
        assert_string_equal(net->params[i].name, first[i]);
    assert_int_equal(find(net, "layer2.0.downsample.0.weight"), find(net, "layer2.0.bn2.num_batches_tracked") + 1);
    assert_int_equal(find(net, "layer2.1.conv1.weight"), find(net, "layer2.0.downsample.1.num_batches_tracked") + 1);
    assert_string_equal(net->params[120].name, "fc.weight");
    assert_string_equal(net->params[121].name, "fc.bias");
    assert_int_equal(net->last_weight, 120);
    assert_int_equal(net->last_bias, 121);
    const struct param *conv = &net->params[find(net, "layer4.0.conv1.weight")];
    assert_int_equal(conv->rank, 4);
    assert_int_equal(conv->shape[0], 512);
    assert_int_equal(conv->shape[1], 256);
    assert_int_equal(conv->shape[3], 3);
    assert_int_equal(net->params[find(net, "bn1.num_batches_tracked")].rank, 0);
    net_free(net);
}

static void the_larger_resnets_have_torchvisions_parameters_in_its_order(void **state)
{
    (void)state;
    static const struct {
        const char *type, *last_conv;
        size_t trainable, running_stats, tracked;
        int params, kernel; /* of the block's last convolution, after which its projection comes */
    } cases[] = {
        { "resnet34", "layer4.2.conv2.weight", 21797672, 17024, 36, 218, 3 },
        { "resnet50", "layer4.2.conv3.weight", 25557032, 53120, 53, 320, 1 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = ERR_INIT;
        struct net *net = network_new(cases[i].type, 1000, &err);
        assert_non_null(net);
        assert_int_equal(net->trainable_count, cases[i].trainable);
        assert_int_equal(net->running_stats_count, cases[i].running_stats);
        assert_int_equal(net->tracked_count, cases[i].tracked);
        assert_int_equal(net->param_count, cases[i].params);
        assert_int_equal(net->params[find(net, cases[i].last_conv)].shape[3], cases[i].kernel);
        assert_string_equal(net->params[net->param_count - 2].name, "fc.weight");
        net_free(net);
    }
}

static void a_bottleneck_block_strides_in_its_3x3_convolution(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct net *net = network_new("resnet50", 10, &err);
    assert_non_null(net);
    const char *const order[] = { "layer2.0.conv1.weight",        "layer2.0.bn1.weight",
                                  "layer2.0.conv2.weight",        "layer2.0.bn2.weight",
                                  "layer2.0.conv3.weight",        "layer2.0.bn3.weight",
                                  "layer2.0.downsample.0.weight", "layer2.0.downsample.1.weight",
                                  "layer2.1.conv1.weight" };
    static const int kernels[] = { 1, 3, 1, 1, 1 }, strides[] = { 1, 2, 1, 2, 1 },
                     channels[] = { 128, 128, 512, 512, 128 };
    for (int i = 1; i < 9; i++)
        assert_true(find(net, order[i]) > find(net, order[i - 1]));
    for (int i = 0; i < 5; i++) {
        int layer = 0;
        while (net->layers[layer].kind != LAYER_CONV || net->layers[layer].weight != find(net, order[2 * i]))
            layer++;
        assert_int_equal(net->layers[layer].kernel, kernels[i]);
        assert_int_equal(net->layers[layer].stride, strides[i]);
        assert_int_equal(net->layers[layer].channels, channels[i]);
    }
    net_free(net);
}

static void parameters_fill_each_allocation_without_gap_or_overlap(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct net *net = network_new("resnet", 10, &err);
    assert_non_null(net);
    size_t trained = 0, stats = 0, tracked = 0;
    for (int i = 0; i < net->param_count; i++) {
        const struct param *param = &net->params[i];
        bool is_stats = param->kind == PARAM_RUNNING_MEAN || param->kind == PARAM_RUNNING_VAR;
        size_t *next = param->kind == PARAM_TRACKED ? &tracked : is_stats ? &stats : &trained;
        assert_int_equal(param->offset, *next);
        *next += param->count;
    }
    assert_int_equal(trained, net->trainable_count);
    assert_int_equal(stats, net->running_stats_count);
    assert_int_equal(tracked, net->tracked_count);
    net_free(net);
}

static void an_impossible_network_is_refused_in_words(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    assert_null(network_new("perceptron", 10, &err));
    assert_string_equal(err.text, "unknown network 'perceptron'");
    assert_null(network_new("resnet", 0, &err));
    assert_string_equal(err.text, "a network cannot have 0 classes (1 to 10000)");
    assert_null(network_new("resnet", 10001, &err));
    assert_null(network_new("resnet", 1000000000, &err));
}

static void every_network_is_found_by_its_name_and_by_torchvisions(void **state)
{
    (void)state;
    for (int i = 0; network_at(i); i++) {
        assert_ptr_equal(network_find(network_at(i)->name), network_at(i));
        if (network_at(i)->alias)
            assert_ptr_equal(network_find(network_at(i)->alias), network_at(i));
    }
    assert_string_equal(network_find("resnet18")->name, "resnet");
    assert_string_equal(network_find("mobilenet_v2")->name, "mobilenet");
    assert_string_equal(network_find("efficientnet_b0")->name, "efficientnet");
    assert_null(network_find("alexnet"));
}

static void every_network_has_a_file_of_weights_named_after_its_digest(void **state)
{
    (void)state;
    for (int i = 0; network_at(i); i++) {
        const struct network *network = network_at(i);
        const char *torchvisions = network->alias ? network->alias : network->name;
        assert_int_equal(strlen(network->weights_sha256), 8);
        assert_non_null(strstr(network->weights_file, network->weights_sha256));
        assert_int_equal(strncmp(network->weights_file, torchvisions, strlen(torchvisions)), 0);
    }
}

static void every_listed_network_can_be_built(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    assert_string_equal(network_at(0)->name, "resnet");
    for (int i = 0; network_at(i); i++) {
        struct net *net = network_new(network_at(i)->name, 3, &err);
        assert_non_null(net);
        assert_string_equal(net->type, network_at(i)->name);
        assert_int_equal(net->params[net->last_weight].shape[0], 3);
        net_free(net);
    }
}

/* Mean and deviation of a parameter. */
static void moments(const struct net *net, const struct weights *weights, int param, double *mean, double *deviation)
{
    const float *value = weights_at(net, weights, param);
    double sum = 0, squares = 0;
    for (size_t i = 0; i < net->params[param].count; i++) {
        sum += value[i];
        squares += (double)value[i] * value[i];
    }
    *mean = sum / (double)net->params[param].count;
    *deviation = sqrt(squares / (double)net->params[param].count - *mean * *mean);
}

static void initial_weights_are_distributed_as_torchvisions(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct net *net = network_new("resnet", 100, &err);
    struct weights *weights = net ? weights_new(net, &err) : NULL;
    assert_non_null(weights);
    weights_init(net, weights, 7);
    double mean, deviation;
    moments(net, weights, find(net, "layer3.0.conv1.weight"), &mean, &deviation);
    assert_true(fabs(mean) < 1e-3);
    assert_true(fabs(deviation / sqrt(2.0 / (256 * 9)) - 1) < 0.01); /* fan out: 256 channels, 3x3 */
    moments(net, weights, net->last_weight, &mean, &deviation);
    assert_true(fabs(mean) < 1e-3);
    assert_true(fabs(deviation / (1 / sqrt(512.0) / sqrt(3.0)) - 1) < 0.02);
    const float *bias = weights_at(net, weights, net->last_bias);
    for (int i = 0; i < 100; i++)
        assert_true(fabs(bias[i]) <= 1 / sqrt(512.0) && bias[i] != 0);
    assert_true(weights_at(net, weights, find(net, "bn1.weight"))[63] == 1);
    assert_true(weights_at(net, weights, find(net, "bn1.bias"))[63] == 0);
    assert_true(weights_at(net, weights, find(net, "bn1.running_mean"))[63] == 0);
    assert_true(weights_at(net, weights, find(net, "bn1.running_var"))[63] == 1);
    assert_null(weights_at(net, weights, find(net, "bn1.num_batches_tracked")));
    weights_free(weights);
    net_free(net);
}

static void a_new_last_layer_is_distributed_as_a_linear_layer_of_torch(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct net *net = network_new("mobilenet", 100, &err);
    struct weights *weights = net ? weights_new(net, &err) : NULL;
    assert_non_null(weights);
    double mean, deviation;
    weights_init(net, weights, 7);
    moments(net, weights, net->last_weight, &mean, &deviation);
    assert_true(fabs(deviation / 0.01 - 1) < 0.02); /* torchvision's MobileNetV2 */
    float before = weights->params[0];
    weights_init_last(net, weights, 7);
    moments(net, weights, net->last_weight, &mean, &deviation);
    assert_true(fabs(deviation / (1 / sqrt(1280.0) / sqrt(3.0)) - 1) < 0.02);
    moments(net, weights, net->last_bias, &mean, &deviation);
    assert_true(fabs(deviation / (1 / sqrt(1280.0) / sqrt(3.0)) - 1) < 0.2);
    assert_true(weights->params[0] == before);
    weights_free(weights);
    net_free(net);
}

static void initial_weights_depend_on_the_seed_and_nothing_else(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct net *net = network_new("resnet", 10, &err);
    assert_non_null(net);
    struct weights *a = weights_new(net, &err), *b = weights_new(net, &err);
    assert_non_null(a);
    assert_non_null(b);
    weights_init(net, a, 7);
    weights_init(net, b, 8);
    assert_memory_not_equal(a->params, b->params, 9408 * sizeof(float));
    weights_init(net, b, 7);
    assert_memory_equal(a->params, b->params, net->trainable_count * sizeof(float));
    weights_free(a);
    weights_free(b);
    net_free(net);
}

static void batch_norms_of_every_network_see_planes_of_a_side_over_32(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    for (int i = 0; network_at(i); i++) {
        struct net *net = network_new(network_at(i)->name, 3, &err);
        assert_non_null(net);
        for (int size = 1; size <= 225; size++)
            assert_int_equal(net_norm_side(net, size), (size + 31) / 32);
        assert_int_equal(net_norm_side(net, 0), 0);
        net_free(net);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resnet18_has_torchvisions_parameters_in_its_order),
        cmocka_unit_test(the_larger_resnets_have_torchvisions_parameters_in_its_order),
        cmocka_unit_test(a_bottleneck_block_strides_in_its_3x3_convolution),
        cmocka_unit_test(parameters_fill_each_allocation_without_gap_or_overlap),
        cmocka_unit_test(an_impossible_network_is_refused_in_words),
        cmocka_unit_test(every_network_is_found_by_its_name_and_by_torchvisions),
        cmocka_unit_test(every_network_has_a_file_of_weights_named_after_its_digest),
        cmocka_unit_test(every_listed_network_can_be_built),
        cmocka_unit_test(initial_weights_are_distributed_as_torchvisions),
        cmocka_unit_test(a_new_last_layer_is_distributed_as_a_linear_layer_of_torch),
        cmocka_unit_test(initial_weights_depend_on_the_seed_and_nothing_else),
        cmocka_unit_test(batch_norms_of_every_network_see_planes_of_a_side_over_32),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
