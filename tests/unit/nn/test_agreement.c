/* Small networks, given and random: the fast backend against the reference, in evaluation and in training. What the
 * networks of models/ never ask for is here: other groups, activations in other places, planes of few pixels.
 *
 * oneDNN reads its environment once, so the program runs itself again as `test_agreement FIRST END` for each
 * instruction set; that is also how a seed is tried by hand. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <sys/wait.h>
#include <unistd.h>

#include "nn/graph/plan.h"
#include "rig.h"

enum { CLASSES = 5, SEEDS = 120, VALUES_MAX = 64, IMAGES = 4 };

/* A network that is being made, and what it is made from: numbers that follow from the seed. */
struct sketch {
    struct net *net;
    uint64_t seed, drawn;
    int batch, size;
    int sides[VALUES_MAX]; /* of each value's planes */
    int names;
    char text[2000]; /* what it is made of, for messages */
};

static int pick(struct sketch *sketch, int count)
{
    return (int)(rng_bits(sketch->seed, 1, sketch->drawn++) % (uint64_t)count);
}

#define PICK(sketch, ...)                                                                                              \
    (((const int[]){ __VA_ARGS__ })[pick(sketch, (int)(sizeof((const int[]){ __VA_ARGS__ }) / sizeof(int)))])

static void note(struct sketch *sketch, const char *format, ...)
{
    size_t length = strlen(sketch->text);
    va_list args;
    va_start(args, format);
    vsnprintf(sketch->text + length, sizeof sketch->text - length, format, args);
    va_end(args);
}

static int channels_of(const struct sketch *sketch, int value)
{
    return sketch->net->layers[value].channels;
}

/* What a layer made: `side` is that of its planes. */
static int made(struct sketch *sketch, int value, int side)
{
    assert_in_range(value, 0, VALUES_MAX - 1);
    sketch->sides[value] = side;
    return value;
}

static int put_conv(struct sketch *sketch, int in, int channels, int kernel, int stride, int padding, int groups)
{
    char name[16];
    snprintf(name, sizeof name, "conv%d", sketch->names++);
    bool bias = pick(sketch, 4) == 0;
    note(sketch, " [%d] conv %dx%d/%d pad %d %d>%d groups %d%s", in, kernel, kernel, stride, padding,
         channels_of(sketch, in), channels, groups, bias ? " bias" : "");
    int value = bias ? net_conv_bias(sketch->net, in, name, channels, kernel, stride, padding, groups)
                     : net_conv(sketch->net, in, name, channels, kernel, stride, padding, groups);
    return made(sketch, value, (sketch->sides[in] + 2 * padding - kernel) / stride + 1);
}

static int put_norm(struct sketch *sketch, int in)
{
    char name[16];
    int side = sketch->sides[in];
    /* Over a few values, rounding is divided by a variance that nothing steadies, in the reference too. */
    if (sketch->batch * side * side < 20)
        return in;
    snprintf(name, sizeof name, "norm%d", sketch->names++);
    note(sketch, " norm");
    return made(sketch, net_batch_norm(sketch->net, in, name, 1e-2f, 0.1f), side);
}

static int put_activation(struct sketch *sketch, int in)
{
    static const char *const names[] = { "none", "relu", "relu6", "silu", "sigmoid" };
    enum activation activation = (enum activation)pick(sketch, ACTIVATIONS);
    note(sketch, " %s", names[activation]);
    return made(sketch, net_activation(sketch->net, in, activation), sketch->sides[in]);
}

/* A batch norm and an activation, either, both or none, in either order. */
static int put_tail(struct sketch *sketch, int value)
{
    int order = pick(sketch, 8);
    if (order == 7)
        return put_norm(sketch, put_activation(sketch, value));
    value = order < 5 ? put_norm(sketch, value) : value;
    return order > 0 ? put_activation(sketch, value) : value;
}

static int put_any_conv(struct sketch *sketch, int in)
{
    int kernel = PICK(sketch, 1, 1, 2, 3, 3, 3, 5, 7), stride = PICK(sketch, 1, 1, 1, 2, 3);
    int padding = pick(sketch, 3) ? kernel / 2 : pick(sketch, kernel / 2 + 1);
    int channels = channels_of(sketch, in), outputs = PICK(sketch, 1, 3, 8, 12, 16, 20, 24, 32, 40, 64), groups = 1;
    if (sketch->sides[in] + 2 * padding < kernel)
        kernel = stride = 1, padding = 0;
    switch (pick(sketch, 4)) {
    case 0: /* depthwise, of one or more outputs a channel */
        groups = channels;
        outputs = channels * PICK(sketch, 1, 1, 1, 2);
        break;
    case 1: /* as many groups as outputs, or fewer than either */
        for (int g = 2; g <= channels; g++)
            if (channels % g == 0 && (groups == 1 || pick(sketch, 2)))
                groups = g;
        outputs = groups * PICK(sketch, 1, 1, 2, 3);
        break;
    default: break;
    }
    return put_conv(sketch, in, outputs, kernel, stride, padding, groups);
}

