/* Plans: the backends agree, memory is reused without mixing anything up, a step allocates nothing. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "rig.h"
#include "dcls/nn/models.h"

enum { CLASSES = 7 };

static void resnet_init(struct rig *rig, uint64_t seed)
{
    struct err err = ERR_INIT;
    rig_init(rig, network_new("resnet", CLASSES, &err), seed);
}

static float *copy(const float *from, size_t count)
{
    float *to = malloc(count * sizeof *to);
    assert_non_null(to);
    memcpy(to, from, count * sizeof *to);
    return to;
}

static void the_program_has_both_backends(void **state)
{
    (void)state;
    assert_ptr_equal(backend_find("reference", NULL), &backend_reference);
    assert_ptr_equal(backend_find("onednn", NULL), &backend_onednn);
    struct err err = ERR_INIT;
    assert_null(backend_find("abacus", &err));
    assert_string_equal(err.text, "unknown backend 'abacus'");
}

/* What a step of training leaves. */
struct outcome {
    double loss;
    float *logits, *grad, *stats;
};

static void outcome_make(struct outcome *outcome, struct rig *rig, const float *start, const char *backend, int batch,
                         int size, uint64_t seed)
{
    memcpy(rig->weights->running_stats, start, rig->net->running_stats_count * sizeof(float));
    memset(rig->grad, 0xff, rig->net->trainable_count * sizeof(float)); /* NaN until it is written */
    struct plan *plan = rig_plan(rig, backend, PLAN_TRAIN, batch, size, NULL);
    rig_forward_whole(plan, seed);
    outcome->loss = rig_backward(plan);
    outcome->logits = copy(plan_logits(plan), (size_t)batch * CLASSES);
    outcome->grad = copy(rig->grad, rig->net->trainable_count);
    outcome->stats = copy(rig->weights->running_stats, rig->net->running_stats_count);
    plan_free(plan);
}

static void outcome_release(struct outcome *outcome)
{
    free(outcome->logits);
    free(outcome->grad);
    free(outcome->stats);
}

/* The largest distance of a gradient. */
static double gradients_off(const struct net *net, const float *a, const float *b)
{
    double most = 0;
    for (int k = 0; k < net->param_count; k++) {
        const struct param *param = &net->params[k];
        double off =
            param->kind < PARAM_RUNNING_MEAN ? distance(a + param->offset, b + param->offset, param->count) : 0;
        most = off <= most ? most : off; /* a NaN too */
    }
    return most;
}

/* Without kinks, so that all images have to agree. One image is of 65 pixels, so that the last batch norms have nine
 * values of each channel: over fewer, the sums' rounding is divided by a variance that nothing steadies, in the
 * reference too. */
static void every_backend_agrees_with_the_reference_in_training(void **state)
{
    (void)state;
    static const struct {
        int batch, size;
    } cases[] = { { 3, 33 }, { 1, 65 }, { 5, 40 } };
    struct rig rig;
    resnet_init(&rig, 11);
    rig_make_smooth(&rig);
    float *start = copy(rig.weights->running_stats, rig.net->running_stats_count);
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++)
        for (uint64_t seed = 1; seed <= 2; seed++) {
            int batch = cases[c].batch, size = cases[c].size;
            struct outcome truth, outcome;
            outcome_make(&truth, &rig, start, "reference", batch, size, seed);
            for (int b = 0; backends[b]; b++) {
                outcome_make(&outcome, &rig, start, backends[b]->name, batch, size, seed);
                double off = gradients_off(rig.net, outcome.grad, truth.grad);
                print_message("%s, %d of %dx%d, images %d: the gradients are off by %g of their norm at most\n",
                              backends[b]->name, batch, size, size, (int)seed, off);
                assert_true(off <= 1e-4);
                assert_true(fabs(outcome.loss - truth.loss) <= 1e-4 * truth.loss);
                assert_true(distance(outcome.logits, truth.logits, (size_t)batch * CLASSES) <= 1e-4);
                assert_true(distance(outcome.stats, truth.stats, rig.net->running_stats_count) <= 1e-5);
                outcome_release(&outcome);
            }
            outcome_release(&truth);
        }
    free(start);
    rig_release(&rig);
}

