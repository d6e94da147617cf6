/* Jobs, models and results in SQLite. */
#include "store.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "broker.h"
#include "dcls/base/fs.h"
#include "dcls/base/log.h"
#include "job.h"
#include "lanes.h"
#include "model.h"
#include "removal.h"
#include "store_rows.h"

#define SCHEMA_VERSION 3
#define BUSY_MS 5000

static const char schema[] = "CREATE TABLE jobs ("
                             " id INTEGER PRIMARY KEY, state TEXT NOT NULL, model_name TEXT NOT NULL,"
                             " model_type TEXT NOT NULL, wanted TEXT NOT NULL, node TEXT NOT NULL,"
                             " train_key TEXT NOT NULL UNIQUE, generation INTEGER NOT NULL, options TEXT NOT NULL,"
                             " results TEXT NOT NULL, data TEXT, report TEXT, log TEXT, error TEXT,"
                             " created INTEGER NOT NULL, started INTEGER NOT NULL, ended INTEGER NOT NULL,"
                             " notices TEXT);"
                             "CREATE INDEX jobs_by_model ON jobs (model_name, ended);"
                             "CREATE TABLE models ("
                             " name TEXT NOT NULL, sha256 TEXT NOT NULL, info TEXT, job TEXT NOT NULL,"
                             " completed INTEGER NOT NULL, holders TEXT, PRIMARY KEY (name, sha256));"
                             "CREATE TABLE removals ("
                             " node TEXT NOT NULL, model TEXT NOT NULL, sha256 TEXT NOT NULL, job TEXT NOT NULL,"
                             " since INTEGER NOT NULL, PRIMARY KEY (node, model, sha256));"
                             "PRAGMA user_version = 3;";
/* From each version to the next. Who holds a model was not kept before 3: the node that made it does. */
static const char *const upgrades[SCHEMA_VERSION] = {
    [1] = "ALTER TABLE jobs ADD COLUMN notices TEXT; PRAGMA user_version = 2;",
    [2] = "ALTER TABLE models ADD COLUMN holders TEXT;"
          "UPDATE models SET holders = (SELECT json_array(node) FROM jobs WHERE id = models.job AND node <> '');"
          "CREATE TABLE removals ("
          " node TEXT NOT NULL, model TEXT NOT NULL, sha256 TEXT NOT NULL, job TEXT NOT NULL,"
          " since INTEGER NOT NULL, PRIMARY KEY (node, model, sha256));"
          "PRAGMA user_version = 3;",
};

struct store {
    sqlite3 *db;
};

static int run(sqlite3 *db, const char *sql, struct err *err)
{
    char *message = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &message) == SQLITE_OK)
        return 0;
    err_set(err, "the state's database: %s", message ? message : sqlite3_errmsg(db));
    sqlite3_free(message);
    return -1;
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql, struct err *err)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
        err_set(err, "the state's database: %s", sqlite3_errmsg(db));
    return statement;
}

static int create_or_check(sqlite3 *db, struct err *err)
{
    sqlite3_stmt *statement = prepare(db, "PRAGMA user_version", err);
    if (!statement)
        return -1;
    int version = sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int(statement, 0) : -1;
    sqlite3_finalize(statement);
    if (version == SCHEMA_VERSION)
        return 0;
    if (version < 0 || version > SCHEMA_VERSION)
        return err_set(err, "the state's database is of version %d, this program knows %d", version, SCHEMA_VERSION);
    if (run(db, "BEGIN IMMEDIATE", err))
        return -1;
    int failed = version ? 0 : run(db, schema, err);
    for (int from = version; !failed && from && from < SCHEMA_VERSION; from++)
        failed = run(db, upgrades[from], err);
    if (failed) {
        run(db, "ROLLBACK", NULL);
        return -1;
    }
    return run(db, "COMMIT", err);
}