/* 1x1, depthwise, 1x1: each with what may follow it; any of the first and the last may be missing. */
static int put_inverted_residual(struct sketch *sketch, int in)
{
    int value = in, kernel = PICK(sketch, 3, 3, 5, 7), stride = PICK(sketch, 1, 1, 2, 3);
    if (pick(sketch, 4))
        value = put_tail(sketch, put_conv(sketch, value, PICK(sketch, 16, 24, 48, 96), 1, 1, 0, 1));
    int hidden = channels_of(sketch, value);
    value = put_tail(sketch, put_conv(sketch, value, hidden, kernel, stride, kernel / 2, hidden));
    if (pick(sketch, 3) == 0)
        return value;
    int outputs = pick(sketch, 2) ? channels_of(sketch, in) : PICK(sketch, 3, 8, 24, 40);
    return put_tail(sketch, put_conv(sketch, value, outputs, 1, 1, 0, 1));
}

static int put_squeeze_excite(struct sketch *sketch, int in)
{
    int channels = channels_of(sketch, in), side = sketch->sides[in];
    note(sketch, " squeeze");
    int factors = made(sketch, net_global_avg_pool(sketch->net, in), 1);
    if (pick(sketch, 2))
        factors = put_activation(sketch, put_conv(sketch, factors, PICK(sketch, 1, 4, 6, 20), 1, 1, 0, 1));
    factors = put_activation(sketch, put_conv(sketch, factors, channels, 1, 1, 0, 1));
    note(sketch, " scale [%d]", in);
    int value = made(sketch, net_scale(sketch->net, in, factors), side);
    return pick(sketch, 3) ? put_tail(sketch, put_conv(sketch, value, PICK(sketch, 3, 16, 24, 40), 1, 1, 0, 1)) : value;
}

static int put_max_pool(struct sketch *sketch, int in)
{
    int kernel = PICK(sketch, 2, 3), padding = pick(sketch, 2), stride = PICK(sketch, 1, 2);
    int side = sketch->sides[in] + 2 * padding - kernel;
    if (side < 0)
        return in;
    note(sketch, " max pool %d/%d pad %d", kernel, stride, padding);
    return made(sketch, net_max_pool(sketch->net, in, kernel, stride, padding), side / stride + 1);
}

/* With some value of the same shape, maybe itself. */
static int put_add(struct sketch *sketch, int in)
{
    int other = in;
    for (int i = 0; i <= in; i++)
        if (channels_of(sketch, i) == channels_of(sketch, in) && sketch->sides[i] == sketch->sides[in] &&
            (other == in || pick(sketch, 2)))
            other = i;
    bool first = pick(sketch, 2);
    note(sketch, " add [%d] [%d]", first ? in : other, first ? other : in);
    return put_activation(
        sketch, made(sketch, net_add(sketch->net, first ? in : other, first ? other : in), sketch->sides[in]));
}

static int put_block(struct sketch *sketch, int value)
{
    switch (pick(sketch, 8)) {
    case 0: return put_max_pool(sketch, value);
    case 1: return put_add(sketch, value);
    case 2: return put_tail(sketch, value);
    case 3:
    case 4: return put_inverted_residual(sketch, value);
    case 5: return put_squeeze_excite(sketch, value);
    default: return put_tail(sketch, put_any_conv(sketch, value));
    }
}

static void sketch_init(struct sketch *sketch, uint64_t seed, int batch, int size)
{
    *sketch = (struct sketch){ .net = calloc(1, sizeof *sketch->net), .seed = seed, .batch = batch, .size = size };
    assert_non_null(sketch->net);
    sketch->net->type = "small";
    sketch->net->classes = CLASSES;
}

static int put_input(struct sketch *sketch, int channels)
{
    note(sketch, "%d of %d", sketch->batch, sketch->size);
    return made(sketch, net_input(sketch->net, channels), sketch->size);
}

/* The average of what a batch norm makes is its shift: without the activation nothing before it would have a gradient.
 */
