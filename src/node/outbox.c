/* Outcomes on disk. A file is written whole or not at all (fs_write), so a torn one cannot be met. */
#include "outbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "dcls/base/fs.h"
#include "dcls/base/log.h"
#include "dcls/proto/name.h"

#define OUTBOX_LANE 0
#define ENDING ".json"

struct outbox {
    char *dir;
    struct thread_pool *pool;
    struct outbox_events events;
    void *arg;
    bool hurry;
};

/* One file on its way to the disk or away from it. */
struct outbox_work {
    struct outbox *outbox;
    struct outcome *outcome; /* NULL: it is removed */
    char *path;
    struct buf text;
};

static char *path_of(const struct outbox *outbox, const char *token)
{
    char *path = NULL;
    return asprintf(&path, "%s/%s%s", outbox->dir, token, ENDING) < 0 ? NULL : path;
}

/* What was there when this process began */

struct outbox_file {
    struct msg msg;
    struct timespec written;
};

struct outbox_list {
    struct outbox_file *items;
    size_t count;
};

static int compare_age(const void *a, const void *b)
{
    const struct timespec *left = &((const struct outbox_file *)a)->written,
                          *right = &((const struct outbox_file *)b)->written;
    if (left->tv_sec != right->tv_sec)
        return left->tv_sec < right->tv_sec ? -1 : 1;
    return left->tv_nsec < right->tv_nsec ? -1 : left->tv_nsec > right->tv_nsec;
}

static bool is_outcome(const struct msg *msg)
{
    return msg->type == MSG_TRAINING_COMPLETED || msg->type == MSG_TRAINING_FAILED;
}

static void find_one(const struct outbox *outbox, const char *name, struct outbox_list *list)
{
    char *path = fs_join(outbox->dir, name), *text = NULL;
    struct outbox_file found = { .written = { 0 } };
    struct stat status;
    size_t count;
    struct err err = ERR_INIT;
    msg_init(&found.msg, MSG_ERROR);
    if (!path || stat(path, &status) || fs_read(path, MSG_MAX, &text, &count, &err) ||
        msg_decode(&found.msg, text, count, &err) || !is_outcome(&found.msg)) {
        log_warn("'%s' in '%s' is no outcome of a job: %s", name, outbox->dir, err.text);
        msg_release(&found.msg);
    } else {
        char token[OUTCOME_TOKEN_SIZE];
        outcome_token(token, found.msg.train_key, found.msg.generation);
        char *proper = path_of(outbox, token);
        if (proper && strcmp(proper, path) && rename(path, proper))
            log_warn("'%s' cannot be renamed", path); /* told again after each start, until it can */
        free(proper);
        found.written = status.st_mtim;
        list->items[list->count++] = found;
    }
    free(text);
    free(path);
}

static int find_all(struct outbox *outbox, struct err *err)
{
    struct fs_list files = { 0 };
    struct outbox_list list = { 0 };
    int result = -1;
    fs_remove_temporaries(outbox->dir);
    if (fs_make_dirs(outbox->dir, err) || fs_list_files(outbox->dir, 10 * OUTCOMES_MAX, &files, err))
        goto out;
    if (!(list.items = calloc(files.count + 1, sizeof *list.items))) {
        err_set(err, "no memory for the outcomes in '%s'", outbox->dir);
        goto out;
    }
    for (size_t i = 0; i < files.count; i++) {
        size_t len = strlen(files.paths[i]);
        if (len > strlen(ENDING) && !strcmp(files.paths[i] + len - strlen(ENDING), ENDING))
            find_one(outbox, files.paths[i], &list);
    }
    qsort(list.items, list.count, sizeof *list.items, compare_age);
    result = 0;
    for (size_t i = 0; i < list.count; i++)
        if (outbox->events.found(outbox->arg, &list.items[i].msg))
            result = err_set(err, "no memory for the outcomes in '%s'", outbox->dir);
out:
    for (size_t i = 0; i < list.count; i++)
        msg_release(&list.items[i].msg);
    free(list.items);
    fs_list_release(&files);
    return result;
}

struct outbox *outbox_open(const char *dir, struct thread_pool *pool, const struct outbox_events *events, void *arg,
                           struct err *err)
{
    struct outbox *outbox = calloc(1, sizeof *outbox);
    if (!outbox || !(outbox->dir = strdup(dir))) {
        err_set(err, "no memory for the outcomes in '%s'", dir);
        free(outbox);
        return NULL;
    }
    outbox->pool = pool;
    outbox->events = *events;
    outbox->arg = arg;
    /* Its own thread: downloads may take all others for minutes. */
    if (!find_all(outbox, err) && !thread_pool_own_thread(pool, OUTBOX_LANE, err))
        return outbox;
    outbox_close(outbox);
    return NULL;
}

void outbox_close(struct outbox *outbox)
{
    if (!outbox)
        return;
    free(outbox->dir);
    free(outbox);
}

void outbox_hurry(struct outbox *outbox)
{
    outbox->hurry = true;
}

/* Writing and removing */

static void work_free(struct outbox_work *work)
{
    buf_release(&work->text);
    free(work->path);
    free(work);
}

static int work_do(const struct outbox_work *work, struct err *err)
{
    return work->outcome ? fs_write(work->path, work->text.data, work->text.len, err) : fs_remove_tree(work->path, err);
}

static int run_work(void *arg, const atomic_bool *stop, struct err *err)
{
    (void)stop;
    return work_do(arg, err);
}

static void work_is_done(void *arg, int result, const struct err *err)
{
    struct outbox_work *work = arg;
    const struct outbox *outbox = work->outbox;
    struct outcome *outcome = work->outcome;
    struct err why = *err;
    /* The pool ended before its turn came. */
    if (result && outbox->hurry)
        result = work_do(work, &why);
    if (result && !outcome)
        log_warn("an outcome that is done with could not be removed: %s", why.text);
    work_free(work);
    if (outcome)
        outbox->events.kept(outbox->arg, outcome, result ? why.text : NULL);
}

/* Takes `work` over. */
static void submit(struct outbox *outbox, struct outbox_work *work)
{
    struct err err = ERR_INIT;
    if (!outbox->hurry && thread_pool_submit(outbox->pool, OUTBOX_LANE, run_work, work_is_done, work))
        return;
    int result = work_do(work, &err);
    work_is_done(work, result, &err);
}

static struct outbox_work *work_new(struct outbox *outbox, struct outcome *outcome, const char *token)
{
    struct outbox_work *work = calloc(1, sizeof *work);
    if (!work)
        return NULL;
    work->outbox = outbox;
    work->outcome = outcome;
    buf_init(&work->text, MSG_MAX);
    if ((work->path = path_of(outbox, token)))
        return work;
    work_free(work);
    return NULL;
}

void outbox_keep(struct outbox *outbox, struct outcome *outcome)
{
    struct err err = ERR_INIT;
    struct outbox_work *work = work_new(outbox, outcome, outcome->token);
    if (work && !msg_encode(&outcome->msg, &work->text, &err)) {
        submit(outbox, work);
        return;
    }
    if (work)
        work_free(work);
    outbox->events.kept(outbox->arg, outcome, *err.text ? err.text : "no memory");
}

void outbox_drop(struct outbox *outbox, const char *token)
{
    struct outbox_work *work = work_new(outbox, NULL, token);
    if (work)
        submit(outbox, work);
    else
        log_warn("no memory to remove the outcome '%s': it is told again after the next start", token);
}
