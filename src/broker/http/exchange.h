/* One HTTP request and its answer, for the handlers of endpoints; server.h says who ends and frees it.
 *
 *     handler(exchange)                     on the loop's thread
 *     exchange_json/_error/_text/_file      ends it at once; larger bodies go out in pieces as the client takes them
 *     exchange_stream_start ... _end        for event streams
 *
 * Everything here runs on the loop's thread. Other threads get copies (exchange_body is valid until the end). */
#ifndef DCLS_BROKER_EXCHANGE_H
#define DCLS_BROKER_EXCHANGE_H

#include <cjson/cJSON.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "dcls/base/err.h"
#include "connections.h"
#include "dcls/net/thread_pool.h"
#include "src/broker/refusal.h"

#define EXCHANGE_ARGS 2

struct broker;
struct http;
struct shared_bytes;
struct timer;

/* What is still to be sent: of a file, or of memory. */
struct outflow {
    int fd;                      /* -1: none */
    const char *bytes;           /* NULL: none */
    char *owned;                 /* to be freed; or else they are of */
    struct shared_bytes *shared; /* or of nobody, constant */
    int64_t at, left;
};

LIST_HEAD(exchange_list, exchange);

struct exchange {
    struct broker *broker;
    struct http *http;
    LIST_ENTRY(exchange) listed;    /* by the server */
    struct evhttp_request *request; /* NULL once evhttp has taken it back */
    struct seat seat;
    struct evkeyvalq query;
    char *args[EXCHANGE_ARGS]; /* the path's variable parts, decoded; NULL where there is none */
    bool head;
    bool started; /* the answer has begun */
    bool gone;    /* the client closed the connection */
    struct outflow outflow;
    /* of a stream */
    void (*drained)(void *arg);
    void (*closed)(void *arg);
    void *stream_arg;
    bool draining;
    struct timer *later; /* what may not happen inside libevent's callbacks */
    /* what a handler remembers meanwhile; freed with the exchange */
    void *context;
    void (*context_free)(void *context);
};

/* Zeroed memory that is the exchange's context from now on, once; NULL after 503 was answered. `release` is called on
 * it when the exchange ends, before it is freed (NULL: nothing to release). */
void *exchange_context(struct exchange *exchange, size_t size, void (*release)(void *context));

/* `run` in that lane (lanes.h; NO_LANE: beside everything), then `done` on the loop's thread, each with the context.
 * 503 is answered where too much is under way. */
void exchange_submit(struct exchange *exchange, int lane, work_run run, work_done done);

/* False where the client is gone, so that work for it can be saved. */
bool exchange_is_awaited(const struct exchange *exchange);

/* A decoded member of the query string, valid while the exchange is; NULL where absent. */
const char *exchange_query(const struct exchange *exchange, const char *name);
/* A request header; NULL where absent. */
const char *exchange_header(const struct exchange *exchange, const char *name);
/* How often it is there. */
int exchange_header_count(const struct exchange *exchange, const char *name);
/* The body, contiguous, valid while the exchange is. */
const void *exchange_body(struct exchange *exchange, size_t *count);
/* The body as a JSON object; NULL with err, which suits a 400. The caller deletes it. */
cJSON *exchange_body_json(struct exchange *exchange, struct err *err);

/* Adds a header to the answer; before it is ended. */
void exchange_add_header(struct exchange *exchange, const char *name, const char *value);

/* Each of these ends and frees the exchange. Takes `value`; NULL (no memory) answers 500, and so does errno ENOMEM:
 * what makes the value need not look at each member that it adds. */
void exchange_json(struct exchange *exchange, int status, cJSON *value);
/* The same; `whole` false: a member could not be added for lack of memory. */
void exchange_object(struct exchange *exchange, int status, cJSON *object, bool whole);
/* {"error": "..."} */
void exchange_error(struct exchange *exchange, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void exchange_refuse(struct exchange *exchange, const struct refusal *refusal);
/* Takes `bytes` (heap). */
void exchange_text(struct exchange *exchange, int status, const char *type, char *bytes, size_t count);
/* The same of bytes that stay where they are for as long as the program runs. */
void exchange_constant(struct exchange *exchange, int status, const char *type, const char *bytes, size_t count);
/* Takes `fd`, an open regular file of `size` bytes; answers a Range. A file that shrinks meanwhile breaks the
 * connection, so that the client sees it incomplete. */
void exchange_file(struct exchange *exchange, int fd, int64_t size, const char *type);
/* The same of a file that `tag` (a hash, say) tells from others that the address may lead to later. Unless it is
 * `lasting`, so that there never is another, a Range alone is answered with the whole: only an If-Range with this ETag
 * tells that the client has the beginning of this one. */
void exchange_tagged_file(struct exchange *exchange, int fd, int64_t size, const char *type, const char *tag,
                          bool lasting);
/* The same as exchange_file of memory, which it holds until it has left. */
void exchange_shared(struct exchange *exchange, struct shared_bytes *shared, const char *type);
/* No body. */
void exchange_empty(struct exchange *exchange, int status);

/* Starts a stream. `drained` is called when what was sent has left, never inside exchange_stream_*. `closed` is called
 * once, in the end, whoever ended it (inside exchange_stream_end, else from the loop): the exchange is freed then. */
void exchange_stream_start(struct exchange *exchange, const char *type, void (*drained)(void *arg),
                           void (*closed)(void *arg), void *arg);
/* True while the last piece has not left yet: send no more, `drained` will come. */
bool exchange_stream_busy(const struct exchange *exchange);
void exchange_stream_send(struct exchange *exchange, const void *bytes, size_t count);
/* After what was sent; or at once, by breaking the connection. `closed` follows. */
void exchange_stream_end(struct exchange *exchange);
void exchange_stream_abort(struct exchange *exchange);

/* For server.c alone: takes a request from evhttp, and drops an exchange when the server ends. */
struct exchange *exchange_new(struct http *http, struct broker *broker, struct connections *connections,
                              struct evhttp_request *request, struct exchange_list *list);
void exchange_drop(struct exchange *exchange);

#endif
