/* Connections of nodes. */
#include "link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/listener.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "dcls/base/clock.h"
#include "dcls/base/log.h"
#include "dcls/net/message_stream.h"
#include "dcls/net/timer.h"
#include "registry.h"

#define LINKS_MAX 1024
#define GREETING_MS 10000
#define PING_MS 3000
#define PINGS_MISSED 2
#define LEGACY_ANSWER_MS 15000 /* an inference of the existing node takes 2 to 3 s */

struct link {
    struct links *links;
    LIST_ENTRY(link) listed;
    struct message_stream *stream;
    struct timer *tick, *later;
    link_callback *callback;
    struct node *node;
    struct msg *kept;
    int64_t opened_ms;
    char peer[64];
};

struct links {
    struct event_base *base;
    const struct link_events *events;
    void *arg;
    struct evconnlistener *listener;
    LIST_HEAD(link_list, link) all;
    int count, port;
};

static void link_free(struct link *link)
{
    LIST_REMOVE(link, listed);
    link->links->count--;
    timer_free(link->tick);
    timer_free(link->later);
    message_stream_free(link->stream);
    link_keep(link, NULL);
    free(link);
}

void link_close(struct link *link, const char *why)
{
    message_stream_close(link->stream, why);
}

static void on_later(void *arg)
{
    struct link *link = arg;
    if (message_stream_is_open(link->stream))
        link->callback(link->links->arg, link);
}

void link_after(struct link *link, int ms, link_callback *callback)
{
    link->callback = callback;
    timer_start(link->later, ms);
}

/* The stream's events */

static void on_message(void *arg, struct msg *msg, const char *text, size_t len)
{
    struct link *link = arg;
    struct err err = ERR_INIT;
    (void)text, (void)len;
    if (msg_senders(msg->type) & MSG_BY_NODE) {
        link->links->events->message(link->links->arg, link, msg);
        return;
    }
    err_set(&err, "a node may not send '%s'", msg_type_name(msg->type));
    link_send_error(link, err.text);
}

static void on_refused(void *arg, const char *text, size_t len, const struct err *why)
{
    (void)text, (void)len;
    link_send_error(arg, why->text);
}

static void on_closed(void *arg, const char *why)
{
    struct link *link = arg;
    const char *name = link->node ? link->node->name : NULL;
    log_info("%s%s%s: %s", name ? name : link->peer, name ? " at " : "", name ? link->peer : "", why);
    link->links->events->closed(link->links->arg, link);
    link_free(link);
}

static void on_tick(void *arg)
{
    struct link *link = arg;
    int64_t now = clock_ms();
    timer_start(link->tick, PING_MS);
    if (!link->node) {
        if (now - link->opened_ms >= GREETING_MS && !link->kept)
            link_close(link, "did not register in time");
        return;
    }
    if (link_is_legacy(link))
        return;
    if (now - link_heard_ms(link) >= PING_MS * (PINGS_MISSED + 1))
        link_close(link, "no longer answers");
    else
        link_send_type(link, MSG_SERVER_PING);
}

int link_send(struct link *link, const struct msg *msg)
{
    struct err err = ERR_INIT;
    if (!message_stream_is_open(link->stream))
        return -1;
    int result = message_stream_send(link->stream, msg, NULL, &err);
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

void link_send_error(struct link *link, const char *text)
{
    struct msg msg;
    msg_init(&msg, MSG_ERROR);
    log_warn("%s: %s", link->node ? link->node->name : link->peer, text);
    if (!msg_set(&msg.message, text))
        link_send(link, &msg);
    msg_release(&msg);
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

void link_keep(struct link *link, struct msg *msg)
{
    if (link->kept) {
        msg_release(link->kept);
        free(link->kept);
    }
    link->kept = msg;
}

struct msg *link_kept(struct link *link)
{
    return link->kept;
}

const char *link_peer(const struct link *link)
{
    return link->peer;
}

static void name_peer(struct link *link, const struct sockaddr *address, int size)
{
    char host[48], service[8];
    if (getnameinfo(address, (socklen_t)size, host, sizeof host, service, sizeof service,
                    NI_NUMERICHOST | NI_NUMERICSERV))
        snprintf(link->peer, sizeof link->peer, "unknown");
    else
        snprintf(link->peer, sizeof link->peer, "%s:%s", host, service);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address, int size,
                      void *arg)
{
    static const struct message_stream_events events = { .message = on_message,
                                                         .refused = on_refused,
                                                         .closed = on_closed };
    struct links *links = arg;
    struct link *link = links->count < LINKS_MAX ? calloc(1, sizeof *link) : NULL;
    (void)listener;
    if (!link) {
        log_warn("a connection was refused: %d are open", links->count);
        evutil_closesocket(fd);
        return;
    }
    LIST_INSERT_HEAD(&links->all, link, listed);
    links->count++;
    link->links = links;
    link->opened_ms = clock_ms();
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

struct links *links_new(struct event_base *base, const char *host, int port, const struct link_events *events,
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
