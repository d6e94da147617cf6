/* What a training is made of, its copies and its JSON. */
#include "job.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/proto/json.h"

const char *const job_state_names[JOB_STATES] = { "queued",    "starting", "running",  "ending",
                                                  "completed", "failed",   "cancelled" };

struct job *job_new(void)
{
    struct job *job = calloc(1, sizeof *job);
    struct job_live *live = calloc(1, sizeof *live);
    if (!job || !live) {
        free(job);
        free(live);
        return NULL;
    }
    train_options_init(&live->options);
    job->epochs = live->options.epochs;
    job->live = live;
    return job;
}

void job_release_end(struct job_end *end)
{
    free(end->error);
    free(end->report);
    free(end->log);
    cJSON_Delete(end->data);
    *end = (struct job_end){ 0 };
}

static void free_live(struct job *job)
{
    if (job->live) {
        job_release_end(&job->live->end);
        cJSON_Delete(job->live->result);
    }
    free(job->live);
    job->live = NULL;
}

static void free_notices(struct job *job)
{
    if (job->notices)
        notices_release(job->notices);
    free(job->notices);
    job->notices = NULL;
}

void job_free(struct job *job)
{
    if (!job)
        return;
    free_live(job);
    free_notices(job);
    free(job->error);
    free(job->reason);
    cJSON_Delete(job->results);
    free(job);
}

void job_slim(struct job *job)
{
    free_live(job);
}

void job_set_text(char **member, const char *text)
{
    char *copy = text ? strdup(text) : NULL;
    free(*member);
    *member = copy;
}

/* Results and notices */

static double epoch_of(const cJSON *result)
{
    double epoch = json_number(result, "epoch", 0);
    return epoch <= 1e9 ? floor(epoch) : 0;
}

/* Takes the copy, behind the others, or in place of the last. False where memory lacks. */
static bool put_result(cJSON *list, cJSON *copy, double epoch)
{
    cJSON *last = list && list->child ? list->child->prev : NULL;
    if (!json_append(list, copy))
        return false;
    if (last && epoch_of(last) >= epoch)
        cJSON_Delete(cJSON_DetachItemViaPointer(list, last));
    return true;
}

bool job_add_result(struct job *job, const cJSON *result)
{
    double epoch = epoch_of(result);
    if (epoch < 1 || epoch < (double)job->epochs_done)
        return false;
    cJSON *newest = cJSON_Duplicate(result, true);
    if (newest) {
        cJSON_Delete(job->live->result);
        job->live->result = newest;
    }
    if (!job->results)
        job->results = cJSON_CreateArray();
    if (!put_result(job->results, cJSON_Duplicate(result, true), epoch))
        return false;
    job->epochs_done = (int64_t)epoch;
    return true;
}

/* A copy that says its epoch. */
static cJSON *copy_of_epoch(const cJSON *result, double epoch)
{
    cJSON *copy = cJSON_Duplicate(result, true);
    if (!copy || epoch_of(copy) >= 1)
        return copy;
    cJSON_DeleteItemFromObjectCaseSensitive(copy, "epoch");
    if (cJSON_AddNumberToObject(copy, "epoch", epoch))
        return copy;
    cJSON_Delete(copy);
    return NULL;
}

bool job_set_results(struct job *job, const cJSON *results)
{
    const cJSON *result;
    cJSON *list = cJSON_CreateArray();
    double done = 0;
    bool whole = list;
    cJSON_ArrayForEach(result, results)
    {
        double epoch = epoch_of(result) >= 1 ? epoch_of(result) : done + 1;
        if (!whole || !cJSON_IsObject(result) || epoch < done)
            continue;
        whole = put_result(list, copy_of_epoch(result, epoch), epoch);
        done = epoch;
    }
    if (!whole) {
        cJSON_Delete(list);
        return false;
    }
    job_drop_results(job);
    job->results = list;
    job->epochs_done = (int64_t)done;
    return true;
}

void job_drop_results(struct job *job)
{
    cJSON_Delete(job->results);
    job->results = NULL;
}

bool job_add_notice(struct job *job, const char *line)
{
    if (!job->notices)
        job->notices = calloc(1, sizeof *job->notices);
    return job->notices && notices_add(job->notices, "%s", line);
}

