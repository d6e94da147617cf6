/* From a file's tensors to a network's weights: names, shapes, types and prefixes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/nn/models.h"
#include "nn/formats/tensors.h"
#include "nn/formats/weight_file.h"
#include "small_net.h"

static void add(struct tensors *tensors, const char *name, enum tensor_type type, int rank, const int64_t *shape,
                int first)
{
    struct tensor *tensor = tensors_add(tensors, name, type, rank, shape, NULL);
    assert_non_null(tensor);
    for (size_t i = 0; i < tensor->count; i++) {
        if (type == TENSOR_FLOAT32)
            ((float *)tensor->bytes)[i] = (float)(first + (int)i);
        else if (type == TENSOR_FLOAT64)
            ((double *)tensor->bytes)[i] = first + (int)i;
        else
            ((int64_t *)tensor->bytes)[i] = first + (int)i;
    }
}

/* The small network's tensors with a last layer of so many outputs. */
static void add_all(struct tensors *tensors, int outputs)
{
    add(tensors, "fc.bias", TENSOR_FLOAT32, 1, (int64_t[]){ outputs }, 50);
    add(tensors, "conv.weight", TENSOR_FLOAT64, 4, (int64_t[]){ 2, 3, 1, 1 }, 10);
    add(tensors, "bn.running_var", TENSOR_FLOAT32, 1, (int64_t[]){ 2 }, 20);
    add(tensors, "fc.weight", TENSOR_FLOAT32, 2, (int64_t[]){ outputs, 2 }, 40);
}

static void tensors_are_assigned_by_name_in_any_order(void **state)
{
    (void)state;
    struct tensors tensors = { 0 };
    struct weights *weights = small_weights();
    struct err err = ERR_INIT;
    bool replaced = true;
    add_all(&tensors, 3);
    if (tensors_assign(&tensors, &small_net, weights, true, &replaced, &err))
        fail_msg("%s", err.text);
    assert_false(replaced);
    assert_true(weights->params[0] == 10 && weights->params[5] == 15); /* from 64 bits */
    assert_true(weights->params[6] == 40 && weights->params[12] == 50);
    assert_true(weights->running_stats[1] == 21);
    assert_int_equal(weights->tracked[0], 0); /* missing in older files */
    tensors_release(&tensors);
    weights_free(weights);
}

static void a_last_layer_of_another_size_is_replaced_where_asked(void **state)
{
    (void)state;
    struct tensors tensors = { 0 };
    struct weights *weights = small_weights();
    struct err err = ERR_INIT;
    bool replaced = false;
    add_all(&tensors, 1000);
    if (tensors_assign(&tensors, &small_net, weights, true, &replaced, &err))
        fail_msg("%s", err.text);
    assert_true(replaced);
    assert_true(weights->params[0] == 10);
    assert_true(weights->params[6] == 6.0f / 7 && weights->params[12] == 12.0f / 7); /* as they were */
    assert_int_equal(tensors_assign(&tensors, &small_net, weights, false, NULL, &err), -1);
    assert_string_equal(err.text, "'fc.weight' has the shape 1000x2 instead of 3x2");
    tensors_release(&tensors);
    weights_free(weights);
}

/* What is refused, and why; `change` makes one of the small network's tensors another one. */
static void expect_refused(void (*change)(struct tensors *), const char *reason)
{
    struct tensors tensors = { 0 };
    struct weights *weights = small_weights();
    struct err err = ERR_INIT;
    add_all(&tensors, 3);
    change(&tensors);
    assert_int_equal(tensors_assign(&tensors, &small_net, weights, true, NULL, &err), -1);
    assert_string_equal(err.text, reason);
    tensors_release(&tensors);
    weights_free(weights);
}

static void rename_two(struct tensors *tensors)
{
    tensors->list[1].name[0] = 'k'; /* konv.weight */
    tensors->list[3].name[0] = 'k'; /* kc.weight */
}

static void add_one(struct tensors *tensors)
{
    add(tensors, "extra", TENSOR_FLOAT32, 0, NULL, 0);
}

static void repeat_one(struct tensors *tensors)
{
    add(tensors, "fc.bias", TENSOR_FLOAT32, 1, (int64_t[]){ 3 }, 0);
}

static void flatten_one(struct tensors *tensors)
{
    tensors->list[1].rank = 1;
    tensors->list[1].shape[0] = 6;
}

static void widen_last(struct tensors *tensors)
{
    tensors->list[3].shape[0] = 1000;
    tensors->list[3].shape[1] = 3;
}

