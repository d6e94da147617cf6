/* The oneDNN backend beyond what every backend must do (test_ops, test_plan): which of oneDNN's kernels it ends up
 * with, on this CPU and on lesser ones, how often it reorders, that a step leaves nothing behind.
 *
 * oneDNN reads its environment once, so the program runs itself again as `test_onednn TYPE MODE BATCH SIZE` with
 * another one: that compares a step with the reference's and lets oneDNN say on stdout what it runs. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dcls/nn/models.h"
#include "nn/cpu/ops.h"
#include "nn/cpu/kernels/kernels.h"
#include "nn/cpu/wgrad_gemm.h"
#include "rig.h"

enum { CLASSES = 7 };

/* MobileNetV2's shifts are 3 higher: the middle of ReLU6, where few activations lie at a kink. */
static void net_init(struct rig *rig, const char *type)
{
    struct err err = ERR_INIT;
    rig_init(rig, network_new(type, CLASSES, &err), 31);
    if (strcmp(type, "mobilenet"))
        return;
    for (int k = 0; k < rig->net->param_count; k++)
        if (rig->net->params[k].kind == PARAM_NORM_BIAS)
            for (size_t i = 0; i < rig->net->params[k].count; i++)
                weights_at(rig->net, rig->weights, k)[i] += 3;
}

static double norm_of(const float *a, size_t count)
{
    double squares = 0;
    for (size_t i = 0; i < count; i++)
        squares += (double)a[i] * a[i];
    return sqrt(squares);
}

/* The largest distance of a parameter's gradients, relative to its norm. A shift that the next batch norm takes away
 * has no gradient but rounding: what is a millionth of the largest counts as 0. */
static double farthest(const struct net *net, const float *a, const float *b)
{
    double most = 0, largest = 0;
    for (int k = 0; k < net->param_count; k++)
        if (net->params[k].kind < PARAM_RUNNING_MEAN)
            largest = fmax(largest, norm_of(b + net->params[k].offset, net->params[k].count));
    for (int k = 0; k < net->param_count; k++) {
        const struct param *param = &net->params[k];
        if (param->kind >= PARAM_RUNNING_MEAN)
            continue;
        double off = distance(a + param->offset, b + param->offset, param->count);
        if (isnan(off))
            return off;
        if (norm_of(a + param->offset, param->count) < 1e-6 * largest &&
            norm_of(b + param->offset, param->count) < 1e-6 * largest)
            continue;
        most = off > most ? off : most;
    }
    return most;
}

/* The program run again: 0 if both backends agree on some images. Of the million inputs of ReLUs one may be so near 0
 * that the backends round it to different sides: its gradient is then in one and not in the other. Other images have
 * no such one, while a wrong kernel is wrong on all. */
static int compare(const char *type, enum plan_mode mode, int batch, int size)
{
    struct rig rig;
    net_init(&rig, type);
    size_t logits = (size_t)batch * CLASSES, trained = rig.net->trainable_count;
    float *expected = malloc(trained * sizeof *expected);
    assert_non_null(expected);
    struct plan *reference = rig_plan(&rig, "reference", mode, batch, size, NULL);
    struct plan *onednn = rig_plan(&rig, "onednn", mode, batch, size, NULL);
    bool same = false;
    for (uint64_t seed = 1; !same && seed <= 5; seed++) {
        double off = 0;
        if (mode == PLAN_TRAIN) {
            rig_step(reference, seed);
            memcpy(expected, rig.grad, trained * sizeof *expected);
            rig_step(onednn, seed);
            off = farthest(rig.net, rig.grad, expected);
        } else {
            rig_forward(reference, seed);
            rig_forward(onednn, seed);
        }
        same = off <= 1e-4 && distance(plan_logits(onednn), plan_logits(reference), logits) <= 1e-4;
        if (!same)
            fprintf(stderr, "images %d: a gradient is off by %g of its norm\n", (int)seed, off);
    }
    plan_free(reference);
    plan_free(onednn);
    free(expected);
    rig_release(&rig);
    return same ? 0 : 1;
}

