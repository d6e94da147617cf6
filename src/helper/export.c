/* A model's weights in another format, by nn, as `dcls client export` writes them. */
#include "export.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/nn/export.h"
#include "dcls/proto/json.h"

#define IMAGE_SIZE_MAX 8192

/* The names in the request's list; the array alone is the caller's to free. NULL with err. */
static const char **list_classes(const struct request *request, int *count, struct err *err)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(request->json, "classes"), *item;
    const char **names = calloc((size_t)cJSON_GetArraySize(list) + 1, sizeof *names);
    *count = 0;
    if (!names)
        err_set(err, "no memory for the classes");
    cJSON_ArrayForEach(item, list) if (names && cJSON_IsString(item)) names[(*count)++] = item->valuestring;
    return names;
}

int request_export(const struct request *request, cJSON *answer, struct err *err)
{
    const char *format = json_text(request->json, "format"), *type = json_text(request->json, "type");
    char from[64];
    struct export_spec spec = { .type = type ? type : "", .fold = true };
    int classes = 0, status = -1;
    const char **names = list_classes(request, &spec.class_count, err);
    if (!names || request_integer(request, "imageSize", 1, IMAGE_SIZE_MAX, &spec.image_size, err))
        goto out;
    spec.classes = spec.class_count ? names : NULL;
    if (format && !strcmp(format, "safetensors"))
        spec.format = EXPORT_SAFETENSORS;
    else if (format && !strcmp(format, "onnx"))
        spec.format = EXPORT_ONNX;
    else {
        err_set(err, "'%.20s' is no format to export into", format ? format : "");
        goto out;
    }
    snprintf(from, sizeof from, "/proc/self/fd/%d", request->files[0]);
    if (export_into(from, request->files[1], &spec, &classes, err)) {
        err_rename(err, from, "weights");
        goto out;
    }
    status = cJSON_AddNumberToObject(answer, "classes", classes) ? 0 : err_set(err, "no memory");
out:
    free(names);
    return status;
}
