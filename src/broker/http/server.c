/* The evhttp server: listening, limits, and bringing a request to its handler. See server.h for what is bounded.
 *
 * evhttp 2.1 answers a few malformed requests by itself (a broken request line, headers or a body over the maximum), in
 * HTML; everything that reaches on_request is answered in JSON. */
#include "server.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "connections.h"
#include "dcls/base/fs.h"
#include "dcls/base/log.h"
#include "gate.h"
#include "handlers.h"
#include "image_lists.h"
#include "model_exports.h"
#include "routes.h"
#include "src/broker/blobs.h"
#include "src/broker/broker.h"
#include "src/broker/datasets.h"
#include "sse.h"
#include "thumbnails.h"
#include "uploads.h"

#define MAX_HEADERS (16 * 1024)
#define MAX_BODY (32 * 1024 * 1024)
#define IDLE_S 60
#define BACKLOG 1024 /* connections that the kernel keeps for us */
#define ALL_METHODS                                                                                                    \
    (EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS |    \
     EVHTTP_REQ_PATCH)

struct server {
    struct http http; /* what the handlers see of it */
    struct broker *broker;
    struct evhttp *evhttp;
    struct exchange_list exchanges;
    int port;
};

static const struct {
    enum evhttp_cmd_type type;
    const char *name;
} methods[] = {
    { EVHTTP_REQ_GET, "GET" },     { EVHTTP_REQ_POST, "POST" },     { EVHTTP_REQ_HEAD, "HEAD" },
    { EVHTTP_REQ_PUT, "PUT" },     { EVHTTP_REQ_DELETE, "DELETE" }, { EVHTTP_REQ_OPTIONS, "OPTIONS" },
    { EVHTTP_REQ_PATCH, "PATCH" },
};

static const char *method_name(enum evhttp_cmd_type type)
{
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (methods[i].type == type)
            return methods[i].name;
    return "?";
}

static void answer_preflight(struct exchange *exchange)
{
    exchange_add_header(exchange, "Access-Control-Allow-Methods", "GET, HEAD, POST, OPTIONS");
    exchange_add_header(exchange, "Access-Control-Allow-Headers", "Content-Type, Prefer");
    exchange_add_header(exchange, "Access-Control-Max-Age", "86400");
    exchange_empty(exchange, 204);
}

static const char *const share_names[SHARES] = {
    [SHARE_CLIENTS] = "requests of clients",
    [SHARE_STREAMS] = "event streams",
    [SHARE_NODES] = "requests for files",
};

/* An image's file is what nodes fetch; a small picture of it is made for who looks at it, and waited for. */
static enum share share_of(const struct route *route, const struct exchange *exchange)
{
    bool is_picture = route->handle == handle_image && exchange_query(exchange, "width");
    return is_picture ? SHARE_CLIENTS : route->share;
}

static void dispatch(struct exchange *exchange, const char *method, const char *path)
{
    const struct route *found = NULL, *other = NULL;
    char allowed[64] = "";
    for (size_t i = 0; i < route_count && !found; i++) {
        const struct route *route = &route_table[i];
        enum match match = route_match(route, method, path, exchange->args);
        if (match == MATCH_ROUTE) {
            found = route;
        } else if (match == MATCH_PATH) {
            for (int k = 0; k < EXCHANGE_ARGS; k++) {
                free(exchange->args[k]);
                exchange->args[k] = NULL;
            }
            other = route;
            size_t used = strlen(allowed);
            snprintf(allowed + used, sizeof allowed - used, "%s%s%s", used > 0 ? ", " : "", route->method,
                     !strcmp(route->method, "GET") ? ", HEAD" : "");
        }
    }
    if (!gate_pass(exchange, method, (found && found->shared) || (other && other->shared)))
        return;

    size_t count;
    exchange_body(exchange, &count);
    if (!found && !other) {
        exchange_error(exchange, 404, "there is no '%.200s' here", path);
    } else if (!found && other->shared && !strcmp(method, "OPTIONS")) {
        answer_preflight(exchange);
    } else if (!found) {
        exchange_add_header(exchange, "Allow", allowed);
        exchange_error(exchange, 405, "'%.200s' does not take %s, only %s", path, method, allowed);
    } else if (count > found->max_body && found->max_body > 0) {
        exchange_error(exchange, 413, "the body has %zu bytes, more than the %zu that are taken", count,
                       found->max_body);
    } else if (!seat_take(&exchange->seat, share_of(found, exchange))) {
        exchange_add_header(exchange, "Retry-After", "1");
        exchange_add_header(exchange, "Connection", "close");
        exchange_error(exchange, 503, "%d %s are under way: try again",
                       connections_share_max(exchange->http->connections, share_of(found, exchange)),
                       share_names[share_of(found, exchange)]);
    } else {
        errno = 0; /* exchange_json looks at it */
        found->handle(exchange);
    }
}

/* Decodes once. A value with an encoded NUL would end early for whoever reads it as a string, and no name has one: such
 * a member counts as absent. */
static int parse_query(const char *query, struct evkeyvalq *members)
{
    while (query && *query) {
        size_t count = strcspn(query, "&"), key_count = strcspn(query, "=&");
        char *key = strndup(query, key_count);
        char *raw = strndup(query + key_count + (key_count < count), count - key_count - (key_count < count));
        size_t size = 0;
        char *value = raw ? evhttp_uridecode(raw, 1, &size) : NULL;
        int status = key && value ? 0 : -1;
        if (!status && *key && strlen(value) == size)
            status = evhttp_add_header(members, key, value);
        free(key);
        free(raw);
        free(value);
        if (status)
            return -1;
        query += count + (query[count] == '&');
    }
    return 0;
}

