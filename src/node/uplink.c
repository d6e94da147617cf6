/* The link's states, its one timer, and what is sent and heard. */
#include "uplink.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dcls/base/clock.h"
#include "dcls/base/log.h"
#include "dcls/proto/frame.h"
#include "dcls/proto/legacy_queue.h"
#include "dcls/net/resolver.h"

#define CONNECT_MS 5000
#define GREETING_MS 5000
#define PING_MS 3000
#define PINGS_MISSED 2
#define BACKOFF_FIRST_MS 500
#define BACKOFF_LAST_MS 10000
#define SETTLED_MS 10000 /* a link that lasted so long starts its back-off anew */
#define CLOSING_MS 2000
#define LEGACY_QUEUE_ANSWER_MS 2000 /* for which an answer of a legacy broker is waited for */
#define OUTPUT_MAX (8 << 20)
#define READ_SIZE 65536

enum uplink_state {
    UPLINK_WAITING,
    UPLINK_RESOLVING,
    UPLINK_CONNECTING,
    UPLINK_GREETING,
    UPLINK_UP,
    UPLINK_CLOSING,
    UPLINK_CLOSED,
};
static const char *const state_names[] = {
    "waiting", "resolving", "connecting", "greeting", "up", "closing", "closed"
};

struct uplink {
    struct uplink_config config;
    struct uplink_events events;
    enum uplink_state state;
    struct event *timer;              /* the state's deadline, or the next ping */
    struct event *legacy_queue_timer; /* the next message to a legacy broker */
    struct bufferevent *stream;
    bool dropped; /* the stream is to be freed by the timer */
    struct frame frame;
    struct addrinfo *addresses, *next_address;
    struct legacy_queue legacy_queue;
    char *legacy_queue_key; /* of the message that is leaving */
    bool legacy, was_refused;
    int api_port, attempts, pings_unanswered;
    int64_t up_ms;
    char api[320];
    struct err why; /* of the last failed attempt, told once */
};

static void set_timer(struct uplink *link, int64_t ms)
{
    struct timeval delay = { ms / 1000, ms % 1000 * 1000 };
    event_add(link->timer, &delay);
}

static void set_state(struct uplink *link, enum uplink_state state)
{
    if (state == link->state)
        return;
    log_debug("link: %s, was %s", state_names[state], state_names[link->state]);
    link->state = state;
}

static void free_stream(struct uplink *link)
{
    if (link->stream)
        bufferevent_free(link->stream);
    link->stream = NULL;
    link->dropped = false;
    frame_release(&link->frame);
    frame_init(&link->frame, MSG_MAX);
    legacy_queue_release(&link->legacy_queue);
    free(link->legacy_queue_key);
    link->legacy_queue_key = NULL;
    event_del(link->legacy_queue_timer);
}

static int64_t backoff_ms(struct uplink *link)
{
    int64_t most = BACKOFF_FIRST_MS;
    for (int i = 0; i < link->attempts && most < BACKOFF_LAST_MS; i++)
        most *= 2;
    if (most > BACKOFF_LAST_MS)
        most = BACKOFF_LAST_MS;
    link->attempts++;
    /* Jitter, so that the nodes of a broker that comes back do not come all at once. */
    uint32_t random = 0;
    if (getrandom(&random, sizeof random, GRND_NONBLOCK) != (ssize_t)sizeof random)
        random = (uint32_t)clock_ms();
    int64_t delay = most / 2 + (int64_t)(random % (uint32_t)(most / 2 + 1));
    return delay < BACKOFF_FIRST_MS ? BACKOFF_FIRST_MS : delay;
}

/* Ends the connection; the stream itself is freed by the timer, never within its own callbacks. */
static void drop(struct uplink *link, const char *why)
{
    if (link->dropped || link->state == UPLINK_CLOSED)
        return;
    if (link->state == UPLINK_UP) {
        log_warn("the broker is lost: %s", why);
        if (clock_ms() - link->up_ms > SETTLED_MS)
            link->attempts = 0;
    } else if (link->state != UPLINK_CLOSING && strcmp(link->why.text, why) != 0) {
        log_info("no broker at '%s' port %d: %s", link->config.host, link->config.port, why);
        err_set(&link->why, "%s", why);
    }
    link->dropped = true;
    if (link->stream)
        bufferevent_disable(link->stream, EV_READ | EV_WRITE);
    set_timer(link, 0);
}

static int write_text(struct uplink *link, const char *text, size_t len)
{
    if (bufferevent_write(link->stream, text, len)) {
        drop(link, "no memory to send");
        return -1;
    }
    return 0;
}

