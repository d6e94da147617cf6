/* One image made small, by nn. */
#include "thumbnail.h"

#include <stdlib.h>
#include <string.h>

#include "dcls/base/fs.h"
#include "dcls/base/thumbnail_width.h"
#include "dcls/proto/json.h"

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
        fs_read_open(request->files[0], "the image", THUMBNAIL_FILE_MAX, &bytes, &count, err))
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