static void on_request(struct evhttp_request *request, void *arg)
{
    struct server *server = arg;
    struct exchange *exchange =
        exchange_new(&server->http, server->broker, server->http.connections, request, &server->exchanges);
    if (!exchange) {
        evhttp_send_error(request, HTTP_INTERNAL, NULL);
        return;
    }
    const char *method = method_name(evhttp_request_get_command(request));
    exchange->head = !strcmp(method, "HEAD");
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
    const char *path = uri ? evhttp_uri_get_path(uri) : NULL;
    const char *query = uri ? evhttp_uri_get_query(uri) : NULL;
    log_debug("%s %s", method, path ? path : "");
    if (!path || *path != '/' || parse_query(query, &exchange->query)) {
        exchange_error(exchange, 400, "the request's path or query is malformed");
        return;
    }
    dispatch(exchange, method, path);
}

static int port_of(evutil_socket_t fd)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &size) < 0)
        return -1;
    if (address.ss_family == AF_INET6)
        return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
    return address.ss_family == AF_INET ? ntohs(((struct sockaddr_in *)&address)->sin_port) : -1;
}

static struct bufferevent *on_accept(struct event_base *base, void *arg)
{
    struct server *server = arg;
    (void)base;
    return connections_accept(server->http.connections);
}

static int open_blobs(struct server *server, struct err *err)
{
    struct http *http = &server->http;
    char *dir = fs_join(server->broker->state, "blobs");
    if (!dir)
        return err_set(err, "no memory");
    http->blobs = blobs_new(dir, BLOB_QUOTA_DEFAULT, err);
    free(dir);
    return http->blobs ? 0 : -1;
}

static int listen_at(struct server *server, const char *host, int port, struct err *err)
{
    struct evhttp *evhttp = server->evhttp;
    evhttp_set_max_headers_size(evhttp, MAX_HEADERS);
    evhttp_set_max_body_size(evhttp, MAX_BODY);
    evhttp_set_timeout(evhttp, IDLE_S);
    evhttp_set_allowed_methods(evhttp, ALL_METHODS);
    evhttp_set_default_content_type(evhttp, NULL);
    evhttp_set_gencb(evhttp, on_request, server);
    evhttp_set_bevcb(evhttp, on_accept, server);
    errno = 0;
    struct evhttp_bound_socket *bound = evhttp_bind_socket_with_handle(evhttp, host, (ev_uint16_t)port);
    if (!bound)
        return err_set(err, "cannot listen on '%s' port %d for HTTP: %s", host, port,
                       errno ? strerror(errno) : "no such address");
    /* Connections have it of the socket that accepts them. Without it the end of a large answer waits for the client's
     * delayed acknowledgement, 40 ms. */
    const int on = 1;
    if (setsockopt(evhttp_bound_socket_get_fd(bound), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on))
        log_warn("the ends of HTTP answers may be late: %s", strerror(errno));
    connections_watch(server->http.connections, evhttp_bound_socket_get_listener(bound));
    if (listen(evhttp_bound_socket_get_fd(bound), BACKLOG) < 0) /* evhttp asks for 128 */
        return err_set(err, "cannot listen on '%s' port %d for HTTP: %s", host, port, strerror(errno));
    server->port = port_of(evhttp_bound_socket_get_fd(bound));
    return 0;
}

struct server *server_new(struct broker *broker, const char *host, int port, struct err *err)
{
    struct server *server = calloc(1, sizeof *server);
    if (!server) {
        err_set(err, "no memory");
        return NULL;
    }
    struct http *http = &server->http;
    server->broker = broker;
    if (open_blobs(server, err) || !(http->manifest = manifest_new(&broker->images, err)))
        goto fail;
    http->uploads = uploads_new(UPLOADS_MAX_BYTES);
    http->image_lists = image_lists_new(broker);
    http->sse = sse_new(broker);
    http->thumbnails = thumbnails_new(broker);
    http->exports = model_exports_new(broker);
    server->evhttp = evhttp_new(broker->base);
    http->connections = connections_new(broker->base, broker->max_http_connections);
    if (!http->uploads || !http->image_lists || !http->sse || !http->thumbnails || !http->exports || !server->evhttp ||
        !http->connections) {
        err_set(err, "no memory");
        goto fail;
    }
    if (listen_at(server, host, port, err))
        goto fail;
    thumbnails_start(http->thumbnails);
    return server;
fail:
    server_free(server);
    return NULL;
}

int server_port(const struct server *server)
{
    return server->port;
}

void server_stop(struct server *server)
{
    if (!server)
        return;
    thumbnails_stop(server->http.thumbnails);
    model_exports_stop(server->http.exports);
}

void server_free(struct server *server)
{
    if (!server)
        return;
    struct http *http = &server->http;
    assert(!http->scan);
    while (!LIST_EMPTY(&server->exchanges))
        exchange_drop(LIST_FIRST(&server->exchanges));
    if (http->connections)
        connections_watch(http->connections, NULL);
    if (server->evhttp)
        evhttp_free(server->evhttp);
    connections_free(http->connections);
    sse_free(http->sse);
    uploads_free(http->uploads);
    image_lists_free(http->image_lists);
    thumbnails_free(http->thumbnails);
    model_exports_free(http->exports);
    manifest_free(http->manifest);
    blobs_free(http->blobs);
    free(server);
}
