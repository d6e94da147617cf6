/* Bytes by their SHA-256, below one folder and within a quota: weights, pushed models.
 *
 * A complete blob is DIR/HEX, one on its way DIR/HEX.part. A blob is complete only after its bytes were hashed and
 * synced. Where the quota would be passed, the blobs that were not touched for the longest time go first; those that
 * the caller names as in use stay. Everything here blocks. What writes belongs in one lane, LANE_BLOBS;
 * opening and asking run beside it. */
#ifndef DCLS_BROKER_BLOBS_H
#define DCLS_BROKER_BLOBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dcls/base/err.h"
#include "dcls/base/sha256.h"
#include "dcls/proto/msg.h"

#define BLOB_MAX ((int64_t)4 * 1024 * 1024 * 1024)
#define BLOB_QUOTA_DEFAULT ((int64_t)20 * 1024 * 1024 * 1024)

struct blobs;

/* Creates the folder where it lacks. */
struct blobs *blobs_new(const char *dir, int64_t quota, struct err *err);
void blobs_free(struct blobs *blobs);

enum blob_result {
    BLOB_DONE,   /* written, or complete already */
    BLOB_OFFSET, /* not where the bytes held end: *held says where */
    BLOB_BAD,    /* the request makes no sense, or the bytes do not have that hash (they are dropped) */
    BLOB_FULL,   /* over the quota */
    BLOB_ERROR,  /* disk */
};

struct blob_state {
    int64_t held; /* bytes so far */
    bool complete;
};

/* Writes `count` bytes at `offset` of a blob that has `size` in the end, and finishes it when they are all there.
 * `in_use`: hashes that may not be evicted (or NULL). */
enum blob_result blobs_put(struct blobs *blobs, const char *sha256, int64_t offset, int64_t size, const void *bytes,
                           size_t count, const struct strings *in_use, struct blob_state *state, struct err *err);
/* How much of it is there; nothing: 0. */
void blobs_stat(const struct blobs *blobs, const char *sha256, struct blob_state *state);
/* Opens a complete blob for reading and marks it as used now: the descriptor, the caller's to close, or -1. */
int blobs_open(struct blobs *blobs, const char *sha256, int64_t *size);

#endif
