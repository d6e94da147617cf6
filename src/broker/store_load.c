/* See store_load.h. A row that cannot be read is an error, never the end of the rows. */
#include "store_load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/base/log.h"
#include "job.h"
#include "model.h"
#include "removal.h"
#include "store_db.h"

/* A column that is JSON; -1 where it is none, or memory lacks. */
static int read_json(sqlite3_stmt *row, int column, cJSON **value, struct err *err)
{
    const char *text = store_db_text(row, column);
    *value = *text ? cJSON_Parse(text) : NULL;
    if (*text && !*value)
        return err_set(err, "a row of the state's database has no JSON where it should, or memory lacks for it");
    return 0;
}

static int read_state(sqlite3_stmt *row, int column, enum job_state *state, struct err *err)
{
    const char *text = store_db_text(row, column);
    for (*state = JOB_QUEUED; *state < JOB_STATES; (*state)++)
        if (*state != JOB_ENDING && !strcmp(text, job_state_names[*state]))
            return 0;
    return err_set(err, "a job of the state's database is '%.40s'", text);
}

static int read_options(sqlite3_stmt *row, int column, struct job *job, struct err *err)
{
    struct err why = ERR_INIT;
    cJSON *options;
    if (read_json(row, column, &options, err))
        return -1;
    if (options && train_options_from_json(&job->live->options, options, &why))
        log_warn("job %s: %s", job->id, why.text);
    cJSON_Delete(options);
    job->epochs = job->live->options.epochs;
    return 0;
}

/* NULL where the column is empty. */
static int read_text(sqlite3_stmt *row, int column, char **value, struct err *err)
{
    const char *text = store_db_text(row, column);
    job_set_text(value, *text ? text : NULL);
    return *text && !*value ? err_set(err, "no memory for the jobs of the state's database") : 0;
}

static int read_lists(sqlite3_stmt *row, int notices_column, int assignments_column, struct job *job, struct err *err)
{
    cJSON *notices = NULL, *assignments = NULL;
    int failed = read_json(row, notices_column, &notices, err);
    if (!failed)
        failed = read_json(row, assignments_column, &assignments, err);
    job_add_notices(job, notices);
    job_set_assignments(job, assignments);
    cJSON_Delete(notices);
    cJSON_Delete(assignments);
    return failed;
}

static int read_job(sqlite3_stmt *row, struct job *job, struct err *err)
{
    snprintf(job->id, sizeof job->id, "%lld", (long long)sqlite3_column_int64(row, 0));
    if (read_state(row, 1, &job->state, err))
        return -1;
    snprintf(job->model_name, sizeof job->model_name, "%s", store_db_text(row, 2));
    snprintf(job->model_type, sizeof job->model_type, "%s", store_db_text(row, 3));
    snprintf(job->requested_node, sizeof job->requested_node, "%s", store_db_text(row, 4));
    snprintf(job->node, sizeof job->node, "%s", store_db_text(row, 5));
    snprintf(job->train_key, sizeof job->train_key, "%s", store_db_text(row, 6));
    job->generation = sqlite3_column_int64(row, 7);
    if (read_options(row, 8, job, err))
        return -1;
    job->epochs_done = job->epoch = sqlite3_column_int64(row, 9);
    job->created = sqlite3_column_int64(row, 11);
    job->started = sqlite3_column_int64(row, 12);
    job->ended = sqlite3_column_int64(row, 13);
    job->live->cancelling = sqlite3_column_int(row, 16);
    job->given_up = sqlite3_column_int(row, 18);
    if (read_text(row, 10, &job->error, err) || read_text(row, 17, &job->reason, err))
        return -1;
    if (read_lists(row, 14, 15, job, err))
        return -1;
    if (job_is_over(job) && !job->given_up)
        job_slim(job); /* at once: there may be many */
    return 0;
}

