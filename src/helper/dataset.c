/* The requests `dataset` and `dataset image`: what is in a node's dataset. */
#include "dataset.h"

#include <errno.h>
#include <string.h>

#include "dcls/base/fs.h"
#include "dcls/base/thumbnail_width.h"
#include "dcls/nn/dataset_view.h"
#include "dcls/proto/json.h"

#define INDEX_MAX 1000000000

int request_dataset(const struct request *request, cJSON *answer, struct err *err)
{
    const char *dir = json_text(request->json, "dir");
    if (!dir)
        return err_set(err, "a request names its 'dir'");
    if (dataset_view_open(request->view, dir, true, err))
        return -1;
    return dataset_view_describe(request->view, answer, err);
}

int request_dataset_image(const struct request *request, cJSON *answer, struct err *err)
{
    const char *dir = json_text(request->json, "dir"), *split = json_text(request->json, "split");
    struct thumbnail thumbnail = { 0 };
    int index, width, cause, refusal = 502, status = -1;
    if (!dir || !split)
        return err_set(err, "a request names its 'dir' and 'split'");
    if (request_integer(request, "index", 0, INDEX_MAX, &index, err) ||
        request_integer(request, "width", THUMBNAIL_WIDTH_MIN, THUMBNAIL_WIDTH_MAX, &width, err) ||
        dataset_view_open(request->view, dir, false, err) ||
        dataset_view_image(request->view, split, index, width, &thumbnail, &refusal, err))
        goto out;
    if ((cause = fs_put(request->files[0], thumbnail.jpeg, thumbnail.size)))
        err_set(err, "cannot write the image: %s", strerror(cause));
    else
        status = 0;
out:
    if (status)
        cJSON_AddNumberToObject(answer, "status", refusal);
    else if (!cJSON_AddNumberToObject(answer, "width", thumbnail.width) ||
             !cJSON_AddNumberToObject(answer, "height", thumbnail.height) ||
             !cJSON_AddNumberToObject(answer, "bytes", (double)thumbnail.size))
        status = err_set(err, "no memory");
    thumbnail_release(&thumbnail);
    return status;
}