bool job_add_notices(struct job *job, const cJSON *lines)
{
    const cJSON *line;
    bool any = false;
    cJSON_ArrayForEach(line, lines)
    {
        if (cJSON_IsString(line))
            any |= job_add_notice(job, line->valuestring);
    }
    return any;
}

/* Copies */

static int copy_text(char **to, const char *from)
{
    if (!from)
        return 0;
    *to = strdup(from);
    return *to ? 0 : -1;
}

static int copy_json(cJSON **to, const cJSON *from)
{
    if (!from)
        return 0;
    *to = cJSON_Duplicate(from, true);
    return *to ? 0 : -1;
}

static int copy_notices(struct job *to, const struct job *from)
{
    for (size_t i = 0; from->notices && i < from->notices->count; i++)
        if (!job_add_notice(to, from->notices->lines[i]))
            return -1;
    return 0;
}

/* Assignments, options and the end. */
static int copy_live(struct job *to, const struct job *from)
{
    const struct job_live *live = from->live;
    struct job_end *end = &to->live->end;
    if (!live) {
        free_live(to);
        return 0;
    }
    to->live->options = live->options;
    to->live->ranks = live->ranks;
    memcpy(to->live->assignments, live->assignments, sizeof live->assignments);
    to->live->cancelling = live->cancelling;
    if (from->state != JOB_ENDING)
        return 0;
    if (copy_text(&end->report, live->end.report) || copy_text(&end->log, live->end.log))
        return -1;
    return copy_json(&end->data, live->end.data);
}

struct job *job_copy_stored(const struct job *job)
{
    struct job *copy = job_new();
    if (!copy)
        return NULL;
    memcpy(copy->id, job->id, sizeof copy->id);
    memcpy(copy->train_key, job->train_key, sizeof copy->train_key);
    memcpy(copy->model_name, job->model_name, sizeof copy->model_name);
    memcpy(copy->model_type, job->model_type, sizeof copy->model_type);
    memcpy(copy->requested_node, job->requested_node, sizeof copy->requested_node);
    memcpy(copy->node, job->node, sizeof copy->node);
    copy->state = job->state == JOB_ENDING ? job->live->end.state : job->state;
    copy->given_up = job->given_up;
    copy->generation = job->generation;
    copy->epochs = job->epochs;
    copy->epochs_done = job->epochs_done;
    copy->created = job->created;
    copy->started = job->started;
    copy->ended = job->ended;
    const char *reason = copy->state >= JOB_COMPLETED ? job->reason : NULL;
    if (!copy_text(&copy->error, job->error) && !copy_text(&copy->reason, reason) && !copy_notices(copy, job) &&
        !copy_json(&copy->results, job->results) && !copy_live(copy, job))
        return copy;
    job_free(copy);
    return NULL;
}

/* JSON */

static void add_time(cJSON *object, const char *name, int64_t ms)
{
    if (ms)
        cJSON_AddNumberToObject(object, name, (double)ms);
    else
        cJSON_AddNullToObject(object, name);
}

static void add_number(cJSON *object, const char *name, double value)
{
    if (isfinite(value))
        cJSON_AddNumberToObject(object, name, value);
}

static void add_progress(cJSON *object, const struct job *job)
{
    static const struct job_live none;
    const struct job_live *live = job->live ? job->live : &none;
    cJSON_AddNumberToObject(object, "epoch", (double)(job_is_over(job) ? job->epochs_done : job->epoch));
    cJSON_AddNumberToObject(object, "epochs", (double)job->epochs);
    cJSON_AddNumberToObject(object, "batch", (double)live->batch);
    cJSON_AddNumberToObject(object, "batches", (double)live->batches);
    add_number(object, "imagesPerSecond", live->images_per_second);
    if (live->batches) {
        add_number(object, "loss", live->loss);
        add_number(object, "accuracy", live->accuracy);
    }
}

cJSON *job_notices_json(const struct job *job)
{
    if (!job->notices)
        return cJSON_CreateArray();
    return cJSON_CreateStringArray((const char *const *)job->notices->lines, (int)job->notices->count);
}

