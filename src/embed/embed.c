/* Makes files a part of the program. `make` runs it while it builds: it writes a C file with the table of
 * src/broker/http/page_files.h, each file as it is and as gzip has it, so that whoever serves them compresses nothing.
 *
 *     embed OUT FILE...        FILE: a path, served under its last part, or NAME=PATH
 *
 * The same files give the same bytes. A file whose type is not known is refused: no browser has to guess. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "dcls/base/buf.h"
#include "dcls/base/err.h"
#include "dcls/base/fs.h"
#include "dcls/base/sha256.h"

#define FILE_MAX ((size_t)4 * 1024 * 1024)
#define OUT_MAX ((size_t)128 * 1024 * 1024)
#define BYTES_A_LINE 96

static const char *type_of(const char *name)
{
    static const struct {
        const char *ending, *type;
    } types[] = {
        { ".html", "text/html; charset=utf-8" },
        { ".css", "text/css; charset=utf-8" },
        { ".js", "text/javascript; charset=utf-8" },
        { ".svg", "image/svg+xml" },
        { ".png", "image/png" },
    };
    const char *ending = strrchr(name, '.');
    for (size_t i = 0; ending && i < sizeof types / sizeof *types; i++)
        if (!strcmp(ending, types[i].ending))
            return types[i].type;
    return NULL;
}

/* Into `out`, which has room for compressBound of it and gzip's own 18 bytes. */
static int compress_gzip(const char *bytes, size_t count, char *out, size_t room, size_t *made)
{
    z_stream stream = { .next_in = (Bytef *)bytes, .avail_in = (uInt)count };
    if (deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) != Z_OK)
        return -1;
    stream.next_out = (Bytef *)out;
    stream.avail_out = (uInt)room;
    int status = deflate(&stream, Z_FINISH);
    *made = stream.total_out;
    return deflateEnd(&stream) == Z_OK && status == Z_STREAM_END ? 0 : -1;
}

/* One array of C, as lines of a string literal. */
static int put_bytes(struct buf *out, const char *kind, int number, const char *bytes, size_t count)
{
    int failed = buf_printf(out, "static const char %s_%d[] =", kind, number);
    for (size_t i = 0; i < count && !failed; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        if (i % BYTES_A_LINE == 0)
            failed = buf_puts(out, i ? "\"\n    \"" : "\n    \"");
        if (!failed && byte >= ' ' && byte < 127 && byte != '"' && byte != '?' && byte != '\\')
            failed = buf_append(out, &byte, 1);
        else if (!failed)
            failed = buf_printf(out, "\\%03o", byte);
    }
    return failed || buf_puts(out, count ? "\";\n" : " \"\";\n");
}

/* Its arrays into `out`, its row into `rows`. */
static int embed(struct buf *out, struct buf *rows, const char *argument, int number, struct err *err)
{
    char *bytes = NULL, *gzip = NULL, digest[SHA256_HEX_SIZE];
    size_t count, room, gzip_count;
    int failed = -1;
    const char *path = strchr(argument, '='), *slash = strrchr(argument, '/');
    const char *name = !path && slash ? slash + 1 : argument;
    int name_length = path ? (int)(path - argument) : (int)strlen(name);
    path = path ? path + 1 : argument;
    const char *type = type_of(path);
    if (!type) {
        err_set(err, "'%s' has an ending whose type is not known", path);
        goto out;
    }
    if (fs_read(path, FILE_MAX, &bytes, &count, err) || sha256_bytes(bytes, count, digest, err))
        goto out;
    room = compressBound((uLong)count) + 18;
    gzip = malloc(room);
    if (!gzip || compress_gzip(bytes, count, gzip, room, &gzip_count)) {
        err_set(err, "cannot compress '%s'", path);
        goto out;
    }
    if (put_bytes(out, "file", number, bytes, count) || put_bytes(out, "gzip", number, gzip, gzip_count) ||
        buf_printf(rows, "    { .name = \"%.*s\", .type = \"%s\",\n      .etag = \"W/\\\"%.32s\\\"\",\n", name_length,
                   name, type, digest) ||
        buf_printf(rows, "      .bytes = file_%d, .size = %zu, .gzip = gzip_%d, .gzip_size = %zu },\n", number, count,
                   number, gzip_count)) {
        err_set(err, "no memory for '%s'", path);
        goto out;
    }
    failed = 0;
out:
    free(bytes);
    free(gzip);
    return failed;
}

int main(int argc, char **argv)
{
    struct err err = ERR_INIT;
    struct buf out, rows;
    int failed = argc < 3 ? err_set(&err, "usage: embed OUT FILE...") : 0;
    buf_init(&out, OUT_MAX);
    buf_init(&rows, OUT_MAX);
    if (!failed && buf_puts(&out, "/* Made by src/embed. */\n#include \"src/broker/http/page_files.h\"\n\n"))
        failed = err_set(&err, "no memory");
    for (int i = 2; i < argc && !failed; i++)
        failed = embed(&out, &rows, argv[i], i - 2, &err);
    if (!failed && (buf_printf(&out, "\nconst struct page_file page_files[] = {\n%s};\n", buf_text(&rows)) ||
                    buf_printf(&out, "const size_t page_file_count = %d;\n", argc - 2)))
        failed = err_set(&err, "no memory");
    if (!failed)
        failed = fs_write(argv[1], out.data, out.len, &err);
    if (failed)
        err_print(&err);
    buf_release(&out);
    buf_release(&rows);
    return failed ? 1 : 0;
}