/* Hands the next message of the legacy queue to the stream, or waits for its time. */
static void pump(struct uplink *link)
{
    struct legacy_queue_item *item;
    if (!link->stream || link->dropped)
        return;
    /* One at a time to the network too: the keys are told in its order. */
    if (!link->legacy_queue_key && (item = legacy_queue_take(&link->legacy_queue, clock_ms()))) {
        if (!write_text(link, item->text, item->len) && item->key) {
            link->legacy_queue_key = item->key;
            item->key = NULL;
        }
        legacy_queue_item_free(item);
    }
    int64_t due = legacy_queue_due(&link->legacy_queue, clock_ms());
    if (due >= 0 && !link->legacy_queue_key) {
        due++; /* a millisecond late rather than early */
        struct timeval delay = { due / 1000, due % 1000 * 1000 };
        event_add(link->legacy_queue_timer, &delay);
    }
}

static void on_pace(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    pump(arg);
}

static bool wants_answer(enum msg_type type)
{
    return type == MSG_CLIENT_CONNECT || type == MSG_CLIENT_PING || type == MSG_CLIENT_PONG ||
           type == MSG_CLIENT_DISCONNECT;
}

static int send_now(struct uplink *link, const struct msg *msg, const char *key)
{
    struct buf text;
    struct err err = ERR_INIT;
    if (!link->stream || link->dropped)
        return -1;
    buf_init(&text, MSG_MAX);
    /* The CONNECT goes out before the broker's kind is known, and carries what a legacy one does not look at. */
    bool greeting = msg->type == MSG_CLIENT_CONNECT;
    int result = link->legacy && !greeting ? msg_encode_legacy(msg, &text, &err) : msg_encode(msg, &text, &err);
    if (result) {
        log_error("%s cannot be sent: %s", msg_type_name(msg->type), err.text);
    } else if (link->legacy) {
        if ((result = legacy_queue_push(&link->legacy_queue, text.data, text.len, wants_answer(msg->type), key)))
            log_error("%s is not sent: %d messages wait already", msg_type_name(msg->type), LEGACY_QUEUE_MAX);
        pump(link);
    } else if (uplink_backlog(link) > OUTPUT_MAX) {
        drop(link, "it does not read");
        result = -1;
    } else {
        result = write_text(link, text.data, text.len);
    }
    buf_release(&text);
    return result;
}

int uplink_send(struct uplink *link, const struct msg *msg, const char *key)
{
    return link->state == UPLINK_UP ? send_now(link, msg, key) : -1;
}

static int send_named(struct uplink *link, enum msg_type type)
{
    struct msg msg;
    msg_init(&msg, type);
    int result = msg_set(&msg.name, link->config.name) ? -1 : send_now(link, &msg, NULL);
    msg_release(&msg);
    return result;
}

static void send_error(struct uplink *link, const struct err *why)
{
    struct msg msg;
    msg_init(&msg, MSG_ERROR);
    if (!msg_set(&msg.name, link->config.name) && !msg_set(&msg.message, why->text))
        uplink_send(link, &msg, NULL);
    msg_release(&msg);
}

/* The broker's first answer says what kind of broker it is. */
static void take_greeting(struct uplink *link, const struct msg *ack)
{
    link->legacy = ack->protocol < 1;
    link->api[0] = 0;
    if (ack->api_port > 0 && ack->api_port <= 65535) {
        bool bare_ipv6 = strchr(link->config.host, ':') && link->config.host[0] != '[';
        snprintf(link->api, sizeof link->api, bare_ipv6 ? "http://[%s]:%d" : "http://%s:%d", link->config.host,
                 (int)ack->api_port);
    }
    link->pings_unanswered = 0;
    link->was_refused = false;
    link->why = (struct err)ERR_INIT;
    link->up_ms = clock_ms();
    set_state(link, UPLINK_UP);
    set_timer(link, PING_MS);
    log_info("registered with %s at '%s' port %d", link->legacy ? "a broker of the existing system" : "the broker",
             link->config.host, link->config.port);
    link->events.up(link->events.arg);
}

