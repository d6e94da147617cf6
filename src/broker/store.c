/* The store: opens the database and says what is written and read, row by row. How is store_writer.h's and
 * store_reader.h's. */
#include "store.h"

#include <stdlib.h>
#include <string.h>

#include "broker.h"
#include "dcls/base/fs.h"
#include "dcls/base/log.h"
#include "dcls/proto/json.h"
#include "job.h"
#include "model.h"
#include "store_db.h"
#include "store_load.h"
#include "store_reader.h"
#include "store_rows.h"
#include "store_schema.h"
#include "store_statement.h"
#include "store_writer.h"

#define BUSY_MS 5000

struct store {
    sqlite3 *db;
    char *path;
    struct store_writer *writer;
};

static int open_database(struct store *store, struct err *err)
{
    if (sqlite3_open(store->path, &store->db) != SQLITE_OK)
        return err_set(err, "cannot open '%s': %s", store->path, store->db ? sqlite3_errmsg(store->db) : "no memory");
    sqlite3_busy_timeout(store->db, BUSY_MS);
    /* The exclusive lock keeps a second broker off the same state. */
    if (store_db_run(store->db, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL",
                     err) ||
        store_schema_prepare(store->db, err))
        return err_prefix(err, "'%s'", store->path);
    return 0;
}

struct store *store_open(struct broker *broker, struct err *err)
{
    struct store *store = calloc(1, sizeof *store);
    if (!store || !(store->path = fs_join(broker->state, "dcls.db"))) {
        err_set(err, "no memory for the state's database");
        goto fail;
    }
    if (fs_make_dirs(broker->state, err) || open_database(store, err))
        goto fail;
    if ((store->writer = store_writer_new(broker, store->db)))
        return store;
    err_set(err, "no memory for the state's database");
fail:
    store_close(store);
    return NULL;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    store_writer_free(store->writer);
    if (sqlite3_close(store->db) != SQLITE_OK)
        log_error("'%s' cannot be closed: %s", store->path, sqlite3_errmsg(store->db));
    free(store->path);
    free(store);
}

int store_load(struct store *store, struct job **jobs, struct model **models, struct removal_list *removals,
               struct err *err)
{
    if (store_load_all(store->db, jobs, models, removals, err))
        return err_prefix(err, "'%s'", store->path);
    return 0;
}

size_t store_depth(const struct store *store)
{
    return store_writer_depth(store->writer);
}

const char *store_failing(const struct store *store, int64_t *since_ms)
{
    return store_writer_failing(store->writer, since_ms);
}

/* Takes the statement, which may be NULL. */
static int write(const struct broker *broker, struct statement *statement, store_done *done, void *arg)
{
    return store_writer_add(broker->store->writer, statement, done, arg);
}

void store_probe(const struct broker *broker)
{
    if (!store_depth(broker->store))
        write(broker, statement_new(store_schema_touch), NULL, NULL);
}

/* Of a copy: see store_save_job. */
static struct statement *save_job(const struct job *job)
{
    static const struct job_live none;
    const struct job_live *live = job->live ? job->live : &none;
    /* Epochs come in order: one that is told anew is the last, whatever was stored behind it. */
    struct statement *statement = statement_new(
        "INSERT INTO jobs (id, state, model_name, model_type, wanted, node, train_key, options, data, report, log,"
        " error, notices, assignments, reason, generation, epoch, created, started, ended, cancelling, given_up)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22)"
        " ON CONFLICT (id) DO UPDATE SET state = ?2, node = ?6, data = coalesce(?9, data),"
        " report = coalesce(?10, report), log = coalesce(?11, log), error = ?12, notices = ?13, assignments = ?14,"
        " reason = ?15, generation = ?16, epoch = ?17, started = ?19, ended = ?20, cancelling = ?21, given_up = ?22;"
        "DELETE FROM results WHERE job = ?1 AND"
        " epoch > (SELECT max(json_extract(value, '$.epoch')) FROM json_each(?23));"
        "INSERT OR REPLACE INTO results (job, epoch, result)"
        " SELECT ?1, json_extract(value, '$.epoch'), value FROM json_each(?23)");
    cJSON *options = cJSON_CreateObject(), *notices = job_notices_json(job), *assignments = job_assignments_json(job);
    if (!notices || !assignments || !options || train_options_to_json(&live->options, options))
        statement_spoil(statement);
    statement_add_number(statement, strtoll(job->id, NULL, 10));
    statement_add_text(statement, job_state_names[job->state]);
    statement_add_text(statement, job->model_name);
    statement_add_text(statement, job->model_type);
    statement_add_text(statement, job->requested_node);
    statement_add_text(statement, job->node);
    statement_add_text(statement, job->train_key);
    statement_add_json(statement, options);
    statement_add_json(statement, live->end.data);
    statement_add_text(statement, live->end.report);
    statement_add_text(statement, live->end.log);
    statement_add_text(statement, job->error);
    statement_add_json(statement, notices);
    statement_add_json(statement, assignments);
    statement_add_text(statement, job->reason);
    statement_add_number(statement, job->generation);
    statement_add_number(statement, job->epochs_done);
    statement_add_number(statement, job->created);
    statement_add_number(statement, job->started);
    statement_add_number(statement, job->ended);
    statement_add_number(statement, live->cancelling);
    statement_add_number(statement, job->given_up);
    statement_add_json(statement, job->results);
    cJSON_Delete(options);
    cJSON_Delete(notices);
    cJSON_Delete(assignments);
    return statement;
}

