/* The ring of events: numbering, resuming, and holding back progress. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/broker/events.h"
#include "src/broker/job.h"

#define BOOT 1000
#define FIRST ((uint64_t)BOOT * 1000 + 1)

/* What stands at the ring's end. */
struct heard {
    int count;
    const char *last, *id;
    uint64_t number;
    bool ended;
};

static struct heard hear(const struct events *events)
{
    struct event_record event = { 0 };
    uint64_t number = events_last(events);
    assert_true(number < FIRST || events_get(events, number, &event));
    return (struct heard){ (int)(number + 1 - FIRST), event.text, event.id, event.number, event.ended };
}

static void publish(struct events *events, const char *kind, const char *json)
{
    cJSON *object = cJSON_Parse(json);
    assert_non_null(object);
    events_publish(events, kind, object);
}

/* A job that clients see as running. */
static struct job *make_job(const char *id)
{
    struct job *job = job_new();
    assert_non_null(job);
    snprintf(job->id, sizeof job->id, "%s", id);
    job->state = job->committed_state = JOB_RUNNING;
    job->epoch = 1;
    job->live->batch = 1;
    job->live->batches = 9;
    return job;
}

static void tell_batch(struct events *events, struct job *job, int64_t batch, int64_t now)
{
    job->live->batch = batch;
    events_publish_job(events, job, now);
}

static void an_event_is_numbered_and_heard(void **state)
{
    (void)state;
    struct events *events = events_new(BOOT);
    struct job *job = make_job("7");
    publish(events, "node", "{\"name\": \"node0\"}");
    assert_int_equal(hear(events).count, 1);
    assert_int_equal(hear(events).number, FIRST);
    assert_string_equal(hear(events).id, "node0");
    assert_string_equal(hear(events).last, "{\"name\":\"node0\"}");
    events_publish_job(events, job, 0);
    assert_int_equal(hear(events).number, FIRST + 1);
    assert_string_equal(hear(events).id, "7");
    assert_int_equal(events_last(events), FIRST + 1);
    events_free(events);
    job_free(job);
}

static void progress_is_held_back_and_the_newest_is_told(void **state)
{
    (void)state;
    struct events *events = events_new(BOOT);
    struct job *job = make_job("1");
    assert_int_equal(events_due(events), INT64_MAX);
    tell_batch(events, job, 1, 0);
    assert_int_equal(events_due(events), INT64_MAX);
    tell_batch(events, job, 2, 100);
    tell_batch(events, job, 3, 200);
    assert_int_equal(hear(events).count, 1);
    assert_int_equal(events_due(events), 250);
    events_tick(events, 249);
    assert_int_equal(hear(events).count, 1);
    events_tick(events, 250);
    assert_int_equal(hear(events).count, 2);
    assert_non_null(strstr(hear(events).last, "\"batch\":3"));
    assert_int_equal(events_due(events), INT64_MAX);
    events_tick(events, 1000);
    assert_int_equal(hear(events).count, 2);
    tell_batch(events, job, 4, 500);
    assert_int_equal(hear(events).count, 3);
    events_free(events);
    job_free(job);
}

static void a_change_of_state_or_epoch_is_told_at_once_and_drops_what_was_held_back(void **state)
{
    (void)state;
    struct events *events = events_new(BOOT);
    struct job *job = make_job("1");
    cJSON *result = cJSON_Parse("{\"epoch\": 2, \"train_loss\": 0.5}");
    tell_batch(events, job, 1, 0);
    tell_batch(events, job, 2, 1);
    job->epoch = 2;
    tell_batch(events, job, 1, 2);
    assert_int_equal(hear(events).count, 2);
    assert_null(strstr(hear(events).last, "result"));
    assert_true(job_add_result(job, result));
    tell_batch(events, job, 1, 3);
    assert_int_equal(hear(events).count, 3);
    assert_non_null(strstr(hear(events).last, "\"result\":{\"epoch\":2,"));
    assert_null(strstr(hear(events).last, "results"));
    tell_batch(events, job, 2, 4);
    job_set_text(&job->reason, "its worker has not answered for 20 s");
    tell_batch(events, job, 3, 5);
    assert_int_equal(hear(events).count, 4);
    tell_batch(events, job, 4, 6);
    job->state = job->committed_state = JOB_COMPLETED;
    events_publish_job(events, job, 7);
    assert_int_equal(hear(events).count, 5);
    assert_true(hear(events).ended);
    assert_int_equal(events_due(events), INT64_MAX);
    job_free(job); /* nothing of it is left */
    events_tick(events, 10000);
    assert_int_equal(hear(events).count, 5);
    cJSON_Delete(result);
    events_free(events);
}

static void jobs_do_not_hold_each_other_back(void **state)
{
    (void)state;
    struct events *events = events_new(BOOT);
    struct job *jobs[3] = { make_job("1"), make_job("2"), make_job("3") };
    for (int i = 0; i < 3; i++)
        tell_batch(events, jobs[i], 1, 100 * i);
    assert_int_equal(hear(events).count, 3);
    for (int i = 2; i >= 0; i--)
        tell_batch(events, jobs[i], 2, 210);
    assert_int_equal(hear(events).count, 3);
    assert_int_equal(events_due(events), 250);
    events_tick(events, 300);
    assert_int_equal(hear(events).count, 4);
    assert_string_equal(hear(events).id, "1");
    events_tick(events, 500);
    assert_int_equal(hear(events).count, 6);
    assert_string_equal(hear(events).id, "3");
    events_free(events);
    for (int i = 0; i < 3; i++)
        job_free(jobs[i]);
}

