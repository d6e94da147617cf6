/* Connections of nodes. */
#include "link.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <event2/listener.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "dcls/base/clock.h"
#include "dcls/base/log.h"
#include "dcls/net/message_stream.h"
#include "dcls/net/timer.h"
#include "admission.h"
#include "registry.h"

#define GREETING_MS 10000
#define PING_MS 3000
#define PINGS_MISSED 2
#define REFUSED_LOGGED_MS 60000
#define LEGACY_ANSWER_MS 15000 /* an inference of the existing node takes 2 to 3 s */

struct link {
    struct links *links;
    LIST_ENTRY(link) listed;
    struct message_stream *stream;
    struct timer *tick, *later;
    link_callback *callback;
    struct node *node;
    struct msg waiting; /* where `waits` */
    bool waits, quiet;
    struct probe probe;
    int64_t opened_ms, ticked_ms;
    uint64_t messages; /* lines that came */
    char host[48], peer[64];
};

struct links {
    struct event_base *base;
    const struct link_events *events;
    void *arg;
    struct evconnlistener *listener;
    LIST_HEAD(link_list, link) all;
    int count, max, port;
    struct links_traffic gone; /* of those that were freed */
    int64_t refused_ms;        /* when it was logged that there are too many; 0: never */
};

static void link_free(struct link *link)
{
    LIST_REMOVE(link, listed);
    link->links->count--;
    if (link->stream) {
        link->links->gone.received += message_stream_received(link->stream);
        link->links->gone.sent += message_stream_sent(link->stream);
    }
    timer_free(link->tick);
    timer_free(link->later);
    message_stream_free(link->stream);
    if (link->waits)
        msg_release(&link->waiting);
    free(link);
}

void link_close(struct link *link, const char *why)
{
    message_stream_close(link->stream, why);
}

static void on_later(void *arg)
{
    struct link *link = arg;
    if (message_stream_is_open(link->stream) && link->waits)
        link->callback(link->links->arg, link);
}

void link_wait(struct link *link, struct msg *msg, int ms, link_callback *callback)
{
    assert(!link->waits);
    link->waiting = *msg;
    msg_init(msg, msg->type);
    link->waits = true;
    link->callback = callback;
    timer_start(link->later, ms);
}

struct msg link_take_waiting(struct link *link)
{
    struct msg msg;
    msg_init(&msg, MSG_CLIENT_CONNECT);
    if (link->waits)
        msg = link->waiting;
    link->waits = false;
    timer_stop(link->later);
    return msg;
}

/* Whether a message says no more than that its sender lives. */
static bool is_sign_of_life(enum msg_type type)
{
    return type == MSG_CLIENT_PING || type == MSG_CLIENT_PONG || type == MSG_SERVER_PING || type == MSG_SERVER_PONG ||
           type == MSG_SERVER_ACK;
}

static void count_bytes(struct link *link, enum msg_type type, uint64_t count)
{
    if (link->node && !is_sign_of_life(type))
        link->node->load.now.bytes += count;
}

/* The stream's events */

static void on_message(void *arg, struct msg *msg, const char *text, size_t len)
{
    struct link *link = arg;
    struct err err = ERR_INIT;
    (void)text;
    link->messages++;
    count_bytes(link, msg->type, len + 1);
    if (msg_senders(msg->type) & MSG_BY_NODE) {
        link->links->events->message(link->links->arg, link, msg);
        return;
    }
    err_set(&err, "a node may not send '%s'", msg_type_name(msg->type));
    link_send_error(link, err.text);
}

static void on_refused(void *arg, const char *text, size_t len, const struct err *why)
{
    struct link *link = arg;
    bool first = !link->messages++;
    /* No node begins so, but a web page may: what it likes then follows the headers of its browser's HTTP request. */
    if (first && (!len || *text != '{')) {
        log_warn("%s is no node: %s", link->peer, why->text);
        link_refuse(link, why->text);
        return;
    }
    link_send_error(link, why->text);
}

static void on_sent(void *arg, const char *key)
{
    struct link *link = arg;
    link->links->events->train_left(link->links->arg, link, key);
}