static const char *column(sqlite3_stmt *row, int at)
{
    const char *text = (const char *)sqlite3_column_text(row, at);
    return text ? text : "";
}

static struct job *read_job(sqlite3_stmt *row)
{
    struct job *job = job_new();
    if (!job)
        return NULL;
    snprintf(job->id, sizeof job->id, "%lld", (long long)sqlite3_column_int64(row, 0));
    for (enum job_state state = JOB_QUEUED; state < JOB_STATES; state++)
        if (!strcmp(column(row, 1), job_state_names[state]))
            job->state = state;
    snprintf(job->model_name, sizeof job->model_name, "%s", column(row, 2));
    snprintf(job->model_type, sizeof job->model_type, "%s", column(row, 3));
    snprintf(job->requested_node, sizeof job->requested_node, "%s", column(row, 4));
    snprintf(job->node, sizeof job->node, "%s", column(row, 5));
    snprintf(job->train_key, sizeof job->train_key, "%s", column(row, 6));
    job->generation = sqlite3_column_int64(row, 7);
    train_options_init(&job->options);
    cJSON *options = cJSON_Parse(column(row, 8));
    struct err err = ERR_INIT;
    if (options && train_options_from_json(&job->options, options, &err))
        log_warn("job %s: %s", job->id, err.text);
    cJSON_Delete(options);
    job_set_results(job, cJSON_Parse(column(row, 9)));
    job->data = cJSON_Parse(column(row, 10));
    job->error = *column(row, 11) ? strdup(column(row, 11)) : NULL;
    job->created = sqlite3_column_int64(row, 12);
    job->started = sqlite3_column_int64(row, 13);
    job->ended = sqlite3_column_int64(row, 14);
    cJSON *notices = cJSON_Parse(column(row, 15));
    job_add_notices(job, notices);
    cJSON_Delete(notices);
    return job;
}

static struct model *read_model(sqlite3_stmt *row)
{
    struct model *model = calloc(1, sizeof *model);
    if (!model)
        return NULL;
    snprintf(model->name, sizeof model->name, "%s", column(row, 0));
    snprintf(model->sha256, sizeof model->sha256, "%s", column(row, 1));
    model->info = cJSON_Parse(column(row, 2));
    snprintf(model->job, sizeof model->job, "%s", column(row, 3));
    model->completed = sqlite3_column_int64(row, 4);
    cJSON *holders = cJSON_Parse(column(row, 5)), *holder;
    cJSON_ArrayForEach(holder, holders)
    {
        if (cJSON_IsString(holder) && strings_add(&model->holders, holder->valuestring))
            log_error("no memory for who holds model '%s'", model->name);
    }
    cJSON_Delete(holders);
    return model;
}

static struct removal *read_removal(sqlite3_stmt *row)
{
    struct removal *removal = calloc(1, sizeof *removal);
    if (!removal)
        return NULL;
    snprintf(removal->node, sizeof removal->node, "%s", column(row, 0));
    snprintf(removal->model, sizeof removal->model, "%s", column(row, 1));
    snprintf(removal->sha256, sizeof removal->sha256, "%s", column(row, 2));
    snprintf(removal->job, sizeof removal->job, "%s", column(row, 3));
    removal->since = sqlite3_column_int64(row, 4);
    return removal;
}

/* Rows that broke off half-way show here. */
static int end_rows(sqlite3 *db, sqlite3_stmt *rows, int status, struct err *err)
{
    if (sqlite3_finalize(rows) != SQLITE_OK && !status)
        status = err_set(err, "the state's database: %s", sqlite3_errmsg(db));
    return status;
}

static int load_jobs(sqlite3 *db, struct job **end, struct err *err)
{
    sqlite3_stmt *rows =
        prepare(db,
                "SELECT id, state, model_name, model_type, wanted, node, train_key, generation,"
                " options, results, data, error, created, started, ended, notices FROM jobs ORDER BY id",
                err);
    int status = rows ? 0 : -1;
    while (!status && sqlite3_step(rows) == SQLITE_ROW) {
        if ((*end = read_job(rows)))
            end = &(*end)->next;
        else
            status = err_set(err, "no memory for the jobs of the state's database");
    }
    return end_rows(db, rows, status, err);
}

