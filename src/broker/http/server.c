/* The evhttp server: listening, limits, and bringing a request to its handler. See http.h for what is bounded.
 *
 * evhttp 2.1 answers a few malformed requests by itself (a broken request line, headers or a body over the maximum), in
 * HTML; everything that reaches on_request is answered in JSON. */
#include "server.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "src/broker/broker.h"
#include "dcls/base/log.h"
#include "exchange.h"
#include "blob_refs.h"
#include "routes.h"
#include "sse.h"

#define MAX_HEADERS (16 * 1024)
#define MAX_BODY (32 * 1024 * 1024)
#define IDLE_S 60
#define MAX_CONNECTIONS 256
#define ALL_METHODS                                                                                                    \
    (EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS |    \
     EVHTTP_REQ_PATCH)

struct http {
    struct broker *broker;
    struct evhttp *evhttp;
    struct evconnlistener *listener; /* evhttp's */
    struct event *resume;            /* accepts again after a pause */
    struct exchange *exchanges;
    struct blob_refs blob_refs;
    struct sse *sse;
    int port;
    int connections; /* at the last count, and accepted since: never less than there are */
};

static const char *method_name(enum evhttp_cmd_type type)
{
    switch (type) {
    case EVHTTP_REQ_GET:
        return "GET";
    case EVHTTP_REQ_POST:
        return "POST";
    case EVHTTP_REQ_HEAD:
        return "HEAD";
    case EVHTTP_REQ_PUT:
        return "PUT";
    case EVHTTP_REQ_DELETE:
        return "DELETE";
    case EVHTTP_REQ_OPTIONS:
        return "OPTIONS";
    case EVHTTP_REQ_PATCH:
        return "PATCH";
    default:
        return "?";
    }
}

/* True where a browser says that the request comes from a page of another origin than this server. */
static bool origin_is_foreign(const struct exchange *exchange)
{
    const char *origin = exchange_header(exchange, "Origin");
    const char *host = exchange_header(exchange, "Host");
    if (!origin)
        return false;
    const char *authority = strstr(origin, "://");
    return !host || !authority || strcasecmp(authority + 3, host) != 0;
}

static void answer_preflight(struct exchange *exchange)
{
    exchange_add_header(exchange, "Access-Control-Allow-Methods", "GET, HEAD, POST, OPTIONS");
    exchange_add_header(exchange, "Access-Control-Allow-Headers", "Content-Type, Prefer");
    exchange_add_header(exchange, "Access-Control-Max-Age", "86400");
    exchange_empty(exchange, 204);
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
                     strcmp(route->method, "GET") == 0 ? ", HEAD" : "");
        }
    }
    exchange->cors = (found && found->shared) || (other && other->shared);

    size_t count;
    exchange_body(exchange, &count);
    if (!found && !other) {
        exchange_error(exchange, 404, "there is no '%.200s' here", path);
    } else if (!found && other->shared && strcmp(method, "OPTIONS") == 0) {
        answer_preflight(exchange);
    } else if (!found) {
        exchange_add_header(exchange, "Allow", allowed);
        exchange_error(exchange, 405, "'%.200s' does not take %s, only %s", path, method, allowed);
    } else if (!found->shared && strcmp(found->method, "GET") != 0 && origin_is_foreign(exchange)) {
        exchange_error(exchange, 403, "a page of another origin may not change anything here");
    } else if (count > found->max_body && found->max_body > 0) {
        exchange_error(exchange, 413, "the body has %zu bytes, more than the %zu that are taken", count,
                       found->max_body);
    } else {
        found->handle(exchange);
    }
}

/* Decodes once. A value with an encoded NUL would end early for whoever reads it as a string, and no name has one: such
 * a member counts as absent. */
static int parse_query(const char *query, struct evkeyvalq *members)
{
    while (query && *query != '\0') {
        size_t count = strcspn(query, "&"), key_count = strcspn(query, "=&");
        char *key = strndup(query, key_count);
        char *raw = strndup(query + key_count + (key_count < count), count - key_count - (key_count < count));
        size_t size = 0;
        char *value = raw ? evhttp_uridecode(raw, 1, &size) : NULL;
        int status = !key || !value ? -1 : 0;
        if (status == 0 && *key != '\0' && strlen(value) == size)
            status = evhttp_add_header(members, key, value);
        free(key);
        free(raw);
        free(value);
        if (status < 0)
            return -1;
        query += count + (query[count] == '&');
    }
    return 0;
}

