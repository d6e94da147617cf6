/* Blobs and manifest of the HTTP side, and which blobs are needed: see files.h. */
#include "blob_refs.h"

#include <stdlib.h>
#include <string.h>

#include "src/broker/broker.h"
#include "dcls/base/fs.h"
#include "src/broker/jobs.h"
#include "dcls/net/thread_pool.h"

#define WEIGHTS "sha256:"

int blob_refs_init(struct blob_refs *blob_refs, struct broker *broker, struct err *err)
{
    blob_refs->broker = broker;
    char *dir = fs_join(broker->state, "blobs");
    if (!dir)
        return err_set(err, "no memory");
    blob_refs->blobs = blobs_new(dir, BLOB_QUOTA_DEFAULT, err);
    blob_refs->manifest = manifest_new(broker->images, err);
    free(dir);
    return !blob_refs->blobs || !blob_refs->manifest ? -1 : 0;
}

void blob_refs_release(struct blob_refs *blob_refs)
{
    while (blob_refs->waiters) {
        struct dataset_waiter *next = blob_refs->waiters->next;
        free(blob_refs->waiters);
        blob_refs->waiters = next;
    }
    blobs_free(blob_refs->blobs);
    manifest_free(blob_refs->manifest);
}

static struct uploaded_image **find_upload(struct blob_refs *blob_refs, const char *sha256)
{
    struct uploaded_image **link = &blob_refs->uploads;
    while (*link && strcmp((*link)->sha256, sha256) != 0)
        link = &(*link)->next;
    return link;
}

int blob_refs_hold(struct blob_refs *blob_refs, const char *sha256)
{
    struct uploaded_image **link = find_upload(blob_refs, sha256);
    if (!*link) {
        struct uploaded_image *upload = calloc(1, sizeof *upload);
        if (!upload)
            return -1;
        snprintf(upload->sha256, sizeof upload->sha256, "%s", sha256);
        *link = upload;
    }
    (*link)->users++;
    return 0;
}

struct removal {
    struct blob_refs *blob_refs;
    char sha256[SHA256_HEX_SIZE];
};

static int run_removal(void *arg, const atomic_bool *stop, struct err *err)
{
    struct removal *removal = arg;
    (void)stop;
    (void)err;
    blobs_remove(removal->blob_refs->blobs, removal->sha256);
    return 0;
}

static void done_removal(void *arg, int result, const struct err *err)
{
    (void)result;
    (void)err;
    free(arg);
}

void blob_refs_let_go(struct blob_refs *blob_refs, const char *sha256, bool created)
{
    struct uploaded_image **link = find_upload(blob_refs, sha256), *upload = *link;
    if (!upload)
        return;
    upload->created |= created;
    if (--upload->users > 0)
        return;
    *link = upload->next;
    /* A write of the same bytes that is asked for later runs after this: a lane keeps its order. */
    struct removal *removal = upload->created && !blob_refs->closing ? calloc(1, sizeof *removal) : NULL;
    if (upload->created && blob_refs->closing)
        blobs_remove(blob_refs->blobs, upload->sha256);
    if (removal) {
        removal->blob_refs = blob_refs;
        memcpy(removal->sha256, upload->sha256, sizeof removal->sha256);
        if (!thread_pool_submit(blob_refs->broker->pool, LANE_DISK, run_removal, done_removal, removal))
            free(removal); /* the quota's eviction gets it */
    }
    free(upload);
}

static int add(char **list, size_t *count, const char *sha256)
{
    list[*count] = strdup(sha256);
    return !list[(*count)++] ? -1 : 0;
}

char **blob_refs_in_use(const struct blob_refs *blob_refs)
{
    size_t count = 0, max = 1;
    for (const struct job *job = jobs_first(blob_refs->broker->jobs); job; job = job->next)
        max++;
    for (const struct uploaded_image *upload = blob_refs->uploads; upload; upload = upload->next)
        max++;
    char **list = calloc(max, sizeof *list);
    if (!list)
        return NULL;
    int status = 0;
    for (const struct job *job = jobs_first(blob_refs->broker->jobs); job && status == 0; job = job->next)
        if (job->state <= JOB_RUNNING && strncmp(job->options.weights, WEIGHTS, sizeof WEIGHTS - 1) == 0)
            status = add(list, &count, job->options.weights + sizeof WEIGHTS - 1);
    for (const struct uploaded_image *upload = blob_refs->uploads; upload && status == 0; upload = upload->next)
        status = add(list, &count, upload->sha256);
    if (status < 0) {
        blob_refs_free_in_use(list);
        return NULL;
    }
    return list;
}

void blob_refs_free_in_use(char **in_use)
{
    for (char **item = in_use; item && *item; item++)
        free(*item);
    free(in_use);
}
