/* Writing a .safetensors: the parameters in the network's order, but counters first, so that every number lies at a
 * multiple of its size. */
#include "safetensors.h"

#include <string.h>

#include "dcls/base/buf.h"
#include "dcls/base/fs.h"

static bool is_counter(const struct param *param)
{
    return param->kind == PARAM_TRACKED;
}

static size_t size_of(const struct param *param)
{
    return param->count * (is_counter(param) ? sizeof(int64_t) : sizeof(float));
}

/* The header's member of a parameter whose numbers begin at `at`. Names are torchvision's: they need no escapes. */
static int put_member(struct buf *out, const struct param *param, size_t at)
{
    if (buf_printf(out, ",\"%s\":{\"dtype\":\"%s\",\"shape\":[", param->name, is_counter(param) ? "I64" : "F32"))
        return -1;
    for (int d = 0; d < param->rank; d++)
        if (buf_printf(out, "%s%lld", d ? "," : "", (long long)param->shape[d]))
            return -1;
    return buf_printf(out, "],\"data_offsets\":[%zu,%zu]}", at, at + size_of(param));
}

static int put_header(struct buf *out, const struct net *net)
{
    uint64_t length = 0;
    size_t at = 0;
    /* Transformers and others ask for the format "pt". */
    if (buf_append(out, &length, sizeof(length)) || buf_puts(out, "{\"__metadata__\":{\"format\":\"pt\"}"))
        return -1;
    for (int floats = 0; floats < 2; floats++)
        for (int i = 0; i < net->param_count; i++) {
            const struct param *param = &net->params[i];
            if (is_counter(param) == floats)
                continue;
            if (put_member(out, param, at))
                return -1;
            at += size_of(param);
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

static int put_numbers(struct buf *out, const struct net *net, const struct weights *weights)
{
    for (int floats = 0; floats < 2; floats++)
        for (int i = 0; i < net->param_count; i++) {
            const struct param *param = &net->params[i];
            if (is_counter(param) == floats)
                continue;
            const void *numbers =
                floats ? (const void *)weights_at(net, weights, i) : (const void *)(weights->tracked + param->offset);
            if (buf_append(out, numbers, size_of(param)))
                return -1;
        }
    return 0;
}

int safetensors_write(const char *path, const struct net *net, const struct weights *weights, struct err *err)
{
    struct buf out;
    buf_init(&out, TENSORS_BYTES_MAX + SAFETENSORS_HEADER_MAX);
    int status = put_header(&out, net) || put_numbers(&out, net, weights)
                     ? err_set(err, "no memory to write '%s'", path)
                     : fs_write(path, out.data, out.len, err);
    buf_release(&out);
    return status;
}
