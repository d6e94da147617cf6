/* What a restart finds in the store. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"

#define DIGEST "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

struct saved {
    int count;
    bool ok;
};

static void on_saved(void *arg, bool ok)
{
    struct saved *saved = arg;
    saved->count++;
    saved->ok = ok;
}

static struct job *make_job(const char *id, const char *model, enum job_state state)
{
    struct job *job = job_new();
    assert_non_null(job);
    job->state = state;
    job->generation = 2;
    job->created = 11;
    job->started = 22;
    job->ended = 33;
    snprintf(job->id, sizeof job->id, "%s", id);
    snprintf(job->model_name, sizeof job->model_name, "%s", model);
    snprintf(job->model_type, sizeof job->model_type, "resnet");
    snprintf(job->requested_node, sizeof job->requested_node, "node0");
    snprintf(job->node, sizeof job->node, "node0");
    snprintf(job->train_key, sizeof job->train_key, "train:%s000", id);
    return job;
}

/* As it is, or as it ends, with report and log. */
static void save(struct rig *rig, struct job *job, const char *report, const char *log)
{
    struct saved saved = { 0 };
    enum job_state state = job->state;
    if (job_is_over(job)) {
        job->live->end = (struct job_end){ .state = state };
        job_set_text(&job->live->end.report, report);
        job_set_text(&job->live->end.log, log);
        job->state = JOB_ENDING;
    }
    assert_int_equal(store_save_job(&rig->broker, job, on_saved, &saved), 0);
    job_release_end(&job->live->end); /* it was copied */
    job->state = state;
    assert_int_equal(saved.count, 0); /* only after the commit */
    RIG_WAIT(rig, saved.count);
    assert_true(saved.ok);
}

static void a_job_comes_back_as_it_was(void **state)
{
    struct rig *rig = *state;
    struct job *job = make_job("41", "m \"quoted\"", JOB_FAILED);
    struct err err = ERR_INIT;
    assert_int_equal(train_option_parse(&job->live->options, train_option_by_name("seed"), "77", &err), 0);
    cJSON *results = cJSON_Parse("[{\"epoch\":1,\"train_loss\":0.5},{\"epoch\":2}]"), *read;
    assert_true(job_set_results(job, results));
    job->given_up = true; /* so that all comes back */
    job_set_text(&job->error, "node 'node0' was lost");
    job_set_text(&job->reason, "that is why");
    job->live->assignments[0] = (struct assignment){ .node = "node0", .instance = "i", .secret_hash = DIGEST };
    job->live->ranks = 1;
    assert_true(job_add_notice(job, "2 files are left out"));
    assert_true(job_add_notice(job, "it starts at random"));
    save(rig, job, NULL, NULL);
    rig_restart(rig);

    const struct job *back = jobs_find(rig->broker.jobs, "41");
    assert_non_null(back);
    assert_int_equal(back->state, JOB_FAILED);
    assert_string_equal(back->model_name, job->model_name);
    assert_string_equal(back->model_type, "resnet");
    assert_string_equal(back->requested_node, "node0");
    assert_string_equal(back->node, "node0");
    assert_string_equal(back->train_key, "train:41000");
    assert_int_equal(back->generation, 2);
    assert_int_equal(back->live->options.seed, 77);
    assert_true(train_option_is_set(&back->live->options, train_option_by_name("seed")));
    assert_false(train_option_is_set(&back->live->options, train_option_by_name("imageSize")));
    assert_int_equal(back->live->ranks, 1);
    assert_string_equal(back->live->assignments[0].node, "node0");
    assert_string_equal(back->live->assignments[0].instance, "i");
    assert_string_equal(back->live->assignments[0].secret_hash, DIGEST);
    assert_null(back->results); /* only in the store */
    assert_int_equal(back->epochs_done, 2);
    read = rig_results(rig, "41");
    assert_true(cJSON_Compare(read, results, true));
    cJSON_Delete(read);
    cJSON_Delete(results);
    assert_string_equal(back->error, job->error);
    assert_string_equal(back->reason, job->reason);
    assert_int_equal(back->notices->count, 2);
    assert_string_equal(back->notices->lines[0], "2 files are left out");
    assert_string_equal(back->notices->lines[1], "it starts at random");
    assert_int_equal(back->created, 11);
    assert_int_equal(back->started, 22);
    assert_int_equal(back->ended, 33);
    job_free(job);
}

