/* The parts of a multipart/form-data body (RFC 7578) that lies in memory whole. Pure; nothing is copied but names.
 *
 *     struct multipart multipart;
 *     if (multipart_init(&multipart, content_type, body, count, err)) ...
 *     while ((more = multipart_next(&multipart, &part, err)) > 0) ...
 *
 * A body that ends before its closing boundary is an error, as is a part without a header's end. */
#ifndef DCLS_BROKER_MULTIPART_H
#define DCLS_BROKER_MULTIPART_H

#include <stdbool.h>
#include <stddef.h>

#include "dcls/base/err.h"

#define MULTIPART_BOUNDARY_MAX 70 /* RFC 2046 */
#define MULTIPART_NAME_SIZE 128

struct multipart {
    const char *at, *end;                           /* what is not yet looked at */
    char delimiter[4 + MULTIPART_BOUNDARY_MAX + 1]; /* CRLF, two dashes, the boundary */
    size_t delimiter_size;
    bool done;
};

struct multipart_part {
    char name[MULTIPART_NAME_SIZE]; /* of the field; empty where it has none; a longer one is an error */
    const void *bytes;              /* in the body */
    size_t count;
};

/* True for a Content-Type of multipart/form-data. */
bool multipart_is(const char *content_type);
/* `body` must live as long as the parts. -1 where the boundary is lacking or malformed, or the body has none. */
int multipart_init(struct multipart *multipart, const char *content_type, const void *body, size_t count,
                   struct err *err);
/* 1: *part is the next; 0: there is none; -1: malformed. */
int multipart_next(struct multipart *multipart, struct multipart_part *part, struct err *err);

#endif
