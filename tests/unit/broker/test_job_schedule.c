/* The core of jobs: which training starts where, and why the others wait. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <time.h>

#include "core.h"

static struct node *join_with(struct core *core, const char *name, int cores, const char *features)
{
    char text[256];
    snprintf(text, sizeof text,
             "{\"type\": \"CLIENT CONNECT\", \"name\": \"%s\", \"protocol\": 1, \"cores\": %d, \"features\": [%s]}",
             name, cores, features);
    return core_connect(core, text);
}

static void the_first_job_that_some_idle_node_can_take_starts(void **state)
{
    struct core *core = *state;
    core_add(core, "m1", "b");
    core_add(core, "m2", NULL);
    core_add(core, "m3", NULL);
    core->said[0] = '\0';
    struct node *a = core_join(core, "a", "i");
    assert_said(core, "train 2.1 a;");
    core_failed(core, a, jobs_find(core->jobs, "2"), "");
    assert_said(core, "ack 2.1 a;answer 2 409;ended 2 failed;train 3.1 a;");
    assert_string_equal(jobs_find(core->jobs, "1")->reason, "waits for node 'b', which is not there");
}

static void a_bound_job_takes_its_node_and_no_other(void **state)
{
    struct core *core = *state;
    core_inform(core, join_with(core, "a", 64, "\"train\""), "[]");
    struct node *b = join_with(core, "b", 1, "\"train\"");
    b->pending = 9;
    core_inform(core, b, "[]");
    core_add(core, "m", "b");
    assert_said(core, "added 1 202;train 1.1 b;");
    struct job *job = core_add(core, "m2", "b");
    assert_string_equal(job->reason, "waits for node 'b'");
    assert_said(core, "added 2 202;");
}

static void an_unbound_job_takes_fewest_inferences_then_most_cores_then_the_first(void **state)
{
    struct core *core = *state;
    static const struct {
        const char *name;
        int cores, pending;
    } nodes[] = { { "a", 8, 1 }, { "b", 2, 0 }, { "c", 4, 0 }, { "d", 4, 0 } };
    for (size_t i = 0; i < 4; i++) {
        struct node *node = join_with(core, nodes[i].name, nodes[i].cores, "\"train\"");
        node->pending = nodes[i].pending;
        core_inform(core, node, "[]");
    }
    for (int i = 0; i < 5; i++) {
        char model[8];
        snprintf(model, sizeof model, "m%d", i);
        core_add(core, model, NULL);
    }
    assert_said(core, "added 1 202;train 1.1 c;added 2 202;train 2.1 d;added 3 202;train 3.1 b;added 4 202;train 4.1 a;"
                      "added 5 202;");
}

static void a_node_trains_what_it_offers_and_when_it_has_told_what_it_runs(void **state)
{
    struct core *core = *state;
    struct job *job = core_new_job("m", NULL);
    snprintf(job->model_type, sizeof job->model_type, "vit");
    struct err err = ERR_INIT;
    assert_int_equal(train_option_parse(&job->live->options, train_option_by_name("seed"), "1", &err), 0);
    assert_int_equal(jobs_add(core->jobs, job, core->now), 0);
    core_drain(core);
    assert_string_equal(job->reason, "waits for a node: none has connected yet");
    core_join(core, "a", "i");
    assert_string_equal(job->reason, "waits for a node that offers 'vit'");
    core_inform(core, join_with(core, "b", 1, "\"train\", \"type:vit\""), "[]");
    assert_string_equal(job->reason, "waits for a node that offers 'seed'");
    core->said[0] = '\0';
    struct node *c = join_with(core, "c", 1, "\"train\", \"type:vit\", \"option:seed\"");
    assert_string_equal(job->reason, "waits for a free node");
    assert_said(core, "");
    core_inform(core, c, "[]");
    assert_said(core, "train 1.1 c;");
    assert_null(job->reason);
}

static void a_node_does_not_train_that_does_not_offer_it(void **state)
{
    struct core *core = *state;
    core_inform(core, join_with(core, "n", 1, "\"infer\""), "[]");
    core_add(core, "m", NULL);
    assert_said(core, "added 1 202;");
}

static void a_reason_is_told_when_it_changes_and_not_again(void **state)
{
    struct core *core = *state;
    core_join(core, "n", "i");
    core_add(core, "m1", NULL);
    core_add(core, "m2", NULL);
    core->published = 0;
    struct node *other = core_join_legacy(core, "other");
    assert_true(core->published > 0); /* it started */
    core->published = 0;
    core_add(core, "m3", "n");
    core_inform(core, other, "[]");
    int once = core->published;
    core_drain(core);
    core_pass(core, JOBS_SILENT_MS / 2);
    assert_int_equal(core->published, once);
}

static double seconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* As the shell does, without what core.h checks. */
static void drain(struct core *core)
{
    struct job_action action;
    while (jobs_next(core->jobs, core->now, &action))
        if (action.what == JOB_STORE)
            jobs_stored(core->jobs, action.job, action.version, true, core->now);
        else if (action.what == JOB_SEND_TRAIN)
            jobs_train_sent(core->jobs, action.job, true, core->now);
}

static void the_ten_thousandth_job_costs_no_more_than_milliseconds(void **state)
{
    struct core *core = *state;
    core_join(core, "n", "i");
    double begun = 0;
    for (int i = 0; i < 10000; i++) {
        char model[16];
        snprintf(model, sizeof model, "m%d", i);
        if (i == 9000)
            begun = seconds();
        assert_int_equal(jobs_add(core->jobs, core_new_job(model, i % 2 ? "n" : "nobody"), core->now), 0);
        drain(core);
    }
    double each = (seconds() - begun) / 1000;
    if (each > 0.005)
        fail_msg("%.1f ms a job", each * 1000);
    begun = seconds();
    for (int i = 0; i < 100000; i++)
        drain(core); /* nothing changed: nothing is looked at */
    assert_true(seconds() - begun < 1);
    assert_int_equal(jobs_waiting(core->jobs), 9999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CORE_TEST(the_first_job_that_some_idle_node_can_take_starts),
        CORE_TEST(a_bound_job_takes_its_node_and_no_other),
        CORE_TEST(an_unbound_job_takes_fewest_inferences_then_most_cores_then_the_first),
        CORE_TEST(a_node_trains_what_it_offers_and_when_it_has_told_what_it_runs),
        CORE_TEST(a_node_does_not_train_that_does_not_offer_it),
        CORE_TEST(a_reason_is_told_when_it_changes_and_not_again),
        CORE_TEST(the_ten_thousandth_job_costs_no_more_than_milliseconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
