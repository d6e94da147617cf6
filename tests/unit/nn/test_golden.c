/* Whole networks against PyTorch: logits, loss, every gradient, running statistics, ten steps of Adam, on each backend.
 * tests/golden/make_golden.py says what the files hold and by which formula weights and images are made. */
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
#include "nn/backends.h"
#include "nn/graph/backend.h"
#include "nn/graph/plan.h"
#include "nn/train/optimiser.h"

enum { CLASSES = 7, BATCH = 4, STEPS = 10, SAMPLES = 64, LINES_MAX = 2048 };
#define RATE 1e-4
#define ZERO 1e-10 /* below it the truth is 0: a shift that the next batch norm takes away has no gradient */

/* Of the file at hand. */
static uint32_t seed;
static int size;

static uint32_t hashed(uint32_t stream, uint32_t index)
{
    uint32_t h = (seed + stream) * 2654435761u + index * 40503u + 12345u;
    h ^= h >> 16;
    h *= 73244475u;
    return h ^ (h >> 16);
}

static double formula(uint32_t stream, size_t index)
{
    return hashed(stream, (uint32_t)index) / 2147483648.0 - 1;
}

static double initial(const struct net *net, const struct param *param, double inputs, double u)
{
    if (param->kind == PARAM_NORM_BIAS && !strcmp(net->type, "mobilenet"))
        return 3 + u / 10;
    if (param->kind == PARAM_NORM_BIAS && !strncmp(net->type, "resnet", 6) && net->type[6])
        return 1 + u / 10; /* the larger ones */
    switch (param->kind) {
    case PARAM_CONV_WEIGHT: return sqrt(6 / (double)(param->shape[0] * param->shape[2] * param->shape[3])) * u;
    case PARAM_LINEAR_WEIGHT:
    case PARAM_LINEAR_BIAS: return u / sqrt(inputs);
    case PARAM_NORM_WEIGHT: return 1 + u / 10;
    case PARAM_RUNNING_VAR: return 1 + u / 4;
    default: return u / 10;
    }
}

struct line {
    char section[16], name[PARAM_NAME_SIZE];
    size_t count;
    double norm, projection, samples[SAMPLES];
};

struct golden {
    struct line *lines;
    int count;
};

static struct golden golden_read(const char *path)
{
    struct golden golden = { calloc(LINES_MAX, sizeof(struct line)), 0 };
    FILE *file = fopen(path, "r");
    if (!file)
        fail_msg("cannot open '%s' (run from the top folder)", path);
    struct line *line = golden.lines;
    while (fscanf(file, "%15s %95s %zu %lf %lf", line->section, line->name, &line->count, &line->norm,
                  &line->projection) == 5) {
        for (int i = 0; i < SAMPLES; i++)
            assert_int_equal(fscanf(file, "%lf", &line->samples[i]), 1);
        assert_true(++golden.count < LINES_MAX);
        line++;
    }
    assert_true(feof(file));
    fclose(file);
    return golden;
}

static const struct line *line_of(const struct golden *golden, const char *section, const char *name)
{
    for (int l = 0; l < golden->count; l++)
        if (!strcmp(golden->lines[l].section, section) && !strcmp(golden->lines[l].name, name))
            return &golden->lines[l];
    return NULL;
}

/* Where a gradient is 0 in truth, rounding is left of it; Adam divides that by its own size, so that it moves the
 * parameter as far as any other. */
static void check_zero(const char *section, const char *name, const float *tensor, size_t count)
{
    double most = !strcmp(section, "adam") ? 1.01 * STEPS * RATE : 1e-5;
    for (size_t i = 0; i < count; i++)
        if (!(fabs(tensor[i]) <= most))
            fail_msg("%s %s is %g where it should be about 0", section, name, tensor[i]);
}

/* The tensor against its line, relative to `norm` (0: to the line's); a NaN anywhere fails too. */
static void check(const struct golden *golden, const char *section, const char *name, const float *tensor, size_t count,
                  double norm, double tolerance)
{
    const struct line *line = line_of(golden, section, name), *gradient = line_of(golden, "grad", name);
    if (!line)
        fail_msg("the golden file has no '%s %s'", section, name);
    assert_int_equal(count, line->count);
    if (gradient && gradient->norm < ZERO) {
        check_zero(section, name, tensor, count);
        return;
    }
    double squares = 0, projection = 0, sampled = 0;
    for (size_t i = 0; i < count; i++) {
        squares += (double)tensor[i] * tensor[i];
        projection += formula(2000, i) * tensor[i];
    }
    for (uint32_t s = 0; s < SAMPLES; s++)
        sampled += pow(tensor[hashed(3000, s) % count] - line->samples[s], 2);
    norm = norm > 0 ? norm : line->norm;
    double by_norm = fabs(sqrt(squares) - line->norm) / norm;
    double by_projection = fabs(projection - line->projection) / norm;
    double by_samples = sqrt(sampled / SAMPLES * (double)count) / norm;
    if (!(by_norm <= tolerance && by_projection <= tolerance && by_samples <= tolerance))
        fail_msg("%s %s is off by more than %g of its norm: norm %g, projection %g, samples %g", section, name,
                 tolerance, by_norm, by_projection, by_samples);
}