static void put_end(struct sketch *sketch, int value)
{
    value = net_global_avg_pool(sketch->net, net_activation(sketch->net, value, ACTIVATION_SILU));
    net_linear(sketch->net, net_dropout(sketch->net, value, pick(sketch, 2) ? 0.2f : 0), "last", CLASSES);
}

static void sketch_random(struct sketch *sketch, uint64_t seed)
{
    sketch_init(sketch, seed, 0, 0);
    sketch->batch = PICK(sketch, 1, 2, 3, 5);
    sketch->size = 5 + pick(sketch, 28);
    int value = put_input(sketch, PICK(sketch, 1, 3, 3, 16));
    for (int i = 0, blocks = 2 + pick(sketch, 4); i < blocks; i++)
        value = put_block(sketch, value);
    put_end(sketch, value);
}

/* The largest distance of a parameter's gradient, relative to its norm, or to a hundredth of all parameters' where it
 * has less: what a batch norm takes away or an average hides leaves little but rounding. */
static double gradients_off(const struct net *net, const float *a, const float *b)
{
    double most = 0, squares = 0;
    for (size_t i = 0; i < net->trainable_count; i++)
        squares += (double)b[i] * b[i];
    for (int k = 0; k < net->param_count; k++) {
        const struct param *param = &net->params[k];
        double difference = 0, own = 0;
        if (param->kind >= PARAM_RUNNING_MEAN)
            continue;
        for (size_t i = param->offset; i < param->offset + param->count; i++) {
            difference += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
            own += (double)b[i] * b[i];
        }
        double off = sqrt(difference) / fmax(sqrt(own), 1e-2 * sqrt(squares));
        most = off <= most ? most : off; /* a NaN too */
    }
    return most;
}

/* The smallest distance of a step on some images: an input of a ReLU that is so near 0 that the backends round it to
 * different sides has its gradient in one and not in the other, but not on all images. */
static double distance_of(struct rig *rig, const struct sketch *sketch, enum plan_mode mode)
{
    size_t logits = (size_t)sketch->batch * CLASSES, trained = rig->net->trainable_count;
    float *grad = malloc(trained * sizeof *grad);
    double least = INFINITY;
    assert_non_null(grad);
    struct plan *reference = rig_plan(rig, "reference", mode, sketch->batch, sketch->size, NULL);
    struct plan *fast = rig_plan(rig, "onednn", mode, sketch->batch, sketch->size, NULL);
    for (uint64_t images = 1; !(least <= 1e-4) && images <= IMAGES; images++) {
        double off = 0;
        if (mode == PLAN_TRAIN) {
            rig_step(reference, images);
            memcpy(grad, rig->grad, trained * sizeof *grad);
            memset(rig->grad, 0xff, trained * sizeof *grad); /* NaN until it is written */
            rig_step(fast, images);
            off = gradients_off(rig->net, rig->grad, grad);
        } else {
            rig_forward(reference, images);
            rig_forward(fast, images);
        }
        double apart = distance(plan_logits(fast), plan_logits(reference), logits);
        off = off <= apart ? apart : off;
        least = off < least ? off : least;
    }
    plan_free(reference);
    plan_free(fast);
    free(grad);
    return least;
}

/* In how many modes the network is not as the reference has it. Releases it. */
static int compare(struct sketch *sketch)
{
    struct rig rig;
    int wrong = 0;
    rig_init(&rig, sketch->net, sketch->seed);
    for (int mode = PLAN_TRAIN; mode <= PLAN_EVAL; mode++) {
        double off = distance_of(&rig, sketch, (enum plan_mode)mode);
        if (off <= (mode == PLAN_TRAIN ? 1e-3 : 1e-4))
            continue;
        wrong++;
        fprintf(stderr, "network %d is off by %g in %s: %s\n", (int)sketch->seed, off,
                mode == PLAN_TRAIN ? "training" : "evaluation", sketch->text);
    }
    rig_release(&rig);
    return wrong;
}

/* The program run again. */
static int compare_random(uint64_t first, uint64_t end)
{
    int wrong = 0;
    for (uint64_t seed = first; seed < end; seed++) {
        struct sketch sketch;
        sketch_random(&sketch, seed);
        wrong += compare(&sketch);
    }
    return wrong;
}

