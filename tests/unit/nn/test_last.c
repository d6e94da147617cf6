/* Training of the last layer alone: below it all is as in evaluation, and only its gradient is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dcls/nn/models.h"
#include "rig.h"

#define CLASSES 7
#define BATCH 3
#define SIDE 40

static void init(struct rig *rig, const char *type)
{
    struct err err = ERR_INIT;
    rig_init(rig, network_new(type, CLASSES, &err), 21);
    memset(rig->grad, 0xff, rig->net->trainable_count * sizeof(float)); /* NaN until it is written */
}

static size_t last_offset(const struct rig *rig)
{
    return rig->net->params[rig->net->last_weight].offset;
}

static void without_dropout_the_logits_are_those_of_evaluation(void **state)
{
    (void)state;
    for (int b = 0; backends[b]; b++) {
        struct rig rig;
        init(&rig, "resnet");
        struct plan *eval = rig_plan(&rig, backends[b]->name, PLAN_EVAL, BATCH, SIDE, NULL);
        struct plan *last = rig_plan(&rig, backends[b]->name, PLAN_TRAIN_LAST, BATCH, SIDE, NULL);
        rig_forward(eval, 1);
        rig_forward(last, 1);
        assert_true(distance(plan_logits(last), plan_logits(eval), BATCH * CLASSES) <= 1e-6);
        plan_free(eval);
        plan_free(last);
        rig_release(&rig);
    }
}

/* The loss moves with the last weights as the gradient says, what is dropped staying the same. */
static void the_gradient_is_that_of_the_loss(void **state)
{
    (void)state;
    for (int t = 0; network_at(t); t++) {
        struct rig rig;
        init(&rig, network_at(t)->name);
        size_t from = last_offset(&rig), count = rig.net->trainable_count - from;
        struct plan *plan = rig_plan(&rig, "reference", PLAN_TRAIN_LAST, BATCH, SIDE, NULL);
        plan_set_step(plan, 5);
        rig_step(plan, 1);
        double wanted = 0, loss[2], step = 1e-3;
        float *start = malloc(count * sizeof *start), *way = malloc(count * sizeof *way);
        memcpy(start, rig.weights->params + from, count * sizeof *start);
        rig_fill(way, count, 33);
        for (size_t i = 0; i < count; i++)
            wanted += (double)way[i] * rig.grad[from + i];
        for (int side = 0; side < 2; side++) {
            for (size_t i = 0; i < count; i++)
                rig.weights->params[from + i] = (float)(start[i] + (side ? step : -step) * way[i]);
            plan_weights_changed(plan);
            rig_forward(plan, 1);
            loss[side] = rig_loss(plan);
        }
        double found = (loss[1] - loss[0]) / (2 * step);
        print_message("%s: %g, %g\n", network_at(t)->name, found, wanted);
        assert_true(fabs(found - wanted) <= 1e-3 * fabs(wanted) + 1e-5);
        free(start);
        free(way);
        plan_free(plan);
        rig_release(&rig);
    }
}

static void the_backends_agree_and_touch_nothing_below(void **state)
{
    (void)state;
    for (int t = 0; network_at(t); t++) {
        struct rig rigs[2];
        for (int b = 0; b < 2; b++) {
            init(&rigs[b], network_at(t)->name);
            float *stats = malloc(rigs[b].net->running_stats_count * sizeof *stats);
            memcpy(stats, rigs[b].weights->running_stats, rigs[b].net->running_stats_count * sizeof *stats);
            struct plan *plan = rig_plan(&rigs[b], backends[b]->name, PLAN_TRAIN_LAST, BATCH, SIDE, NULL);
            rig_step(plan, 2);
            assert_memory_equal(stats, rigs[b].weights->running_stats,
                                rigs[b].net->running_stats_count * sizeof *stats);
            for (size_t i = 0; i < last_offset(&rigs[b]); i++)
                assert_true(isnan(rigs[b].grad[i]));
            free(stats);
            plan_free(plan);
        }
        size_t from = last_offset(&rigs[0]), count = rigs[0].net->trainable_count - from;
        assert_true(distance(rigs[0].grad + from, rigs[1].grad + from, count) <= 1e-4);
        rig_release(&rigs[0]);
        rig_release(&rigs[1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_dropout_the_logits_are_those_of_evaluation),
        cmocka_unit_test(the_gradient_is_that_of_the_loss),
        cmocka_unit_test(the_backends_agree_and_touch_nothing_below),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