/* Runs the program again where oneDNN may use no more than `isa`; calls `line` with each line of what it executes. */
static int run_again(const char *isa, const char *type, const char *mode, const char *batch, const char *size,
                     void (*line)(const char *text, void *context), void *context)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        setenv("ONEDNN_MAX_CPU_ISA", isa, 1);
        setenv("ONEDNN_VERBOSE", "1", 1);
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        execl("/proc/self/exe", "test_onednn", type, mode, batch, size, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    FILE *out = fdopen(ends[0], "r");
    assert_non_null(out);
    char text[1024];
    while (fgets(text, sizeof text, out))
        if (strstr(text, ",exec,"))
            line(text, context);
    fclose(out);
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

struct tally {
    int executed, plain, reorders, activations;
    char batch[16];
};

static void count(const char *text, void *context)
{
    struct tally *tally = context;
    tally->executed++;
    if (strstr(text, ",ref:")) {
        print_message("%s", text);
        tally->plain++;
    }
    if (!strstr(text, ",reorder,"))
        return;
    tally->reorders++;
    tally->activations += !!strstr(text, tally->batch); /* the first dimension: ",11x64x…" */
}

/* The instruction sets are upper limits: one that this CPU lacks is no error. Without AVX2, oneDNN has plain loops for
 * some of what is behind EfficientNet's convolutions. */
static const char *const instruction_sets[] = { "ALL", "AVX2", "SSE41" };
enum { INSTRUCTION_SETS = sizeof instruction_sets / sizeof *instruction_sets };

static bool may_be_plain(const char *type, const char *isa)
{
    return !strcmp(type, "efficientnet") && !strcmp(isa, "SSE41");
}

static void training_equals_the_reference_without_plain_loops(void **state)
{
    (void)state;
    /* On images of 32 pixels the last planes are smaller than the kernels that run over them. A single image must be
     * larger: the norm of a few values magnifies rounding. */
    static const struct {
        const char *type, *batch, *size;
    } cases[] = { { "resnet", "8", "32" },
                  { "resnet", "1", "97" },
                  { "resnet", "3", "65" },
                  { "mobilenet", "3", "65" },
                  { "efficientnet", "3", "65" } };
    for (int i = 0; i < INSTRUCTION_SETS; i++)
        for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
            struct tally tally = { .batch = ",none" };
            print_message("%s: %s, %s images of %s\n", instruction_sets[i], cases[c].type, cases[c].batch,
                          cases[c].size);
            assert_int_equal(
                run_again(instruction_sets[i], cases[c].type, "train", cases[c].batch, cases[c].size, count, &tally),
                0);
            assert_true(tally.executed > 20);
            if (!may_be_plain(cases[c].type, instruction_sets[i]))
                assert_int_equal(tally.plain, 0);
        }
}

static void evaluation_equals_the_reference_without_plain_loops(void **state)
{
    (void)state;
    /* A pack for each convolution, and for EfficientNet the factors of its 16 scales there and back. */
    static const struct {
        const char *type, *batch, *size;
        int packs;
    } cases[] = {
        { "resnet", "11", "33", 20 },   { "resnet", "1", "97", 20 },        { "mobilenet", "11", "33", 52 },
        { "mobilenet", "1", "97", 52 }, { "efficientnet", "11", "33", 81 }, { "efficientnet", "1", "97", 81 }
    };
    for (int i = 0; i < INSTRUCTION_SETS; i++)
        for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
            struct tally tally = { .batch = ",none" };
            if (strcmp(cases[c].batch, "1"))
                snprintf(tally.batch, sizeof tally.batch, ",%sx", cases[c].batch);
            print_message("%s: %s, %s images of %s\n", instruction_sets[i], cases[c].type, cases[c].batch,
                          cases[c].size);
            assert_int_equal(
                run_again(instruction_sets[i], cases[c].type, "eval", cases[c].batch, cases[c].size, count, &tally), 0);
            assert_true(tally.executed > 0);
            if (may_be_plain(cases[c].type, instruction_sets[i]))
                continue;
            assert_int_equal(tally.plain, 0);
            assert_int_equal(tally.activations, 0); /* every layout is passed on to whoever reads it */
            assert_true(tally.reorders <= cases[c].packs);
        }
}

