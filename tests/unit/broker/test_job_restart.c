/* Trainings across the end of a broker, and starts whose commit is awaited meanwhile. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <semaphore.h>

#include "job_rig.h"

static void a_restarted_broker_knows_what_runs_and_takes_its_outcome(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    char key[NAME_SIZE];
    peer_register(&peer, rig, "n");
    const struct job *job = train(rig, "m", NULL);
    hear_train(&peer, job);
    snprintf(key, sizeof key, "%s", job->train_key);
    train(rig, "m2", NULL);
    peer_close(&peer);
    rig_restart(rig);
    job = jobs_find(rig->broker.jobs, "1");
    assert_int_equal(job->state, JOB_RUNNING);
    assert_string_equal(job->reason, "node 'n' is away");
    assert_int_equal(jobs_find(rig->broker.jobs, "2")->state, JOB_QUEUED);
    peer_greet(&peer, rig, "n");
    inform_of(&peer, "n", job, "completed");
    tell(&peer, COMPLETED, key);
    peer_expect(&peer, "SERVER JOB ACK");
    assert_int_equal(job->state, JOB_COMPLETED);
    hear_train(&peer, jobs_find(rig->broker.jobs, "2"));
    const struct job *third = train(rig, NULL, NULL);
    assert_string_equal(third->id, "3");
    assert_string_not_equal(third->train_key, key);
    peer_close(&peer);
}

static void a_start_that_falls_into_the_brokers_stop_waits_for_the_next_run(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    struct answer answer;
    peer_register(&peer, rig, "n");
    ask(rig, &answer, "m", NULL, NULL, NULL);
    rig_restart(rig); /* without one turn of the loop */
    peer_close(&peer);
    assert_int_equal(answer.status, 202);
    assert_int_equal(jobs_find(rig->broker.jobs, answer.id)->state, JOB_QUEUED);
    peer_register(&peer, rig, "n");
    hear_train(&peer, jobs_find(rig->broker.jobs, answer.id));
    peer_close(&peer);
}

struct hold {
    struct rig *rig;
    struct answer answer;
    sem_t go_on;
    bool held;
};

static int hold_run(void *arg, const atomic_bool *stop, struct err *err)
{
    struct hold *hold = arg;
    (void)stop;
    (void)err;
    return sem_wait(&hold->go_on);
}

static void hold_done(void *arg, int result, const struct err *err)
{
    struct hold *hold = arg;
    (void)result;
    (void)err;
    hold->held = false;
}

/* Called between the job's commit and its start: what that writes waits behind this. */
static void on_submitted_hold(void *arg, const struct job *job)
{
    struct hold *hold = arg;
    on_submitted(&hold->answer, job);
    hold->held = thread_pool_submit(hold->rig->broker.pool, LANE_STORE, hold_run, hold_done, hold);
}

static const struct job *start_held(struct rig *rig, struct hold *hold)
{
    struct train_options options;
    train_options_init(&options);
    *hold = (struct hold){ .rig = rig };
    assert_int_equal(sem_init(&hold->go_on, 0, 0), 0);
    struct job_submission submission = { "resnet", "m", NULL, &options };
    struct refusal refusal;
    assert_int_equal(job_submit(&rig->broker, &submission, on_submitted_hold, hold, &refusal), 0);
    RIG_WAIT(rig, hold->held);
    const struct job *job = jobs_find(rig->broker.jobs, hold->answer.id);
    assert_int_equal(job->state, JOB_STARTING);
    assert_int_equal(job_shown(job), JOB_QUEUED);
    assert_false(job->live->sent);
    return job;
}

static void start_release(struct hold *hold)
{
    sem_post(&hold->go_on);
    RIG_WAIT(hold->rig, !hold->held);
    sem_destroy(&hold->go_on);
}

static void a_start_that_was_not_sent_before_the_brokers_stop_waits_too(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    struct hold hold;
    peer_register(&peer, rig, "n");
    start_held(rig, &hold);
    sem_post(&hold.go_on);
    rig_restart(rig); /* the start is committed on the way out */
    sem_destroy(&hold.go_on);
    peer_close(&peer);
    const struct job *job = jobs_find(rig->broker.jobs, hold.answer.id);
    assert_int_equal(job->state, JOB_QUEUED);
    peer_register(&peer, rig, "n");
    hear_train(&peer, job);
    peer_close(&peer);
}

static void a_start_whose_node_goes_meanwhile_waits_for_another(void **state)
{
    struct rig *rig = *state;
    struct peer peer, other;
    struct hold hold;
    peer_register(&peer, rig, "n");
    const struct job *job = start_held(rig, &hold);
    peer_leave(&peer, "n");
    assert_int_equal(job->state, JOB_QUEUED);
    assert_int_equal(job->started, 0);
    start_release(&hold);
    assert_int_equal(job->state, JOB_QUEUED);
    peer_register(&other, rig, "o");
    hear_train(&other, job);
    assert_false(job->live->lost_ms);
    assert_int_equal(job->generation, 2);
    peer_close(&other);
}

static void a_job_cancelled_before_its_start_is_stored_never_starts(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    struct hold hold;
    struct answer answer;
    peer_register(&peer, rig, "n");
    const struct job *job = start_held(rig, &hold);
    ask_to_cancel(rig, &answer, job);
    start_release(&hold);
    RIG_WAIT(rig, answer.count);
    assert_int_equal(answer.status, 200);
    assert_int_equal(job->state, JOB_CANCELLED);
    peer_expect_no(&peer, "SERVER TRAIN");
    peer_close(&peer);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_restarted_broker_knows_what_runs_and_takes_its_outcome),
        TEST(a_start_that_falls_into_the_brokers_stop_waits_for_the_next_run),
        TEST(a_start_that_was_not_sent_before_the_brokers_stop_waits_too),
        TEST(a_start_whose_node_goes_meanwhile_waits_for_another),
        TEST(a_job_cancelled_before_its_start_is_stored_never_starts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