static void take_message(struct uplink *link, struct msg *msg, const char *text, size_t len)
{
    if (link->state == UPLINK_GREETING) {
        if (msg->type == MSG_SERVER_ACK) {
            take_greeting(link, msg);
        } else if (msg->type == MSG_ERROR) {
            if (!link->was_refused)
                log_error("the broker refuses this node: %s", msg->message ? msg->message : "");
            link->was_refused = true;
            drop(link, "it refuses this node");
        } else {
            log_debug("%s before the broker's SERVER ACK is passed over", msg_type_name(msg->type));
        }
        return;
    }
    switch (msg->type) {
    case MSG_SERVER_ACK:
        if (link->state == UPLINK_CLOSING && !link->legacy_queue.count)
            drop(link, "closed");
        legacy_queue_answered(&link->legacy_queue);
        pump(link);
        break;
    case MSG_SERVER_PONG:
        legacy_queue_answered(&link->legacy_queue);
        pump(link);
        break;
    case MSG_SERVER_PING:
        send_named(link, MSG_CLIENT_PONG);
        break;
    default:
        if (link->state == UPLINK_UP)
            link->events.message(link->events.arg, msg, text, len);
    }
}

static void take_text(struct uplink *link, const char *text, size_t len)
{
    struct msg msg;
    struct err why = ERR_INIT;
    if (!msg_decode(&msg, text, len, &why)) {
        take_message(link, &msg, text, len);
    } else {
        log_warn("the broker sent what is no message: %s", why.text);
        link->events.malformed(link->events.arg, text, len, &why);
    }
    msg_release(&msg);
}

static void on_read(struct bufferevent *stream, void *arg)
{
    struct uplink *link = arg;
    char bytes[READ_SIZE];
    size_t got = bufferevent_read(stream, bytes, sizeof bytes);
    link->pings_unanswered = 0;
    if (frame_feed(&link->frame, bytes, got)) {
        drop(link, "no memory for what it says");
        return;
    }
    while (!link->dropped) {
        const char *text;
        size_t len;
        struct err why = ERR_INIT;
        switch (frame_next(&link->frame, &text, &len)) {
        case FRAME_TEXT:
            take_text(link, text, len);
            continue;
        case FRAME_TOO_LONG:
            err_set(&why, "a message is longer than %d bytes", MSG_MAX);
            send_error(link, &why);
            continue;
        case FRAME_MORE:
            break;
        }
        break;
    }
    if (!link->dropped && evbuffer_get_length(bufferevent_get_input(stream)))
        bufferevent_trigger(stream, EV_READ, BEV_TRIG_DEFER_CALLBACKS);
}

/* Everything given to the stream has left. */
static void on_written(struct bufferevent *stream, void *arg)
{
    struct uplink *link = arg;
    (void)stream;
    if (!link->legacy_queue_key)
        return;
    char *key = link->legacy_queue_key;
    link->legacy_queue_key = NULL;
    link->events.sent(link->events.arg, key);
    free(key);
    pump(link);
}

static void greet(struct uplink *link)
{
    struct msg msg;
    msg_init(&msg, MSG_CLIENT_CONNECT);
    set_state(link, UPLINK_GREETING);
    set_timer(link, GREETING_MS);
    link->legacy = false;
    if (link->events.greet(link->events.arg, &msg) || send_now(link, &msg, NULL))
        drop(link, "no memory to register");
    msg_release(&msg);
}