static void empty_counter(struct tensors *tensors)
{
    add(tensors, "bn.num_batches_tracked", TENSOR_INT64, 1, (int64_t[]){ 0 }, 0);
}

static void leave_a_note(struct tensors *tensors)
{
    tensors->list[1].name[0] = 'k';
    assert_non_null(tensors->notes = calloc(1, sizeof *tensors->notes));
    assert_non_null(tensors->notes[0].name = strdup("conv.weight"));
    snprintf(tensors->notes[0].what, sizeof tensors->notes[0].what, "of 'numpy.ndarray'");
    tensors->note_count = 1;
}

static void names_and_shapes_must_fit(void **state)
{
    (void)state;
    expect_refused(rename_two,
                   "the names do not fit 'small': 2 are missing, the first 'conv.weight'; 2 are unexpected, "
                   "the first 'konv.weight'");
    expect_refused(add_one, "the names do not fit 'small': none is missing; 1 is unexpected, 'extra'");
    expect_refused(repeat_one, "the names do not fit 'small': none is missing; 1 is unexpected, 'fc.bias'");
    expect_refused(flatten_one, "'conv.weight' has the shape 6 instead of 2x3x1x1");
    expect_refused(widen_last, "'fc.weight' has the shape 1000x3 instead of 3x2");
    expect_refused(empty_counter, "'bn.num_batches_tracked' has the shape 0 instead of one number");
    expect_refused(leave_a_note, "'conv.weight' is no tensor that is read, but of 'numpy.ndarray'");
}

static void weights_of_another_network_are_told(void **state)
{
    (void)state;
    struct tensors tensors = { 0 };
    struct err err = ERR_INIT;
    struct weights *weights = small_weights();
    struct net *net = network_new("mobilenet", 2, &err);
    assert_non_null(net);
    for (int i = 0; i < net->param_count; i++)
        add(&tensors, net->params[i].name, TENSOR_FLOAT32, net->params[i].rank, net->params[i].shape, 0);
    assert_int_equal(tensors_assign(&tensors, &small_net, weights, true, NULL, &err), -1);
    assert_non_null(strstr(err.text, "4 are missing, the first 'conv.weight'; "));
    assert_non_null(strstr(err.text, ": these are weights of 'mobilenet'"));
    net_free(net);
    weights_free(weights);
    tensors_release(&tensors);
}

/* One number of `type`, read as the counter and as the last layer's bias. */
static void expect_converted(enum tensor_type type, const void *bytes, float number, int64_t counter)
{
    struct tensors tensors = { 0 };
    struct weights *weights = small_weights();
    struct err err = ERR_INIT;
    size_t size = tensor_type_size(type);
    add_all(&tensors, 3);
    add(&tensors, "bn.num_batches_tracked", TENSOR_INT64, 1, (int64_t[]){ 1 }, 0);
    tensors.list[4].type = type;
    memcpy(tensors.list[4].bytes, bytes, size);
    struct tensor *bias = &tensors.list[0];
    free(bias->bytes);
    bias->type = type;
    assert_non_null(bias->bytes = malloc(3 * size));
    for (size_t i = 0; i < 3; i++)
        memcpy((char *)bias->bytes + i * size, bytes, size);
    if (tensors_assign(&tensors, &small_net, weights, false, NULL, &err))
        fail_msg("%s", err.text);
    for (int i = 12; i < 15; i++)
        assert_true(weights->params[i] == number);
    assert_true(weights->tracked[0] == counter);
    tensors_release(&tensors);
    weights_free(weights);
}

static void numbers_of_every_type_are_converted(void **state)
{
    (void)state;
    expect_converted(TENSOR_FLOAT32, &(float){ -2.75f }, -2.75f, -2);
    expect_converted(TENSOR_FLOAT64, &(double){ 16777217 }, 16777216, 16777217);
    expect_converted(TENSOR_FLOAT64, &(double){ 1e300 }, INFINITY, INT64_MIN);
    expect_converted(TENSOR_FLOAT16, &(uint16_t){ 0x4500 }, 5, 5);
    expect_converted(TENSOR_FLOAT16, &(uint16_t){ 0x7c00 }, INFINITY, INT64_MIN);
    expect_converted(TENSOR_BFLOAT16, &(uint16_t){ 0x40a0 }, 5, 5);
    expect_converted(TENSOR_INT64, &(int64_t){ -((int64_t)1 << 40) }, -0x1p40f, -((int64_t)1 << 40));
    expect_converted(TENSOR_INT32, &(int32_t){ -7 }, -7, -7);
    expect_converted(TENSOR_INT16, &(int16_t){ -300 }, -300, -300);
    expect_converted(TENSOR_INT8, &(int8_t){ -3 }, -3, -3);
    expect_converted(TENSOR_UINT8, &(uint8_t){ 200 }, 200, 200);
    expect_converted(TENSOR_BOOL, &(uint8_t){ 3 }, 1, 1);
}

