/* Answering an HTTP request by evhttp: see exchange.h.
 *
 * Who owns an evhttp_request is evhttp's most delicate point. It is evhttp's until the handler runs, ours from then on
 * until it is handed back by evhttp_send_reply or evhttp_send_reply_end. When the connection fails in between, evhttp
 * takes the request off the connection first (its connection is then NULL) and it stays ours; when the connection is
 * freed otherwise, the request goes with it. The connection's close callback tells both apart. A client that closes
 * while its request is being worked on is not noticed by evhttp, which does not read then; connections.h tells. */
#include "exchange.h"

#include <assert.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "src/broker/broker.h"
#include "dcls/base/log.h"
#include "dcls/net/timer.h"
#include "dcls/proto/json.h"
#include "dcls/proto/msg.h"
#include "range.h"
#include "shared_bytes.h"

#define PIECE (256 * 1024)
#define JSON_MAX ((size_t)256 * 1024 * 1024)

static void on_close(struct evhttp_connection *connection, void *arg);
static void on_left(struct seat *seat);

static struct evhttp_connection *connection_of(const struct exchange *exchange)
{
    return exchange->request ? evhttp_request_get_connection(exchange->request) : NULL;
}

struct exchange *exchange_new(struct http *http, struct broker *broker, struct connections *connections,
                              struct evhttp_request *request, struct exchange_list *list)
{
    struct exchange *exchange = calloc(1, sizeof *exchange);
    if (!exchange)
        return NULL;
    *exchange = (struct exchange){ .broker = broker, .http = http, .request = request, .outflow = { .fd = -1 } };
    TAILQ_INIT(&exchange->query);
    LIST_INSERT_HEAD(list, exchange, listed);
    struct evhttp_connection *connection = evhttp_request_get_connection(request);
    seat_open(&exchange->seat, connections, bufferevent_getfd(evhttp_connection_get_bufferevent(connection)), on_left);
    evhttp_connection_set_closecb(connection, on_close, exchange);
    return exchange;
}

static void outflow_release(struct exchange *exchange)
{
    struct outflow *out = &exchange->outflow;
    if (out->fd >= 0)
        close(out->fd);
    shared_bytes_let_go(out->shared);
    free(out->owned);
    *out = (struct outflow){ .fd = -1 };
}

static void exchange_free(struct exchange *exchange)
{
    LIST_REMOVE(exchange, listed);
    seat_close(&exchange->seat);
    evhttp_clear_headers(&exchange->query);
    for (int i = 0; i < EXCHANGE_ARGS; i++)
        free(exchange->args[i]);
    outflow_release(exchange);
    timer_free(exchange->later);
    if (exchange->context_free)
        exchange->context_free(exchange->context);
    free(exchange->context);
    free(exchange);
}

void *exchange_context(struct exchange *exchange, size_t size, void (*release)(void *context))
{
    assert(!exchange->context);
    exchange->context = calloc(1, size);
    if (!exchange->context) {
        exchange_error(exchange, 503, "no memory");
        return NULL;
    }
    exchange->context_free = release;
    return exchange->context;
}

void exchange_submit(struct exchange *exchange, int lane, work_run run, work_done done)
{
    if (!thread_pool_submit(exchange->broker->pool, lane, run, done, exchange->context))
        exchange_error(exchange, 503, "too much is under way");
}

/* Gives the request back to evhttp, which frees it now or when its answer has left; then frees the exchange. */
static void finish(struct exchange *exchange)
{
    struct evhttp_connection *connection = connection_of(exchange);
    if (connection)
        evhttp_connection_set_closecb(connection, NULL, NULL);
    if (exchange->request)
        evhttp_send_reply_end(exchange->request);
    void (*closed)(void *) = exchange->closed;
    void *arg = exchange->stream_arg;
    exchange_free(exchange);
    if (closed)
        closed(arg);
}

/* Breaks the connection, which frees the request; then frees the exchange. */
static void finish_abort(struct exchange *exchange)
{
    struct evhttp_connection *connection = connection_of(exchange);
    if (!connection) {
        finish(exchange);
        return;
    }
    evhttp_connection_set_closecb(connection, NULL, NULL);
    evhttp_connection_free(connection);
    exchange->request = NULL;
    finish(exchange);
}

void exchange_drop(struct exchange *exchange)
{
    finish_abort(exchange);
}