static int load_models(sqlite3 *db, struct model **end, struct err *err)
{
    sqlite3_stmt *rows =
        prepare(db, "SELECT name, sha256, info, job, completed, holders FROM models ORDER BY completed", err);
    int status = rows ? 0 : -1;
    while (!status && sqlite3_step(rows) == SQLITE_ROW) {
        if ((*end = read_model(rows)))
            end = &(*end)->next;
        else
            status = err_set(err, "no memory for the models of the state's database");
    }
    return end_rows(db, rows, status, err);
}

static int load_removals(sqlite3 *db, struct removal_list *list, struct err *err)
{
    sqlite3_stmt *rows = prepare(db, "SELECT node, model, sha256, job, since FROM removals ORDER BY since", err);
    int status = rows ? 0 : -1;
    while (!status && sqlite3_step(rows) == SQLITE_ROW) {
        struct removal *removal = read_removal(rows);
        if (removal)
            TAILQ_INSERT_TAIL(list, removal, listed);
        else
            status = err_set(err, "no memory for the removals of the state's database");
    }
    return end_rows(db, rows, status, err);
}

int store_load(struct store *store, struct job **jobs, struct model **models, struct removal_list *removals,
               struct err *err)
{
    *jobs = NULL;
    *models = NULL;
    TAILQ_INIT(removals);
    if (load_jobs(store->db, jobs, err) || load_models(store->db, models, err))
        return -1;
    return load_removals(store->db, removals, err);
}

