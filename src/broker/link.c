/* Connections of nodes over libevent's bufferevents. */
#include "link.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <errno.h>
#include <event2/listener.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "broker.h"
#include "dcls/base/clock.h"
#include "dcls/base/log.h"
#include "dcls/proto/frame.h"
#include "dcls/proto/legacy_queue.h"
#include "dispatch.h"
#include "registry.h"

#define LINKS_MAX 1024
#define GREETING_MS 10000
#define PING_MS 3000
#define PINGS_MISSED 2
#define OUTPUT_MAX (8 * 1024 * 1024) /* unread by the peer */
#define MESSAGES_A_WAKE 64
#define READ_A_WAKE (256 * 1024)
#define LAST_WORDS_MS 200      /* for what was written last to leave */
#define LEGACY_ANSWER_MS 15000 /* an inference of the existing node takes 2 to 3 s */

enum link_state { LINK_NEW, LINK_OPEN, LINK_CLOSING };
static const char *const state_names[] = { "new", "open", "closing" };

struct link {
    struct links *links;
    struct link *next, **slot;
    struct bufferevent *stream;
    struct event *tick, *pacer, *later, *resume;
    void (*callback)(struct link *link);
    enum link_state state;
    bool legacy;
    bool ended; /* the peer sends no more; what it sent is handled first */
    struct frame frame;
    struct legacy_queue legacy_queue;
    struct node *node;
    struct msg *kept;
    int64_t heard_ms, opened_ms;
    char peer[64];
};

struct links {
    struct broker *broker;
    struct evconnlistener *listener;
    struct link *first;
    int count, port;
};

static void set_state(struct link *link, enum link_state state)
{
    if (link->state == state)
        return;
    log_debug("link %s: %s -> %s", link->peer, state_names[link->state], state_names[state]);
    link->state = state;
}

static void event_drop(struct event *event)
{
    if (event)
        event_free(event);
}

static void link_free(struct link *link)
{
    if (link->slot) {
        *link->slot = link->next;
        if (link->next)
            link->next->slot = link->slot;
        link->links->count--;
    }
    event_drop(link->tick);
    event_drop(link->pacer);
    event_drop(link->later);
    event_drop(link->resume);
    if (link->stream)
        bufferevent_free(link->stream);
    link_keep(link, NULL);
    frame_release(&link->frame);
    legacy_queue_release(&link->legacy_queue);
    free(link);
}

static void after(struct event *event, int64_t ms)
{
    struct timeval time = { ms / 1000, ms % 1000 * 1000 };
    event_add(event, &time);
}

/* What was said last is given this long to leave before the connection is cut. */
static void on_closing(struct link *link)
{
    dispatch_closed(link->links->broker, link);
    link_free(link);
}

void link_close(struct link *link, const char *why)
{
    if (link->state == LINK_CLOSING)
        return;
    log_info("%s%s%s: %s", link->node ? link->node->name : link->peer, link->node ? " at " : "",
             link->node ? link->peer : "", why);
    set_state(link, LINK_CLOSING);
    bufferevent_disable(link->stream, EV_READ);
    size_t unsent = evbuffer_get_length(bufferevent_get_output(link->stream));
    event_del(link->pacer);
    event_del(link->resume);
    link->callback = on_closing;
    after(link->later, unsent ? LAST_WORDS_MS : 0);
}

static void on_later(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct link *link = arg;
    void (*callback)(struct link *) = link->callback;
    link->callback = NULL;
    if (callback)
        callback(link);
}

void link_after(struct link *link, int ms, void (*callback)(struct link *link))
{
    if (link->state == LINK_CLOSING)
        return;
    link->callback = callback;
    after(link->later, ms);
}

static void handle_text(struct link *link, const char *text, size_t len)
{
    struct msg msg;
    struct err err = ERR_INIT;
    if (msg_decode(&msg, text, len, &err))
        link_send_error(link, err.text);
    else if (!(msg_senders(msg.type) & MSG_BY_NODE)) {
        err_set(&err, "a node may not send '%s'", msg_type_name(msg.type));
        link_send_error(link, err.text);
    } else
        dispatch_message(link->links->broker, link, &msg);
    msg_release(&msg);
}