static void on_closed(void *arg, const char *why)
{
    struct link *link = arg;
    const char *name = link->node ? link->node->name : NULL;
    if (link->quiet)
        log_debug("%s: %s", link->peer, why);
    else
        log_info("%s%s%s: %s", name ? name : link->peer, name ? " at " : "", name ? link->peer : "", why);
    link->links->events->closed(link->links->arg, link);
    link_free(link);
}

static void on_tick(void *arg)
{
    struct link *link = arg;
    int64_t now = clock_ms();
    /* A broker that stood still has not read yet what came meanwhile: silence is judged at the next tick. */
    bool stood_still = now - link->ticked_ms >= 2 * PING_MS;
    link->ticked_ms = now;
    timer_start(link->tick, PING_MS);
    if (!link->node) {
        if (now - link->opened_ms >= GREETING_MS && !link->waits)
            link_close(link, "did not register in time");
        return;
    }
    if (link_is_legacy(link))
        return;
    if (!stood_still && now - link_heard_ms(link) >= PING_MS * (PINGS_MISSED + 1))
        link_close(link, "no longer answers");
    else
        link_send_type(link, MSG_SERVER_PING);
}

int link_send(struct link *link, const struct msg *msg)
{
    struct err err = ERR_INIT;
    if (!message_stream_is_open(link->stream))
        return -1;
    uint64_t before = message_stream_sent(link->stream);
    int result = message_stream_send(link->stream, msg, msg->type == MSG_SERVER_TRAIN ? msg->train_key : NULL, &err);
    count_bytes(link, msg->type, message_stream_sent(link->stream) - before);
    if (result)
        log_warn("%s: cannot send '%s': %s", link->peer, msg_type_name(msg->type), err.text);
    return result;
}

int link_send_type(struct link *link, enum msg_type type)
{
    struct msg msg;
    msg_init(&msg, type);
    int result = link_send(link, &msg);
    msg_release(&msg);
    return result;
}

static void send_error(struct link *link, const char *text)
{
    struct msg msg;
    msg_init(&msg, MSG_ERROR);
    if (!msg_set(&msg.message, text))
        link_send(link, &msg);
    msg_release(&msg);
}

void link_send_error(struct link *link, const char *text)
{
    log_warn("%s: %s", link->node ? link->node->name : link->peer, text);
    send_error(link, text);
}

void link_refuse(struct link *link, const char *text)
{
    link->quiet = true;
    send_error(link, text);
    link_close(link, text);
}

bool link_withdraw_train(struct link *link, const char *train_key)
{
    return message_stream_withdraw(link->stream, train_key);
}

void link_answered(struct link *link)
{
    message_stream_answered(link->stream);
}

struct node *link_node(const struct link *link)
{
    return link->node;
}

void link_set_node(struct link *link, struct node *node)
{
    link->node = node;
}

bool link_is_legacy(const struct link *link)
{
    return message_stream_is_legacy(link->stream);
}

void link_set_legacy(struct link *link, bool legacy)
{
    message_stream_set_legacy(link->stream, legacy ? LEGACY_ANSWER_MS : 0);
}

int64_t link_heard_ms(const struct link *link)
{
    return message_stream_heard_ms(link->stream);
}

uint64_t link_messages(const struct link *link)
{
    return link->messages;
}

struct probe *link_probe(struct link *link)
{
    return &link->probe;
}

bool link_same_host(const struct link *a, const struct link *b)
{
    return *a->host && !strcmp(a->host, b->host);
}

const char *link_peer(const struct link *link)
{
    return link->peer;
}

static void name_peer(struct link *link, const struct sockaddr *address, int size)
{
    char service[8];
    if (getnameinfo(address, (socklen_t)size, link->host, sizeof link->host, service, sizeof service,
                    NI_NUMERICHOST | NI_NUMERICSERV)) {
        link->host[0] = '\0';
        snprintf(link->peer, sizeof link->peer, "unknown");
    } else {
        snprintf(link->peer, sizeof link->peer, "%s:%s", link->host, service);
    }
}