static void on_later(void *arg)
{
    struct exchange *exchange = arg;
    if (exchange->gone)
        finish(exchange);
    else
        finish_abort(exchange);
}

/* From the loop, soon: connections are not freed inside evhttp's callbacks. */
static void schedule(struct exchange *exchange)
{
    if (!exchange->later)
        exchange->later = timer_new(exchange->broker->base, on_later, exchange);
    if (!exchange->later)
        log_error("no memory to end an HTTP request; it waits for its client");
    else
        timer_start(exchange->later, 0);
}

static void on_close(struct evhttp_connection *connection, void *arg)
{
    struct exchange *exchange = arg;
    bool ours = evhttp_request_get_connection(exchange->request) != connection;
    exchange->gone = true;
    seat_close(&exchange->seat);
    if (!ours)
        exchange->request = NULL; /* freed with the connection */
    if (exchange->started)
        schedule(exchange); /* else whoever holds it will answer, to nobody */
}

/* on_close follows, as where evhttp sees it by itself. */
static void on_left(struct seat *seat)
{
    struct exchange *exchange = (struct exchange *)((char *)seat - offsetof(struct exchange, seat));
    struct evhttp_connection *connection = connection_of(exchange);
    if (connection)
        evhttp_connection_free(connection);
}

bool exchange_is_awaited(const struct exchange *exchange)
{
    return !exchange->gone && !seat_has_left(&exchange->seat);
}

const char *exchange_query(const struct exchange *exchange, const char *name)
{
    return evhttp_find_header(&exchange->query, name);
}

const char *exchange_header(const struct exchange *exchange, const char *name)
{
    if (!exchange->request)
        return NULL;
    return evhttp_find_header(evhttp_request_get_input_headers(exchange->request), name);
}

int exchange_header_count(const struct exchange *exchange, const char *name)
{
    int count = 0;
    if (!exchange->request)
        return 0;
    const struct evkeyvalq *headers = evhttp_request_get_input_headers(exchange->request);
    for (const struct evkeyval *header = TAILQ_FIRST(headers); header; header = TAILQ_NEXT(header, next))
        count += !strcasecmp(header->key, name);
    return count;
}

const void *exchange_body(struct exchange *exchange, size_t *count)
{
    *count = 0;
    if (!exchange->request)
        return "";
    struct evbuffer *input = evhttp_request_get_input_buffer(exchange->request);
    const void *bytes = evbuffer_pullup(input, -1);
    if (!bytes)
        return "";
    *count = evbuffer_get_length(input);
    return bytes;
}

cJSON *exchange_body_json(struct exchange *exchange, struct err *err)
{
    size_t count;
    const char *text = exchange_body(exchange, &count);
    const char *end = NULL;
    cJSON *value = !count ? NULL : cJSON_ParseWithLengthOpts(text, count, &end, false);
    while (value && end < text + count && strchr(" \t\r\n", *end) && *end)
        end++;
    if (!cJSON_IsObject(value) || end != text + count) {
        cJSON_Delete(value);
        err_set(err, "the body is not a JSON object");
        return NULL;
    }
    return value;
}

void exchange_add_header(struct exchange *exchange, const char *name, const char *value)
{
    if (exchange->request)
        evhttp_add_header(evhttp_request_get_output_headers(exchange->request), name, value);
}

static const char *reason_of(int status)
{
    static const char *const reasons[] = {
        [200] = "OK",
        [201] = "Created",
        [202] = "Accepted",
        [204] = "No Content",
        [206] = "Partial Content",
        [304] = "Not Modified",
        [400] = "Bad Request",
        [403] = "Forbidden",
        [404] = "Not Found",
        [405] = "Method Not Allowed",
        [409] = "Conflict",
        [413] = "Content Too Large",
        [415] = "Unsupported Media Type",
        [416] = "Range Not Satisfiable",
        [422] = "Unprocessable Content",
        [500] = "Internal Server Error",
        [502] = "Bad Gateway",
        [503] = "Service Unavailable",
        [504] = "Gateway Timeout",
        [507] = "Insufficient Storage",
    };
    const char *reason = (size_t)status < sizeof reasons / sizeof *reasons ? reasons[status] : NULL;
    return reason ? reason : "Status";
}

/* The status line and headers. */
static void send_head(struct exchange *exchange, int status, const char *type)
{
    if (!evhttp_find_header(evhttp_request_get_output_headers(exchange->request), "Cache-Control"))
        exchange_add_header(exchange, "Cache-Control", "no-cache");
    if (type)
        exchange_add_header(exchange, "Content-Type", type);
    evhttp_send_reply_start(exchange->request, status, reason_of(status));
}

