/* Images that were uploaded to be classified: in memory, each for as long as its client waits. Nodes fetch them by
 * their digest, as they fetch blobs; nothing of them is written to a disk. */
#ifndef DCLS_BROKER_UPLOADS_H
#define DCLS_BROKER_UPLOADS_H

#include <sys/queue.h>

#include "dcls/base/sha256.h"
#include "shared_bytes.h"

#define UPLOADS_MAX_BYTES ((size_t)512 * 1024 * 1024)

struct uploads;

struct upload {
    LIST_ENTRY(upload) listed;
    struct uploads *uploads;
    struct shared_bytes *bytes;
    char sha256[SHA256_HEX_SIZE]; /* empty until upload_hash */
};

/* `max_bytes` of all images together. */
struct uploads *uploads_new(size_t max_bytes);
/* After all were let go. */
void uploads_free(struct uploads *uploads);

/* Copies an image; upload_free. NULL where there are too many already, or memory lacks. */
struct upload *upload_new(struct uploads *uploads, const void *bytes, size_t count);
/* Its digest; on any thread, while it is not found by it yet. */
int upload_hash(struct upload *upload, struct err *err);
/* From now on it is found by its digest. */
void upload_list(struct upload *upload);
/* The bytes stay for who holds them. NULL is fine. */
void upload_free(struct upload *upload);

/* The bytes of an image that is listed, the uploads' own: to be held by who keeps them. NULL: there is none. */
struct shared_bytes *uploads_find(const struct uploads *uploads, const char *sha256);

#endif