/* Handles what has been read, a bounded number of messages at a time. */
static void drain(struct link *link)
{
    struct evbuffer *input = bufferevent_get_input(link->stream);
    size_t fed = 0;
    for (int handled = 0; link->state != LINK_CLOSING;) {
        const char *text;
        size_t len;
        switch (frame_next(&link->frame, &text, &len)) {
        case FRAME_TEXT:
            handle_text(link, text, len);
            handled++;
            break;
        case FRAME_TOO_LONG:
            link_send_error(link, "the message is too long");
            handled++;
            break;
        case FRAME_MORE: {
            size_t count = evbuffer_get_length(input);
            if (!count || fed >= READ_A_WAKE) {
                if (count)
                    event_active(link->resume, 0, 0);
                else if (link->ended)
                    link_close(link, "closed the connection");
                return;
            }
            count = count > READ_A_WAKE ? READ_A_WAKE : count;
            if (frame_feed(&link->frame, evbuffer_pullup(input, (ev_ssize_t)count), count)) {
                link_close(link, "no memory for what it sends");
                return;
            }
            evbuffer_drain(input, count);
            fed += count;
            break;
        }
        }
        if (handled >= MESSAGES_A_WAKE) {
            event_active(link->resume, 0, 0);
            return;
        }
    }
}

static void on_read(struct bufferevent *stream, void *arg)
{
    (void)stream;
    struct link *link = arg;
    link->heard_ms = clock_ms();
    drain(link);
}

static void on_resume(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    drain(arg);
}

static void on_event(struct bufferevent *stream, short what, void *arg)
{
    (void)stream;
    struct link *link = arg;
    if (what & BEV_EVENT_EOF) {
        link->ended = true;
        drain(link);
    } else if (what & BEV_EVENT_ERROR)
        link_close(link, evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()));
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct link *link = arg;
    int64_t now = clock_ms();
    if (link->state == LINK_CLOSING)
        return;
    if (!link->node) {
        if (now - link->opened_ms >= GREETING_MS && !link->kept)
            link_close(link, "did not register in time");
        return;
    }
    if (link->legacy)
        return;
    if (now - link->heard_ms >= PING_MS * (PINGS_MISSED + 1))
        link_close(link, "no longer answers");
    else
        link_send_type(link, MSG_SERVER_PING);
}

static void legacy_queue_on(struct link *link)
{
    int64_t due = legacy_queue_due(&link->legacy_queue, clock_ms());
    if (due >= 0)
        after(link->pacer, due);
}

static void write_out(struct link *link, const char *text, size_t len)
{
    if (bufferevent_write(link->stream, text, len))
        link_close(link, "no memory for what it is sent");
    else if (evbuffer_get_length(bufferevent_get_output(link->stream)) > OUTPUT_MAX)
        link_close(link, "does not read what it is sent");
}

static void on_pace(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct link *link = arg;
    struct legacy_queue_item *item = legacy_queue_take(&link->legacy_queue, clock_ms());
    if (item)
        write_out(link, item->text, item->len);
    legacy_queue_item_free(item);
    if (link->state != LINK_CLOSING)
        legacy_queue_on(link);
}

int link_send(struct link *link, const struct msg *msg, bool wants_answer)
{
    if (link->state == LINK_CLOSING)
        return -1;
    struct buf text;
    struct err err = ERR_INIT;
    buf_init(&text, MSG_MAX);
    int failed = link->legacy ? msg_encode_legacy(msg, &text, &err) : msg_encode(msg, &text, &err);
    if (failed)
        log_warn("%s: cannot send '%s': %s", link->peer, msg_type_name(msg->type), err.text);
    else if (!link->legacy)
        write_out(link, text.data, text.len);
    else if ((failed = legacy_queue_push(&link->legacy_queue, text.data, text.len, wants_answer, NULL)))
        link_close(link, "does not answer what it is sent");
    else
        on_pace(-1, 0, link);
    buf_release(&text);
    return failed ? -1 : 0;
}