static void what_an_ended_job_was_asked_for_with_is_read_from_the_store(void **state)
{
    struct rig *rig = *state;
    struct job *job = make_job("41", "m", JOB_FAILED);
    struct err err = ERR_INIT;
    assert_int_equal(train_option_parse(&job->live->options, train_option_by_name("seed"), "77", &err), 0);
    save(rig, job, NULL, NULL);
    rig_restart(rig);
    assert_null(jobs_find(rig->broker.jobs, "41")->live);
    cJSON *options = rig_stored(rig, "41", "options");
    assert_true(number_of(options, "seed") == 77);
    assert_true(number_of(options, "batchSize") == 32); /* of those that each peer knows */
    assert_null(cJSON_GetObjectItem(options, "imageSize"));
    cJSON_Delete(options);
    assert_null(rig_stored(rig, "42", "options"));
    job_free(job);
}

static void on_text(void *arg, bool ok, const char *text)
{
    char **copy = arg;
    assert_true(ok);
    *copy = strdup(text ? text : "none");
}

static char *read_text(struct rig *rig, enum store_text what, const char *model)
{
    char *text = NULL;
    assert_int_equal(store_read_text(&rig->broker, what, model, on_text, &text), 0);
    RIG_WAIT(rig, text);
    return text;
}

static void assert_text(struct rig *rig, enum store_text what, const char *model, const char *expected)
{
    char *text = read_text(rig, what, model);
    assert_string_equal(text, expected);
    free(text);
}

static cJSON *result_of(double epoch, double loss)
{
    cJSON *result = cJSON_CreateObject();
    cJSON_AddNumberToObject(result, "epoch", epoch);
    cJSON_AddNumberToObject(result, "train_loss", loss);
    return result;
}

static void assert_results(struct rig *rig, const char *id, const char *expected)
{
    cJSON *results = rig_results(rig, id);
    char *text = cJSON_PrintUnformatted(results);
    assert_string_equal(text, expected);
    free(text);
    cJSON_Delete(results);
}

static void results_come_one_by_one_and_one_told_anew_is_the_last(void **state)
{
    struct rig *rig = *state;
    struct job *job = make_job("41", "m", JOB_RUNNING);
    for (int epoch = 1; epoch <= 3; epoch++) {
        cJSON *result = result_of(epoch, 1);
        assert_true(job_add_result(job, result));
        cJSON_Delete(result);
        save(rig, job, NULL, NULL);
        job_drop_results(job); /* as after a commit */
    }
    save(rig, job, NULL, NULL); /* what is not given stays */
    assert_results(rig, "41",
                   "[{\"epoch\":1,\"train_loss\":1},{\"epoch\":2,\"train_loss\":1},{\"epoch\":3,\"train_loss\":1}]");
    cJSON *report = cJSON_Parse("[{\"loss\":7},3,{\"epoch\":2,\"loss\":8}]");
    assert_true(job_set_results(job, report));
    cJSON_Delete(report);
    save(rig, job, NULL, NULL);
    assert_results(rig, "41", "[{\"loss\":7,\"epoch\":1},{\"epoch\":2,\"loss\":8}]");
    assert_results(rig, "42", "[]");
    job_free(job);
}

static void what_is_not_committed_yet_comes_behind_what_is(void **state)
{
    struct job *job = make_job("41", "m", JOB_RUNNING);
    cJSON *again = result_of(2, 5), *third = result_of(3, 6);
    (void)state;
    job->epochs_done = 2;
    assert_true(job_add_result(job, again));
    assert_true(job_add_result(job, third));
    cJSON *results = job_results_json(job, cJSON_Parse("[{\"epoch\":1},{\"epoch\":2}]"));
    char *text = cJSON_PrintUnformatted(results);
    assert_string_equal(text, "[{\"epoch\":1},{\"epoch\":2,\"train_loss\":5},{\"epoch\":3,\"train_loss\":6}]");
    free(text);
    cJSON_Delete(results);
    cJSON_Delete(again);
    cJSON_Delete(third);
    job_free(job);
}