static void on_stream_event(struct bufferevent *stream, short what, void *arg)
{
    struct uplink *link = arg;
    int code = EVUTIL_SOCKET_ERROR();
    if (link->dropped)
        return;
    if (what & BEV_EVENT_CONNECTED) {
        int on = 1, idle = 30;
        setsockopt(bufferevent_getfd(stream), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        setsockopt(bufferevent_getfd(stream), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
        setsockopt(bufferevent_getfd(stream), IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
        greet(link);
    } else if (what & BEV_EVENT_EOF) {
        drop(link, "it closed the connection");
    } else if (what & BEV_EVENT_ERROR) {
        drop(link, strerror(code));
    }
}

/* Tries the next address; a failure is told by drop, which comes back here for the one after it. */
static void connect_next(struct uplink *link)
{
    const struct addrinfo *address = link->next_address;
    link->next_address = address->ai_next;
    set_state(link, UPLINK_CONNECTING);
    set_timer(link, CONNECT_MS);
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        drop(link, strerror(errno));
        return;
    }
    link->stream = bufferevent_socket_new(link->config.base, fd, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
    if (!link->stream) {
        close(fd);
        drop(link, "no memory to connect");
        return;
    }
    bufferevent_setcb(link->stream, on_read, on_written, on_stream_event, link);
    bufferevent_enable(link->stream, EV_READ | EV_WRITE);
    if (bufferevent_socket_connect(link->stream, address->ai_addr, (int)address->ai_addrlen))
        drop(link, strerror(errno));
}

static void on_addresses(void *arg, struct addrinfo *addresses, const struct err *err)
{
    struct uplink *link = arg;
    if (link->state != UPLINK_RESOLVING) { /* closed meanwhile */
        if (addresses)
            freeaddrinfo(addresses);
    } else if (!addresses) {
        drop(link, err->text);
    } else {
        if (link->addresses)
            freeaddrinfo(link->addresses);
        link->addresses = link->next_address = addresses;
        connect_next(link);
    }
}

static void resolve(struct uplink *link)
{
    set_state(link, UPLINK_RESOLVING);
    if (resolver_lookup(link->config.pool, link->config.host, link->config.port, on_addresses, link))
        drop(link, "no memory to look up its address");
}

static void ping(struct uplink *link)
{
    set_timer(link, PING_MS);
    /* A legacy broker owes no answer within a time: it lives as long as its socket. */
    if (link->legacy)
        return;
    if (link->pings_unanswered >= PINGS_MISSED) {
        drop(link, "it does not answer");
        return;
    }
    link->pings_unanswered++;
    send_named(link, MSG_CLIENT_PING);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct uplink *link = arg;
    (void)fd;
    (void)what;
    if (link->dropped) {
        enum uplink_state was = link->state;
        free_stream(link);
        if (was == UPLINK_CLOSING) {
            set_state(link, UPLINK_CLOSED);
            link->events.closed(link->events.arg);
        } else if (was == UPLINK_CONNECTING && link->next_address) {
            connect_next(link);
        } else {
            set_state(link, UPLINK_WAITING);
            set_timer(link, backoff_ms(link));
        }
        return;
    }
    switch (link->state) {
    case UPLINK_WAITING:
        resolve(link);
        break;
    case UPLINK_CONNECTING:
        drop(link, "it does not answer");
        break;
    case UPLINK_GREETING:
        drop(link, "it does not answer the registration");
        break;
    case UPLINK_UP:
        ping(link);
        break;
    case UPLINK_CLOSING:
        drop(link, "closed");
        break;
    case UPLINK_RESOLVING:
    case UPLINK_CLOSED:
        break;
    }
}

struct uplink *uplink_new(const struct uplink_config *config, const struct uplink_events *events, struct err *err)
{
    struct uplink *link = calloc(1, sizeof *link);
    if (!link) {
        err_set(err, "no memory for the link to the broker");
        return NULL;
    }
    link->config = *config;
    link->events = *events;
    frame_init(&link->frame, MSG_MAX);
    legacy_queue_init(&link->legacy_queue, LEGACY_QUEUE_ANSWER_MS);
    link->timer = evtimer_new(config->base, on_timer, link);
    link->legacy_queue_timer = evtimer_new(config->base, on_pace, link);
    if (!link->timer || !link->legacy_queue_timer) {
        err_set(err, "no memory for the link to the broker");
        uplink_free(link);
        return NULL;
    }
    set_timer(link, 0);
    return link;
}

void uplink_free(struct uplink *link)
{
    if (!link)
        return;
    if (link->legacy_queue_timer) {
        free_stream(link);
        event_free(link->legacy_queue_timer);
    }
    if (link->timer)
        event_free(link->timer);
    if (link->addresses)
        freeaddrinfo(link->addresses);
    free(link);
}

void uplink_close(struct uplink *link)
{
    if (link->state == UPLINK_CLOSING || link->state == UPLINK_CLOSED)
        return;
    bool was_up = link->state == UPLINK_UP && !link->dropped;
    set_state(link, UPLINK_CLOSING);
    if (was_up && !send_named(link, MSG_CLIENT_DISCONNECT)) {
        /* What a legacy broker is still owed leaves one by one before the farewell. */
        int64_t patience = CLOSING_MS + (int64_t)link->legacy_queue.count * LEGACY_QUEUE_INTERVAL_MS;
        set_timer(link, patience > 3 * CLOSING_MS ? 3 * CLOSING_MS : patience);
    } else {
        drop(link, "closed");
    }
}

bool uplink_is_up(const struct uplink *link)
{
    return link->state == UPLINK_UP && !link->dropped;
}

bool uplink_is_legacy(const struct uplink *link)
{
    return link->legacy;
}

const char *uplink_api(const struct uplink *link)
{
    return link->api[0] ? link->api : NULL;
}

size_t uplink_backlog(const struct uplink *link)
{
    return link->stream ? evbuffer_get_length(bufferevent_get_output(link->stream)) : 0;
}