static void on_request(struct evhttp_request *request, void *arg)
{
    struct http *http = arg;
    struct exchange *exchange = exchange_new(http, http->broker, request, &http->exchanges);
    if (!exchange) {
        evhttp_send_error(request, HTTP_INTERNAL, NULL);
        return;
    }
    const char *method = method_name(evhttp_request_get_command(request));
    exchange->head = strcmp(method, "HEAD") == 0;
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

/* Open connections to our port, counted by the kernel's list: evhttp tells of new ones, but not of their end. */
static int count_connections(const struct http *http)
{
    DIR *dir = opendir("/proc/self/fd");
    if (!dir)
        return http->connections;
    int count = 0;
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        struct sockaddr_storage address;
        socklen_t size = sizeof address;
        if (getsockname((int)strtol(entry->d_name, NULL, 10), (struct sockaddr *)&address, &size) < 0)
            continue;
        int port = -1;
        if (address.ss_family == AF_INET)
            port = ntohs(((struct sockaddr_in *)&address)->sin_port);
        else if (address.ss_family == AF_INET6)
            port = ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
        count += port == http->port;
    }
    closedir(dir);
    return count > 0 ? count - 1 : 0; /* the listening socket */
}

/* Called for each connection accepted. Over the maximum the listener rests for a while: who comes next waits in the
 * kernel's backlog. */
static struct bufferevent *on_accept(struct event_base *base, void *arg)
{
    struct http *http = arg;
    if (++http->connections >= MAX_CONNECTIONS)
        http->connections = count_connections(http) + 1;
    if (http->connections >= MAX_CONNECTIONS) {
        struct timeval pause = { .tv_usec = 250 * 1000 };
        log_warn("%d HTTP connections are open: new ones wait", http->connections);
        evconnlistener_disable(http->listener);
        evtimer_add(http->resume, &pause);
    }
    return bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
}

static void on_resume(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct http *http = arg;
    http->connections = count_connections(http);
    struct timeval pause = { .tv_usec = 250 * 1000 };
    if (http->connections >= MAX_CONNECTIONS)
        evtimer_add(http->resume, &pause);
    else
        evconnlistener_enable(http->listener);
}

static int port_of(evutil_socket_t fd)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &size) < 0)
        return -1;
    if (address.ss_family == AF_INET6)
        return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
    return ntohs(((struct sockaddr_in *)&address)->sin_port);
}

struct http *http_new(struct broker *broker, const char *host, int port, struct err *err)
{
    struct http *http = calloc(1, sizeof *http);
    if (!http) {
        err_set(err, "no memory");
        return NULL;
    }
    http->broker = broker;
    if (blob_refs_init(&http->blob_refs, broker, err))
        goto fail;
    http->sse = sse_new(broker);
    http->evhttp = evhttp_new(broker->base);
    http->resume = evtimer_new(broker->base, on_resume, http);
    if (!http->sse || !http->evhttp || !http->resume) {
        err_set(err, "no memory");
        goto fail;
    }
    evhttp_set_max_headers_size(http->evhttp, MAX_HEADERS);
    evhttp_set_max_body_size(http->evhttp, MAX_BODY);
    evhttp_set_timeout(http->evhttp, IDLE_S);
    evhttp_set_allowed_methods(http->evhttp, ALL_METHODS);
    evhttp_set_default_content_type(http->evhttp, NULL);
    evhttp_set_gencb(http->evhttp, on_request, http);
    evhttp_set_bevcb(http->evhttp, on_accept, http);
    errno = 0;
    struct evhttp_bound_socket *bound = evhttp_bind_socket_with_handle(http->evhttp, host, (ev_uint16_t)port);
    if (!bound) {
        err_set(err, "cannot listen on '%s' port %d for HTTP: %s", host, port,
                errno != 0 ? strerror(errno) : "no such address");
        goto fail;
    }
    http->listener = evhttp_bound_socket_get_listener(bound);
    http->port = port_of(evhttp_bound_socket_get_fd(bound));
    return http;

fail:
    http_free(http);
    return NULL;
}

int http_port(const struct http *http)
{
    return http->port;
}

struct blob_refs *http_blob_refs(struct http *http)
{
    return &http->blob_refs;
}

struct sse *http_sse(struct http *http)
{
    return http->sse;
}

void http_free(struct http *http)
{
    if (!http)
        return;
    http->blob_refs.closing = true;
    while (http->exchanges)
        exchange_drop(http->exchanges);
    if (http->resume)
        event_free(http->resume);
    if (http->evhttp)
        evhttp_free(http->evhttp);
    sse_free(http->sse);
    blob_refs_release(&http->blob_refs);
    free(http);
}
