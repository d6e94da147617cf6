/* The list of trainings: the newest, or all of them, page by page. */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "api.h"
#include "client.h"
#include "commands.h"
#include "dcls/proto/json.h"
#include "dcls/proto/name.h"
#include "list.h"
#include "progress.h"
#include "table.h"

#define SHOWN 20      /* where neither --limit nor --all is given */
#define PAGE_MAX 1000 /* the broker gives no more at once */

struct jobs_command {
    const char *state, *model;
    int limit; /* 0: not given */
    bool all;
};

static void job_row(struct table *table, const cJSON *job)
{
    struct progress progress;
    const char *state = api_text(job, "state");
    progress_read(&progress, job);
    table_cell(table, api_text(job, "id"));
    table_cell(table, state);
    if (!strcmp(state, "running") && progress.batches > 0)
        table_cellf(table, "%d/%d, %d%%", progress.epoch, progress.epochs,
                    (int)(100.0 * progress.batch / progress.batches));
    else
        table_cellf(table, "%d/%d", progress.epoch, progress.epochs);
    if (!strcmp(state, "running") && isfinite(progress.images_per_second))
        table_cellf(table, "%.1f", progress.images_per_second);
    else
        table_cell(table, "-");
    table_cell(table, api_text(job, "modelName"));
    table_cell(table, api_text(job, "modelType"));
    list_cell_names(table, cJSON_GetObjectItemCaseSensitive(job, "nodes"));
    table_cell(table, *api_text(job, "error") ? api_text(job, "error") : api_text(job, "reason"));
}

static const struct listing listing = { "jobs",
                                        "Lists the trainings, queued, running and ended: the newest, which come last.",
                                        { ">JOB", "STATE", ">EPOCH", ">IMAGES/S", "MODEL", "TYPE", "NODE", "NOTE" },
                                        job_row };

static int parse(struct client *client, struct jobs_command *command, int argc, char **argv, int *status)
{
    const struct command_option own[] = {
        { "all", OPTION_SWITCH, NULL, &command->all, .help = "every one that is kept" },
        { "limit", OPTION_INT, "N", &command->limit, .help = "how many", .min = 1, .max = INT_MAX, .absent = "20" },
        { "state", OPTION_CHOICE, "STATE", &command->state, .help = "only those of that state",
          .choices = "queued|starting|running|ending|completed|failed|cancelled" },
        { "model", OPTION_TEXT, "MODEL", &command->model, .help = "only those that train that model" },
        { 0 },
    };
    const struct command_line line = { .summary = listing.summary, .tables = { own } };
    struct err err = ERR_INIT;
    int first;
    if (client_parse(client, &line, argc, argv, &first, status))
        return -1;
    if (command->all && command->limit)
        err_set(&err, "--all and --limit exclude each other");
    else if (command->model && !name_is_valid(command->model))
        err_set(&err, "'%s' is no MODEL", command->model);
    else
        return 0;
    *status = client_wrong(argv[0], &err);
    return -1;
}

/* One page of at most `limit`, those older than `before` (NULL: the newest). */
static cJSON *get_page(const struct client *client, const struct jobs_command *command, int limit, const char *before,
                       struct err *err)
{
    struct buf path;
    char count[16];
    cJSON *answer = NULL;
    snprintf(count, sizeof count, "%d", limit < PAGE_MAX ? limit : PAGE_MAX);
    buf_init(&path, API_PATH_MAX);
    if (buf_puts(&path, "/jobs") || api_add_query(&path, "limit", count) || api_add_query(&path, "before", before) ||
        api_add_query(&path, "state", command->state) || api_add_query(&path, "model", command->model))
        err_set(err, "no memory");
    else
        answer = api_get(client, buf_text(&path), err);
    buf_release(&path);
    return answer;
}

static int wrong_page(cJSON *answer, struct err *err)
{
    cJSON_Delete(answer);
    return err_set(err, "the broker's list of jobs does not end");
}

/* In front of what `answer` has behind its page: the next one. */
static int add_page(cJSON *answer, cJSON *page, struct err *err)
{
    cJSON *jobs = cJSON_GetObjectItemCaseSensitive(answer, "jobs");
    cJSON *more = cJSON_GetObjectItemCaseSensitive(page, "jobs"), *job;
    if (cJSON_GetArraySize(more) == 0)
        return wrong_page(page, err);
    while ((job = cJSON_DetachItemFromArray(more, 0)))
        json_append(jobs, job);
    for (int i = 0; i < 2; i++) {
        const char *member = i ? "next" : "more";
        cJSON_DeleteItemFromObjectCaseSensitive(answer, member);
        job = cJSON_DetachItemFromObjectCaseSensitive(page, member);
        if (job)
            json_add(answer, member, job);
    }
    cJSON_Delete(page);
    return 0;
}

/* As the broker answers, but as many as are wanted; the caller's. */
static cJSON *get_jobs(const struct client *client, const struct jobs_command *command, struct err *err)
{
    int wanted = command->all ? INT_MAX : command->limit ? command->limit : SHOWN;
    cJSON *answer = get_page(client, command, wanted, NULL, err);
    for (;;) {
        const char *next = answer ? json_text(answer, "next") : NULL;
        int left = wanted - cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(answer, "jobs"));
        if (!next || left <= 0)
            return answer;
        cJSON *page = get_page(client, command, left, next, err);
        if (page && !add_page(answer, page, err))
            continue;
        cJSON_Delete(answer);
        return NULL;
    }
}

/* The newest last, where a person looks. */
static int print_jobs(cJSON *answer)
{
    cJSON *jobs = cJSON_GetObjectItemCaseSensitive(answer, "jobs"), *turned = cJSON_CreateArray();
    double more = json_number(answer, "more", 0);
    while (turned && jobs && jobs->child)
        json_append(turned, cJSON_DetachItemViaPointer(jobs, jobs->child->prev));
    int status = list_print(&listing, turned);
    cJSON_Delete(turned);
    if (more > 0)
        fprintf(stderr, "%.0f older %s not shown: --all lists them\n", more, more > 1 ? "ones are" : "one is");
    return status;
}

int client_jobs(int argc, char **argv)
{
    struct client client;
    struct jobs_command command = { .all = false };
    struct err err = ERR_INIT;
    int status;
    if (parse(&client, &command, argc, argv, &status))
        return status;
    cJSON *answer = get_jobs(&client, &command, &err);
    if (!answer)
        return client_fail(&err);
    status = client.json ? client_print_json(answer) : print_jobs(answer);
    cJSON_Delete(answer);
    return status;
}