struct fixture {
    struct net *net;
    struct weights *weights;
    float *grad;
    int labels[BATCH];
};

static void fixture_init(struct fixture *fixture, const char *type)
{
    struct err err = ERR_INIT;
    fixture->net = network_new(type, CLASSES, &err);
    assert_non_null(fixture->net);
    fixture->weights = weights_new(fixture->net, &err);
    assert_non_null(fixture->weights);
    fixture->grad = calloc(fixture->net->trainable_count, sizeof(float));
    assert_non_null(fixture->grad);
    double inputs = (double)fixture->net->params[fixture->net->last_weight].shape[1];
    for (int k = 0; k < fixture->net->param_count; k++) {
        const struct param *param = &fixture->net->params[k];
        float *to = weights_at(fixture->net, fixture->weights, k);
        for (size_t i = 0; to && i < param->count; i++)
            to[i] = (float)initial(fixture->net, param, inputs, formula((uint32_t)k, i));
    }
    for (int n = 0; n < BATCH; n++)
        fixture->labels[n] = (3 * n + 1) % CLASSES;
}

static void fixture_release(struct fixture *fixture)
{
    free(fixture->grad);
    weights_free(fixture->weights);
    net_free(fixture->net);
}

static struct plan *planned(const struct fixture *fixture, const struct backend *backend, enum plan_mode mode)
{
    struct err err = ERR_INIT;
    struct plan_spec spec = {
        .mode = mode, .batch = BATCH, .image_size = size, .threads = 2, .backend = backend, .seed = seed
    };
    struct plan *plan =
        plan_new(fixture->net, fixture->weights, mode == PLAN_TRAIN ? fixture->grad : NULL, &spec, NULL, &err);
    if (!plan)
        fail_msg("%s", err.text);
    return plan;
}

static void run(struct plan *plan)
{
    struct err err = ERR_INIT;
    float *image = plan_input(plan);
    for (size_t i = 0; i < (size_t)(BATCH * 3 * size * size); i++)
        image[i] = (float)(sqrt(3) * formula(1000, i));
    if (plan_forward(plan, &err))
        fail_msg("%s", err.text);
}

static void check_params(const struct golden *golden, const struct fixture *fixture, const char *section, bool stats,
                         const float *numbers, double tolerance)
{
    for (int k = 0; k < fixture->net->param_count; k++) {
        const struct param *param = &fixture->net->params[k];
        bool is_stats = param->kind == PARAM_RUNNING_MEAN || param->kind == PARAM_RUNNING_VAR;
        if (param->kind != PARAM_TRACKED && is_stats == stats)
            check(golden, section, param->name, numbers + param->offset, param->count, 0, tolerance);
    }
}

/* The file holds how far each parameter went in ten steps, which is little beside the parameter: 1e-3 of that. */
static void check_change(const struct golden *golden, const struct fixture *fixture, float *start)
{
    for (size_t i = 0; i < fixture->net->trainable_count; i++)
        start[i] = fixture->weights->params[i] - start[i];
    for (int k = 0; k < fixture->net->param_count; k++) {
        const struct param *param = &fixture->net->params[k];
        if (param->kind >= PARAM_RUNNING_MEAN)
            continue;
        const float *now = fixture->weights->params + param->offset;
        double squares = 0;
        for (size_t i = 0; i < param->count; i++)
            squares += (double)now[i] * now[i];
        check(golden, "adam", param->name, start + param->offset, param->count, sqrt(squares), 1e-3);
    }
}

static void evaluation_equals_pytorch(const struct backend *backend, const struct golden *golden, const char *type)
{
    struct fixture fixture;
    fixture_init(&fixture, type);
    struct plan *plan = planned(&fixture, backend, PLAN_EVAL);
    run(plan);
    check(golden, "eval", "logits", plan_logits(plan), BATCH * CLASSES, 0, 1e-4);
    plan_free(plan);
    fixture_release(&fixture);
}