static void a_forgotten_job_is_gone_unless_it_made_a_model_that_is_known(void **state)
{
    struct rig *rig = *state;
    struct saved saved = { 0 };
    struct job *made = make_job("1", "m", JOB_COMPLETED), *other = make_job("2", "m", JOB_COMPLETED);
    cJSON *ids = cJSON_Parse("[1,2]"), *result = result_of(1, 1);
    assert_true(job_add_result(made, result));
    assert_true(job_add_result(other, result));
    made->ended = other->ended - 1;
    save(rig, made, "{\"made\":1}", "log");
    save(rig, other, "{\"other\":1}", "log");
    models_completed(rig->broker.models, "m", DIGEST, NULL, "1", "n", 99);
    assert_int_equal(store_forget_jobs(&rig->broker, ids, on_saved, &saved), 0);
    RIG_WAIT(rig, saved.count);
    assert_true(saved.ok);
    assert_results(rig, "1", "[{\"epoch\":1,\"train_loss\":1}]");
    assert_results(rig, "2", "[]");
    assert_text(rig, STORE_REPORT, "m", "{\"made\":1}");
    rig_restart(rig);
    assert_non_null(jobs_find(rig->broker.jobs, "1"));
    assert_null(jobs_find(rig->broker.jobs, "2"));
    cJSON_Delete(ids);
    cJSON_Delete(result);
    job_free(made);
    job_free(other);
}

static void the_oldest_ended_jobs_beyond_those_that_are_kept_are_forgotten(void **state)
{
    enum { JOBS = 250, KEPT = 2 };
    struct rig *rig = *state;
    struct saved saved = { 0 };
    for (int i = 1; i <= JOBS; i++) {
        char id[8];
        snprintf(id, sizeof id, "%d", i);
        struct job *job = make_job(id, "m", i == 1 ? JOB_QUEUED : JOB_COMPLETED);
        assert_int_equal(store_save_job(&rig->broker, job, on_saved, &saved), 0);
        job_free(job);
    }
    RIG_WAIT(rig, saved.count == JOBS);
    rig_restart(rig);
    rig->broker.keep_jobs = KEPT;
    jobs_shell_drain(&rig->broker);
    RIG_WAIT(rig, jobs_places(rig->broker.jobs) == KEPT + 1 && !store_depth(rig->broker.store));
    assert_non_null(jobs_find(rig->broker.jobs, "1")); /* it waits */
    assert_non_null(jobs_find(rig->broker.jobs, "250"));
    assert_non_null(jobs_find(rig->broker.jobs, "249"));
    rig_restart(rig);
    assert_int_equal(jobs_places(rig->broker.jobs), KEPT + 1);
}

static void that_a_job_is_to_be_cancelled_comes_back(void **state)
{
    struct rig *rig = *state;
    struct job *job = make_job("41", "m", JOB_RUNNING);
    job->live->cancelling = true;
    save(rig, job, NULL, NULL);
    job_free(job);
    rig_restart(rig);
    RIG_WAIT(rig, jobs_find(rig->broker.jobs, "41")->state == JOB_CANCELLED);
}

static void a_job_saved_again_keeps_its_report_and_its_place(void **state)
{
    struct rig *rig = *state;
    struct job *first = make_job("1", "a", JOB_QUEUED), *second = make_job("2", "b", JOB_COMPLETED);
    save(rig, first, NULL, NULL);
    save(rig, second, "{}", "Epoch [1/1]");
    first->state = JOB_COMPLETED;
    save(rig, first, NULL, NULL);
    job_free(first);
    job_free(second);
    rig_restart(rig);
    const struct job *job = jobs_oldest(rig->broker.jobs);
    assert_string_equal(job->id, "1");
    assert_int_equal(job->state, JOB_COMPLETED);
    job = job_newer(rig->broker.jobs, job);
    assert_string_equal(job->id, "2");
    assert_null(job_newer(rig->broker.jobs, job));
}

