/* GET /jobs, GET and DELETE /jobs/ID. The list comes in pages, the newest first; what grows with a training's epochs,
 * and what it was asked for with, is told of one job alone. */
#include <string.h>

#include "dcls/proto/json.h"
#include "dcls/proto/name.h"
#include "handlers.h"
#include "query_number.h"
#include "src/broker/broker.h"
#include "src/broker/job_table.h"
#include "src/broker/jobs_shell.h"
#include "src/broker/store.h"

#define PAGE_DEFAULT 100
#define PAGE_MAX 1000

/* What is asked of the list. */
struct jobs_page {
    int64_t limit;
    int64_t before; /* only older ones than that id */
    int state;      /* of enum job_state; -1: any */
    const char *model;
};

static int read_page(struct exchange *exchange, struct jobs_page *page)
{
    const char *state = exchange_query(exchange, "state");
    struct err err = ERR_INIT;
    if (query_number(exchange, "limit", 1, PAGE_MAX, PAGE_DEFAULT, &page->limit, &err) ||
        query_number(exchange, "before", 1, INT64_MAX - 1, INT64_MAX, &page->before, &err)) {
        exchange_error(exchange, 400, "%s", err.text);
        return -1;
    }
    page->state = -1;
    for (int i = 0; i < JOB_STATES && state; i++)
        if (!strcmp(state, job_state_names[i]))
            page->state = i;
    if (state && page->state < 0) {
        exchange_error(exchange, 400, "'state' is '%.40s': there is none of that name", state);
        return -1;
    }
    page->model = exchange_query(exchange, "model");
    if (page->model && !name_is_valid(page->model)) {
        exchange_error(exchange, 400, "'model' is '%.80s': that is no name", page->model);
        return -1;
    }
    return 0;
}

static bool is_asked_for(const struct jobs_page *page, const struct job *job)
{
    if (page->state >= 0 && (int)job_shown(job) != page->state)
        return false;
    return !page->model || !strcmp(job->model_name, page->model);
}

/* How many of those below a place are asked for. */
static size_t count_older(const struct jobs *jobs, const struct jobs_page *page, size_t place)
{
    size_t count = 0;
    if (page->state < 0 && !page->model)
        return place; /* what is not committed yet is new */
    while (place > 0) {
        const struct job *job = jobs_in_place(jobs, --place);
        count += job && is_asked_for(page, job);
    }
    return count;
}

void handle_jobs(struct exchange *exchange)
{
    const struct jobs *jobs = exchange->broker->jobs;
    struct jobs_page page;
    if (read_page(exchange, &page))
        return;
    cJSON *object = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(object, "jobs");
    const struct job *last = NULL;
    size_t place = page.before == INT64_MAX ? jobs_places(jobs) : jobs_place_from(jobs, page.before);
    bool whole = list;
    while (place > 0 && page.limit > 0 && whole) {
        const struct job *job = jobs_in_place(jobs, --place);
        if (!job || !is_asked_for(&page, job))
            continue;
        whole = json_append(list, job_json(job));
        last = job;
        page.limit--;
    }
    size_t more = count_older(jobs, &page, place);
    whole = whole && cJSON_AddNumberToObject(object, "more", (double)more);
    if (more && last)
        whole = whole && cJSON_AddStringToObject(object, "next", last->id);
    exchange_object(exchange, 200, object, whole);
}

static void on_read(void *arg, bool ok, const char *text)
{
    struct exchange *exchange = arg;
    const struct job *job = jobs_find(exchange->broker->jobs, exchange->args[0]);
    cJSON *stored = text ? cJSON_Parse(text) : NULL;
    if (!job) {
        exchange_error(exchange, 404, "there is no job '%.80s' any more", exchange->args[0]);
    } else if (!ok || (text && !stored)) {
        exchange_error(exchange, 500, "the results of job '%.80s' cannot be read", exchange->args[0]);
    } else {
        cJSON *object = job_json(job), *options = cJSON_DetachItemFromObjectCaseSensitive(stored, "options");
        cJSON *results = job_results_json(job, cJSON_DetachItemFromObjectCaseSensitive(stored, "results"));
        bool whole = json_add(object, "options", options ? options : cJSON_CreateObject());
        whole = json_add(object, "results", results) && whole;
        exchange_object(exchange, 200, object, whole);
    }
    cJSON_Delete(stored);
}

void handle_job(struct exchange *exchange)
{
    const struct job *job = jobs_find(exchange->broker->jobs, exchange->args[0]);
    if (!job)
        exchange_error(exchange, 404, "there is no job '%.80s'", exchange->args[0]);
    else if (store_read_job(exchange->broker, job->id, on_read, exchange))
        exchange_error(exchange, 503, "no memory");
}

static void on_cancelled(void *arg, int status)
{
    struct exchange *exchange = arg;
    if (status == 409)
        exchange_error(exchange, status, "job '%.80s' ended before it was cancelled", exchange->args[0]);
    else if (status >= 400)
        exchange_error(exchange, status, "that it is cancelled could not be stored yet: it is tried again");
    else
        exchange_json(exchange, status, job_json(jobs_find(exchange->broker->jobs, exchange->args[0])));
}

void handle_job_cancel(struct exchange *exchange)
{
    struct refusal refusal;
    if (jobs_shell_cancel(exchange->broker, exchange->args[0], on_cancelled, exchange, &refusal))
        exchange_refuse(exchange, &refusal);
}