static void every_backend_agrees_with_the_reference_in_evaluation(void **state)
{
    (void)state;
    static const int batches[] = { 1, 3, 5 };
    struct rig rig;
    resnet_init(&rig, 12);
    for (size_t c = 0; c < sizeof batches / sizeof *batches; c++) {
        int batch = batches[c], size = 33 + 16 * (int)c;
        struct plan *plan = rig_plan(&rig, "reference", PLAN_EVAL, batch, size, NULL);
        rig_forward(plan, 1);
        float *logits = copy(plan_logits(plan), (size_t)batch * CLASSES);
        plan_free(plan);
        for (int b = 0; backends[b]; b++) {
            plan = rig_plan(&rig, backends[b]->name, PLAN_EVAL, batch, size, NULL);
            rig_forward(plan, 1);
            assert_true(distance(plan_logits(plan), logits, (size_t)batch * CLASSES) <= 1e-4);
            plan_free(plan);
        }
        free(logits);
    }
    rig_release(&rig);
}

static void an_evaluation_follows_the_weights_that_changed(void **state)
{
    (void)state;
    for (int b = 0; backends[b]; b++) {
        struct rig rig;
        resnet_init(&rig, 13);
        struct plan *plan = rig_plan(&rig, backends[b]->name, PLAN_EVAL, 2, 33, NULL);
        rig_forward(plan, 1);
        weights_init(rig.net, rig.weights, 14);
        plan_weights_changed(plan);
        rig_forward(plan, 1);
        struct plan *fresh = rig_plan(&rig, backends[b]->name, PLAN_EVAL, 2, 33, NULL);
        rig_forward(fresh, 1);
        assert_memory_equal(plan_logits(plan), plan_logits(fresh), 2 * CLASSES * sizeof(float));
        plan_free(plan);
        plan_free(fresh);
        rig_release(&rig);
    }
}

static void a_forward_repeated_without_filling_the_input_gives_the_same(void **state)
{
    (void)state;
    struct rig rig;
    resnet_init(&rig, 15);
    for (int b = 0; backends[b]; b++)
        for (int mode = PLAN_TRAIN; mode <= PLAN_EVAL; mode++) {
            struct err err = ERR_INIT;
            struct plan *plan = rig_plan(&rig, backends[b]->name, (enum plan_mode)mode, 2, 33, NULL);
            rig_forward(plan, 1);
            float *logits = copy(plan_logits(plan), 2 * CLASSES);
            if (mode == PLAN_TRAIN) {
                rig_loss(plan);
                assert_int_equal(plan_backward(plan, &err), 0);
                assert_memory_equal(plan_logits(plan), logits, 2 * CLASSES * sizeof(float));
            }
            assert_int_equal(plan_forward(plan, &err), 0);
            assert_memory_equal(plan_logits(plan), logits, 2 * CLASSES * sizeof(float));
            free(logits);
            plan_free(plan);
        }
    rig_release(&rig);
}

/* A small plan, then a larger one that makes the shared arena move, then the small one again. */
static void plans_that_share_an_arena_do_not_disturb_each_other(void **state)
{
    (void)state;
    for (int b = 0; backends[b]; b++) {
        struct rig rig;
        resnet_init(&rig, 16);
        struct arena *arena = arena_new();
        assert_non_null(arena);
        struct plan *small = rig_plan(&rig, backends[b]->name, PLAN_TRAIN, 1, 33, arena);
        rig_step(small, 1);
        float *logits = copy(plan_logits(small), CLASSES), *grad = copy(rig.grad, rig.net->trainable_count);
        size_t bytes = arena->bytes;
        struct plan *large = rig_plan(&rig, backends[b]->name, PLAN_TRAIN, 4, 33, arena);
        assert_true(arena->bytes > bytes);
        struct plan *eval = rig_plan(&rig, backends[b]->name, PLAN_EVAL, 4, 33, arena);
        rig_step(large, 2);
        rig_forward(eval, 2);
        rig_step(small, 1);
        assert_memory_equal(plan_logits(small), logits, CLASSES * sizeof(float));
        assert_memory_equal(rig.grad, grad, rig.net->trainable_count * sizeof(float));
        plan_free(small);
        plan_free(large);
        plan_free(eval);
        arena_free(arena);
        free(logits);
        free(grad);
        rig_release(&rig);
    }
}