static void report_and_log_are_those_of_the_newest_completed_job(void **state)
{
    struct rig *rig = *state;
    struct job *old = make_job("1", "m", JOB_COMPLETED), *new = make_job("2", "m", JOB_COMPLETED),
               *failed = make_job("3", "m", JOB_FAILED);
    old->ended = 10;
    new->ended = 20;
    failed->ended = 30;
    save(rig, new, "{\"new\":1}", "new");
    save(rig, old, "{\"old\":1}", "old");
    save(rig, failed, "{\"failed\":1}", "failed");
    assert_text(rig, STORE_REPORT, "m", "{\"new\":1}");
    assert_text(rig, STORE_LOG, "m", "new");
    assert_text(rig, STORE_LOG, "other", "none");
    save(rig, new, NULL, NULL); /* what is not given stays */
    assert_text(rig, STORE_REPORT, "m", "{\"new\":1}");
    job_free(old);
    job_free(new);
    job_free(failed);
}

static void models_come_back_and_forgotten_ones_do_not(void **state)
{
    struct rig *rig = *state;
    struct models *models = rig->broker.models;
    cJSON *info = cJSON_Parse("{\"name\":\"kept\",\"classes\":[\"cow\"],\"imageSize\":32}");
    models_completed(models, "kept", DIGEST, info, "5", "n", 99);
    models_completed(models, "gone", DIGEST, NULL, "6", "n", 98);
    models_forget(models, "gone");
    assert_true(models_know(models, "gone")); /* by a node that is away */
    models_drop_holder(models, "gone", DIGEST, "n");
    models_forget(models, "gone");
    cJSON_Delete(info);
    rig_restart(rig);
    assert_true(models_know(rig->broker.models, "kept"));
    assert_false(models_know(rig->broker.models, "gone"));
    cJSON *json = models_json(rig->broker.models);
    const cJSON *model = cJSON_GetArrayItem(cJSON_GetObjectItem(json, "models"), 0);
    assert_string_equal(text_of(model, "sha256"), DIGEST);
    assert_string_equal(text_of(model, "job"), "5");
    assert_int_equal(number_of(model, "imageSize"), 32);
    cJSON_Delete(json);
}

/* Opening fails and names the file; the rig's own store has been closed by then. */
static void assert_refused(struct rig *rig, const char *why)
{
    struct err err = ERR_INIT;
    struct broker other = { .state = rig->folder };
    assert_null(store_open(&other, &err));
    assert_non_null(strstr(err.text, "dcls.db"));
    if (!strstr(err.text, why))
        fail_msg("'%s' does not say '%s'", err.text, why);
}

static void a_second_broker_on_the_same_state_is_refused(void **state)
{
    assert_refused(*state, "locked");
}

static void a_database_of_another_version_is_refused(void **state)
{
    struct rig *rig = *state;
    char path[FOLDER_SIZE + 16];
    sqlite3 *db;
    snprintf(path, sizeof path, "%s/dcls.db", rig->folder);
    store_close(rig->broker.store);
    rig->broker.store = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 1000", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_refused(rig, "version 1000");
}

static void who_holds_a_model_and_what_is_to_be_removed_comes_back(void **state)
{
    struct rig *rig = *state;
    struct saved saved = { 0 };
    struct removals *removals = rig->broker.removals;
    models_completed(rig->broker.models, "m", DIGEST, NULL, "", "a", 1);
    models_completed(rig->broker.models, "other", DIGEST, NULL, "", "b", 2);
    assert_non_null(removals_add(removals, "a", "m", DIGEST, "", NULL));
    assert_non_null(removals_add(removals, "b", "m", "", "7", NULL));
    assert_int_equal(store_save_removals(&rig->broker, removals_first(removals), NULL, on_saved, &saved), 0);
    RIG_WAIT(rig, saved.count);
    assert_true(saved.ok);
    rig_restart(rig);
    const struct removal *removal = removals_find(rig->broker.removals, "a", "m", DIGEST);
    assert_ptr_equal(removal, removals_first(rig->broker.removals));
    assert_true(removal->promised && removal->since > 0);
    removal = removals_find(rig->broker.removals, "b", "m", NULL);
    assert_string_equal(removal->job, "7");
    const struct model *model = models_first_of(rig->broker.models, "other");
    assert_null(models_first_of(rig->broker.models, "m")); /* nobody was left */
    assert_true(strings_has(&model->holders, "b"));
    removals_drop(rig->broker.removals, removals_first(rig->broker.removals));
    rig_restart(rig);
    assert_string_equal(removals_first(rig->broker.removals)->node, "b");
}

static char *database(const struct rig *rig, char path[FOLDER_SIZE + 16])
{
    snprintf(path, FOLDER_SIZE + 16, "%s/dcls.db", rig->folder);
    return path;
}