/* What is left of names in a file with `count` of them; `prefix`: what is said to have stood in front. */
static void expect_stripped(const char *const *names, const char *const *left, size_t count, const char *prefix)
{
    struct tensors tensors = { 0 };
    for (size_t i = 0; i < count; i++)
        add(&tensors, names[i], TENSOR_FLOAT32, 0, NULL, 0);
    tensors_strip_prefix(&tensors);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(tensors.list[i].name, left[i]);
    assert_string_equal(tensors.prefix, prefix);
    tensors_release(&tensors);
}

static void a_prefix_of_all_names_is_taken_away(void **state)
{
    (void)state;
#define NAMES(...) ((const char *const[]){ __VA_ARGS__ })
    expect_stripped(NAMES("module.a", "module.b.c"), NAMES("a", "b.c"), 2, "module.");
    expect_stripped(NAMES("module._orig_mod.model.a", "module._orig_mod.model.b"), NAMES("a", "b"), 2,
                    "module._orig_mod.model.");
    expect_stripped(NAMES("net.backbone.a"), NAMES("a"), 1, "net.backbone.");
    expect_stripped(NAMES("module.a", "n_averaged"), NAMES("module.a", "n_averaged"), 2, "");
    expect_stripped(NAMES("model.module.a", "model.a"), NAMES("module.a", "a"), 2, "model.");
    expect_stripped(NAMES("modules.a"), NAMES("modules.a"), 1, "");
    expect_stripped(NULL, NULL, 0, "");
}

static void numbers_of_16_bits_are_widened(void **state)
{
    (void)state;
    static const float expected[8] = { 0, -0.0f, 1, -2.5f, 65504, 0x1p-24f, INFINITY, 0.333251953125f };
    struct param params[2] = {
        { "half", PARAM_LINEAR_BIAS, 1, { 8 }, 8, 0 },
        { "bfloat", PARAM_LINEAR_BIAS, 1, { 8 }, 8, 8 },
    };
    struct net net = {
        .type = "sixteen", .params = params, .param_count = 2, .trainable_count = 16, .last_weight = -1, .last_bias = -1
    };
    struct weights *weights = weights_new(&net, NULL);
    struct err err = ERR_INIT;
    assert_non_null(weights);
    if (weight_file_read("tests/fixtures/weights/half.pth", &net, weights, false, NULL, &err))
        fail_msg("%s", err.text);
    assert_memory_equal(weights->params, expected, sizeof(expected));
    for (int i = 0; i < 8; i++) /* as PyTorch rounds them to 8 bits of mantissa */
        if (isfinite(expected[i]))
            assert_true(fabsf(weights->params[8 + i] - expected[i]) <= fabsf(expected[i]) / 256);
    assert_true(weights->params[8 + 2] == 1 && weights->params[8 + 3] == -2.5f && isinf(weights->params[8 + 6]));
    weights_free(weights);
}

static void a_shape_beyond_the_limits_is_refused(void **state)
{
    (void)state;
    struct tensors tensors = { 0 };
    struct err err = ERR_INIT;
    static const int64_t shapes[][3] = {
        { -1, 1, 1 }, { 1 << 20, 1 << 20, 1 << 20 }, { INT64_MAX, 2, 2 }, { 1 << 30, 1, 1 }
    };
    for (int i = 0; i < 4; i++) {
        err.text[0] = 0;
        assert_null(tensors_add(&tensors, "w", TENSOR_FLOAT32, 3, shapes[i], &err));
        assert_true(err.text[0]);
    }
    assert_int_equal(tensors.count, 0);
    tensors_release(&tensors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensors_are_assigned_by_name_in_any_order),
        cmocka_unit_test(a_last_layer_of_another_size_is_replaced_where_asked),
        cmocka_unit_test(names_and_shapes_must_fit),
        cmocka_unit_test(weights_of_another_network_are_told),
        cmocka_unit_test(numbers_of_every_type_are_converted),
        cmocka_unit_test(numbers_of_16_bits_are_widened),
        cmocka_unit_test(a_prefix_of_all_names_is_taken_away),
        cmocka_unit_test(a_shape_beyond_the_limits_is_refused),
    };
    return cmocka_run_group_tests_name("assign", tests, NULL, NULL);
}
