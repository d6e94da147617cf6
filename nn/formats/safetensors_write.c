/* Writing a .safetensors: pieces one after another, those of the largest elements first, so that every element lies at
 * a multiple of its size. */
#include "safetensors.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/base/buf.h"
#include "dcls/base/fs.h"

static size_t size_of(const struct safetensors_piece *piece)
{
    return (size_t)shape_count(piece->rank, piece->shape) * tensor_type_size(piece->type);
}

static const char *type_name(enum tensor_type type)
{
    return type == TENSOR_INT64 ? "I64" : type == TENSOR_FLOAT64 ? "F64" : "F32";
}

/* The header's member of a piece whose elements begin at `at`. Names are ours and torchvision's: they need no escapes.
 */
static int put_member(struct buf *out, const struct safetensors_piece *piece, size_t at)
{
    if (buf_printf(out, ",\"%s\":{\"dtype\":\"%s\",\"shape\":[", piece->name, type_name(piece->type)))
        return -1;
    for (int d = 0; d < piece->rank; d++)
        if (buf_printf(out, "%s%lld", d ? "," : "", (long long)piece->shape[d]))
            return -1;
    return buf_printf(out, "],\"data_offsets\":[%zu,%zu]}", at, at + size_of(piece));
}

/* Transformers and others ask for the format "pt". */
static int put_metadata(struct buf *out, const char *key, const char *value)
{
    cJSON *metadata = cJSON_CreateObject();
    bool made = cJSON_AddStringToObject(metadata, "format", "pt");
    if (made && key)
        made = cJSON_AddStringToObject(metadata, key, value);
    char *text = made ? cJSON_PrintUnformatted(metadata) : NULL;
    int status = text ? buf_printf(out, "{\"__metadata__\":%s", text) : -1;
    free(text);
    cJSON_Delete(metadata);
    return status;
}

static int put_header(struct buf *out, const char *key, const char *value, const struct safetensors_piece *pieces,
                      int count)
{
    uint64_t length = 0;
    size_t at = 0;
    if (buf_append(out, &length, sizeof(length)) || put_metadata(out, key, value))
        return -1;
    for (int i = 0; i < count; i++) {
        if (put_member(out, &pieces[i], at))
            return -1;
        at += size_of(&pieces[i]);
    }
    if (buf_puts(out, "}"))
        return -1;
    while (out->len % sizeof(int64_t))
        if (buf_puts(out, " "))
            return -1;
    length = out->len - sizeof(length);
    memcpy(out->data, &length, sizeof(length));
    return 0;
}

/* Stable, so that equal pieces give equal bytes. */
static void sort_by_size(struct safetensors_piece *pieces, int count, struct safetensors_piece *sorted)
{
    int next = 0;
    for (size_t size = tensor_type_size(TENSOR_INT64); size >= tensor_type_size(TENSOR_FLOAT32); size /= 2)
        for (int i = 0; i < count; i++)
            if (tensor_type_size(pieces[i].type) == size)
                sorted[next++] = pieces[i];
}

int safetensors_write_pieces(const struct output *output, const char *key, const char *value,
                             struct safetensors_piece *pieces, int count, struct err *err)
{
    struct buf header;
    struct safetensors_piece *sorted = calloc((size_t)count, sizeof(*sorted));
    struct iovec *parts = calloc((size_t)count + 1, sizeof(*parts));
    int status = -1;
    buf_init(&header, SAFETENSORS_HEADER_MAX);
    if (sorted)
        sort_by_size(pieces, count, sorted);
    if (!sorted || !parts || put_header(&header, key, value, sorted, count)) {
        err_set(err, "no memory to write weights");
        goto out;
    }
    parts[0] = (struct iovec){ header.data, header.len };
    for (int i = 0; i < count; i++)
        parts[i + 1] = (struct iovec){ sorted[i].elements, size_of(&sorted[i]) };
    status = output_write(output, parts, count + 1, err);
out:
    buf_release(&header);
    free(parts);
    free(sorted);
    return status;
}

int safetensors_write_to(const struct output *output, const struct net *net, const struct weights *weights,
                         struct err *err)
{
    struct safetensors_piece *pieces = calloc((size_t)net->param_count, sizeof(*pieces));
    if (!pieces)
        return err_set(err, "no memory to write weights");
    for (int i = 0; i < net->param_count; i++) {
        const struct param *param = &net->params[i];
        bool counter = param->kind == PARAM_TRACKED;
        void *elements = counter ? (void *)(weights->tracked + param->offset) : (void *)weights_at(net, weights, i);
        pieces[i] = (struct safetensors_piece){
            param->name, counter ? TENSOR_INT64 : TENSOR_FLOAT32, param->rank, { 0 }, elements
        };
        memcpy(pieces[i].shape, param->shape, sizeof(param->shape));
    }
    int status = safetensors_write_pieces(output, NULL, NULL, pieces, net->param_count, err);
    free(pieces);
    return status;
}

int safetensors_write(const char *path, const struct net *net, const struct weights *weights, struct err *err)
{
    return safetensors_write_to(&(struct output){ .path = path }, net, weights, err);
}
