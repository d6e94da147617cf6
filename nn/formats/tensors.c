/* The list of tensors, with its bounds. */
#include "tensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_LEAST ((size_t)256 << 20)

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "weight files are read and written as memory holds them");

size_t tensor_type_size(enum tensor_type type)
{
    switch (type) {
    case TENSOR_INT8:
    case TENSOR_UINT8:
    case TENSOR_BOOL: return 1;
    case TENSOR_FLOAT16:
    case TENSOR_BFLOAT16:
    case TENSOR_INT16: return 2;
    case TENSOR_FLOAT32:
    case TENSOR_INT32: return 4;
    case TENSOR_FLOAT64:
    case TENSOR_INT64: break;
    }
    return 8;
}

size_t tensors_max_of(size_t count)
{
    size_t max = ((size_t)1 << 20) + 20 * (count < TENSORS_BYTES_MAX ? count : TENSORS_BYTES_MAX);
    return max < TENSORS_BYTES_MAX ? max : TENSORS_BYTES_MAX;
}

size_t tensors_max_shown(size_t count)
{
    size_t max = tensors_max_of(count);
    return max > SHOWN_LEAST ? max : SHOWN_LEAST;
}

int64_t shape_count(int rank, const int64_t *shape)
{
    int64_t count = 1;
    for (int i = 0; i < rank; i++) {
        if (shape[i] < 0 || (size_t)shape[i] > TENSORS_BYTES_MAX)
            return -1;
        count *= shape[i]; /* each factor is at most 2^31: the product is checked before it can overflow */
        if ((size_t)count > TENSORS_BYTES_MAX)
            return -1;
    }
    return count;
}

static int grow(struct tensors *tensors)
{
    size_t capacity = tensors->capacity ? 2 * tensors->capacity : 64;
    struct tensor *list = realloc(tensors->list, capacity * sizeof(*list));
    if (!list)
        return -1;
    tensors->list = list;
    tensors->capacity = capacity;
    return 0;
}

struct tensor *tensors_add(struct tensors *tensors, const char *name, enum tensor_type type, int rank,
                           const int64_t *shape, struct err *err)
{
    if (rank < 0 || rank > TENSOR_RANK_MAX || shape_count(rank, shape) < 0) {
        err_set(err, "the shape of '%s' is out of bounds", name);
        return NULL;
    }
    size_t count = (size_t)shape_count(rank, shape), bytes = count * tensor_type_size(type);
    size_t max = tensors->max ? tensors->max : TENSORS_BYTES_MAX;
    if (tensors->count >= TENSORS_MAX || bytes > max - tensors->bytes) {
        err_set(err, "there are more than %d tensors or, for the size of the file, too many bytes of them: %zu",
                TENSORS_MAX, max);
        return NULL;
    }
    struct tensor tensor = { .type = type, .rank = rank, .count = count };
    for (int i = 0; i < rank; i++)
        tensor.shape[i] = shape[i];
    tensor.name = strdup(name);
    tensor.bytes = malloc(bytes ? bytes : 1);
    if (!tensor.name || !tensor.bytes || (tensors->count == tensors->capacity && grow(tensors))) {
        free(tensor.name);
        free(tensor.bytes);
        err_set(err, "no memory for '%s'", name);
        return NULL;
    }
    tensors->bytes += bytes;
    tensors->list[tensors->count] = tensor;
    return &tensors->list[tensors->count++];
}

void tensors_release(struct tensors *tensors)
{
    for (size_t i = 0; i < tensors->count; i++) {
        free(tensors->list[i].name);
        free(tensors->list[i].bytes);
    }
    for (size_t i = 0; i < tensors->note_count; i++)
        free(tensors->notes[i].name);
    free(tensors->list);
    free(tensors->notes);
    *tensors = (struct tensors){ 0 };
}

/* The prefix that all names have; NULL: none. */
static const char *common_prefix(const struct tensors *tensors)
{
    static const char *const prefixes[] = { "module.", "_orig_mod.", "model.", "net.", "backbone." };
    for (size_t p = 0; p < sizeof(prefixes) / sizeof(prefixes[0]); p++) {
        size_t length = strlen(prefixes[p]), i = 0;
        while (i < tensors->count && !strncmp(tensors->list[i].name, prefixes[p], length))
            i++;
        if (i && i == tensors->count)
            return prefixes[p];
    }
    return NULL;
}

/* Moves a name up to its rest behind the prefix, where it has it. */
static void strip(char *name, const char *prefix)
{
    size_t length = strlen(prefix);
    if (!strncmp(name, prefix, length))
        memmove(name, name + length, strlen(name + length) + 1);
}

void tensors_strip_prefix(struct tensors *tensors)
{
    for (;;) {
        const char *prefix = common_prefix(tensors);
        size_t used = strlen(tensors->prefix);
        if (!prefix || used + strlen(prefix) >= sizeof(tensors->prefix))
            return;
        for (size_t i = 0; i < tensors->count; i++)
            strip(tensors->list[i].name, prefix);
        for (size_t i = 0; i < tensors->note_count; i++)
            strip(tensors->notes[i].name, prefix);
        snprintf(tensors->prefix + used, sizeof(tensors->prefix) - used, "%s", prefix);
    }
}