struct store *store_open(struct broker *broker, struct err *err)
{
    struct store *store = calloc(1, sizeof *store);
    char *path = fs_join(broker->state, "dcls.db");
    if (!store || !path) {
        err_set(err, "no memory for the state's database");
        goto fail;
    }
    if (fs_make_dirs(broker->state, err))
        goto fail;
    if (sqlite3_open(path, &store->db) != SQLITE_OK) {
        err_set(err, "cannot open '%s': %s", path, store->db ? sqlite3_errmsg(store->db) : "no memory");
        goto fail;
    }
    sqlite3_busy_timeout(store->db, BUSY_MS);
    /* The exclusive lock keeps a second broker off the same state. */
    if (run(store->db, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL", err) ||
        create_or_check(store->db, err)) {
        err_prefix(err, "'%s'", path);
        goto fail;
    }
    free(path);
    return store;
fail:
    free(path);
    store_close(store);
    return NULL;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    sqlite3_close(store->db);
    free(store);
}

/* One statement with text and integer parameters, to be run on the thread pool. */
#define TEXTS_MAX 14
#define NUMBERS_MAX 5
struct statement {
    struct store *store;
    const char *sql;
    char *texts[TEXTS_MAX]; /* bound as ?1, …; NULL: SQL NULL */
    int text_count;
    int64_t numbers[NUMBERS_MAX]; /* bound behind the texts */
    int number_count;
    bool short_of_memory;
    char *answer;                                    /* the first column of the first row; NULL: none */
    void (*done)(void *arg, bool ok);                /* one of these, */
    void (*answered)(void *arg, const char *answer); /* or none */
    void *arg;
};

static struct statement *statement_new(struct store *store, const char *sql)
{
    struct statement *statement = calloc(1, sizeof *statement);
    if (statement) {
        statement->store = store;
        statement->sql = sql;
    }
    return statement;
}

static void add_text(struct statement *statement, const char *text)
{
    assert(statement->text_count < TEXTS_MAX);
    char *copy = text ? strdup(text) : NULL;
    statement->short_of_memory |= text && !copy;
    statement->texts[statement->text_count++] = copy;
}

static void add_json(struct statement *statement, const cJSON *value)
{
    assert(statement->text_count < TEXTS_MAX);
    char *text = value ? cJSON_PrintUnformatted(value) : NULL;
    statement->short_of_memory |= value && !text;
    statement->texts[statement->text_count++] = text;
}

static void add_number(struct statement *statement, int64_t number)
{
    assert(statement->number_count < NUMBERS_MAX);
    statement->numbers[statement->number_count++] = number;
}

static void statement_free(struct statement *statement)
{
    for (int i = 0; i < statement->text_count; i++)
        free(statement->texts[i]);
    free(statement->answer);
    free(statement);
}

static int run_statement(void *arg, const atomic_bool *stop, struct err *err)
{
    struct statement *statement = arg;
    sqlite3 *db = statement->store->db;
    (void)stop;
    sqlite3_stmt *prepared = prepare(db, statement->sql, err);
    int status = prepared ? SQLITE_OK : SQLITE_ERROR;
    for (int i = 0; i < statement->text_count && status == SQLITE_OK; i++)
        status = statement->texts[i] ? sqlite3_bind_text(prepared, i + 1, statement->texts[i], -1, SQLITE_STATIC)
                                     : sqlite3_bind_null(prepared, i + 1);
    for (int i = 0; i < statement->number_count && status == SQLITE_OK; i++)
        status = sqlite3_bind_int64(prepared, statement->text_count + i + 1, statement->numbers[i]);
    if (status == SQLITE_OK)
        status = sqlite3_step(prepared);
    if (status == SQLITE_ROW)
        statement->answer = strdup(column(prepared, 0));
    else if (status != SQLITE_DONE)
        log_error("the state's database: %s", sqlite3_errmsg(db));
    sqlite3_finalize(prepared);
    return status == SQLITE_ROW || status == SQLITE_DONE ? 0 : -1;
}

static void done_statement(void *arg, int result, const struct err *err)
{
    struct statement *statement = arg;
    (void)err;
    if (statement->done)
        statement->done(statement->arg, !result);
    if (statement->answered)
        statement->answered(statement->arg, statement->answer);
    statement_free(statement);
}

static int submit(struct broker *broker, struct statement *statement)
{
    if (!statement->short_of_memory &&
        thread_pool_submit(broker->pool, LANE_STORE, run_statement, done_statement, statement))
        return 0;
    log_error("no room for what the state's database is asked");
    statement_free(statement);
    return -1;
}

int store_save_job(struct broker *broker, const struct job *job, const char *report, const char *log,
                   void (*done)(void *arg, bool ok), void *arg)
{
    struct statement *statement = statement_new(
        broker->store,
        "INSERT INTO jobs (state, model_name, model_type, wanted, node, train_key, options, results, data,"
        " report, log, error, notices, id, generation, created, started, ended)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)"
        " ON CONFLICT (id) DO UPDATE SET state = ?1, node = ?5, results = ?8, data = coalesce(?9, data),"
        " report = coalesce(?10, report), log = coalesce(?11, log), error = ?12, notices = ?13,"
        " generation = ?15, started = ?17, ended = ?18");
    if (!statement)
        return -1;
    cJSON *options = cJSON_CreateObject(), *notices = job_notices_json(job);
    statement->short_of_memory |= !notices;
    statement->short_of_memory |= !options || train_options_to_json(&job->options, options);
    const char *const names[] = { job_state_names[job->state], job->model_name, job->model_type,
                                  job->requested_node,         job->node,       job->train_key };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        add_text(statement, names[i]);
    add_json(statement, options);
    add_json(statement, job->results);
    add_json(statement, job->data);
    add_text(statement, report);
    add_text(statement, log);
    add_text(statement, job->error);
    add_json(statement, notices);
    const int64_t numbers[] = { strtoll(job->id, NULL, 10), job->generation, job->created, job->started, job->ended };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        add_number(statement, numbers[i]);
    cJSON_Delete(options);
    cJSON_Delete(notices);
    statement->done = done;
    statement->arg = arg;
    return submit(broker, statement);
}

void store_save_models(struct broker *broker, struct model *models)
{
    struct statement *statement = statement_new(
        broker->store,
        "INSERT INTO models (name, sha256, info, job, completed, holders)"
        " SELECT json_extract(value, '$.name'), json_extract(value, '$.sha256'), json_extract(value, '$.info'), "
        "json_extract(value, '$.job'),"
        " json_extract(value, '$.completed'), json_extract(value, '$.holders') FROM json_each(?1) WHERE true"
        " ON CONFLICT (name, sha256) DO UPDATE SET info = coalesce(excluded.info, info),"
        " job = excluded.job, completed = excluded.completed, holders = excluded.holders");
    cJSON *rows = cJSON_CreateArray();
    for (struct model *model = models; model && statement; model = model->next) {
        if (model->changed && !cJSON_AddItemToArray(rows, store_row_model(model)))
            statement->short_of_memory = true;
        model->changed = false;
    }
    if (statement)
        add_json(statement, rows);
    if (statement && cJSON_GetArraySize(rows))
        submit(broker, statement);
    else if (statement)
        statement_free(statement);
    cJSON_Delete(rows);
}

void store_forget_model(struct broker *broker, const char *name, const char *sha256)
{
    struct statement *statement = statement_new(broker->store, "DELETE FROM models WHERE name = ?1 AND sha256 = ?2");
    if (!statement)
        return;
    add_text(statement, name);
    add_text(statement, sha256);
    submit(broker, statement);
}

int store_save_removals(struct broker *broker, const struct removal *removals, const struct removal_request *request,
                        void (*done)(void *arg, bool ok), void *arg)
{
    struct statement *statement = statement_new(
        broker->store,
        "INSERT OR REPLACE INTO removals (node, model, sha256, job, since)"
        " SELECT json_extract(value, '$.node'), json_extract(value, '$.model'), json_extract(value, '$.sha256'),"
        " json_extract(value, '$.job'), json_extract(value, '$.since') FROM json_each(?1)");
    if (!statement)
        return -1;
    cJSON *rows = cJSON_CreateArray();
    for (const struct removal *removal = removals; removal; removal = TAILQ_NEXT(removal, listed))
        if (removal->request == request && removal->state == REMOVAL_NEW)
            statement->short_of_memory |= !cJSON_AddItemToArray(rows, store_row_removal(removal));
    add_json(statement, rows);
    cJSON_Delete(rows);
    statement->done = done;
    statement->arg = arg;
    return submit(broker, statement);
}

void store_forget_removal(struct broker *broker, const struct removal *removal)
{
    struct statement *statement =
        statement_new(broker->store, "DELETE FROM removals WHERE node = ?1 AND model = ?2 AND sha256 = ?3");
    if (!statement)
        return;
    add_text(statement, removal->node);
    add_text(statement, removal->model);
    add_text(statement, removal->sha256);
    submit(broker, statement);
}

int store_read_text(struct broker *broker, enum store_text what, const char *model,
                    void (*done)(void *arg, const char *text), void *arg)
{
    static const char *const queries[] = {
        [STORE_REPORT] = "SELECT report FROM jobs WHERE model_name = ?1 AND state = 'completed' AND report NOT NULL"
                         " ORDER BY ended DESC, id DESC LIMIT 1",
        [STORE_LOG] = "SELECT log FROM jobs WHERE model_name = ?1 AND state = 'completed' AND log NOT NULL"
                      " ORDER BY ended DESC, id DESC LIMIT 1",
    };
    struct statement *statement = statement_new(broker->store, queries[what]);
    if (!statement)
        return -1;
    add_text(statement, model);
    statement->answered = done;
    statement->arg = arg;
    return submit(broker, statement);
}