/* A convolution by the definition; in and dout (N, C, H, W). */
static void naive_gradient(float *dweight, float *dbias, const float *in, const float *dout, const struct wgrad_gemm *g)
{
    int ins = g->channels / g->groups, outs = g->outputs / g->groups, kernel = g->kernel;
    for (int o = 0; o < g->outputs; o++) {
        double bias = 0;
        for (int i = 0; i < g->n * g->oh * g->ow; i++)
            bias += dout[(i / (g->oh * g->ow) * g->outputs + o) * g->oh * g->ow + i % (g->oh * g->ow)];
        dbias[o] = (float)bias;
        for (int tap = 0; tap < ins * kernel * kernel; tap++) {
            int c = o / outs * ins + tap / (kernel * kernel), ky = tap / kernel % kernel, kx = tap % kernel;
            double sum = 0;
            for (int n = 0; n < g->n; n++)
                for (int oy = 0; oy < g->oh; oy++)
                    for (int ox = 0; ox < g->ow; ox++) {
                        int y = oy * g->stride - g->padding + ky;
                        int x = ox * g->stride - g->padding + kx;
                        if (y >= 0 && y < g->h && x >= 0 && x < g->w)
                            sum += (double)in[((n * g->channels + c) * g->h + y) * g->w + x] *
                                   dout[((n * g->outputs + o) * g->oh + oy) * g->ow + ox];
                    }
            dweight[o * ins * kernel * kernel + tap] = (float)sum;
        }
    }
}

/* (N, C, H, W) to (N, H, W, C) */
static void to_channels_last(float *to, const float *from, const struct value *value)
{
    size_t c = (size_t)value->c, plane = (size_t)value->h * (size_t)value->w;
    for (size_t i = 0; i < value_count(value); i++)
        to[i / (c * plane) * c * plane + i % plane * c + i / plane % c] = from[i];
}

static void check_product(const struct layer *layer, int n, int channels, int side)
{
    struct err err = ERR_INIT;
    int out = (side + 2 * layer->padding - layer->kernel) / layer->stride + 1;
    const struct value from = { .n = n, .c = channels, .h = side, .w = side };
    const struct value to = { .n = n, .c = layer->channels, .h = out, .w = out };
    struct wgrad_gemm gemm;
    wgrad_gemm_init(&gemm, layer, &from, &to);

    size_t ins = value_count(&from), outs = value_count(&to);
    size_t weights = (size_t)layer->channels * (size_t)(channels / layer->groups * layer->kernel * layer->kernel);
    size_t biases = (size_t)layer->channels;
    float *in = malloc(ins * sizeof *in), *dout = malloc(2 * outs * sizeof *dout);
    float *results = calloc(2 * (weights + biases), sizeof *results);
    float *unfolded = aligned_alloc(64, wgrad_gemm_scratch(&gemm));
    assert_true(in && dout && results && unfolded);
    float *expected = results + weights + biases;
    rig_fill(in, ins, 1);
    rig_fill(dout, outs, 2);
    to_channels_last(dout + outs, dout, &to);
    const struct wgrad_buffers buffers = { in, dout + outs, unfolded, results, results + weights };
    assert_int_equal(wgrad_gemm_run(&gemm, &buffers, &err), 0);
    naive_gradient(expected, expected + weights, in, dout, &gemm);
    assert_true(distance(results, expected, weights) <= 1e-5);
    assert_true(distance(results + weights, expected + weights, biases) <= 1e-5);
    free(in);
    free(dout);
    free(results);
    free(unfolded);
}