/* Of the `steps` steps the first is compared as a whole; of all STEPS what came of them too. */
static void training_equals_pytorch(const struct backend *backend, const struct golden *golden, const char *type,
                                    int steps)
{
    struct fixture fixture;
    struct err err = ERR_INIT;
    fixture_init(&fixture, type);
    struct plan *plan = planned(&fixture, backend, PLAN_TRAIN);
    struct optimiser adam;
    struct optimiser_spec spec = { .kind = "adam", .learning_rate = RATE };
    assert_int_equal(optimiser_init(&adam, &spec, 0, fixture.net->trainable_count, &err), 0);
    float losses[STEPS], *start = malloc(fixture.net->trainable_count * sizeof *start);
    assert_non_null(start);
    memcpy(start, fixture.weights->params, fixture.net->trainable_count * sizeof *start);
    for (int step = 0; step < steps; step++) {
        plan_set_step(plan, (uint64_t)step);
        run(plan);
        losses[step] = (float)plan_loss(plan, fixture.labels, NULL);
        if (plan_backward(plan, &err))
            fail_msg("%s", err.text);
        if (step == 0) {
            check(golden, "train", "logits", plan_logits(plan), BATCH * CLASSES, 0, 1e-4);
            check(golden, "train", "loss", losses, 1, 0, 1e-5);
            check_params(golden, &fixture, "grad", false, fixture.grad, 1e-4);
            check_params(golden, &fixture, "stats", true, fixture.weights->running_stats, 1e-5);
        }
        optimiser_step(&adam, fixture.weights->params, fixture.grad);
        plan_weights_changed(plan);
    }
    if (steps == STEPS) {
        check_change(golden, &fixture, start);
        /* A shift without a gradient moves at random, and with it the mean that the next batch norm sees. */
        check_params(golden, &fixture, "adam", true, fixture.weights->running_stats, 1e-2);
        check(golden, "adam", "losses", losses, STEPS, 0, 1e-3);
    }
    for (size_t i = 0; i < fixture.net->tracked_count; i++)
        assert_int_equal(fixture.weights->tracked[i], steps);
    free(start);
    optimiser_release(&adam);
    plan_free(plan);
    fixture_release(&fixture);
}

/* The reference's steps of the larger networks. Plain loops under a sanitizer take minutes for ten, which have no
 * access to memory that the first has not. */
#ifdef __SANITIZE_ADDRESS__
enum { LARGE_PLAIN_STEPS = 1 };
#else
enum { LARGE_PLAIN_STEPS = STEPS };
#endif

static void equals_pytorch_on_every_backend(const char *type, uint32_t its_seed, int its_size, int plain_steps)
{
    char path[64];
    snprintf(path, sizeof path, "tests/golden/%s.txt", type);
    struct golden golden = golden_read(path);
    seed = its_seed;
    size = its_size;
    for (int i = 0; backends[i]; i++) {
        print_message("%s\n", backends[i]->name);
        evaluation_equals_pytorch(backends[i], &golden, type);
        bool plain = !strcmp(backends[i]->name, "reference");
        training_equals_pytorch(backends[i], &golden, type, plain ? plain_steps : STEPS);
    }
    free(golden.lines);
}

static void resnet_equals_pytorch_on_every_backend(void **state)
{
    (void)state;
    equals_pytorch_on_every_backend("resnet", 10000, 64, STEPS);
}

static void resnet34_equals_pytorch_on_every_backend(void **state)
{
    (void)state;
    equals_pytorch_on_every_backend("resnet34", 10000, 33, LARGE_PLAIN_STEPS);
}

static void resnet50_equals_pytorch_on_every_backend(void **state)
{
    (void)state;
    equals_pytorch_on_every_backend("resnet50", 10000, 33, LARGE_PLAIN_STEPS);
}

static void mobilenet_equals_pytorch_on_every_backend(void **state)
{
    (void)state;
    equals_pytorch_on_every_backend("mobilenet", 10000, 64, STEPS);
}

static void efficientnet_equals_pytorch_on_every_backend(void **state)
{
    (void)state;
    equals_pytorch_on_every_backend("efficientnet", 10002, 64, STEPS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resnet_equals_pytorch_on_every_backend),
        cmocka_unit_test(resnet34_equals_pytorch_on_every_backend),
        cmocka_unit_test(resnet50_equals_pytorch_on_every_backend),
        cmocka_unit_test(mobilenet_equals_pytorch_on_every_backend),
        cmocka_unit_test(efficientnet_equals_pytorch_on_every_backend),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
