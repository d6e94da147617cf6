/* Databases of earlier versions, as those made them: nothing of them is lost. */
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

#define JOBS_1                                                                                                         \
    "CREATE TABLE jobs ("                                                                                              \
    " id INTEGER PRIMARY KEY, state TEXT NOT NULL, model_name TEXT NOT NULL, model_type TEXT NOT NULL,"                \
    " wanted TEXT NOT NULL, node TEXT NOT NULL, train_key TEXT NOT NULL UNIQUE, generation INTEGER NOT NULL,"          \
    " options TEXT NOT NULL, results TEXT NOT NULL, data TEXT, report TEXT, log TEXT, error TEXT,"                     \
    " created INTEGER NOT NULL, started INTEGER NOT NULL, ended INTEGER NOT NULL"
#define MODELS_1                                                                                                       \
    "CREATE INDEX jobs_by_model ON jobs (model_name, ended);"                                                          \
    "CREATE TABLE models ("                                                                                            \
    " name TEXT NOT NULL, sha256 TEXT NOT NULL, info TEXT, job TEXT NOT NULL, completed INTEGER NOT NULL"
#define KEY_1 ", PRIMARY KEY (name, sha256));"

static const char *const tables[] = {
    [1] = JOBS_1 ");" MODELS_1 KEY_1 "PRAGMA user_version = 1;",
    [2] = JOBS_1 ", notices TEXT);" MODELS_1 KEY_1 "PRAGMA user_version = 2;",
    [3] = JOBS_1 ", notices TEXT);" MODELS_1 ", holders TEXT" KEY_1
                 "CREATE TABLE removals (node TEXT NOT NULL, model TEXT NOT NULL, sha256 TEXT NOT NULL,"
                 " job TEXT NOT NULL, since INTEGER NOT NULL, PRIMARY KEY (node, model, sha256));"
                 "INSERT INTO removals VALUES ('n', 'm', '', '3', 17); PRAGMA user_version = 3;",
};

/* The columns that all versions have. */
static const char rows[] =
    "INSERT INTO jobs (id, state, model_name, model_type, wanted, node, train_key, generation, options, results, data,"
    " report, log, error, created, started, ended) VALUES"
    " (3, 'completed', 'm', 'resnet', 'node0', 'node0', 'train:1000', 2, '{\"epochs\":3,\"seed\":77}',"
    " '[{\"epoch\":1,\"train_loss\":0.1},{\"epoch\":2,\"train_loss\":1e-7},{\"epoch\":2,\"x\":\"\u00e4\"},"
    "{\"loss\":7}]', '{\"model_path\":\"p\"}', '{\"report\":1}', 'Epoch [1/3]', NULL, 11, 22, 33),"
    " (4, 'failed', 'm', 'resnet', '', 'node1', 'train:2000', 1, '{\"epochs\":2}', '[\"no JSON\",null,7,[1]]',"
    " NULL, NULL, NULL, 'node ''node1'' was lost', 44, 55, 66),"
    " (5, 'running', 'r', 'mobilenet', '', 'node1', 'train:3000', 1, '{\"epochs\":9}', '[{\"epoch\":1}]', NULL, NULL,"
    " NULL, NULL, 77, 88, 0),"
    " (6, 'queued', 'q', 'resnet', 'node0', '', 'train:4000', 0, '{\"epochs\":2}', 'no JSON', NULL, NULL, NULL, NULL,"
    " 99, 0, 0);"
    "INSERT INTO models (name, sha256, info, job, completed) VALUES ('seen', '" DIGEST "', NULL, '', 0),"
    " ('m', '" DIGEST "', '{\"classes\":[\"cow\"]}', '3', 33);";

