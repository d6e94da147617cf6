/* What the HTTP side keeps on disk: blobs, and the manifest of the image folder. It all blocks and belongs in
 * LANE_DISK, which alone touches `blobs` and `manifest` after blob_refs_init; the rest is the loop's. */
#ifndef DCLS_BROKER_BLOB_REFS_H
#define DCLS_BROKER_BLOB_REFS_H

#include <stdbool.h>

#include "src/broker/blobs.h"
#include "src/broker/datasets.h"

struct broker;
struct exchange;

struct dataset_waiter {
    struct dataset_waiter *next;
    struct exchange *exchange;
};

/* An image that was uploaded to be classified: a blob for as long as someone waits for its answer. */
struct uploaded_image {
    struct uploaded_image *next;
    char sha256[SHA256_HEX_SIZE];
    int users;
    bool created; /* it was no blob before */
};

struct blob_refs {
    struct broker *broker;
    struct blobs *blobs;
    struct manifest *manifest;
    bool scanning;                  /* a manifest is being made */
    struct dataset_waiter *waiters; /* for it */
    struct uploaded_image *uploads;
    bool closing; /* the thread pool is gone: what is left to do is done at once */
};

/* STATE/blobs, and the manifest of the image folder. */
int blob_refs_init(struct blob_refs *blob_refs, struct broker *broker, struct err *err);
void blob_refs_release(struct blob_refs *blob_refs);

/* From before an uploaded image is written until its answer is there, by each that needs it. -1 where memory lacks. */
int blob_refs_hold(struct blob_refs *blob_refs, const char *sha256);
/* `created`: this one's write made the blob. The last one to let go removes what uploads alone created. */
void blob_refs_let_go(struct blob_refs *blob_refs, const char *sha256, bool created);

/* The hashes of blobs that may not be evicted now: what queued and running trainings start from, and uploads.
 * NULL-ended, the caller's to free with blob_refs_free_in_use; NULL where memory lacks. */
char **blob_refs_in_use(const struct blob_refs *blob_refs);
void blob_refs_free_in_use(char **in_use);

#endif
