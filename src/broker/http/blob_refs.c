/* Blobs and manifest of the HTTP side, and which blobs are needed: see files.h. */
#include "blob_refs.h"

#include <stdlib.h>
#include <string.h>

#include "src/broker/broker.h"
#include "dcls/base/fs.h"
#include "src/broker/jobs.h"
#include "src/broker/task.h"

#define WEIGHTS "sha256:"

int files_init(struct files *files, struct broker *broker, struct err *err)
{
    files->broker = broker;
    char *dir = fs_join(broker->state, "blobs");
    if (dir == NULL)
        return err_set(err, "no memory");
    files->blobs = blobs_new(dir, BLOB_QUOTA_DEFAULT, err);
    files->manifest = manifest_new(broker->images, err);
    free(dir);
    return files->blobs == NULL || files->manifest == NULL ? -1 : 0;
}

void files_release(struct files *files)
{
    while (files->waiters != NULL) {
        struct dataset_waiter *next = files->waiters->next;
        free(files->waiters);
        files->waiters = next;
    }
    pushes_release(files->pushes);
    blobs_free(files->blobs);
    manifest_free(files->manifest);
}

static struct upload **find_upload(struct files *files, const char *sha256)
{
    struct upload **link = &files->uploads;
    while (*link != NULL && strcmp((*link)->sha256, sha256) != 0)
        link = &(*link)->next;
    return link;
}

int files_hold(struct files *files, const char *sha256)
{
    struct upload **link = find_upload(files, sha256);
    if (*link == NULL) {
        struct upload *upload = calloc(1, sizeof *upload);
        if (upload == NULL)
            return -1;
        snprintf(upload->sha256, sizeof upload->sha256, "%s", sha256);
        *link = upload;
    }
    (*link)->users++;
    return 0;
}

struct removal {
    struct files *files;
    char sha256[SHA256_HEX_SIZE];
};

static void run_removal(void *arg)
{
    struct removal *removal = arg;
    blobs_remove(removal->files->blobs, removal->sha256);
}

void files_let_go(struct files *files, const char *sha256, bool created)
{
    struct upload **link = find_upload(files, sha256), *upload = *link;
    if (upload == NULL)
        return;
    upload->created |= created;
    if (--upload->users > 0)
        return;
    *link = upload->next;
    /* A write of the same bytes that is asked for later runs after this: tasks keep their order. */
    struct removal *removal = upload->created && !files->closing ? calloc(1, sizeof *removal) : NULL;
    if (upload->created && files->closing)
        blobs_remove(files->blobs, upload->sha256);
    if (removal != NULL) {
        removal->files = files;
        memcpy(removal->sha256, upload->sha256, sizeof removal->sha256);
        if (tasks_submit(files->broker->tasks, run_removal, free, removal) < 0)
            free(removal); /* the quota's eviction gets it */
    }
    free(upload);
}

static int add(char **list, size_t *count, const char *sha256)
{
    list[*count] = strdup(sha256);
    return list[(*count)++] == NULL ? -1 : 0;
}

char **files_in_use(const struct files *files)
{
    size_t count = 0, max = 1;
    for (const struct job *job = jobs_first(files->broker->jobs); job != NULL; job = job->next)
        max++;
    for (const struct upload *upload = files->uploads; upload != NULL; upload = upload->next)
        max++;
    char **list = calloc(max, sizeof *list);
    if (list == NULL)
        return NULL;
    int status = 0;
    for (const struct job *job = jobs_first(files->broker->jobs); job != NULL && status == 0; job = job->next)
        if (job->state <= JOB_RUNNING && strncmp(job->options.weights, WEIGHTS, sizeof WEIGHTS - 1) == 0)
            status = add(list, &count, job->options.weights + sizeof WEIGHTS - 1);
    for (const struct upload *upload = files->uploads; upload != NULL && status == 0; upload = upload->next)
        status = add(list, &count, upload->sha256);
    if (status < 0) {
        files_free_in_use(list);
        return NULL;
    }
    return list;
}

void files_free_in_use(char **in_use)
{
    for (char **item = in_use; item != NULL && *item != NULL; item++)
        free(*item);
    free(in_use);
}
