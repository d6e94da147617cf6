/* The core of jobs alone: no broker around it, a store that answers at once, and a clock of the test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "src/broker/job_reports.h"
#include "src/broker/jobs.h"
#include "src/broker/registry.h"

struct core {
    struct registry *registry;
    struct jobs *jobs;
    struct moment now;
    struct job *stored; /* the last row */
    int64_t sessions;
    int cancels; /* SERVER CANCEL sent */
};

static void drain(struct core *core)
{
    struct job_action action;
    jobs_tick(core->jobs, core->now);
    while (jobs_next(core->jobs, core->now, &action)) {
        switch (action.what) {
        case JOB_STORE:
            job_free(core->stored);
            core->stored = job_copy_stored(action.job);
            assert_non_null(core->stored);
            jobs_stored(core->jobs, action.job, action.version, true, core->now);
            break;
        case JOB_SEND_TRAIN: jobs_train_sent(core->jobs, action.job, true, core->now); break;
        case JOB_SEND_CANCEL: core->cancels++; break;
        default: break;
        }
    }
}

static void pass(struct core *core, int64_t ms)
{
    core->now.ms += ms;
    core->now.wall_ms += ms;
    drain(core);
}

static void begin(struct core *core)
{
    core->registry = registry_new();
    core->jobs = jobs_new(core->registry);
    assert_non_null(core->registry);
    assert_non_null(core->jobs);
}

static void end(struct core *core)
{
    jobs_free(core->jobs);
    registry_free(core->registry);
}

/* The broker dies, and is started with what it had stored. */
static void restart(struct core *core)
{
    struct job *row = job_copy_stored(core->stored);
    assert_non_null(row);
    end(core);
    begin(core);
    assert_int_equal(jobs_restore(core->jobs, row, core->now), 0);
    drain(core);
}

static int setup(void **state)
{
    static struct core core;
    core = (struct core){ .now = { 1000, 1700000000000 } };
    begin(&core);
    *state = &core;
    return 0;
}

static int teardown(void **state)
{
    struct core *core = *state;
    end(core);
    job_free(core->stored);
    return 0;
}

/* `listed`: the jobs of its NODE INFO as JSON. */
static struct node *come(struct core *core, const char *name, bool heartbeat, const char *listed)
{
    struct msg connect, info;
    msg_init(&connect, MSG_CLIENT_CONNECT);
    msg_init(&info, MSG_NODE_INFO);
    connect.protocol = 1;
    assert_int_equal(msg_set(&connect.name, name) || msg_set(&connect.instance, "process1") ||
                         strings_add(&connect.features, "train") || strings_add(&connect.features, "cancel") ||
                         strings_add(&connect.features, "generations") || strings_add(&connect.features, "type:resnet"),
                     0);
    if (heartbeat)
        assert_int_equal(strings_add(&connect.features, "heartbeat"), 0);
    struct node *node = registry_prepare(core->registry, &connect, "");
    assert_non_null(node);
    registry_enter(core->registry, node, NULL);
    job_reports_node_came(core->jobs, node);
    assert_int_equal(node_set_info(core->registry, node, &info), 0);
    info.jobs = cJSON_Parse(listed);
    job_reports_node_info(core->jobs, node, info.jobs, core->now);
    drain(core);
    msg_release(&connect);
    msg_release(&info);
    return node;
}

static void leave(struct core *core, struct node *node)
{
    node->ready = false;
    job_reports_node_gone(core->jobs, node, core->now);
    registry_remove(core->registry, node);
    drain(core);
}

static struct job *submit(struct core *core)
{
    struct job *job = job_new();
    assert_non_null(job);
    snprintf(job->model_name, sizeof job->model_name, "m");
    snprintf(job->model_type, sizeof job->model_type, "resnet");
    assert_int_equal(jobs_add(core->jobs, job, core->now), 0);
    drain(core);
    return job;
}

static void init_about(struct msg *msg, enum msg_type type, const struct job *job)
{
    msg_init(msg, type);
    msg->generation = job->generation;
    msg->epoch = msg->epochs = 1;
    assert_int_equal(msg_set(&msg->train_key, job->train_key) || msg_set(&msg->instance, "process1") ||
                         msg_set(&msg->model_name, job->model_name),
                     0);
}

static void progress(struct core *core, const struct node *node, const struct job *job)
{
    struct msg msg;
    init_about(&msg, MSG_TRAINING_PROGRESS, job);
    assert_true(job_reports_progress(core->jobs, node, &msg, core->now));
    drain(core);
    msg_release(&msg);
}