static size_t largest_scratch(const struct plan *plan)
{
    size_t largest = 0;
    for (int i = 0; i < plan->op_count; i++) {
        const struct op *op = &plan->ops[i];
        size_t bytes = op->scratch_forward > op->scratch_backward ? op->scratch_forward : op->scratch_backward;
        largest = bytes > largest ? bytes : largest;
    }
    return largest;
}

static void reuse_makes_the_arena_smaller_than_the_sum_of_the_values(void **state)
{
    (void)state;
    struct rig rig;
    resnet_init(&rig, 17);
    for (int b = 0; backends[b]; b++) {
        struct plan *train = rig_plan(&rig, backends[b]->name, PLAN_TRAIN, 4, 64, NULL);
        struct plan *eval = rig_plan(&rig, backends[b]->name, PLAN_EVAL, 4, 64, NULL);
        size_t sum = 0;
        for (int v = 0; v < train->value_count; v++)
            sum += train->values[v].bytes;
        size_t train_scratch = largest_scratch(train), eval_scratch = largest_scratch(eval);
        print_message("%s: values %zu KiB, training %zu KiB, evaluation %zu KiB\n", backends[b]->name, sum >> 10,
                      train->arena_bytes >> 10, eval->arena_bytes >> 10);
        assert_true(train->arena_bytes < sum + train_scratch); /* gradients included */
        assert_true(eval->arena_bytes < sum / 3 + eval_scratch);
        plan_free(train);
        plan_free(eval);
    }
    rig_release(&rig);
}

static bool needed_at(const struct live_range *range, int time)
{
    bool in_gap = range->gap_end && time >= range->gap_start && time <= range->gap_end;
    return time >= range->start && time <= range->end && !in_gap;
}

static void what_lives_at_the_same_time_is_placed_apart(void **state)
{
    (void)state;
    enum { COUNT = 300, TIMES = 120 };
    struct live_range ranges[COUNT];
    for (uint64_t i = 0; i < COUNT; i++) {
        int start = (int)(rng_bits(1, 1, i) % 100), length = (int)(rng_bits(1, 3, i) % 20);
        ranges[i] = (struct live_range){ .bytes = 1 + rng_bits(1, 2, i) % 5000, .start = start, .end = start + length };
        if (length > 2 && i % 2) {
            ranges[i].gap_start = start + 1 + (int)(rng_bits(1, 4, i) % 2);
            ranges[i].gap_end = start + length - 1;
        }
    }
    size_t total = arena_layout(ranges, COUNT), sum = 0;
    for (int i = 0; i < COUNT; i++) {
        sum += ranges[i].bytes;
        assert_int_equal(ranges[i].offset % 64, 0);
        assert_true(ranges[i].offset + ranges[i].bytes <= total);
        for (int j = 0; j < i; j++) {
            bool same_time = false;
            for (int time = 0; time < TIMES; time++)
                same_time |= needed_at(&ranges[i], time) && needed_at(&ranges[j], time);
            bool same_place = ranges[i].offset < ranges[j].offset + ranges[j].bytes &&
                              ranges[j].offset < ranges[i].offset + ranges[i].bytes;
            assert_false(same_time && same_place);
        }
    }
    assert_true(total < sum / 4);
}

static void what_has_a_gap_leaves_its_place_to_another(void **state)
{
    (void)state;
    struct live_range ranges[] = { { .bytes = 100, .start = 0, .end = 9, .gap_start = 2, .gap_end = 7 },
                                   { .bytes = 100, .start = 2, .end = 7, .gap_start = 4, .gap_end = 5 },
                                   { .bytes = 100, .start = 4, .end = 5 },
                                   { .bytes = 100, .start = 5, .end = 8 } };
    assert_int_equal(arena_layout(ranges, 4), 228);
    assert_int_equal(ranges[0].offset, ranges[1].offset);
    assert_int_equal(ranges[0].offset, ranges[2].offset);
    assert_int_not_equal(ranges[0].offset, ranges[3].offset);
}

