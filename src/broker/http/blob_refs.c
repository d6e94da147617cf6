/* Which blobs are needed. */
#include "blob_refs.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/base/sha256.h"
#include "src/broker/blobs.h"
#include "src/broker/broker.h"
#include "src/broker/job_table.h"
#include "src/broker/lanes.h"

struct upload {
    struct upload *next;
    char sha256[SHA256_HEX_SIZE];
    int users;
    bool created; /* it was no blob before */
    struct blobs *blobs;
};

struct blob_refs {
    struct broker *broker;
    struct blobs *blobs;
    struct upload *uploads;
};

struct blob_refs *blob_refs_new(struct broker *broker, struct blobs *blobs)
{
    struct blob_refs *refs = calloc(1, sizeof *refs);
    if (refs)
        *refs = (struct blob_refs){ .broker = broker, .blobs = blobs };
    return refs;
}

void blob_refs_free(struct blob_refs *refs)
{
    assert(!refs || !refs->uploads);
    free(refs);
}

static struct upload **find_upload(struct blob_refs *refs, const char *sha256)
{
    struct upload **at = &refs->uploads;
    while (*at && strcmp((*at)->sha256, sha256))
        at = &(*at)->next;
    return at;
}

int blob_refs_hold(struct blob_refs *refs, const char *sha256)
{
    struct upload **at = find_upload(refs, sha256);
    if (!*at) {
        if (!(*at = calloc(1, sizeof **at)))
            return -1;
        snprintf((*at)->sha256, sizeof(*at)->sha256, "%s", sha256);
        (*at)->blobs = refs->blobs;
    }
    (*at)->users++;
    return 0;
}

static int run_removal(void *arg, const atomic_bool *stop, struct err *err)
{
    const struct upload *upload = arg;
    (void)stop, (void)err;
    blobs_remove(upload->blobs, upload->sha256);
    return 0;
}

static void done_removal(void *arg, int result, const struct err *err)
{
    (void)result, (void)err;
    free(arg);
}

void blob_refs_let_go(struct blob_refs *refs, const char *sha256, bool created)
{
    struct upload **at = find_upload(refs, sha256), *upload = *at;
    assert(upload && upload->users > 0);
    upload->created |= created;
    if (--upload->users > 0)
        return;
    *at = upload->next;
    struct thread_pool *pool = refs->broker->pool;
    if (upload->created && !pool)
        blobs_remove(refs->blobs, upload->sha256);
    /* A write of the same bytes that is asked for later runs after this: a lane keeps its order. Where the pool is
     * full, the quota's eviction gets it. */
    if (!upload->created || !pool || !thread_pool_submit(pool, LANE_BLOBS, run_removal, done_removal, upload))
        free(upload);
}

int blob_refs_in_use(const struct blob_refs *refs, struct strings *in_use)
{
    int failed = 0;
    for (const struct job *job = jobs_first_live(refs->broker->jobs); job && !failed; job = job_next_live(job)) {
        const char *sha256 = blob_refs_of_weights(job->live->options.weights);
        if (sha256)
            failed = strings_add(in_use, sha256);
    }
    for (const struct upload *upload = refs->uploads; upload && !failed; upload = upload->next)
        failed = strings_add(in_use, upload->sha256);
    return failed;
}

const char *blob_refs_of_weights(const char *weights)
{
    static const char scheme[] = "sha256:";
    const char *digest = weights + sizeof scheme - 1;
    return !strncmp(weights, scheme, sizeof scheme - 1) && sha256_is_hex(digest) ? digest : NULL;
}