/* Tells a peer that is not let in, as well as it can be without a link, and closes. */
static void turn_away(struct links *links, int fd)
{
    char text[160];
    int len =
        snprintf(text, sizeof text,
                 "{\"type\": \"ERROR\", \"message\": \"the broker has %d connections, as many as it takes: see its"
                 " --max-nodes\"}\n",
                 links->max);
    int64_t now = clock_ms();
    if (!links->refused_ms || now - links->refused_ms >= REFUSED_LOGGED_MS) {
        log_warn("%d connections are open, as many as --max-nodes lets in: others are refused", links->max);
        links->refused_ms = now;
    }
    if (send(fd, text, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        log_debug("a peer was not told that there are too many: %s", strerror(errno));
    shutdown(fd, SHUT_WR);
    evutil_closesocket(fd);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address, int size,
                      void *arg)
{
    static const struct message_stream_events events = {
        .message = on_message, .refused = on_refused, .sent = on_sent, .closed = on_closed
    };
    struct links *links = arg;
    (void)listener;
    if (links->count >= links->max) {
        turn_away(links, fd);
        return;
    }
    struct link *link = calloc(1, sizeof *link);
    if (!link) {
        log_warn("a connection was refused: no memory for it");
        evutil_closesocket(fd);
        return;
    }
    LIST_INSERT_HEAD(&links->all, link, listed);
    links->count++;
    link->links = links;
    link->opened_ms = link->ticked_ms = clock_ms();
    name_peer(link, address, size);
    link->stream = message_stream_new(links->base, fd, &events, link, NULL);
    link->tick = timer_new(links->base, on_tick, link);
    link->later = timer_new(links->base, on_later, link);
    if (!link->stream || !link->tick || !link->later) {
        log_warn("%s: no memory for its connection", link->peer);
        link_free(link);
        return;
    }
    link_set_legacy(link, true); /* until it says otherwise */
    timer_start(link->tick, PING_MS);
}

struct links *links_new(struct event_base *base, const char *host, int port, int max, const struct link_events *events,
                        void *arg, struct err *err)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV }, *found = NULL;
    struct links *links = calloc(1, sizeof *links);
    char service[8];
    snprintf(service, sizeof service, "%d", port);
    int failed = getaddrinfo(host, service, &hints, &found);
    if (!links || failed) {
        err_set(err, "cannot listen on '%s': %s", host, links ? gai_strerror(failed) : "no memory");
        goto fail;
    }
    links->base = base;
    links->max = max;
    links->events = events;
    links->arg = arg;
    links->listener = evconnlistener_new_bind(base, on_accept, links,
                                              LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE | LEV_OPT_CLOSE_ON_EXEC, 128,
                                              found->ai_addr, (int)found->ai_addrlen);
    if (!links->listener) {
        err_set(err, "cannot listen on port %d of '%s': %s", port, host, strerror(errno));
        goto fail;
    }
    struct sockaddr_storage bound;
    socklen_t size = sizeof bound;
    if (getsockname(evconnlistener_get_fd(links->listener), (struct sockaddr *)&bound, &size)) {
        err_set(err, "cannot tell the port that was bound: %s", strerror(errno));
        goto fail;
    }
    links->port = ntohs(bound.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&bound)->sin6_port
                                                    : ((struct sockaddr_in *)&bound)->sin_port);
    freeaddrinfo(found);
    return links;
fail:
    if (found)
        freeaddrinfo(found);
    links_free(links);
    return NULL;
}

int links_port(const struct links *links)
{
    return links->port;
}

struct links_traffic links_traffic(const struct links *links)
{
    struct links_traffic traffic = links->gone;
    for (const struct link *link = LIST_FIRST(&links->all); link; link = LIST_NEXT(link, listed)) {
        traffic.received += message_stream_received(link->stream);
        traffic.sent += message_stream_sent(link->stream);
    }
    traffic.connections = links->count;
    return traffic;
}

void links_free(struct links *links)
{
    if (!links)
        return;
    if (links->listener)
        evconnlistener_free(links->listener);
    while (!LIST_EMPTY(&links->all))
        link_free(LIST_FIRST(&links->all));
    free(links);
}