/* False where the client is gone: the exchange is then freed. */
static bool begin(struct exchange *exchange, int status, const char *type, int64_t count)
{
    assert(!exchange->started);
    if (!connection_of(exchange)) {
        finish(exchange);
        return false;
    }
    exchange_add_header(exchange, "X-Content-Type-Options", "nosniff");
    if (count >= 0 && status != 204 && status != 304) {
        char text[24];
        snprintf(text, sizeof text, "%lld", (long long)count);
        exchange_add_header(exchange, "Content-Length", text);
    }
    exchange->started = true;
    send_head(exchange, status, type);
    seat_answering(&exchange->seat);
    return true;
}

static int next_piece(struct exchange *exchange, struct evbuffer *piece)
{
    struct outflow *out = &exchange->outflow;
    errno = 0;
    size_t want = out->left < PIECE ? (size_t)out->left : PIECE;
    ssize_t got;
    if (out->bytes) {
        got = (ssize_t)want;
        if (evbuffer_add(piece, out->bytes + out->at, want))
            return -1;
    } else {
        struct evbuffer_iovec space;
        if (evbuffer_reserve_space(piece, (ev_ssize_t)want, &space, 1) != 1)
            return -1;
        do
            got = pread(out->fd, space.iov_base, want, out->at);
        while (got < 0 && errno == EINTR);
        if (got <= 0)
            return -1;
        space.iov_len = (size_t)got;
        if (evbuffer_commit_space(piece, &space, 1))
            return -1;
    }
    out->at += got;
    out->left -= got;
    return 0;
}

/* Sends the next piece when the last has left. */
static void pump(struct evhttp_connection *connection, void *arg)
{
    (void)connection;
    struct exchange *exchange = arg;
    assert(exchange->outflow.left >= 0);
    if (!exchange->outflow.left) {
        finish(exchange);
        return;
    }
    struct evbuffer *piece = evbuffer_new();
    if (!piece || next_piece(exchange, piece)) {
        log_warn("an HTTP answer broke off: %s", errno ? strerror(errno) : "the file became shorter");
        schedule(exchange);
    } else {
        evhttp_send_reply_chunk_with_cb(exchange->request, piece, pump, exchange);
    }
    if (piece)
        evbuffer_free(piece);
}

static void send_outflow(struct exchange *exchange, int status, const char *type)
{
    if (!begin(exchange, status, type, exchange->outflow.left))
        return;
    if (exchange->head)
        exchange->outflow.left = 0;
    pump(NULL, exchange);
}

void exchange_empty(struct exchange *exchange, int status)
{
    exchange->outflow.left = 0;
    send_outflow(exchange, status, NULL);
}

void exchange_text(struct exchange *exchange, int status, const char *type, char *bytes, size_t count)
{
    exchange->outflow = (struct outflow){ .fd = -1, .bytes = bytes, .owned = bytes, .left = (int64_t)count };
    send_outflow(exchange, status, type);
}

void exchange_constant(struct exchange *exchange, int status, const char *type, const char *bytes, size_t count)
{
    exchange->outflow = (struct outflow){ .fd = -1, .bytes = bytes, .left = (int64_t)count };
    send_outflow(exchange, status, type);
}

void exchange_json(struct exchange *exchange, int status, cJSON *value)
{
    struct buf text;
    /* Then something may be missing from it: cJSON tells that at each of many calls, malloc by errno once for all. */
    bool lacks = errno == ENOMEM;
    errno = 0;
    buf_init(&text, JSON_MAX);
    if (!value || lacks || json_print_spaced(value, &text) || buf_puts(&text, "\n")) {
        buf_release(&text);
        status = 500;
        buf_init(&text, 128);
        if (buf_puts(&text, "{\"error\": \"no memory\"}\n"))
            log_error("no memory for an HTTP answer");
    }
    cJSON_Delete(value);
    size_t count = text.len;
    char *bytes = buf_detach(&text);
    exchange_text(exchange, status, "application/json", bytes, bytes ? count : 0);
}

void exchange_object(struct exchange *exchange, int status, cJSON *object, bool whole)
{
    if (!whole)
        cJSON_Delete(object);
    errno = 0; /* it was looked at */
    exchange_json(exchange, status, whole ? object : NULL);
}