int store_save_job(struct broker *broker, const struct job *job, store_done *done, void *arg)
{
    struct job *copy = job_copy_stored(job);
    struct statement *statement = copy ? save_job(copy) : NULL;
    job_free(copy);
    return write(broker, statement, done, arg);
}

int store_forget_jobs(struct broker *broker, const cJSON *ids, store_done *done, void *arg)
{
    struct statement *statement = statement_new(
        "DELETE FROM results WHERE job IN (SELECT value FROM json_each(?1) WHERE CAST(value AS TEXT) NOT IN"
        " (SELECT job FROM models));"
        "DELETE FROM jobs WHERE id IN (SELECT value FROM json_each(?1) WHERE CAST(value AS TEXT) NOT IN"
        " (SELECT job FROM models))");
    statement_add_json(statement, ids);
    return write(broker, statement, done, arg);
}

/* Binds an array of what `row` makes of each. */
static void add_models(struct statement *statement, const struct model *const *models, size_t count,
                       cJSON *(*row)(const struct model *model))
{
    cJSON *rows = cJSON_CreateArray();
    for (size_t i = 0; i < count; i++)
        if (!json_append(rows, row(models[i])))
            statement_spoil(statement);
    statement_add_json(statement, rows);
    cJSON_Delete(rows);
}

int store_save_models(struct broker *broker, const struct model *const *models, size_t count, store_done *done,
                      void *arg)
{
    struct statement *statement = statement_new(
        "INSERT INTO models (name, sha256, info, job, completed, holders)"
        " SELECT json_extract(value, '$.name'), json_extract(value, '$.sha256'), json_extract(value, '$.info'), "
        "json_extract(value, '$.job'),"
        " json_extract(value, '$.completed'), json_extract(value, '$.holders') FROM json_each(?1) WHERE true"
        " ON CONFLICT (name, sha256) DO UPDATE SET info = coalesce(excluded.info, info),"
        " job = excluded.job, completed = excluded.completed, holders = excluded.holders");
    add_models(statement, models, count, store_row_model);
    return write(broker, statement, done, arg);
}

int store_forget_models(struct broker *broker, const struct model *const *models, size_t count, store_done *done,
                        void *arg)
{
    struct statement *statement =
        statement_new("DELETE FROM models WHERE (name, sha256) IN (SELECT json_extract(value, '$.name'),"
                      " json_extract(value, '$.sha256') FROM json_each(?1))");
    add_models(statement, models, count, store_row_model_key);
    return write(broker, statement, done, arg);
}

int store_save_removals(struct broker *broker, const struct removal *removals, const struct removal_request *request,
                        store_done *done, void *arg)
{
    struct statement *statement = statement_new(
        "INSERT OR REPLACE INTO removals (node, model, sha256, job, since)"
        " SELECT json_extract(value, '$.node'), json_extract(value, '$.model'), json_extract(value, '$.sha256'),"
        " json_extract(value, '$.job'), json_extract(value, '$.since') FROM json_each(?1)");
    cJSON *rows = cJSON_CreateArray();
    for (const struct removal *removal = removals; removal; removal = TAILQ_NEXT(removal, listed))
        if (removal->request == request && removal->state == REMOVAL_NEW &&
            !json_append(rows, store_row_removal(removal)))
            statement_spoil(statement);
    statement_add_json(statement, rows);
    cJSON_Delete(rows);
    return write(broker, statement, done, arg);
}

int store_forget_removal(struct broker *broker, const struct removal *removal, store_done *done, void *arg)
{
    struct statement *statement = statement_new("DELETE FROM removals WHERE node = ?1 AND model = ?2 AND sha256 = ?3");
    statement_add_text(statement, removal->node);
    statement_add_text(statement, removal->model);
    statement_add_text(statement, removal->sha256);
    return write(broker, statement, done, arg);
}

int store_read_text(struct broker *broker, enum store_text what, const char *model, store_text_done *done, void *arg)
{
    static const char *const queries[] = {
        [STORE_REPORT] = "SELECT report FROM jobs WHERE model_name = ?1 AND state = 'completed' AND report NOT NULL"
                         " ORDER BY ended DESC, id DESC LIMIT 1",
        [STORE_LOG] = "SELECT log FROM jobs WHERE model_name = ?1 AND state = 'completed' AND log NOT NULL"
                      " ORDER BY ended DESC, id DESC LIMIT 1",
    };
    struct statement *statement = statement_new(queries[what]);
    statement_add_text(statement, model);
    return store_reader_ask(broker, broker->store->db, statement, done, arg);
}

int store_read_job(struct broker *broker, const char *job, store_text_done *done, void *arg)
{
    struct statement *statement = statement_new(
        "SELECT '{\"options\":' || iif(json_valid(options), options, '{}') || ',\"results\":[' ||"
        " coalesce((SELECT group_concat(result) FROM (SELECT result FROM results WHERE job = ?1 ORDER BY epoch)), '')"
        " || ']}' FROM jobs WHERE id = ?1");
    statement_add_number(statement, strtoll(job, NULL, 10));
    return store_reader_ask(broker, broker->store->db, statement, done, arg);
}
