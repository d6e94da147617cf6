/* Requests to the broker's HTTP API: paths built from names, answers read as JSON, refusals turned into one line. */
#ifndef DCLS_CLIENT_API_H
#define DCLS_CLIENT_API_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "client.h"
#include "dcls/base/buf.h"
#include "dcls/base/err.h"

#define API_PATH_MAX 8192

struct api_request {
    const char *method;       /* NULL: GET */
    const char *path;         /* "/jobs/3" */
    const char *content_type; /* of the body */
    const void *body;
    size_t body_size;
    bool async; /* "Prefer: respond-async" */
};

/* Append a name as one encoded segment, or as a member of the query, with "?" or "&" in front; a NULL value adds
 * nothing. -1 where memory or room lacks. */
int api_add_segment(struct buf *path, const char *name);
int api_add_query(struct buf *path, const char *key, const char *value);

/* The body of a 2xx answer into `answer`, which the caller initialised and releases. Anything else is -1, and err says
 * what the broker said. */
int api_send(const struct client *client, const struct api_request *request, struct buf *answer, struct err *err);

/* The same for a JSON object, the caller's to delete; NULL on failure. */
cJSON *api_json(const struct client *client, const struct api_request *request, struct err *err);

/* GET of a path; GET of PREFIX NAME SUFFIX with the name encoded. */
cJSON *api_get(const struct client *client, const char *path, struct err *err);
cJSON *api_call_named(const struct client *client, const char *method, const char *prefix, const char *name,
                      const char *suffix, struct err *err);

/* What a refusal's body says, as an error in one line: {"error": "…"}, else the status. Always -1. */
int api_refusal(int status, const char *body, size_t size, struct err *err);

/* A member of an answer that is a text; "" where it is absent or ill-typed. */
const char *api_text(const cJSON *object, const char *name);

#endif