static void what_follows_another_takes_its_place(void **state)
{
    (void)state;
    struct live_range ranges[] = { { .bytes = 100, .start = 0, .end = 1 },
                                   { .bytes = 100, .start = 1, .end = 2 },
                                   { .bytes = 100, .start = 2, .end = 3 } };
    assert_int_equal(arena_layout(ranges, 3), 228);
    assert_int_equal(ranges[0].offset, ranges[2].offset);
}

static void an_impossible_plan_is_refused_in_words(void **state)
{
    (void)state;
    struct rig rig;
    resnet_init(&rig, 18);
    static const struct {
        struct plan_spec spec;
        const char *text;
    } cases[] = {
        { { PLAN_EVAL, 0, 32, 1, &backend_reference, 0, NULL, 0 }, "the batch size 0 is not between 1 and 65536" },
        { { PLAN_EVAL, 1, 0, 1, &backend_reference, 0, NULL, 0 }, "the image size 0 is not between 1 and 8192" },
        { { PLAN_EVAL, 1, 1000000, 1, &backend_reference, 0, NULL, 0 },
          "the image size 1000000 is not between 1 and 8192" },
        { { PLAN_EVAL, 65536, 8192, 1, &backend_onednn, 0, NULL, 0 },
          "a batch of 65536 images of 8192 pixels is too large" },
        { { PLAN_TRAIN, 1, 32, 1, &backend_reference, 0, NULL, 0 },
          "batch norm needs more than one value a channel: a batch of 1 images of 32 pixels is too small to train on" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = ERR_INIT;
        assert_null(plan_new(rig.net, rig.weights, rig.grad, &cases[i].spec, NULL, &err));
        assert_string_equal(err.text, cases[i].text);
    }
    struct err err = ERR_INIT;
    struct plan *plan = rig_plan(&rig, "reference", PLAN_EVAL, 1, 33, NULL);
    rig_forward(plan, 1);
    assert_int_equal(plan_backward(plan, &err), -1);
    plan_free(plan);
    rig_release(&rig);
}

static void the_loss_counts_the_first_highest_logit(void **state)
{
    (void)state;
    struct rig rig;
    resnet_init(&rig, 19);
    float *weight = weights_at(rig.net, rig.weights, rig.net->last_weight);
    float *bias = weights_at(rig.net, rig.weights, rig.net->last_bias);
    memset(weight, 0, CLASSES * 512 * sizeof(float));
    for (int c = 0; c < CLASSES; c++)
        bias[c] = c == 2 || c == 4 ? 3 : 0;
    struct plan *plan = rig_plan(&rig, "reference", PLAN_EVAL, 3, 33, NULL);
    rig_forward(plan, 1);
    int correct = -1;
    double loss = plan_loss(plan, (int[]){ 2, 4, 0 }, &correct);
    assert_int_equal(correct, 1);
    double log_sum = log(2 * exp(3) + 5);
    assert_true(fabs(loss - ((log_sum - 3) * 2 + log_sum) / 3) < 1e-6);
    plan_free(plan);
    rig_release(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_program_has_both_backends),
        cmocka_unit_test(every_backend_agrees_with_the_reference_in_training),
        cmocka_unit_test(every_backend_agrees_with_the_reference_in_evaluation),
        cmocka_unit_test(an_evaluation_follows_the_weights_that_changed),
        cmocka_unit_test(a_forward_repeated_without_filling_the_input_gives_the_same),
        cmocka_unit_test(plans_that_share_an_arena_do_not_disturb_each_other),
        cmocka_unit_test(reuse_makes_the_arena_smaller_than_the_sum_of_the_values),
        cmocka_unit_test(what_lives_at_the_same_time_is_placed_apart),
        cmocka_unit_test(what_has_a_gap_leaves_its_place_to_another),
        cmocka_unit_test(what_follows_another_takes_its_place),
        cmocka_unit_test(an_impossible_plan_is_refused_in_words),
        cmocka_unit_test(the_loss_counts_the_first_highest_logit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