/* Rows that cannot be read are no end of the rows: the broker does not begin without them. */
static void a_row_that_cannot_be_read_is_refused(void **state)
{
    static const char *const broken[] = { "UPDATE jobs SET options = '{\"epochs\":'",
                                          "UPDATE jobs SET options = '{}', state = 'sleeping'",
                                          "DELETE FROM jobs; INSERT INTO models (name, sha256, job, completed, holders)"
                                          " VALUES ('m', '', '', 1, '[]'), ('n', '', '', 2, '[')" };
    struct rig *rig = *state;
    char path[FOLDER_SIZE + 16];
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        struct job *job = make_job("7", "m", JOB_FAILED), *jobs;
        struct model *models;
        struct removal_list removals;
        struct err err = ERR_INIT;
        sqlite3 *db;
        save(rig, job, NULL, NULL);
        job_free(job);
        store_close(rig->broker.store);
        rig->broker.store = NULL;
        assert_int_equal(sqlite3_open(database(rig, path), &db), SQLITE_OK);
        assert_int_equal(sqlite3_exec(db, broken[i], NULL, NULL, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_close(db), SQLITE_OK);
        assert_non_null(rig->broker.store = store_open(&rig->broker, &err));
        assert_int_equal(store_load(rig->broker.store, &jobs, &models, &removals, &err), -1);
        assert_non_null(strstr(err.text, "dcls.db"));
        assert_null(jobs);
        assert_null(models);
        assert_true(TAILQ_EMPTY(&removals));
    }
}

static void a_database_with_overwritten_pages_is_refused(void **state)
{
    struct rig *rig = *state;
    char path[FOLDER_SIZE + 16], rubbish[4096];
    struct job *job = make_job("7", "m", JOB_FAILED), *jobs;
    struct model *models;
    struct removal_list removals;
    struct err err = ERR_INIT;
    save(rig, job, NULL, NULL);
    job_free(job);
    store_close(rig->broker.store);
    memset(rubbish, 0xa5, sizeof rubbish);
    FILE *file = fopen(database(rig, path), "r+b");
    assert_non_null(file);
    for (int page = 1; page < 6; page++) {
        assert_int_equal(fseek(file, page * (long)sizeof rubbish, SEEK_SET), 0);
        assert_int_equal(fwrite(rubbish, 1, sizeof rubbish, file), sizeof rubbish);
    }
    assert_int_equal(fclose(file), 0);
    rig->broker.store = store_open(&rig->broker, &err);
    if (rig->broker.store) {
        assert_int_equal(store_load(rig->broker.store, &jobs, &models, &removals, &err), -1);
        assert_null(jobs);
    }
    assert_non_null(strstr(err.text, "dcls.db"));
    assert_non_null(strstr(err.text, "malformed"));
}

static void what_is_no_database_is_refused(void **state)
{
    struct rig *rig = *state;
    store_close(rig->broker.store);
    rig->broker.store = NULL;
    folder_put(rig->folder, "dcls.db", "this was written by somebody else, at some length, for some other purpose\n");
    assert_refused(rig, "not a database");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_job_comes_back_as_it_was),
        TEST(what_an_ended_job_was_asked_for_with_is_read_from_the_store),
        TEST(results_come_one_by_one_and_one_told_anew_is_the_last),
        TEST(what_is_not_committed_yet_comes_behind_what_is),
        TEST(a_forgotten_job_is_gone_unless_it_made_a_model_that_is_known),
        TEST(the_oldest_ended_jobs_beyond_those_that_are_kept_are_forgotten),
        TEST(that_a_job_is_to_be_cancelled_comes_back),
        TEST(a_job_saved_again_keeps_its_report_and_its_place),
        TEST(report_and_log_are_those_of_the_newest_completed_job),
        TEST(models_come_back_and_forgotten_ones_do_not),
        TEST(a_second_broker_on_the_same_state_is_refused),
        TEST(a_database_of_another_version_is_refused),
        TEST(who_holds_a_model_and_what_is_to_be_removed_comes_back),
        TEST(what_is_no_database_is_refused),
        TEST(a_row_that_cannot_be_read_is_refused),
        TEST(a_database_with_overwritten_pages_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
