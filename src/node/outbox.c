/* Outcomes on disk. A file is written whole or not at all (fs_write), so a torn one cannot be met. */
#include "outbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "dcls/base/fs.h"
#include "dcls/base/log.h"
#include "dcls/proto/name.h"

#define OUTCOMES_MAX 1000

struct kept_outcome {
    struct msg msg;
    struct timespec written;
};

struct outbox {
    char *dir;
    struct kept_outcome items[OUTCOMES_MAX];
    size_t count;
};

static char *outcome_path(const struct outbox *outbox, const char *train_key)
{
    char *path = NULL;
    return asprintf(&path, "%s/%s.json", outbox->dir, train_key) < 0 ? NULL : path;
}

static bool is_outcome(const struct msg *msg)
{
    return (msg->type == MSG_TRAINING_COMPLETED || msg->type == MSG_TRAINING_FAILED) && msg->train_key &&
           name_is_key(msg->train_key);
}

static void load_one(struct outbox *outbox, const char *name)
{
    char *path = fs_join(outbox->dir, name), *text = NULL;
    struct kept_outcome outcome = { .written = { 0 } };
    struct stat status;
    size_t count;
    struct err err = ERR_INIT;
    msg_init(&outcome.msg, MSG_ERROR);
    if (!path || stat(path, &status) || fs_read(path, MSG_MAX, &text, &count, &err) ||
        msg_decode(&outcome.msg, text, count, &err) || !is_outcome(&outcome.msg) || outbox->count == OUTCOMES_MAX) {
        log_warn("'%s' in '%s' is no outcome of a job: %s", name, outbox->dir, err.text);
        msg_release(&outcome.msg);
    } else {
        outcome.written = status.st_mtim;
        outbox->items[outbox->count++] = outcome;
    }
    free(text);
    free(path);
}

static int compare_age(const void *a, const void *b)
{
    const struct timespec *left = &((const struct kept_outcome *)a)->written,
                          *right = &((const struct kept_outcome *)b)->written;
    if (left->tv_sec != right->tv_sec)
        return left->tv_sec < right->tv_sec ? -1 : 1;
    return left->tv_nsec < right->tv_nsec ? -1 : left->tv_nsec > right->tv_nsec;
}

struct outbox *outbox_open(const char *dir, struct err *err)
{
    struct fs_list files = { 0 };
    struct outbox *outbox = calloc(1, sizeof *outbox);
    if (!outbox || !(outbox->dir = strdup(dir))) {
        err_set(err, "no memory for the outcomes in '%s'", dir);
        goto fail;
    }
    fs_remove_temporaries(dir);
    if (fs_make_dirs(dir, err) || fs_list_files(dir, 10 * OUTCOMES_MAX, &files, err))
        goto fail;
    for (size_t i = 0; i < files.count; i++) {
        size_t len = strlen(files.paths[i]);
        if (len > 5 && !strcmp(files.paths[i] + len - 5, ".json"))
            load_one(outbox, files.paths[i]);
    }
    fs_list_release(&files);
    if (outbox->count > 1)
        qsort(outbox->items, outbox->count, sizeof *outbox->items, compare_age);
    return outbox;
fail:
    outbox_close(outbox);
    return NULL;
}

void outbox_close(struct outbox *outbox)
{
    if (!outbox)
        return;
    for (size_t i = 0; i < outbox->count; i++)
        msg_release(&outbox->items[i].msg);
    free(outbox->dir);
    free(outbox);
}

static size_t find(const struct outbox *outbox, const char *train_key)
{
    size_t i = 0;
    while (i < outbox->count && strcmp(outbox->items[i].msg.train_key, train_key))
        i++;
    return i;
}

static void forget(struct outbox *outbox, size_t index)
{
    msg_release(&outbox->items[index].msg);
    outbox->count--;
    memmove(&outbox->items[index], &outbox->items[index + 1], (outbox->count - index) * sizeof *outbox->items);
}

int outbox_add(struct outbox *outbox, const struct msg *msg, struct err *err)
{
    if (!is_outcome(msg))
        return err_set(err, "%s is no outcome with a key", msg_type_name(msg->type));
    struct kept_outcome copy;
    struct buf text;
    char *path = outcome_path(outbox, msg->train_key);
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
    size_t index = find(outbox, msg->train_key);
    if (index < outbox->count)
        forget(outbox, index);
    if (outbox->count == OUTCOMES_MAX) {
        log_warn("more than %d outcomes wait for the broker: the oldest is given up", OUTCOMES_MAX);
        outbox_drop(outbox, outbox->items[0].msg.train_key);
    }
    outbox->items[outbox->count++] = copy;
    msg_init(&copy.msg, msg->type);
    result = 0;
out:
    msg_release(&copy.msg);
    buf_release(&text);
    free(path);
    return result;
}

void outbox_drop(struct outbox *outbox, const char *train_key)
{
    size_t index = find(outbox, train_key);
    if (index == outbox->count)
        return;
    char *path = outcome_path(outbox, train_key);
    struct err err = ERR_INIT;
    if (!path || fs_remove_tree(path, &err))
        log_warn("an acknowledged outcome could not be removed: %s", err.text);
    free(path);
    forget(outbox, index);
}

const struct msg *outbox_find(const struct outbox *outbox, const char *train_key)
{
    return outbox_get(outbox, find(outbox, train_key));
}

size_t outbox_count(const struct outbox *outbox)
{
    return outbox->count;
}

const struct msg *outbox_get(const struct outbox *outbox, size_t index)
{
    return index < outbox->count ? &outbox->items[index].msg : NULL;
}

cJSON *outbox_entry(const struct msg *msg, const char *state)
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

int outbox_list(const struct outbox *outbox, cJSON *jobs)
{
    for (size_t i = 0; i < outbox->count; i++) {
        const struct msg *msg = &outbox->items[i].msg;
        const char *state = msg->type == MSG_TRAINING_COMPLETED ? "completed"
                            : msg->cancelled == 1               ? "cancelled"
                                                                : "failed";
        cJSON *entry = outbox_entry(msg, state);
        if (!cJSON_AddItemToArray(jobs, entry)) {
            cJSON_Delete(entry);
            return -1;
        }
    }
    return 0;
}