static enum job_outcome complete(struct core *core, const struct node *node, const struct job *job)
{
    struct msg msg;
    init_about(&msg, MSG_TRAINING_COMPLETED, job);
    msg.data = cJSON_CreateObject();
    enum job_outcome outcome = job_reports_outcome(core->jobs, node, &msg, core->now);
    drain(core);
    msg_release(&msg);
    return outcome;
}

/* A job that began at a node, which then stayed away for too long. */
static struct job *give_up(struct core *core)
{
    struct node *node = come(core, "a", true, "[]");
    struct job *job = submit(core);
    progress(core, node, job);
    assert_int_equal(job_shown(job), JOB_RUNNING);
    leave(core, node);
    pass(core, JOBS_GRACE_MS);
    assert_int_equal(job_shown(job), JOB_FAILED);
    return job;
}

static void a_late_outcome_of_a_job_that_was_given_up_counts_behind_a_restart(void **state)
{
    struct core *core = *state;
    give_up(core);
    restart(core);
    struct job *job = jobs_newest(core->jobs);
    assert_int_equal(complete(core, come(core, "a", true, "[]"), job), JOB_OUTCOME_TAKEN);
    assert_int_equal(job_shown(job), JOB_COMPLETED);
}

static void a_job_that_was_given_up_goes_on_behind_a_restart(void **state)
{
    struct core *core = *state;
    char listed[256];
    give_up(core);
    restart(core);
    struct job *job = jobs_newest(core->jobs);
    snprintf(listed, sizeof listed,
             "[{\"train_key\": \"%s\", \"generation\": 1, \"instance\": \"process1\", \"state\": \"running\"}]",
             job->train_key);
    cJSON *entries = cJSON_Parse(listed);
    const struct node *node = come(core, "a", true, listed);
    assert_int_equal(job_shown(job), JOB_RUNNING);
    assert_false(job_reports_is_stale(core->jobs, node, cJSON_GetArrayItem(entries, 0)));
    cJSON_Delete(entries);
}

static void an_outcome_of_a_job_that_is_to_be_cancelled_waits_for_its_end_behind_a_restart(void **state)
{
    struct core *core = *state;
    struct refusal refusal;
    struct node *node = come(core, "a", true, "[]");
    struct job *job = submit(core);
    progress(core, node, job);
    assert_int_equal(jobs_cancel(core->jobs, job, core->now, &refusal), 0);
    drain(core);
    assert_int_equal(core->cancels, 1);
    struct job *row = job_copy_stored(core->stored);
    assert_non_null(row);
    end(core);
    begin(core);
    assert_int_equal(jobs_restore(core->jobs, row, core->now), 0);
    job = row;
    assert_int_equal(job_shown(job), JOB_ENDING);
    struct msg connect;
    msg_init(&connect, MSG_CLIENT_CONNECT);
    connect.protocol = 1;
    assert_int_equal(msg_set(&connect.name, "a") || msg_set(&connect.instance, "process1"), 0);
    node = registry_prepare(core->registry, &connect, "");
    registry_enter(core->registry, node, NULL);
    msg_release(&connect);
    struct msg failed;
    init_about(&failed, MSG_TRAINING_FAILED, job);
    failed.cancelled = 1;
    assert_int_equal(job_reports_outcome(core->jobs, node, &failed, core->now), JOB_OUTCOME_WAITS);
    msg_release(&failed);
    drain(core);
    assert_int_equal(job_shown(job), JOB_CANCELLED);
}

static void a_node_that_owes_no_word_is_told_of_as_silent_from_the_start(void **state)
{
    struct core *core = *state;
    come(core, "a", false, "[]");
    struct job *job = submit(core);
    assert_int_equal(job_shown(job), JOB_STARTING);
    pass(core, JOBS_BEGIN_MS);
    assert_int_equal(job_shown(job), JOB_RUNNING);
    assert_int_equal(jobs_due(core->jobs), core->now.ms + JOBS_SILENT_MS);
    assert_string_equal(job->reason, "nothing was heard of it from node 'a' for 30 s");
    pass(core, JOBS_SILENT_MS);
    assert_string_equal(job->reason, "nothing was heard of it from node 'a' for 60 s");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_late_outcome_of_a_job_that_was_given_up_counts_behind_a_restart),
        TEST(a_job_that_was_given_up_goes_on_behind_a_restart),
        TEST(an_outcome_of_a_job_that_is_to_be_cancelled_waits_for_its_end_behind_a_restart),
        TEST(a_node_that_owes_no_word_is_told_of_as_silent_from_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
