/* Which training starts where, which node serves an inference. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "src/broker/scheduler.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Bit n of cannot[j]: node n cannot take job j. */
static bool capable(void *arg, size_t job, size_t node)
{
    const unsigned *cannot = arg;
    return !(cannot[job] >> node & 1);
}

static unsigned all_can[8];

static void the_first_job_that_some_idle_node_can_take_starts(void **state)
{
    (void)state;
    const struct schedule_job jobs[] = { { "b" }, { NULL }, { NULL } };
    const struct schedule_node nodes[] = { { "a", false, 0, 1 }, { "b", true, 0, 1 } };
    size_t job, node;
    assert_true(schedule_training(jobs, COUNT(jobs), nodes, COUNT(nodes), capable, all_can, &job, &node));
    assert_int_equal(job, 1);
    assert_int_equal(node, 0);
}

static void a_bound_job_takes_its_node_and_no_other(void **state)
{
    (void)state;
    const struct schedule_job jobs[] = { { "b" } };
    const struct schedule_node nodes[] = { { "a", false, 0, 64 }, { "b", false, 9, 1 } };
    size_t job, node;
    assert_true(schedule_training(jobs, 1, nodes, 2, capable, all_can, &job, &node));
    assert_int_equal(node, 1);
    assert_false(schedule_training(jobs, 1, nodes, 1, capable, all_can, &job, &node));
}

static void nothing_starts_where_all_nodes_train_or_none_is_there(void **state)
{
    (void)state;
    const struct schedule_job jobs[] = { { NULL } };
    const struct schedule_node nodes[] = { { "a", true, 0, 1 }, { "b", true, 0, 1 } };
    size_t job, node;
    assert_false(schedule_training(jobs, 1, nodes, 2, capable, all_can, &job, &node));
    assert_false(schedule_training(jobs, 1, nodes, 0, capable, all_can, &job, &node));
    assert_false(schedule_training(jobs, 0, nodes, 2, capable, all_can, &job, &node));
}

static void an_unbound_job_takes_fewest_inferences_then_most_cores_then_the_first(void **state)
{
    (void)state;
    const struct schedule_job jobs[] = { { NULL } };
    struct schedule_node nodes[] = {
        { "a", false, 1, 8 }, { "b", false, 0, 2 }, { "c", false, 0, 4 }, { "d", false, 0, 4 }
    };
    size_t job, node;
    assert_true(schedule_training(jobs, 1, nodes, COUNT(nodes), capable, all_can, &job, &node));
    assert_string_equal(nodes[node].name, "c");
    nodes[1].cores = nodes[2].cores = nodes[3].cores = -1; /* not told */
    assert_true(schedule_training(jobs, 1, nodes, COUNT(nodes), capable, all_can, &job, &node));
    assert_string_equal(nodes[node].name, "b");
}

static void a_node_that_lacks_what_a_job_needs_is_left_to_the_next(void **state)
{
    (void)state;
    const struct schedule_job jobs[] = { { NULL }, { NULL } };
    const struct schedule_node nodes[] = { { "a", false, 0, 1 }, { "b", true, 0, 1 } };
    unsigned cannot[] = { 1, 0 };
    size_t job, node;
    assert_true(schedule_training(jobs, 2, nodes, 2, capable, cannot, &job, &node));
    assert_int_equal(job, 1);
    assert_int_equal(node, 0);
}

static void an_inference_goes_to_the_least_busy_holder(void **state)
{
    (void)state;
    const struct schedule_holder holders[] = {
        { "a", "x", false, 2 }, { "b", "x", true, 1 }, { "c", "x", false, 1 }, { "d", "x", false, 1 }
    };
    size_t found;
    assert_int_equal(schedule_inference(holders, COUNT(holders), &found), SCHEDULE_FOUND);
    assert_string_equal(holders[found].node, "c");
    assert_int_equal(schedule_inference(holders, 2, &found), SCHEDULE_FOUND);
    assert_string_equal(holders[found].node, "b");
    assert_int_equal(schedule_inference(holders, 0, &found), SCHEDULE_NONE);
}

static void holders_of_different_digests_are_ambiguous_wherever_they_stand(void **state)
{
    (void)state;
    const struct schedule_holder different[] = {
        { "a", NULL, false, 0 }, { "b", "x", false, 0 }, { "c", NULL, false, 0 }, { "d", "y", false, 0 }
    };
    size_t found;
    assert_int_equal(schedule_inference(different, 4, &found), SCHEDULE_AMBIGUOUS);
    /* A legacy node tells no digest: it is not known to differ. */
    assert_int_equal(schedule_inference(different, 3, &found), SCHEDULE_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_job_that_some_idle_node_can_take_starts),
        cmocka_unit_test(a_bound_job_takes_its_node_and_no_other),
        cmocka_unit_test(nothing_starts_where_all_nodes_train_or_none_is_there),
        cmocka_unit_test(an_unbound_job_takes_fewest_inferences_then_most_cores_then_the_first),
        cmocka_unit_test(a_node_that_lacks_what_a_job_needs_is_left_to_the_next),
        cmocka_unit_test(an_inference_goes_to_the_least_busy_holder),
        cmocka_unit_test(holders_of_different_digests_are_ambiguous_wherever_they_stand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
