/* Builds what TRAINING_COMPLETED carries. The messages are bounded, so long logs and reports are shortened here. */
#include "result.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/base/fs.h"
#include "dcls/base/sha256.h"
#include "dcls/proto/json.h"

#define LOG_FILE_MAX (4 * 1024 * 1024)
#define REPORT_FILE_MAX (16 * 1024 * 1024)
#define LOG_SENT_MAX (128 * 1024) /* JSON escapes can at most double what logs hold: lines of text */
#define RESULTS_SENT_MAX 2000     /* epochs: about 150 bytes each, twice in the message at most */

static char *model_path(const char *dir, const char *model, const char *ending)
{
    char *path = NULL;
    return asprintf(&path, "%s/%s/%s.%s", dir, model, model, ending) < 0 ? NULL : path;
}

static char *read_part(const char *dir, const char *model, const char *ending, size_t max, size_t *count,
                       struct err *err)
{
    char *path = model_path(dir, model, ending), *text = NULL;
    if (!path)
        err_set(err, "no memory for model '%s'", model);
    else if (fs_read(path, max, &text, count, err))
        text = NULL;
    free(path);
    return text;
}

/* The last lines of a log, at most `max` bytes. */
static const char *last_lines(const char *log, size_t count, size_t max)
{
    if (count <= max)
        return log;
    const char *from = log + count - max, *newline = strchr(from, '\n');
    return newline ? newline + 1 : from;
}

static cJSON *make_data(const char *models_dir, const char *model, struct err *err)
{
    static const struct {
        const char *key, *ending;
    } files[] = { { "model_path", "pth" }, { "report_path", "json" }, { "output_file", "txt" } };
    size_t count;
    char *log = read_part(models_dir, model, "txt", LOG_FILE_MAX, &count, err);
    if (!log)
        return NULL;
    cJSON *data = cJSON_CreateObject();
    bool complete = data;
    for (size_t i = 0; complete && i < sizeof files / sizeof *files; i++) {
        char path[256];
        snprintf(path, sizeof path, "models/%s/%s.%s", model, model, files[i].ending);
        complete = cJSON_AddStringToObject(data, files[i].key, path);
    }
    complete = complete && cJSON_AddStringToObject(data, "output_contents", last_lines(log, count, LOG_SENT_MAX));
    free(log);
    if (complete)
        return data;
    cJSON_Delete(data);
    err_set(err, "no memory for the result of '%s'", model);
    return NULL;
}

static void shorten_report(cJSON *report)
{
    cJSON *results = cJSON_GetObjectItemCaseSensitive(report, "results");
    int count = cJSON_GetArraySize(results);
    if (count <= RESULTS_SENT_MAX)
        return;
    cJSON *item = cJSON_GetArrayItem(results, RESULTS_SENT_MAX / 2);
    for (int drop = count - RESULTS_SENT_MAX; drop > 0 && item; drop--) {
        cJSON *next = item->next;
        cJSON_Delete(cJSON_DetachItemViaPointer(results, item));
        item = next;
    }
    cJSON_AddTrueToObject(report, "truncated");
}

static cJSON *read_report(const char *models_dir, const char *model, struct err *err)
{
    size_t count;
    char *text = read_part(models_dir, model, "json", REPORT_FILE_MAX, &count, err);
    if (!text)
        return NULL;
    cJSON *report = cJSON_ParseWithLength(text, count);
    free(text);
    if (!report)
        err_set(err, "the report of '%s' is no JSON", model);
    return report;
}

/* Name and digest, which took long to compute: a node knows the rest. */
static cJSON *make_info(const char *models_dir, const char *model, struct err *err)
{
    char sha256[SHA256_HEX_SIZE], *path = model_path(models_dir, model, "pth");
    int failed = path ? sha256_file(path, sha256, err) : err_set(err, "no memory for model '%s'", model);
    free(path);
    if (failed)
        return NULL;
    cJSON *list = cJSON_CreateArray(), *info = cJSON_CreateObject();
    if (json_append(list, info) && cJSON_AddStringToObject(info, "name", model) &&
        cJSON_AddStringToObject(info, "sha256", sha256))
        return list;
    cJSON_Delete(list);
    err_set(err, "no memory for model '%s'", model);
    return NULL;
}

int result_fill(struct msg *msg, const char *models_dir, const char *model, struct err *err)
{
    if (!(msg->data = make_data(models_dir, model, err)) || !(msg->report = read_report(models_dir, model, err)) ||
        !(msg->model_info = make_info(models_dir, model, err)))
        return -1;
    shorten_report(msg->report);
    return 0;
}