void exchange_error(struct exchange *exchange, int status, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    cJSON *object = cJSON_CreateObject();
    exchange_object(exchange, status, object, cJSON_AddStringToObject(object, "error", text));
}

void exchange_refuse(struct exchange *exchange, const struct refusal *refusal)
{
    exchange_error(exchange, refusal->status, "%s", refusal->err.text);
}

/* Sends the outflow's source, of `size` bytes, or `range` of it (NULL: none was asked for). */
static void send_range(struct exchange *exchange, int64_t size, const char *type, const char *range)
{
    char text[80];
    int status = 200;
    switch (range_parse(range, size, &exchange->outflow.at, &exchange->outflow.left)) {
    case RANGE_WHOLE: break;
    case RANGE_PART:
        status = 206;
        snprintf(text, sizeof text, "bytes %lld-%lld/%lld", (long long)exchange->outflow.at,
                 (long long)(exchange->outflow.at + exchange->outflow.left - 1), (long long)size);
        exchange_add_header(exchange, "Content-Range", text);
        break;
    case RANGE_UNSATISFIABLE:
        snprintf(text, sizeof text, "bytes */%lld", (long long)size);
        exchange_add_header(exchange, "Content-Range", text);
        outflow_release(exchange);
        exchange_error(exchange, 416, "the range lies behind the end of %lld bytes", (long long)size);
        return;
    }
    exchange_add_header(exchange, "Accept-Ranges", "bytes");
    send_outflow(exchange, status, type);
}

/* The range that is asked for of what has that ETag (NULL: none): RFC 9110, 13.1.5. */
static const char *range_of(const struct exchange *exchange, const char *etag)
{
    const char *if_range = exchange_header(exchange, "If-Range");
    return if_range && (!etag || strcmp(if_range, etag)) ? NULL : exchange_header(exchange, "Range");
}

void exchange_file(struct exchange *exchange, int fd, int64_t size, const char *type)
{
    exchange->outflow = (struct outflow){ .fd = fd };
    send_range(exchange, size, type, range_of(exchange, NULL));
}

void exchange_tagged_file(struct exchange *exchange, int fd, int64_t size, const char *type, const char *tag,
                          bool lasting)
{
    char etag[128];
    bool ranges = lasting || exchange_header(exchange, "If-Range");
    snprintf(etag, sizeof etag, "\"%s\"", tag);
    exchange_add_header(exchange, "ETag", etag);
    exchange->outflow = (struct outflow){ .fd = fd };
    send_range(exchange, size, type, ranges ? range_of(exchange, etag) : NULL);
}

void exchange_shared(struct exchange *exchange, struct shared_bytes *shared, const char *type)
{
    exchange->outflow = (struct outflow){ .fd = -1, .bytes = shared->bytes, .shared = shared_bytes_hold(shared) };
    send_range(exchange, (int64_t)shared->size, type, range_of(exchange, NULL));
}

static void on_drained(struct evhttp_connection *connection, void *arg)
{
    (void)connection;
    struct exchange *exchange = arg;
    exchange->draining = false;
    exchange->drained(exchange->stream_arg);
}

void exchange_stream_start(struct exchange *exchange, const char *type, void (*drained)(void *arg),
                           void (*closed)(void *arg), void *arg)
{
    assert(!exchange->started);
    exchange->drained = drained;
    exchange->closed = closed;
    exchange->stream_arg = arg;
    exchange->started = true;
    if (!connection_of(exchange)) {
        exchange->gone = true;
        schedule(exchange);
        return;
    }
    send_head(exchange, 200, type);
}

bool exchange_stream_busy(const struct exchange *exchange)
{
    return exchange->draining || exchange->gone;
}

void exchange_stream_send(struct exchange *exchange, const void *bytes, size_t count)
{
    if (exchange->gone || exchange->head || !count)
        return;
    assert(exchange->started && !exchange->draining);
    struct evbuffer *piece = evbuffer_new();
    if (!piece || evbuffer_add(piece, bytes, count)) {
        exchange_stream_abort(exchange);
    } else {
        exchange->draining = true;
        evhttp_send_reply_chunk_with_cb(exchange->request, piece, on_drained, exchange);
    }
    if (piece)
        evbuffer_free(piece);
}

void exchange_stream_end(struct exchange *exchange)
{
    finish(exchange);
}

void exchange_stream_abort(struct exchange *exchange)
{
    schedule(exchange);
}
