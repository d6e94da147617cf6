/* The table of requests. */
#include "requests.h"

#include <string.h>

#include "answers.h"
#include "dataset.h"
#include "export.h"
#include "thumbnail.h"

#define MIB ((int64_t)1 << 20)

static const struct request_kind kinds[] = {
    { "thumbnail", request_thumbnail, .files = 2, .memory = 2048 * MIB, .cpu_seconds = 15, .file_bytes = 16 * MIB },
    { "export", request_export, .files = 2, .memory = 4096 * MIB, .cpu_seconds = 120, .file_bytes = 2048 * MIB },
    { "dataset", request_dataset, .files = 0, .memory = 8192 * MIB, .cpu_seconds = 120, .file_bytes = 16 * MIB },
    { "dataset image", request_dataset_image, .files = 1, .memory = 8192 * MIB, .cpu_seconds = 120,
      .file_bytes = 16 * MIB },
    { "answers", request_answers, .files = 1, .memory = 8192 * MIB, .cpu_seconds = 120, .file_bytes = 16 * MIB },
};

const struct request_kind *request_kind_find(const char *name)
{
    for (size_t i = 0; name && i < sizeof kinds / sizeof *kinds; i++)
        if (!strcmp(name, kinds[i].name))
            return &kinds[i];
    return NULL;
}
