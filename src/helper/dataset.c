/* The requests `dataset` and `dataset image`: what is in a node's dataset. */
#include "dataset.h"

#include "dcls/base/thumbnail_width.h"
#include "dcls/nn/dataset_view.h"
#include "dcls/proto/json.h"
#include "thumbnail.h"

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
    int index, width, refusal = 502, status = -1;
    if (!dir || !split)
        return err_set(err, "a request names its 'dir' and 'split'");
    if (request_integer(request, "index", 0, INDEX_MAX, &index, err) ||
        request_integer(request, "width", THUMBNAIL_WIDTH_MIN, THUMBNAIL_WIDTH_MAX, &width, err) ||
        dataset_view_open(request->view, dir, false, err) ||
        dataset_view_image(request->view, split, index, width, &thumbnail, &refusal, err))
        goto out;
    status = thumbnail_hand_over(&thumbnail, request->files[0], answer, err);
out:
    if (status)
        cJSON_AddNumberToObject(answer, "status", refusal);
    thumbnail_release(&thumbnail);
    return status;
}
