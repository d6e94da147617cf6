/* Any bytes as a .safetensors: read or refused, never harm. Fuzzers hardly find a header's length, so the bytes are
 * also taken as a header of half their size with the numbers behind it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "nn/formats/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void read_file(const uint8_t *bytes, size_t count)
{
    struct err err = ERR_INIT;
    struct tensors tensors = { 0 };
    size_t total = 0;
    int status = safetensors_tensors(bytes, count, &tensors, &err);
    if (status && (!err.text[0] || strchr(err.text, '\n')))
        abort();
    for (size_t i = 0; i < tensors.count; i++)
        total += tensors.list[i].count * tensor_type_size(tensors.list[i].type);
    if (total > count)
        abort(); /* numbers from nowhere */
    tensors_release(&tensors);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    read_file(bytes, count);
    uint64_t length = count / 2;
    uint8_t *file = malloc(sizeof(length) + count);
    if (!file)
        return 0;
    memcpy(file, &length, sizeof(length));
    memcpy(file + sizeof(length), bytes, count);
    read_file(file, sizeof(length) + count);
    free(file);
    return 0;
}