/* In place of the rig's own. */
static void open_version(struct rig *rig, int version)
{
    char path[FOLDER_SIZE + 16], *why = NULL;
    sqlite3 *db;
    rig_close(rig);
    snprintf(path, sizeof path, "%s/dcls.db", rig->folder);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, tables[version], NULL, NULL, &why) || sqlite3_exec(db, rows, NULL, NULL, &why))
        fail_msg("version %d: %s", version, why);
    if (version == 3)
        assert_int_equal(sqlite3_exec(db, "UPDATE models SET holders = '[\"node0\"]'", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    rig_open(rig);
}

static void assert_results(struct rig *rig, const char *id, const char *expected)
{
    cJSON *results = rig_results(rig, id);
    char *text = cJSON_PrintUnformatted(results);
    assert_string_equal(text, expected);
    free(text);
    cJSON_Delete(results);
}

static void keep_text(void *arg, bool ok, const char *text)
{
    char **copy = arg;
    assert_true(ok && text);
    *copy = strdup(text);
}

static void assert_text(struct rig *rig, enum store_text what, const char *expected)
{
    char *text = NULL;
    assert_int_equal(store_read_text(&rig->broker, what, "m", keep_text, &text), 0);
    RIG_WAIT(rig, text);
    assert_string_equal(text, expected);
    free(text);
}

static void assert_jobs(struct rig *rig)
{
    const struct job *completed = jobs_find(rig->broker.jobs, "3"), *failed = jobs_find(rig->broker.jobs, "4");
    const struct job *running = jobs_find(rig->broker.jobs, "5"), *queued = jobs_find(rig->broker.jobs, "6");
    assert_int_equal(completed->state, JOB_COMPLETED);
    assert_string_equal(completed->requested_node, "node0");
    assert_string_equal(completed->train_key, "train:1000");
    assert_int_equal(completed->generation, 2);
    assert_int_equal(completed->epochs, 3);
    assert_int_equal(completed->epochs_done, 4);
    assert_int_equal(completed->created, 11);
    assert_int_equal(completed->started, 22);
    assert_int_equal(completed->ended, 33);
    assert_null(completed->error);
    assert_int_equal(failed->state, JOB_FAILED);
    assert_string_equal(failed->error, "node 'node1' was lost");
    assert_int_equal(failed->epochs_done, 0);
    assert_int_equal(running->state, JOB_RUNNING);
    assert_int_equal(running->epochs_done, 1);
    assert_int_equal(running->live->options.epochs, 9);
    assert_int_equal(running->live->ranks, 1); /* its node's, whatever instance */
    assert_string_equal(running->live->assignments[0].node, "node1");
    assert_string_equal(running->live->assignments[0].instance, "");
    assert_int_equal(queued->state, JOB_QUEUED);
    assert_string_equal(queued->requested_node, "node0");
}

static void a_database_of_each_earlier_version_is_brought_up_to_date_without_loss(void **state)
{
    struct rig *rig = *state;
    for (int version = 1; version <= 3; version++) {
        open_version(rig, version);
        for (int again = 0; again < 2; again++) {
            assert_jobs(rig);
            assert_results(rig, "3", "[{\"epoch\":1,\"train_loss\":0.1},{\"epoch\":2,\"x\":\"ä\"},{\"loss\":7}]");
            assert_results(rig, "4", "[]");
            assert_results(rig, "5", "[{\"epoch\":1}]");
            assert_text(rig, STORE_REPORT, "{\"report\":1}");
            assert_text(rig, STORE_LOG, "Epoch [1/3]");
            assert_true(models_know(rig->broker.models, "m"));
            rig_restart(rig);
        }
    }
    assert_string_equal(removals_first(rig->broker.removals)->node, "n");
}

static void of_a_database_that_kept_no_holders_the_node_that_made_a_model_is_one(void **state)
{
    struct rig *rig = *state;
    for (int version = 1; version <= 2; version++) {
        open_version(rig, version);
        const struct model *seen = models_first_of(rig->broker.models, "seen");
        const struct model *made = models_first_of(rig->broker.models, "m");
        assert_int_equal(seen->holders.count, 0);
        assert_int_equal(made->holders.count, 1);
        assert_string_equal(made->holders.items[0], "node0");
        assert_null(removals_first(rig->broker.removals));
    }
}

static void an_upgrade_that_fails_leaves_the_database_as_it_was(void **state)
{
    struct rig *rig = *state;
    char path[FOLDER_SIZE + 16];
    struct err err = ERR_INIT;
    sqlite3 *db;
    sqlite3_stmt *statement;
    store_close(rig->broker.store);
    rig->broker.store = NULL;
    snprintf(path, sizeof path, "%s/dcls.db", rig->folder);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, tables[3], NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "CREATE TABLE results (other TEXT)", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_null(store_open(&rig->broker, &err));
    assert_non_null(strstr(err.text, "dcls.db"));
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(statement, 0), 3);
    assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "SELECT results FROM jobs", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_database_of_each_earlier_version_is_brought_up_to_date_without_loss),
        TEST(of_a_database_that_kept_no_holders_the_node_that_made_a_model_is_one),
        TEST(an_upgrade_that_fails_leaves_the_database_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
