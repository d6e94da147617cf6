/* Writing a .pth as torch.save(state_dict) does: a pickle of protocol 2 that rebuilds an OrderedDict of tensors, each
 * on a storage of its own, in an uncompressed zip archive. torch.load reads it, with weights_only as well.
 *
 * A model is identified by its file's digest, so nothing in the bytes depends on path, time or machine: the archive's
 * folder is always "archive", its entries carry one fixed time. */
#include "pth.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zip.h>

#include "dcls/base/buf.h"
#include "dcls/base/fs.h"
#include "pickle.h"

/* 1 January 1980, 12:00, as DOS counts: the first day it can, at an hour that no time zone skips. */
#define ENTRY_DATE (1 << 5 | 1)
#define ENTRY_TIME (12 << 11)

static int put_byte(struct buf *out, uint8_t byte)
{
    return buf_append(out, &byte, 1);
}

static int put_integer(struct buf *out, int64_t number)
{
    uint8_t bytes[10] = { 0x8a, 8 }; /* LONG1 of 8 bytes; smaller ones as Python pickles them */
    if (number >= 0 && number < 256)
        return buf_append(out, (uint8_t[]){ 'K', (uint8_t)number }, 2);
    memcpy(bytes + 2, &number, 8);
    if (number >= 0 && number < 65536)
        return buf_append(out, (uint8_t[]){ 'M', bytes[2], bytes[3] }, 3);
    if (number >= INT32_MIN && number <= INT32_MAX)
        return buf_append(out, (uint8_t[]){ 'J', bytes[2], bytes[3], bytes[4], bytes[5] }, 5);
    return buf_append(out, bytes, sizeof(bytes));
}

static int put_text(struct buf *out, const char *text)
{
    uint32_t length = (uint32_t)strlen(text);
    return put_byte(out, 'X') || buf_append(out, &length, 4) || buf_append(out, text, length);
}

static int put_ordered_dict(struct buf *out)
{
    return buf_puts(out, "ccollections\nOrderedDict\n)R");
}

/* _rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict()) */
static int put_tensor(struct buf *out, const struct param *param, int index)
{
    char key[16];
    snprintf(key, sizeof(key), "%d", index);
    const char *type = param->kind == PARAM_TRACKED ? "ctorch\nLongStorage\n" : "ctorch\nFloatStorage\n";
    if (buf_puts(out, "ctorch._utils\n_rebuild_tensor_v2\n((") || put_text(out, "storage") || buf_puts(out, type) ||
        put_text(out, key) || put_text(out, "cpu") || put_integer(out, (int64_t)param->count) || buf_puts(out, "tQ") ||
        put_integer(out, 0) || put_byte(out, '('))
        return -1;
    for (int d = 0; d < param->rank; d++)
        if (put_integer(out, param->shape[d]))
            return -1;
    if (buf_puts(out, "t("))
        return -1;
    for (int d = 0; d < param->rank; d++) {
        int64_t stride = 1;
        for (int inner = d + 1; inner < param->rank; inner++)
            stride *= param->shape[inner];
        if (put_integer(out, stride))
            return -1;
    }
    return put_byte(out, 't') || put_byte(out, 0x89) || put_ordered_dict(out) || buf_puts(out, "tR");
}

static int put_pickle(struct buf *out, const struct net *net)
{
    if (buf_append(out, "\x80\2", 2) || put_ordered_dict(out) || put_byte(out, '('))
        return -1;
    for (int i = 0; i < net->param_count; i++)
        if (put_text(out, net->params[i].name) || put_tensor(out, &net->params[i], i))
            return -1;
    return buf_puts(out, "u.");
}

/* Adds an entry; `bytes` must stay as they are until the archive is closed. */
static int add_entry(zip_t *zip, const char *name, const void *bytes, size_t count)
{
    char path[64];
    snprintf(path, sizeof(path), "archive/%s", name);
    zip_source_t *source = zip_source_buffer(zip, bytes, count, 0);
    if (!source)
        return -1;
    zip_int64_t index = zip_file_add(zip, path, source, ZIP_FL_ENC_UTF_8);
    if (index < 0) {
        zip_source_free(source);
        return -1;
    }
    if (zip_set_file_compression(zip, (zip_uint64_t)index, ZIP_CM_STORE, 0))
        return -1;
    return zip_file_set_dostime(zip, (zip_uint64_t)index, ENTRY_TIME, ENTRY_DATE, 0);
}

static int add_entries(zip_t *zip, const struct buf *pickle, const struct net *net, const struct weights *weights)
{
    if (add_entry(zip, "data.pkl", pickle->data, pickle->len))
        return -1;
    for (int i = 0; i < net->param_count; i++) {
        const struct param *param = &net->params[i];
        bool tracked = param->kind == PARAM_TRACKED;
        const void *bytes = tracked ? (const void *)(weights->tracked + param->offset) : weights_at(net, weights, i);
        char name[32];
        snprintf(name, sizeof(name), "data/%d", i);
        if (add_entry(zip, name, bytes, param_bytes(param)))
            return -1;
    }
    return add_entry(zip, "version", "3\n", 2);
}

/* Writes the whole archive to `path`, which must not exist. */
static int write_archive(const char *path, const struct buf *pickle, const struct net *net,
                         const struct weights *weights, struct err *err)
{
    int code;
    zip_t *zip = zip_open(path, ZIP_CREATE | ZIP_EXCL, &code);
    if (!zip) {
        zip_error_t error;
        zip_error_init_with_code(&error, code);
        err_set(err, "cannot create '%s': %s", path, zip_error_strerror(&error));
        zip_error_fini(&error);
        return -1;
    }
    if (add_entries(zip, pickle, net, weights) || zip_close(zip)) {
        err_set(err, "cannot write '%s': %s", path, zip_strerror(zip));
        zip_discard(zip);
        return -1;
    }
    return 0;
}

int pth_write(const char *path, const struct net *net, const struct weights *weights, struct err *err)
{
    struct buf pickle;
    char *temporary = NULL;
    int status = -1;
    buf_init(&pickle, PICKLE_BYTES_MAX);
    if (put_pickle(&pickle, net) || asprintf(&temporary, "%s.%ld.tmp", path, (long)getpid()) < 0) {
        temporary = NULL;
        err_set(err, "no memory to write '%s'", path);
        goto out;
    }
    if (unlink(temporary) && errno != ENOENT) { /* left by a process of the same number that died */
        err_set(err, "cannot remove '%s': %s", temporary, strerror(errno));
        goto out;
    }
    if (write_archive(temporary, &pickle, net, weights, err))
        goto out;
    status = fs_commit(temporary, path, err);
out:
    free(temporary);
    buf_release(&pickle);
    return status;
}
