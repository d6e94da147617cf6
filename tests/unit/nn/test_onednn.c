/* The oneDNN backend beyond what every backend must do (test_ops, test_plan): which of oneDNN's kernels it ends up
 * with, on this CPU and on lesser ones, how often it reorders, that a step leaves nothing behind.
 *
 * oneDNN reads its environment once, so the program runs itself again as `test_onednn TYPE MODE BATCH SIZE FILE` with
 * another one: that compares a step with the reference's, which FILE has, and lets oneDNN say on stdout what it runs.
 */
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

enum { CLASSES = 7, SEEDS = 2 };

static void net_init(struct rig *rig, const char *type)
{
    struct err err = ERR_INIT;
    rig_init(rig, network_new(type, CLASSES, &err), 31);
}

/* The middle of ReLU6, so that both of its ends are met, and few activations lie at a kink. */
static void raise_shifts(struct rig *rig)
{
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

/* What the backends owe each other, relative to the norm. Of a network as it is, the gradients may differ by what a few
 * activations at a kink weigh (rig_make_smooth), which is much where a plane has few pixels: that is a check of what
 * belongs to ReLU, where a wrong row of a plane of 3x3 is a third, and the smooth one of all else. At real sizes, and
 * what each kernel owes: tests/shared. */
#define ROUNDING 1e-4
#define FEW_KINKS 0.2

/* What is compared. `mode`: "eval"; "train"; "smooth", which is training without kinks. */
struct trial {
    const char *type, *mode, *batch, *size;
};

static bool trains(const struct trial *trial)
{
    return strcmp(trial->mode, "eval");
}

/* A step on the images of a seed: the plan's logits and, into rig->grad, the gradients. */
static void step(struct plan *plan, const struct trial *trial, uint64_t seed)
{
    rig_forward_whole(plan, seed);
    if (trains(trial))
        rig_backward(plan);
}

static struct plan *trial_plan(struct rig *rig, const struct trial *trial, const char *backend)
{
    net_init(rig, trial->type);
    if (!strcmp(trial->mode, "smooth"))
        rig_make_smooth(rig);
    else if (!strcmp(trial->type, "mobilenet"))
        raise_shifts(rig);
    return rig_plan(rig, backend, trains(trial) ? PLAN_TRAIN : PLAN_EVAL, (int)strtol(trial->batch, NULL, 10),
                    (int)strtol(trial->size, NULL, 10), NULL);
}

/* Writes what the reference makes of every seed, for all instruction sets. */
static void write_reference(const struct trial *trial, const char *path)
{
    struct rig rig;
    struct plan *plan = trial_plan(&rig, trial, "reference");
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        size_t logits = (size_t)plan->spec.batch * CLASSES, trained = rig.net->trainable_count;
        step(plan, trial, seed);
        assert_int_equal(fwrite(plan_logits(plan), sizeof(float), logits, file), logits);
        assert_int_equal(fwrite(rig.grad, sizeof(float), trained, file), trained);
    }
    assert_int_equal(fclose(file), 0);
    plan_free(plan);
    rig_release(&rig);
}

/* The program run again: 0 if oneDNN agrees with what write_reference wrote, on the images of every seed. */
static int compare(const struct trial *trial, const char *path)
{
    struct rig rig;
    struct plan *plan = trial_plan(&rig, trial, "onednn");
    size_t count = (size_t)plan->spec.batch * CLASSES, trained = rig.net->trainable_count;
    float *logits = malloc(count * sizeof *logits), *gradients = malloc(trained * sizeof *gradients);
    FILE *file = fopen(path, "r");
    assert_true(logits && gradients && file);
    bool same = true;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        assert_int_equal(fread(logits, sizeof *logits, count, file), count);
        assert_int_equal(fread(gradients, sizeof *gradients, trained, file), trained);
        step(plan, trial, seed);
        double off = distance(plan_logits(plan), logits, count);
        double gradients_off = trains(trial) ? farthest(rig.net, rig.grad, gradients) : 0;
        same &= off <= ROUNDING && gradients_off <= (strcmp(trial->mode, "train") ? ROUNDING : FEW_KINKS);
        fprintf(stderr, "%s, images %d: the logits are off by %.1e of their norm, a gradient by %.1e\n", trial->mode,
                (int)seed, off, gradients_off);
    }
    fclose(file);
    free(logits);
    free(gradients);
    plan_free(plan);
    rig_release(&rig);
    return same ? 0 : 1;
}