static void the_matrix_product_is_the_weight_gradient(void **state)
{
    (void)state;
    const struct layer tiny = { .channels = 24, .kernel = 3, .stride = 1, .padding = 1, .groups = 1 };
    const struct layer grouped = { .channels = 12, .kernel = 3, .stride = 2, .padding = 1, .groups = 4 };
    const struct layer wide = { .channels = 4, .kernel = 5, .stride = 1, .padding = 2, .groups = 1 };
    check_product(&tiny, 5, 16, 1);
    check_product(&grouped, 3, 8, 7);
    check_product(&wide, 9, 32, 32); /* unfolded in several pieces */
}

static void no_operation_runs_on_the_reference(void **state)
{
    (void)state;
    for (int t = 0; network_at(t); t++)
        for (int mode = PLAN_TRAIN; mode <= PLAN_EVAL; mode++) {
            struct rig rig;
            net_init(&rig, network_at(t)->name);
            struct plan *plan = rig_plan(&rig, "onednn", (enum plan_mode)mode, 2, 64, NULL);
            for (int i = 0; i < plan->op_count; i++)
                assert_ptr_not_equal(plan->ops[i].functions, backend_reference.select(plan, &plan->ops[i]));
            plan_free(plan);
            rig_release(&rig);
        }
}

static int columns_of(const char *type, enum plan_mode mode, int batch, int size)
{
    struct rig rig;
    net_init(&rig, type);
    struct plan *plan = rig_plan(&rig, "onednn", mode, batch, size, NULL);
    int found = 0;
    for (int i = 0; i < plan->op_count; i++)
        found += plan->ops[i].functions == &cpu_conv_im2col;
    plan_free(plan);
    rig_release(&rig);
    return found;
}

/* Two of ResNet-18's three of stride 2, where this CPU has the loops. That they compute what the reference does is seen
 * above. */
static void columns_are_for_few_pixels_of_one_image(void **state)
{
    (void)state;
    bool has_loops = kernels_up_to(ISA_BEST)->conv_1x1;
    assert_int_equal(columns_of("resnet", PLAN_EVAL, 1, 128), has_loops ? 2 : 0);
    assert_int_equal(columns_of("resnet", PLAN_EVAL, 2, 128), 0);
    assert_int_equal(columns_of("resnet", PLAN_TRAIN, 1, 128), 0);
    assert_int_equal(columns_of("mobilenet", PLAN_EVAL, 1, 128), 0);
}

#ifndef __SANITIZE_ADDRESS__ /* which counts for itself, when the program ends */
static void a_step_leaves_no_memory_behind(void **state)
{
    (void)state;
    struct rig rig;
    net_init(&rig, "resnet");
    for (int mode = PLAN_TRAIN; mode <= PLAN_EVAL; mode++) {
        struct plan *plan = rig_plan(&rig, "onednn", (enum plan_mode)mode, 2, 32, NULL);
        size_t used = 0;
        for (int i = 0; i < 4; i++) {
            plan_weights_changed(plan);
            if (mode == PLAN_TRAIN)
                rig_step(plan, 1);
            else
                rig_forward(plan, 1);
            if (i == 1) /* the first fills malloc's cache of freed blocks, which count as used */
                used = mallinfo2().uordblks;
        }
        assert_true(used > 0);
        assert_int_equal(mallinfo2().uordblks, used);
        plan_free(plan);
    }
    rig_release(&rig);
}
#endif

int main(int argc, char **argv)
{
    if (argc == 5)
        return compare(argv[1], !strcmp(argv[2], "eval") ? PLAN_EVAL : PLAN_TRAIN, (int)strtol(argv[3], NULL, 10),
                       (int)strtol(argv[4], NULL, 10));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(training_equals_the_reference_without_plain_loops),
        cmocka_unit_test(evaluation_equals_the_reference_without_plain_loops),
        cmocka_unit_test(the_matrix_product_is_the_weight_gradient),
        cmocka_unit_test(no_operation_runs_on_the_reference),
        cmocka_unit_test(columns_are_for_few_pixels_of_one_image),
#ifndef __SANITIZE_ADDRESS__
        cmocka_unit_test(a_step_leaves_no_memory_behind),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
