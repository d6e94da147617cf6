/* Reading a .safetensors. Nothing is allocated by a number from the file before that number was compared with the bytes
 * that are there. */
#include "safetensors.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#define LENGTH_SIZE 8 /* of the header's length */

/* A tensor as the header describes it. */
struct safetensors_entry {
    const char *name; /* the JSON's */
    enum tensor_type type;
    int rank;
    int64_t shape[TENSOR_RANK_MAX];
    size_t begin, end; /* in the bytes behind the header */
};

static uint64_t header_length(const void *bytes)
{
    uint64_t length;
    memcpy(&length, bytes, sizeof(length));
    return length;
}

bool safetensors_is(const void *bytes, size_t count)
{
    return count > LENGTH_SIZE && ((const char *)bytes)[LENGTH_SIZE] == '{';
}

static int find_type(const char *name, enum tensor_type *type)
{
    static const struct {
        const char *name;
        enum tensor_type type;
    } types[] = {
        { "F32", TENSOR_FLOAT32 }, { "F64", TENSOR_FLOAT64 }, { "F16", TENSOR_FLOAT16 }, { "BF16", TENSOR_BFLOAT16 },
        { "I64", TENSOR_INT64 },   { "I32", TENSOR_INT32 },   { "I16", TENSOR_INT16 },   { "I8", TENSOR_INT8 },
        { "U8", TENSOR_UINT8 },    { "BOOL", TENSOR_BOOL },
    };
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (name && !strcmp(name, types[i].name)) {
            *type = types[i].type;
            return 0;
        }
    return -1;
}

/* A whole number from 0 to `max` (at most 2^53); -1 where it is none. */
static int64_t whole(const cJSON *item, double max)
{
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0 && item->valuedouble <= max) ||
        item->valuedouble != (double)(int64_t)item->valuedouble)
        return -1;
    return (int64_t)item->valuedouble;
}

/* Fills `entry` from a member of the header; `size` bytes are behind that. */
static int read_entry(const cJSON *member, size_t size, struct safetensors_entry *entry, struct err *err)
{
    const cJSON *shape = cJSON_GetObjectItemCaseSensitive(member, "shape"), *item;
    const cJSON *offsets = cJSON_GetObjectItemCaseSensitive(member, "data_offsets");
    const char *type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(member, "dtype"));
    *entry = (struct safetensors_entry){ .name = member->string };
    if (!cJSON_IsObject(member) || !type || !cJSON_IsArray(shape) || cJSON_GetArraySize(offsets) != 2)
        return err_set(err, "'%.100s' lacks dtype, shape or data_offsets", entry->name);
    if (find_type(type, &entry->type))
        return err_set(err, "'%.100s' is of the type '%.20s', which is not supported", entry->name, type);
    cJSON_ArrayForEach(item, shape)
    {
        int64_t length = whole(item, (double)TENSORS_BYTES_MAX);
        if (length < 0 || entry->rank == TENSOR_RANK_MAX)
            return err_set(err, "'%.100s' has an impossible shape", entry->name);
        entry->shape[entry->rank++] = length;
    }
    int64_t begin = whole(cJSON_GetArrayItem(offsets, 0), (double)size);
    int64_t end = whole(cJSON_GetArrayItem(offsets, 1), (double)size);
    if (begin < 0 || end < begin)
        return err_set(err, "the data_offsets of '%.100s' do not lie in the file", entry->name);
    entry->begin = (size_t)begin;
    entry->end = (size_t)end;
    int64_t elements = shape_count(entry->rank, entry->shape);
    if (elements < 0 || (size_t)elements * tensor_type_size(entry->type) != entry->end - entry->begin)
        return err_set(err, "'%.100s' has %zu bytes, which do not fit its shape and type", entry->name,
                       entry->end - entry->begin);
    return 0;
}