/* Runs the program again where oneDNN may use no more than `isa`; calls `line` with each line of what it executes. */
static int run_again(const char *isa, const struct trial *trial, const char *path,
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
        execl("/proc/self/exe", "test_onednn", trial->type, trial->mode, trial->batch, trial->size, path, (char *)NULL);
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

/* The trial on every instruction set, each with a tally of what oneDNN executed. */
static void try_all(const struct trial *trial, struct tally tallies[INSTRUCTION_SETS])
{
    char path[] = "/tmp/dcls-onednn.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    write_reference(trial, path);
    for (int i = 0; i < INSTRUCTION_SETS; i++) {
        print_message("%s: %s, %s images of %s\n", instruction_sets[i], trial->type, trial->batch, trial->size);
        tallies[i] = (struct tally){ .batch = ",none" };
        if (!trains(trial) && strcmp(trial->batch, "1"))
            snprintf(tallies[i].batch, sizeof tallies[i].batch, ",%sx", trial->batch);
        assert_int_equal(run_again(instruction_sets[i], trial, path, count, &tallies[i]), 0);
    }
    assert_int_equal(remove(path), 0);
}

static void training_equals_the_reference_without_plain_loops(void **state)
{
    (void)state;
    /* On images of 32 pixels the last planes are smaller than the kernels that run over them. A single image must be
     * larger: the norm of a few values magnifies rounding. */
    static const struct trial trials[] = { { "resnet", "train", "8", "32" },
                                           { "resnet", "train", "1", "97" },
                                           { "resnet", "train", "3", "65" },
                                           { "mobilenet", "train", "3", "65" },
                                           { "efficientnet", "train", "3", "65" } };
    for (size_t t = 0; t < sizeof trials / sizeof *trials; t++) {
        struct tally tallies[INSTRUCTION_SETS];
        try_all(&trials[t], tallies);
        for (int i = 0; i < INSTRUCTION_SETS; i++) {
            assert_true(tallies[i].executed > 20);
            if (!may_be_plain(trials[t].type, instruction_sets[i]))
                assert_int_equal(tallies[i].plain, 0);
        }
    }
}

static void training_without_kinks_is_off_by_rounding_alone(void **state)
{
    (void)state;
    static const struct trial trials[] = { { "resnet", "smooth", "8", "32" },
                                           { "resnet", "smooth", "1", "97" },
                                           { "resnet", "smooth", "3", "65" },
                                           { "mobilenet", "smooth", "3", "65" },
                                           { "efficientnet", "smooth", "3", "65" } };
    struct tally tallies[INSTRUCTION_SETS];
    for (size_t t = 0; t < sizeof trials / sizeof *trials; t++)
        try_all(&trials[t], tallies);
}

static void evaluation_equals_the_reference_without_plain_loops(void **state)
{
    (void)state;
    /* A pack for each convolution, and for EfficientNet the factors of its 16 scales there and back. */
    static const struct {
        struct trial trial;
        int packs;
    } cases[] = { { { "resnet", "eval", "11", "33" }, 20 },       { { "resnet", "eval", "1", "97" }, 20 },
                  { { "mobilenet", "eval", "11", "33" }, 52 },    { { "mobilenet", "eval", "1", "97" }, 52 },
                  { { "efficientnet", "eval", "11", "33" }, 81 }, { { "efficientnet", "eval", "1", "97" }, 81 } };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct tally tallies[INSTRUCTION_SETS];
        try_all(&cases[c].trial, tallies);
        for (int i = 0; i < INSTRUCTION_SETS; i++) {
            assert_true(tallies[i].executed > 0);
            if (may_be_plain(cases[c].trial.type, instruction_sets[i]))
                continue;
            assert_int_equal(tallies[i].plain, 0);
            assert_int_equal(tallies[i].activations, 0); /* every layout is passed on to whoever reads it */
            assert_true(tallies[i].reorders <= cases[c].packs);
        }
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
    if (argc == 6)
        return compare(&(struct trial){ argv[1], argv[2], argv[3], argv[4] }, argv[5]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(training_equals_the_reference_without_plain_loops),
        cmocka_unit_test(training_without_kinks_is_off_by_rounding_alone),
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
