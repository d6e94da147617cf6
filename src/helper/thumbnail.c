/* One image made small, by nn. */
#include "thumbnail.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dcls/base/fs.h"
#include "dcls/base/thumbnail_width.h"
#include "dcls/proto/json.h"

/* The whole of an open regular file, which the caller frees. */
static char *read_file(int fd, size_t *count, struct err *err)
{
    struct stat info;
    if (fstat(fd, &info) || !S_ISREG(info.st_mode)) {
        err_set(err, "the image is no file");
        return NULL;
    }
    if (info.st_size > THUMBNAIL_FILE_MAX) {
        err_set(err, "the image is larger than %d bytes", THUMBNAIL_FILE_MAX);
        return NULL;
    }
    char *bytes = malloc((size_t)info.st_size + 1);
    if (!bytes) {
        err_set(err, "no memory for the image");
        return NULL;
    }
    size_t have = 0;
    while (have < (size_t)info.st_size) {
        ssize_t got = pread(fd, bytes + have, (size_t)info.st_size - have, (off_t)have);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            err_set(err, "cannot read the image: %s", got ? strerror(errno) : "it became shorter");
            free(bytes);
            return NULL;
        }
        have += (size_t)got;
    }
    *count = have;
    return bytes;
}

int thumbnail_hand_over(const struct thumbnail *thumbnail, int fd, cJSON *answer, struct err *err)
{
    int cause = fs_put(fd, thumbnail->jpeg, thumbnail->size);
    if (cause)
        return err_set(err, "cannot write the thumbnail: %s", strerror(cause));
    if (!cJSON_AddNumberToObject(answer, "width", thumbnail->width) ||
        !cJSON_AddNumberToObject(answer, "height", thumbnail->height) ||
        !cJSON_AddNumberToObject(answer, "bytes", (double)thumbnail->size))
        return err_set(err, "no memory");
    return 0;
}

int request_thumbnail(const struct request *request, cJSON *answer, struct err *err)
{
    struct thumbnail thumbnail = { 0 };
    char *bytes = NULL;
    size_t count;
    int width, status = -1, refusal = 422;
    if (request_integer(request, "width", THUMBNAIL_WIDTH_MIN, THUMBNAIL_WIDTH_MAX, &width, err) ||
        !(bytes = read_file(request->files[0], &count, err)))
        goto out;
    if (thumbnail_check(bytes, count, err)) {
        refusal = 415;
        goto out;
    }
    if (thumbnail_make(bytes, count, width, &thumbnail, err))
        goto out;
    status = thumbnail_hand_over(&thumbnail, request->files[1], answer, err);
out:
    if (status)
        cJSON_AddNumberToObject(answer, "status", refusal);
    thumbnail_release(&thumbnail);
    free(bytes);
    return status;
}