static void run_again(const char *isa)
{
    char end[16];
    snprintf(end, sizeof end, "%d", SEEDS);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        setenv("ONEDNN_MAX_CPU_ISA", isa, 1);
        execl("/proc/self/exe", "test_agreement", "0", end, (char *)NULL);
        _exit(127);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void random_networks_are_as_the_reference_has_them(void **state)
{
    (void)state;
    run_again("ALL");
}

static void random_networks_are_so_on_cpus_without_avx512(void **state)
{
    (void)state;
    run_again("AVX2");
}

static void random_networks_are_so_on_cpus_without_avx(void **state)
{
    (void)state;
    run_again("SSE41");
}

/* A convolution with batch norm and ReLU6 between two others. */
static void check_conv(int inputs, int outputs, int kernel, int stride, int groups)
{
    struct sketch sketch;
    sketch_init(&sketch, 1, 3, 17);
    int value = put_norm(&sketch, put_conv(&sketch, put_input(&sketch, 3), inputs, 3, 1, 1, 1));
    value = put_norm(&sketch, put_conv(&sketch, value, outputs, kernel, stride, kernel / 2, groups));
    value = made(&sketch, net_activation(sketch.net, value, ACTIVATION_RELU6), sketch.sides[value]);
    put_end(&sketch, put_conv(&sketch, value, 24, 1, 1, 0, 1));
    assert_int_equal(compare(&sketch), 0);
}

static void groups_of_several_inputs_or_outputs_are_no_depthwise_convolution(void **state)
{
    (void)state;
    static const struct {
        int inputs, outputs, groups;
    } cases[] = { { 32, 16, 16 }, { 16, 32, 16 }, { 32, 32, 16 }, { 32, 32, 32 }, { 48, 24, 24 }, { 24, 48, 24 },
                  { 12, 12, 12 }, { 12, 6, 6 },   { 8, 12, 4 },   { 3, 3, 3 },    { 6, 3, 3 },    { 3, 6, 3 } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int kernel = 1; kernel <= 5; kernel += 2)
            for (int stride = 1; stride <= 2; stride++)
                check_conv(cases[i].inputs, cases[i].outputs, kernel, stride, cases[i].groups);
}

/* An inverted residual with these activations behind its three convolutions, summed with its input or not. */
static void check_inverted_residual(const enum activation activations[3], bool sum)
{
    struct sketch sketch;
    sketch_init(&sketch, 2, 2, 17);
    int in = put_norm(&sketch, put_conv(&sketch, put_input(&sketch, 3), 16, 3, 1, 1, 1)), value = in;
    for (int i = 0; i < 3; i++) {
        int channels = i < 2 ? 48 : 16, kernel = i == 1 ? 3 : 1;
        value = put_norm(&sketch, put_conv(&sketch, value, channels, kernel, 1, kernel / 2, i == 1 ? channels : 1));
        value = made(&sketch, net_activation(sketch.net, value, activations[i]), sketch.size);
        note(&sketch, " activation %d", activations[i]);
    }
    put_end(&sketch, sum ? net_add(sketch.net, value, in) : value);
    assert_int_equal(compare(&sketch), 0);
}

static void every_activation_may_follow_every_part_of_an_inverted_residual(void **state)
{
    (void)state;
    for (int at = 0; at < 3; at++)
        for (int a = ACTIVATION_NONE; a < ACTIVATIONS; a++)
            for (int sum = 0; sum < 2; sum++) {
                enum activation activations[3] = { ACTIVATION_RELU6, ACTIVATION_RELU6, ACTIVATION_NONE };
                activations[at] = (enum activation)a;
                check_inverted_residual(activations, sum);
            }
}

static void a_batch_norm_behind_an_activation_stays_behind_it(void **state)
{
    (void)state;
    for (int a = ACTIVATION_NONE; a < ACTIVATIONS; a++) {
        struct sketch sketch;
        sketch_init(&sketch, 3, 2, 17);
        int value = put_conv(&sketch, put_input(&sketch, 3), 16, 3, 1, 1, 1);
        value = made(&sketch, net_activation(sketch.net, value, (enum activation)a), sketch.size);
        put_end(&sketch, put_norm(&sketch, value));
        assert_int_equal(compare(&sketch), 0);
    }
}

int main(int argc, char **argv)
{
    if (argc == 3)
        return compare_random(strtoull(argv[1], NULL, 10), strtoull(argv[2], NULL, 10)) ? 1 : 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_of_several_inputs_or_outputs_are_no_depthwise_convolution),
        cmocka_unit_test(every_activation_may_follow_every_part_of_an_inverted_residual),
        cmocka_unit_test(a_batch_norm_behind_an_activation_stays_behind_it),
        cmocka_unit_test(random_networks_are_as_the_reference_has_them),
        cmocka_unit_test(random_networks_are_so_on_cpus_without_avx512),
        cmocka_unit_test(random_networks_are_so_on_cpus_without_avx),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