int link_send_type(struct link *link, enum msg_type type)
{
    struct msg msg;
    msg_init(&msg, type);
    int failed = link_send(link, &msg, false);
    msg_release(&msg);
    return failed;
}

void link_send_error(struct link *link, const char *text)
{
    struct msg msg;
    msg_init(&msg, MSG_ERROR);
    log_warn("%s: %s", link->node ? link->node->name : link->peer, text);
    if (!msg_set(&msg.message, text))
        link_send(link, &msg, false);
    msg_release(&msg);
}

void link_answered(struct link *link)
{
    if (!link->legacy || link->state == LINK_CLOSING)
        return;
    legacy_queue_answered(&link->legacy_queue);
    legacy_queue_on(link);
}

struct node *link_node(const struct link *link)
{
    return link->node;
}

void link_set_node(struct link *link, struct node *node)
{
    link->node = node;
    if (node)
        set_state(link, LINK_OPEN);
}

bool link_is_legacy(const struct link *link)
{
    return link->legacy;
}

void link_set_legacy(struct link *link, bool legacy)
{
    link->legacy = legacy;
}

int64_t link_heard_ms(const struct link *link)
{
    return link->heard_ms;
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

struct broker *link_broker(const struct link *link)
{
    return link->links->broker;
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

/* A legacy peer answers no pings: without this a machine that lost its power would stay registered for hours. */
static void keep_alive(evutil_socket_t fd)
{
    const int on = 1, idle_s = 30, interval_s = 10, count = 3;
    if (setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on) ||
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s) ||
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s) ||
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count))
        log_warn("no keep-alive for a connection: %s", strerror(errno));
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address, int size,
                      void *arg)
{
    (void)listener;
    struct links *links = arg;
    struct event_base *base = links->broker->base;
    struct link *link = links->count < LINKS_MAX ? calloc(1, sizeof *link) : NULL;
    if (!link) {
        log_warn("a connection was refused: %d are open", links->count);
        evutil_closesocket(fd);
        return;
    }
    link->links = links;
    link->heard_ms = link->opened_ms = clock_ms();
    link->legacy = true; /* until it says otherwise */
    frame_init(&link->frame, MSG_MAX);
    legacy_queue_init(&link->legacy_queue, LEGACY_ANSWER_MS);
    name_peer(link, address, size);
    keep_alive(fd);
    link->stream = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
    link->tick = event_new(base, -1, EV_PERSIST, on_tick, link);
    link->pacer = event_new(base, -1, 0, on_pace, link);
    link->later = event_new(base, -1, 0, on_later, link);
    link->resume = event_new(base, -1, 0, on_resume, link);
    if (!link->stream || !link->tick || !link->pacer || !link->later || !link->resume) {
        log_warn("%s: no memory for its connection", link->peer);
        if (!link->stream)
            evutil_closesocket(fd);
        link_free(link);
        return;
    }
    link->next = links->first;
    link->slot = &links->first;
    if (link->next)
        link->next->slot = &link->next;
    links->first = link;
    links->count++;
    bufferevent_setcb(link->stream, on_read, NULL, on_event, link);
    bufferevent_set_max_single_read(link->stream, READ_A_WAKE);
    bufferevent_setwatermark(link->stream, EV_READ, 0, READ_A_WAKE);
    bufferevent_enable(link->stream, EV_READ | EV_WRITE);
    event_add(link->tick, &(struct timeval){ PING_MS / 1000, PING_MS % 1000 * 1000 });
}

struct links *links_new(struct broker *broker, const char *host, int port, struct err *err)
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
    links->broker = broker;
    links->listener = evconnlistener_new_bind(broker->base, on_accept, links,
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
    for (struct link *link = links->first, *next; link; link = next) {
        next = link->next;
        link_free(link);
    }
    free(links);
}
