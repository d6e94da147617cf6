/* Outcomes on disk. A file is written whole or not at all (fs_write), so a torn one cannot be met. */
#include "outbox.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "dcls/base/fs.h"
#include "dcls/base/log.h"
#include "dcls/proto/name.h"

#define OUTCOMES_MAX 1000

struct outcome {
    struct msg msg;
    struct timespec written;
};

struct outcomes {
    char *dir;
    struct outcome items[OUTCOMES_MAX];
    size_t count;
};

static char *outcome_path(const struct outcomes *outcomes, const char *train_key)
{
    char *path = NULL;
    return asprintf(&path, "%s/%s.json", outcomes->dir, train_key) < 0 ? NULL : path;
}

static bool is_outcome(const struct msg *msg)
{
    return (msg->type == MSG_TRAINING_COMPLETED || msg->type == MSG_TRAINING_FAILED) && msg->train_key &&
           name_is_key(msg->train_key);
}

static void load_one(struct outcomes *outcomes, const char *name)
{
    char *path = fs_join(outcomes->dir, name), *text = NULL;
    struct outcome outcome = { .written = { 0 } };
    struct stat status;
    size_t count;
    struct err err = ERR_INIT;
    msg_init(&outcome.msg, MSG_ERROR);
    if (!path || stat(path, &status) || fs_read(path, MSG_MAX, &text, &count, &err) ||
        msg_decode(&outcome.msg, text, count, &err) || !is_outcome(&outcome.msg) || outcomes->count == OUTCOMES_MAX) {
        log_warn("'%s' in '%s' is no outcome of a job: %s", name, outcomes->dir, err.text);
        msg_release(&outcome.msg);
    } else {
        outcome.written = status.st_mtim;
        outcomes->items[outcomes->count++] = outcome;
    }
    free(text);
    free(path);
}

static int compare_age(const void *a, const void *b)
{
    const struct timespec *left = &((const struct outcome *)a)->written, *right = &((const struct outcome *)b)->written;
    if (left->tv_sec != right->tv_sec)
        return left->tv_sec < right->tv_sec ? -1 : 1;
    return left->tv_nsec < right->tv_nsec ? -1 : left->tv_nsec > right->tv_nsec;
}

struct outcomes *outcomes_open(const char *dir, struct err *err)
{
    struct fs_list files = { 0 };
    struct outcomes *outcomes = calloc(1, sizeof *outcomes);
    if (!outcomes || !(outcomes->dir = strdup(dir))) {
        err_set(err, "no memory for the outcomes in '%s'", dir);
        goto fail;
    }
    if (fs_make_dirs(dir, err) || fs_list_files(dir, 10 * OUTCOMES_MAX, &files, err))
        goto fail;
    for (size_t i = 0; i < files.count; i++) {
        size_t len = strlen(files.paths[i]);
        if (len > 5 && !strcmp(files.paths[i] + len - 5, ".json"))
            load_one(outcomes, files.paths[i]);
    }
    fs_list_release(&files);
    if (outcomes->count > 1)
        qsort(outcomes->items, outcomes->count, sizeof *outcomes->items, compare_age);
    return outcomes;
fail:
    outcomes_close(outcomes);
    return NULL;
}

void outcomes_close(struct outcomes *outcomes)
{
    if (!outcomes)
        return;
    for (size_t i = 0; i < outcomes->count; i++)
        msg_release(&outcomes->items[i].msg);
    free(outcomes->dir);
    free(outcomes);
}

static size_t find(const struct outcomes *outcomes, const char *train_key)
{
    size_t i = 0;
    while (i < outcomes->count && strcmp(outcomes->items[i].msg.train_key, train_key) != 0)
        i++;
    return i;
}

static void forget(struct outcomes *outcomes, size_t index)
{
    msg_release(&outcomes->items[index].msg);
    outcomes->count--;
    memmove(&outcomes->items[index], &outcomes->items[index + 1],
            (outcomes->count - index) * sizeof *outcomes->items);
}

int outcomes_add(struct outcomes *outcomes, const struct msg *msg, struct err *err)
{
    if (!is_outcome(msg))
        return err_set(err, "%s is no outcome with a key", msg_type_name(msg->type));
    struct outcome copy;
    struct buf text;
    char *path = outcome_path(outcomes, msg->train_key);
    int result = -1;
    buf_init(&text, MSG_MAX);
    msg_init(&copy.msg, msg->type);
    if (!path) {
        err_set(err, "no memory for the outcome of '%s'", msg->train_key);
        goto out;
    }
    /* The copy comes through the codec: what is kept in memory is what a restart would read. */
    if (msg_encode(msg, &text, err) || msg_decode(&copy.msg, text.data, text.len, err) ||
        fs_write(path, text.data, text.len, err))
        goto out;
    size_t index = find(outcomes, msg->train_key);
    if (index < outcomes->count)
        forget(outcomes, index);
    if (outcomes->count == OUTCOMES_MAX) {
        log_warn("more than %d outcomes wait for the broker: the oldest is given up", OUTCOMES_MAX);
        outcomes_drop(outcomes, outcomes->items[0].msg.train_key);
    }
    outcomes->items[outcomes->count++] = copy;
    msg_init(&copy.msg, msg->type);
    result = 0;
out:
    msg_release(&copy.msg);
    buf_release(&text);
    free(path);
    return result;
}

void outcomes_drop(struct outcomes *outcomes, const char *train_key)
{
    size_t index = find(outcomes, train_key);
    if (index == outcomes->count)
        return;
    char *path = outcome_path(outcomes, train_key);
    struct err err = ERR_INIT;
    if (!path || fs_remove_tree(path, &err))
        log_warn("an acknowledged outcome could not be removed: %s", err.text);
    free(path);
    forget(outcomes, index);
}

const struct msg *outcomes_find(const struct outcomes *outcomes, const char *train_key)
{
    return outcomes_get(outcomes, find(outcomes, train_key));
}

size_t outcomes_count(const struct outcomes *outcomes)
{
    return outcomes->count;
}

const struct msg *outcomes_get(const struct outcomes *outcomes, size_t index)
{
    return index < outcomes->count ? &outcomes->items[index].msg : NULL;
}

cJSON *outcomes_entry(const struct msg *msg, const char *state)
{
    cJSON *entry = cJSON_CreateObject();
    if (!entry)
        return NULL;
    if (msg->job)
        cJSON_AddStringToObject(entry, "job", msg->job);
    if (msg->generation >= 0)
        cJSON_AddNumberToObject(entry, "generation", (double)msg->generation);
    cJSON_AddStringToObject(entry, "train_key", msg->train_key);
    if (msg->model_name)
        cJSON_AddStringToObject(entry, "model_name", msg->model_name);
    cJSON_AddStringToObject(entry, "state", state);
    return entry;
}

int outcomes_list(const struct outcomes *outcomes, cJSON *jobs)
{
    for (size_t i = 0; i < outcomes->count; i++) {
        const struct msg *msg = &outcomes->items[i].msg;
        const char *state = msg->type == MSG_TRAINING_COMPLETED ? "completed"
                            : msg->cancelled == 1               ? "cancelled"
                                                                : "failed";
        cJSON *entry = outcomes_entry(msg, state);
        if (!cJSON_AddItemToArray(jobs, entry)) {
            cJSON_Delete(entry);
            return -1;
        }
    }
    return 0;
}