/* While its end is not committed it is not told. */
static const char *shown_reason(const struct job *job)
{
    if (job->state != JOB_ENDING)
        return job->reason;
    return job->failures ? "that it ended cannot be stored: it is tried again" : NULL;
}

cJSON *job_json(const struct job *job)
{
    errno = 0; /* malloc tells by it where a member is missing, whichever that is */
    cJSON *object = cJSON_CreateObject();
    const char *reason = shown_reason(job);
    bool over = job_is_over(job);
    cJSON_AddStringToObject(object, "id", job->id);
    cJSON_AddStringToObject(object, "state", job_state_names[job_shown(job)]);
    if (reason && *reason)
        cJSON_AddStringToObject(object, "reason", reason);
    if (job->notices && job->notices->count)
        json_add(object, "notices", job_notices_json(job));
    cJSON_AddStringToObject(object, "modelName", job->model_name);
    cJSON_AddStringToObject(object, "modelType", job->model_type);
    cJSON *nodes = cJSON_AddArrayToObject(object, "nodes");
    const char *node = *job->node ? job->node : job->requested_node;
    if (*node && nodes)
        json_append(nodes, cJSON_CreateString(node));
    cJSON_AddNumberToObject(object, "generation", (double)job->generation);
    add_progress(object, job);
    if (!over && job->live->result)
        json_add(object, "result", cJSON_Duplicate(job->live->result, true));
    if (over && job->error)
        cJSON_AddStringToObject(object, "error", job->error);
    add_time(object, "created", job->created);
    add_time(object, "started", job->started);
    add_time(object, "ended", over ? job->ended : 0);
    if (errno == ENOMEM) {
        cJSON_Delete(object);
        return NULL;
    }
    return object;
}

cJSON *job_results_json(const struct job *job, cJSON *stored)
{
    const cJSON *first = job->results ? job->results->child : NULL, *result;
    cJSON *list = stored ? stored : cJSON_CreateArray();
    /* An epoch that was stored may come anew. */
    while (list && first && list->child && epoch_of(list->child->prev) >= epoch_of(first))
        cJSON_Delete(cJSON_DetachItemViaPointer(list, list->child->prev));
    cJSON_ArrayForEach(result, job->results)
    {
        if (!json_append(list, cJSON_Duplicate(result, true))) {
            cJSON_Delete(list);
            return NULL;
        }
    }
    return list;
}

cJSON *job_assignments_json(const struct job *job)
{
    cJSON *list = cJSON_CreateArray();
    for (int i = 0; list && job->live && i < job->live->ranks; i++) {
        const struct assignment *assignment = &job->live->assignments[i];
        cJSON *entry = cJSON_CreateObject();
        if (!json_append(list, entry) || !cJSON_AddNumberToObject(entry, "rank", assignment->rank) ||
            !cJSON_AddStringToObject(entry, "node", assignment->node) ||
            !cJSON_AddStringToObject(entry, "instance", assignment->instance) ||
            !cJSON_AddStringToObject(entry, "secret", assignment->secret_hash)) {
            cJSON_Delete(list);
            return NULL;
        }
    }
    return list;
}

void job_set_assignments(struct job *job, const cJSON *list)
{
    const cJSON *entry;
    job->live->ranks = 0;
    cJSON_ArrayForEach(entry, list)
    {
        const char *node = json_text(entry, "node"), *instance = json_text(entry, "instance");
        const char *secret = json_text(entry, "secret");
        if (!node || job->live->ranks == JOB_RANKS_MAX)
            continue;
        struct assignment *assignment = &job->live->assignments[job->live->ranks++];
        *assignment = (struct assignment){ .rank = json_int(entry, "rank", 0) };
        snprintf(assignment->node, sizeof assignment->node, "%s", node);
        snprintf(assignment->instance, sizeof assignment->instance, "%s", instance ? instance : "");
        snprintf(assignment->secret_hash, sizeof assignment->secret_hash, "%s", secret ? secret : "");
    }
    if (job->live->ranks || !*job->node)
        return;
    job->live->assignments[0] = (struct assignment){ 0 };
    snprintf(job->live->assignments[0].node, NAME_SIZE, "%s", job->node);
    job->live->ranks = 1;
}
