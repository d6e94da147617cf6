/* HTTP requests, by libcurl (named in no other file). Blocking, one request a call, each with deadlines: the client
 * uses it from main, the node from its thread pool, never from an event loop. http:// and https:// only; for the
 * latter $SSL_CERT_FILE, where set, holds the certificates to trust in place of the system's. */
#ifndef DCLS_NET_HTTP_CLIENT_H
#define DCLS_NET_HTTP_CLIENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dcls/base/buf.h"
#include "dcls/base/err.h"

/* Once in a process, before threads. */
int http_global_init(struct err *err);
void http_global_release(void);

struct http_request {
    const char *method; /* "GET" where NULL */
    const char *url;
    const char *const *headers; /* "Name: value", NULL-ended, may be NULL */
    const void *body;           /* sent with PUT and POST; not owned */
    size_t body_size;
    int64_t range_from;  /* bytes to skip by a Range header; 0: none */
    double timeout_s;    /* whole transfer; 0: no bound but that of stall_s */
    double stall_s;      /* no byte for so long ends it; 0: 30 */
    size_t max_response; /* more is an error; 0: 16 MiB */
    /* Where not NULL, called with each piece of a 2xx body instead of collecting it; non-zero return aborts. */
    int (*sink)(void *arg, const void *bytes, size_t count); /* the response's status and range_from are set by then */
    void *sink_arg;
    const atomic_bool *stop; /* where not NULL and true, ends the transfer soon */
};

struct http_response {
    int status; /* 0 where no answer came */
    char content_type[128];
    int64_t content_length; /* -1 where not told */
    int64_t range_from;     /* of a 206: where its first byte belongs; -1 where not told */
    struct buf body;        /* what did not go to a sink */
};

/* 0 where an HTTP answer came, of whatever status; -1 where none did (err names the URL's host and the cause). Who is
 * told to come again soon (503 with Retry-After) does so, three times, as long as a whole time that was set allows.
 * The response is always initialised and must be released. */
int http_send(const struct http_request *request, struct http_response *response, struct err *err);
void http_response_release(struct http_response *response);

/* Downloads to `path` through `path`.part; `sha256` (or how it begins) is checked, a wrong file is removed. It is
 * resumed where a part stands there. Where `sha256` is NULL nothing tells what a part is of: it then starts from the
 * beginning, and no part stays. At most `max` bytes. The folder must exist. */
int http_download(const char *url, const char *path, const char *sha256, int64_t max, const atomic_bool *stop,
                  struct err *err);

/* The same for what need not outlive the process: begun anew, not waited for until it is on the disk, and no
 * part stays. */
int http_download_scratch(const char *url, const char *path, const char *sha256, int64_t max, const atomic_bool *stop,
                          struct err *err);

/* Uploads a file as blob SHA256 to API ("http://host:port"), in pieces of 4 MiB, resumed where the broker has some. */
int http_upload_blob(const char *api, const char *path, const char *sha256, const atomic_bool *stop, struct err *err);

/* Percent-encodes what is not unreserved; the caller frees it. */
char *http_escape(const char *text);

#endif