static int compare_places(const void *a, const void *b)
{
    const struct safetensors_entry *left = a, *right = b;
    if (left->begin != right->begin)
        return left->begin < right->begin ? -1 : 1;
    return left->end < right->end ? -1 : left->end > right->end;
}

/* The tensors must follow each other without overlap or hole, from the header's end to that of the file. */
static int check_cover(struct safetensors_entry *entries, size_t count, size_t size, struct err *err)
{
    size_t at = 0;
    if (count)
        qsort(entries, count, sizeof(*entries), compare_places);
    for (size_t i = 0; i < count; i++) {
        if (entries[i].begin != at)
            return err_set(err, "'%.100s' %s", entries[i].name,
                           entries[i].begin < at ? "overlaps another tensor" : "follows bytes of no tensor");
        at = entries[i].end;
    }
    return at == size ? 0 : err_set(err, "the file has %zu bytes of no tensor at its end", size - at);
}

/* The header's members, in the order of their places. */
static int read_header(const cJSON *header, size_t size, struct safetensors_entry **entries, size_t *count,
                       struct err *err)
{
    const cJSON *member;
    size_t members = (size_t)cJSON_GetArraySize(header);
    if (!cJSON_IsObject(header))
        return err_set(err, "the header is no JSON object");
    if (members > TENSORS_MAX)
        return err_set(err, "the header has %zu members", members);
    *entries = calloc(members + 1, sizeof(**entries));
    if (!*entries)
        return err_set(err, "no memory to read the file");
    cJSON_ArrayForEach(member, header)
    {
        if (!strcmp(member->string, "__metadata__"))
            continue;
        if (read_entry(member, size, &(*entries)[*count], err))
            return -1;
        ++*count;
    }
    return check_cover(*entries, *count, size, err);
}

/* The header as JSON, and how long it is; NULL with err. */
static cJSON *parse_header(const void *bytes, size_t count, uint64_t *length, struct err *err)
{
    if (!safetensors_is(bytes, count)) {
        err_set(err, "not a .safetensors file");
        return NULL;
    }
    *length = header_length(bytes);
    if (*length > count - LENGTH_SIZE || *length > SAFETENSORS_HEADER_MAX) {
        err_set(err, "the header has %llu bytes, more than the file or than %d", (unsigned long long)*length,
                SAFETENSORS_HEADER_MAX);
        return NULL;
    }
    cJSON *header = cJSON_ParseWithLength((const char *)bytes + LENGTH_SIZE, *length);
    if (!header)
        err_set(err, "the header is no JSON");
    return header;
}

int safetensors_metadata(const void *bytes, size_t count, const char *key, char **value, struct err *err)
{
    uint64_t length;
    cJSON *header = parse_header(bytes, count, &length, err);
    if (!header)
        return -1;
    const cJSON *metadata = cJSON_GetObjectItemCaseSensitive(header, "__metadata__");
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(metadata, key));
    *value = text ? strdup(text) : NULL;
    cJSON_Delete(header);
    return *value ? 0 : err_set(err, "the file has no metadata '%s'", key);
}

int safetensors_tensors(const void *bytes, size_t count, struct tensors *tensors, struct err *err)
{
    struct safetensors_entry *entries = NULL;
    size_t entry_count = 0;
    int status = -1;
    uint64_t length;
    cJSON *header = parse_header(bytes, count, &length, err);
    if (!header || read_header(header, count - LENGTH_SIZE - length, &entries, &entry_count, err))
        goto out;
    const char *data = (const char *)bytes + LENGTH_SIZE + length;
    for (size_t i = 0; i < entry_count; i++) {
        const struct safetensors_entry *entry = &entries[i];
        struct tensor *tensor = tensors_add(tensors, entry->name, entry->type, entry->rank, entry->shape, err);
        if (!tensor)
            goto out;
        memcpy(tensor->bytes, data + entry->begin, entry->end - entry->begin);
    }
    status = 0;
out:
    free(entries);
    cJSON_Delete(header);
    return status;
}