static int read_model(sqlite3_stmt *row, struct model *model, struct err *err)
{
    cJSON *holders, *holder;
    snprintf(model->name, sizeof model->name, "%s", store_db_text(row, 0));
    snprintf(model->sha256, sizeof model->sha256, "%s", store_db_text(row, 1));
    snprintf(model->job, sizeof model->job, "%s", store_db_text(row, 3));
    model->completed = sqlite3_column_int64(row, 4);
    if (read_json(row, 2, &model->info, err) || read_json(row, 5, &holders, err))
        return -1;
    int failed = 0;
    cJSON_ArrayForEach(holder, holders)
    {
        if (cJSON_IsString(holder) && strings_add(&model->holders, holder->valuestring))
            failed = err_set(err, "no memory for who holds model '%s'", model->name);
    }
    cJSON_Delete(holders);
    return failed;
}

static void read_removal(sqlite3_stmt *row, struct removal *removal)
{
    snprintf(removal->node, sizeof removal->node, "%s", store_db_text(row, 0));
    snprintf(removal->model, sizeof removal->model, "%s", store_db_text(row, 1));
    snprintf(removal->sha256, sizeof removal->sha256, "%s", store_db_text(row, 2));
    snprintf(removal->job, sizeof removal->job, "%s", store_db_text(row, 3));
    removal->since = sqlite3_column_int64(row, 4);
}

static int no_memory(struct err *err)
{
    return err_set(err, "no memory for what the state's database has");
}

static int load_jobs(sqlite3 *db, struct job **end, struct err *err)
{
    sqlite3_stmt *rows = store_db_prepare(db,
                                          "SELECT id, state, model_name, model_type, wanted, node, train_key,"
                                          " generation, options, epoch, error, created, started, ended, notices,"
                                          " assignments, cancelling, reason, given_up FROM jobs ORDER BY id",
                                          NULL, err);
    int more = rows ? 1 : -1;
    while (more > 0 && (more = store_db_step(db, rows, err)) > 0) {
        if (!(*end = job_new()))
            more = no_memory(err);
        else if (read_job(rows, *end, err) || store_db_check_row(db, err))
            more = -1;
        else
            end = &(*end)->next;
    }
    sqlite3_finalize(rows);
    return more;
}

static int load_models(sqlite3 *db, struct model **end, struct err *err)
{
    sqlite3_stmt *rows = store_db_prepare(
        db, "SELECT name, sha256, info, job, completed, holders FROM models ORDER BY completed", NULL, err);
    int more = rows ? 1 : -1;
    while (more > 0 && (more = store_db_step(db, rows, err)) > 0) {
        if (!(*end = calloc(1, sizeof **end)))
            more = no_memory(err);
        else if (read_model(rows, *end, err) || store_db_check_row(db, err))
            more = -1;
        else
            end = &(*end)->next;
    }
    sqlite3_finalize(rows);
    return more;
}

static int load_removals(sqlite3 *db, struct removal_list *list, struct err *err)
{
    sqlite3_stmt *rows =
        store_db_prepare(db, "SELECT node, model, sha256, job, since FROM removals ORDER BY since", NULL, err);
    int more = rows ? 1 : -1;
    while (more > 0 && (more = store_db_step(db, rows, err)) > 0) {
        struct removal *removal = calloc(1, sizeof *removal);
        if (!removal) {
            more = no_memory(err);
            continue;
        }
        TAILQ_INSERT_TAIL(list, removal, listed);
        read_removal(rows, removal);
        if (store_db_check_row(db, err))
            more = -1;
    }
    sqlite3_finalize(rows);
    return more;
}

/* The last of them may be half read. */
static void drop_all(struct job **jobs, struct model **models, struct removal_list *removals)
{
    for (struct job *job = *jobs, *next; job; job = next) {
        next = job->next;
        job_free(job);
    }
    for (struct model *model = *models, *next; model; model = next) {
        next = model->next;
        cJSON_Delete(model->info);
        strings_release(&model->holders);
        free(model);
    }
    while (!TAILQ_EMPTY(removals)) {
        struct removal *removal = TAILQ_FIRST(removals);
        TAILQ_REMOVE(removals, removal, listed);
        free(removal);
    }
    *jobs = NULL;
    *models = NULL;
}

int store_load_all(sqlite3 *db, struct job **jobs, struct model **models, struct removal_list *removals,
                   struct err *err)
{
    *jobs = NULL;
    *models = NULL;
    TAILQ_INIT(removals);
    if (!load_jobs(db, jobs, err) && !load_models(db, models, err) && !load_removals(db, removals, err))
        return 0;
    drop_all(jobs, models, removals);
    return -1;
}
