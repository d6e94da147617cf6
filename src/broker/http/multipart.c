/* multipart/form-data: see multipart.h. A delimiter is a line of its own, so the search is for CRLF, two dashes and the
 * boundary; only the first may stand at the very start of the body. */
#include "multipart.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define HEADERS_MAX 4096

bool multipart_is(const char *content_type)
{
    static const char name[] = "multipart/form-data";
    return content_type && !strncasecmp(content_type, name, sizeof name - 1) &&
           strchr("; \t", content_type[sizeof name - 1]);
}

/* A parameter of a header's value, quoted or not, into `out`: 1; 0 where it is absent; -1 where it does not fit or its
 * quote never closes. */
static int parameter(const char *value, size_t count, const char *name, char *out, size_t size)
{
    const char *end = value + count;
    size_t name_size = strlen(name);
    for (const char *at = value; at < end;) {
        /* To the next semicolon outside quotes. */
        bool quoted = false;
        for (; at < end && (quoted || *at != ';'); at++) {
            if (*at == '"')
                quoted = !quoted;
            else if (*at == '\\' && quoted && at + 1 < end)
                at++;
        }
        if (at == end)
            return quoted ? -1 : 0;
        at++;
        while (at < end && (*at == ' ' || *at == '\t'))
            at++;
        if ((size_t)(end - at) <= name_size || strncasecmp(at, name, name_size) || at[name_size] != '=')
            continue;
        at += name_size + 1;
        size_t used = 0;
        quoted = at < end && *at == '"';
        if (quoted)
            at++;
        for (; at < end; at++) {
            if (quoted ? *at == '"' : (*at == ';' || *at == ' ' || *at == '\t'))
                break;
            if (quoted && *at == '\\' && at + 1 < end)
                at++;
            if (used + 1 >= size || !*at)
                return -1;
            out[used++] = *at;
        }
        out[used] = '\0';
        return quoted && at == end ? -1 : 1;
    }
    return 0;
}

int multipart_init(struct multipart *multipart, const char *content_type, const void *body, size_t count,
                   struct err *err)
{
    *multipart = (struct multipart){ .at = body, .end = (const char *)body + count };
    char boundary[MULTIPART_BOUNDARY_MAX + 1];
    if (!multipart_is(content_type) ||
        parameter(content_type, strlen(content_type), "boundary", boundary, sizeof boundary) != 1 || !*boundary)
        return err_set(err, "multipart/form-data lacks a boundary of 1 to %d characters", MULTIPART_BOUNDARY_MAX);
    multipart->delimiter_size =
        (size_t)snprintf(multipart->delimiter, sizeof multipart->delimiter, "\r\n--%s", boundary);

    /* The first delimiter needs no CRLF in front where the body starts with it. */
    size_t first = multipart->delimiter_size - 2;
    if (count >= first && !memcmp(multipart->at, multipart->delimiter + 2, first)) {
        multipart->at += first;
        return 0;
    }
    const char *found = count == 0 ? NULL : memmem(body, count, multipart->delimiter, multipart->delimiter_size);
    if (!found)
        return err_set(err, "the multipart body does not hold its boundary");
    multipart->at = found + multipart->delimiter_size;
    return 0;
}

/* The name in the Content-Disposition of a part's headers, each of which ends in CRLF. */
static int read_name(const char *headers, const char *end, char name[MULTIPART_NAME_SIZE], struct err *err)
{
    static const char field[] = "content-disposition:";
    name[0] = '\0';
    while (headers < end) {
        const char *stop = memmem(headers, (size_t)(end - headers), "\r\n", 2);
        if (!stop)
            stop = end;
        size_t count = (size_t)(stop - headers);
        if (count >= sizeof field - 1 && !strncasecmp(headers, field, sizeof field - 1) &&
            parameter(headers, count, "name", name, MULTIPART_NAME_SIZE) < 0)
            return err_set(err, "the name of a multipart field is malformed or too long");
        headers = stop < end ? stop + 2 : end;
    }
    return 0;
}

int multipart_next(struct multipart *multipart, struct multipart_part *part, struct err *err)
{
    *part = (struct multipart_part){ .bytes = NULL };
    if (multipart->done)
        return 0;
    const char *at = multipart->at, *end = multipart->end;
    if (end - at >= 2 && !memcmp(at, "--", 2)) {
        multipart->done = true;
        return 0;
    }
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    if (end - at < 2 || memcmp(at, "\r\n", 2))
        return err_set(err, "the multipart body ends early or its boundary is not alone on its line");

    /* Headers end at an empty line, which may be the first: so the CRLF of the delimiter's line is looked at too. */
    size_t window = (size_t)(end - at) < HEADERS_MAX ? (size_t)(end - at) : HEADERS_MAX;
    const char *blank = memmem(at, window, "\r\n\r\n", 4);
    if (!blank)
        return err_set(err, "the headers of a multipart field do not end");
    if (blank > at && read_name(at + 2, blank, part->name, err))
        return -1;
    const char *bytes = blank + 4;

    /* An empty part's delimiter shares the CRLF of the blank line. */
    const char *from = bytes - 2;
    const char *stop = memmem(from, (size_t)(end - from), multipart->delimiter, multipart->delimiter_size);
    if (!stop)
        return err_set(err, "the multipart body ends before its closing boundary");
    part->bytes = bytes;
    part->count = stop > bytes ? (size_t)(stop - bytes) : 0;
    multipart->at = stop + multipart->delimiter_size;
    return 1;
}