static void many_that_run_share_what_is_told_a_second(void **state)
{
    (void)state;
    enum { RUNNING = 100, HOLD = 1000 * RUNNING / EVENTS_PROGRESS_A_S };
    struct events *events = events_new(BOOT);
    struct job *jobs[RUNNING];
    char id[16];
    for (int i = 0; i < RUNNING; i++) {
        snprintf(id, sizeof id, "%d", i + 1);
        jobs[i] = make_job(id);
        tell_batch(events, jobs[i], 1, 0);
    }
    for (int i = 0; i < RUNNING; i++)
        tell_batch(events, jobs[i], 2, 300);
    assert_int_equal(hear(events).count, RUNNING);
    assert_int_equal(events_due(events), HOLD);
    events_tick(events, HOLD - 1);
    assert_int_equal(hear(events).count, RUNNING);
    /* Those that have ended take no share. */
    for (int i = 1; i < RUNNING; i++) {
        jobs[i]->state = jobs[i]->committed_state = JOB_COMPLETED;
        events_publish_job(events, jobs[i], 310);
    }
    assert_int_equal(hear(events).count, 2 * RUNNING - 1);
    assert_int_equal(events_due(events), EVENTS_PROGRESS_MS);
    events_tick(events, 320);
    assert_int_equal(hear(events).count, 2 * RUNNING);
    events_free(events);
    for (int i = 0; i < RUNNING; i++)
        job_free(jobs[i]);
}

static void count_news(void *arg)
{
    (*(int *)arg)++;
}

static void news_are_told_so_that_nobody_has_to_look(void **state)
{
    (void)state;
    int news = 0;
    struct events *events = events_new(BOOT);
    struct job *job = make_job("1");
    events_watch(events, count_news, &news);
    tell_batch(events, job, 1, 0);
    assert_int_equal(news, 1);
    tell_batch(events, job, 2, 1); /* it waits, and is due later */
    assert_int_equal(news, 2);
    tell_batch(events, job, 3, 2);
    assert_int_equal(news, 2);
    events_tick(events, 250);
    assert_int_equal(news, 3);
    events_watch(events, NULL, NULL);
    publish(events, "node", "{\"name\": \"n\"}");
    assert_int_equal(news, 3);
    events_free(events);
    job_free(job);
}

static void a_reader_resumes_behind_the_last_event_it_saw(void **state)
{
    (void)state;
    struct events *events = events_new(BOOT);
    for (int i = 0; i < 5; i++)
        publish(events, "node", "{\"name\": \"n\"}");
    uint64_t number = 0;
    assert_true(events_resume(events, "1000003", &number));
    assert_int_equal(number, FIRST + 2);
    struct event_record event;
    assert_true(events_get(events, number + 1, &event));
    assert_int_equal(event.number, FIRST + 3);
    assert_true(events_resume(events, "1000005", &number));
    assert_false(events_get(events, number + 1, &event));
    assert_true(events_resume(events, "1000000", &number)); /* nothing seen yet, nothing missed */
    events_free(events);
}

static void an_id_that_is_too_old_unknown_or_malformed_does_not_resume(void **state)
{
    (void)state;
    struct events *events = events_new(BOOT);
    uint64_t number = 0;
    publish(events, "node", "{\"name\": \"n\"}");
    static const char *const ids[] = { "",         "x",       "-1",
                                       "999999",   "1000002", "1000001x",
                                       " 1000001", "1",       "99999999999999999999999999" };
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        assert_false(events_resume(events, ids[i], &number));
    for (int i = 0; i < EVENTS_KEPT; i++)
        publish(events, "node", "{\"name\": \"n\"}");
    assert_false(events_resume(events, "1000000", &number)); /* 1000001 fell out */
    assert_true(events_resume(events, "1000001", &number));
    events_free(events);
}

static void the_ring_is_bounded_in_bytes_too(void **state)
{
    (void)state;
    struct events *events = events_new(BOOT);
    char *name = malloc(4 * 1024 * 1024 + 1);
    assert_non_null(name);
    memset(name, 'x', 4 * 1024 * 1024);
    name[4 * 1024 * 1024] = '\0';
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "text", name);
    for (int i = 0; i < 6; i++)
        events_publish(events, "node", cJSON_Duplicate(object, true));
    struct event_record event;
    assert_false(events_get(events, FIRST, &event));
    assert_false(events_get(events, FIRST + 2, &event));
    assert_true(events_get(events, FIRST + 5, &event));
    cJSON_Delete(object);
    free(name);
    events_free(events);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_is_numbered_and_heard),
        cmocka_unit_test(progress_is_held_back_and_the_newest_is_told),
        cmocka_unit_test(a_change_of_state_or_epoch_is_told_at_once_and_drops_what_was_held_back),
        cmocka_unit_test(jobs_do_not_hold_each_other_back),
        cmocka_unit_test(many_that_run_share_what_is_told_a_second),
        cmocka_unit_test(news_are_told_so_that_nobody_has_to_look),
        cmocka_unit_test(a_reader_resumes_behind_the_last_event_it_saw),
        cmocka_unit_test(an_id_that_is_too_old_unknown_or_malformed_does_not_resume),
        cmocka_unit_test(the_ring_is_bounded_in_bytes_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
