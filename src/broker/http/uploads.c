/* A list: as many as clients wait at a time. */
#include "uploads.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct uploads {
    LIST_HEAD(upload_list, upload) list; /* those whose digest is known */
    size_t bytes, max_bytes;
    int count;
};

struct uploads *uploads_new(size_t max_bytes)
{
    struct uploads *uploads = calloc(1, sizeof *uploads);
    if (uploads)
        uploads->max_bytes = max_bytes;
    return uploads;
}

void uploads_free(struct uploads *uploads)
{
    assert(!uploads || (!uploads->count && !uploads->bytes));
    free(uploads);
}

struct upload *upload_new(struct uploads *uploads, const void *bytes, size_t count)
{
    if (count > uploads->max_bytes - uploads->bytes)
        return NULL;
    struct upload *upload = calloc(1, sizeof *upload);
    char *copy = malloc(count + 1);
    if (copy)
        memcpy(copy, bytes, count);
    if (!upload || !(upload->bytes = shared_bytes_new(copy, count))) {
        if (!upload)
            free(copy);
        free(upload);
        return NULL;
    }
    upload->uploads = uploads;
    uploads->bytes += count;
    uploads->count++;
    return upload;
}

int upload_hash(struct upload *upload, struct err *err)
{
    return sha256_bytes(upload->bytes->bytes, upload->bytes->size, upload->sha256, err);
}

void upload_list(struct upload *upload)
{
    assert(*upload->sha256 && !upload->listed.le_prev);
    LIST_INSERT_HEAD(&upload->uploads->list, upload, listed);
}

void upload_free(struct upload *upload)
{
    if (!upload)
        return;
    if (upload->listed.le_prev)
        LIST_REMOVE(upload, listed);
    upload->uploads->bytes -= upload->bytes->size;
    upload->uploads->count--;
    shared_bytes_let_go(upload->bytes);
    free(upload);
}

struct shared_bytes *uploads_find(const struct uploads *uploads, const char *sha256)
{
    for (const struct upload *upload = LIST_FIRST(&uploads->list); upload; upload = LIST_NEXT(upload, listed))
        if (!strcmp(upload->sha256, sha256))
            return upload->bytes;
    return NULL;
}
