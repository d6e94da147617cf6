/* What is counted of jobs and inferences, and that its labels are bounded. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "src/broker/metrics.h"

static int setup(void **state)
{
    *state = metrics_new();
    assert_non_null(*state);
    return 0;
}

static int teardown(void **state)
{
    metrics_free(*state);
    return 0;
}

/* Whether the line stands in what is written. */
static bool has(const struct metrics *metrics, const char *line)
{
    struct buf out;
    char whole[256];
    snprintf(whole, sizeof whole, "\n%s\n", line);
    buf_init(&out, 1 << 20);
    assert_int_equal(metrics_write(metrics, &out), 0);
    bool found = strstr(out.data, whole);
    buf_release(&out);
    return found;
}

static void inferences_are_counted_by_model_node_and_outcome(void **state)
{
    struct metrics *metrics = *state;
    metrics_inference(metrics, "cows", "n1", INFERENCE_ANSWERED, 0.02);
    metrics_inference(metrics, "cows", "n1", INFERENCE_ANSWERED, 3);
    metrics_inference(metrics, "cows", "n1", INFERENCE_LATE, 15);
    metrics_inference(metrics, "cows", "n2", INFERENCE_FAILED, 1);
    metrics_inference(metrics, "", "", INFERENCE_REFUSED, 0);
    assert_true(has(metrics, "dcls_inferences_total{model=\"cows\",node=\"n1\",outcome=\"answered\"} 2"));
    assert_true(has(metrics, "dcls_inferences_total{model=\"cows\",node=\"n1\",outcome=\"late\"} 1"));
    assert_true(has(metrics, "dcls_inferences_total{model=\"cows\",node=\"n2\",outcome=\"failed\"} 1"));
    assert_true(has(metrics, "dcls_inferences_total{model=\"\",node=\"\",outcome=\"refused\"} 1"));
    /* Only answers have a time. */
    assert_true(has(metrics, "dcls_inference_duration_seconds_bucket{le=\"0.025\"} 1"));
    assert_true(has(metrics, "dcls_inference_duration_seconds_bucket{le=\"+Inf\"} 2"));
    assert_true(has(metrics, "dcls_inference_duration_seconds_sum 3.02"));
}

static void of_more_pairs_than_are_kept_the_model_is_other(void **state)
{
    struct metrics *metrics = *state;
    char model[NAME_SIZE], line[256];
    for (int i = 0; i < METRICS_PAIRS_MAX + 50; i++) {
        snprintf(model, sizeof model, "m%d", i);
        metrics_inference(metrics, model, "n", INFERENCE_ANSWERED, 0);
        metrics_inference(metrics, model, "n", INFERENCE_ANSWERED, 0);
    }
    assert_true(has(metrics, "dcls_inferences_total{model=\"other\",node=\"\",outcome=\"answered\"} 100"));
    snprintf(line, sizeof line, "dcls_inferences_total{model=\"m%d\",node=\"n\",outcome=\"answered\"} 2",
             METRICS_PAIRS_MAX - 1);
    assert_true(has(metrics, line));
    snprintf(line, sizeof line, "dcls_inferences_total{model=\"m%d\",node=\"n\",outcome=\"answered\"} 2",
             METRICS_PAIRS_MAX);
    assert_false(has(metrics, line));
}

static void names_as_long_as_they_may_be_are_whole(void **state)
{
    char model[NAME_SIZE], line[256];
    memset(model, 'm', sizeof model);
    model[NAME_SIZE - 1] = '\0';
    metrics_inference(*state, model, model, INFERENCE_LOST, 0);
    snprintf(line, sizeof line, "dcls_inferences_total{model=\"%s\",node=\"%s\",outcome=\"lost\"} 1", model, model);
    assert_true(has(*state, line));
}

static void ends_of_jobs_are_counted_with_the_time_of_those_that_started(void **state)
{
    struct job *job = job_new();
    assert_non_null(job);
    job->state = JOB_COMPLETED;
    job->started = 1000000;
    job->ended = 1020000;
    metrics_job_ended(*state, job);
    job->state = JOB_CANCELLED;
    job->started = 0;
    metrics_job_ended(*state, job);
    assert_true(has(*state, "dcls_jobs_finished_total{outcome=\"completed\"} 1"));
    assert_true(has(*state, "dcls_jobs_finished_total{outcome=\"failed\"} 0"));
    assert_true(has(*state, "dcls_jobs_finished_total{outcome=\"cancelled\"} 1"));
    assert_true(has(*state, "dcls_job_duration_seconds_bucket{le=\"15\"} 0"));
    assert_true(has(*state, "dcls_job_duration_seconds_bucket{le=\"60\"} 1"));
    assert_true(has(*state, "dcls_job_duration_seconds_count 1"));
    job_free(job);
}

static void thumbnails_are_counted_by_where_they_came_from(void **state)
{
    metrics_thumbnail(*state, THUMBNAIL_MADE);
    metrics_thumbnail(*state, THUMBNAIL_CACHED);
    metrics_thumbnail(*state, THUMBNAIL_CACHED);
    assert_true(has(*state, "dcls_thumbnails_total{outcome=\"cached\"} 2"));
    assert_true(has(*state, "dcls_thumbnails_total{outcome=\"made\"} 1"));
    assert_true(has(*state, "dcls_thumbnails_total{outcome=\"failed\"} 0"));
}

static void progress(struct metrics *metrics, struct job *job, int64_t epoch, int64_t batch, const char *total)
{
    char line[64];
    job->epoch = epoch;
    job->live->batch = batch;
    job->live->batches = 10;
    metrics_progress(metrics, job);
    snprintf(line, sizeof line, "dcls_training_images_total %s", total);
    if (!has(metrics, line))
        fail_msg("not %s", line);
}

static void images_are_counted_once_however_often_they_are_told(void **state)
{
    struct job *job = job_new();
    assert_non_null(job);
    job->generation = 1;
    job->live->options.batch_size = 32;
    progress(*state, job, 0, 0, "0");
    progress(*state, job, 1, 3, "96");
    progress(*state, job, 1, 3, "96");
    progress(*state, job, 1, 2, "96");
    progress(*state, job, 2, 1, "352"); /* what was not told between counts */
    progress(*state, job, 2, 99, "640");
    /* It is started again, and goes on from its second epoch: that was done before. */
    job->generation = 2;
    progress(*state, job, 2, 4, "640");
    progress(*state, job, 2, 5, "672");
    job_free(job);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(inferences_are_counted_by_model_node_and_outcome, setup, teardown),
        cmocka_unit_test_setup_teardown(of_more_pairs_than_are_kept_the_model_is_other, setup, teardown),
        cmocka_unit_test_setup_teardown(names_as_long_as_they_may_be_are_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(ends_of_jobs_are_counted_with_the_time_of_those_that_started, setup, teardown),
        cmocka_unit_test_setup_teardown(thumbnails_are_counted_by_where_they_came_from, setup, teardown),
        cmocka_unit_test_setup_teardown(images_are_counted_once_however_often_they_are_told, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
