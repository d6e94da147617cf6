/* The link's states, its one timer, and what is sent and heard. */
#include "uplink.h"

#include <assert.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "dcls/base/backoff.h"
#include "dcls/base/clock.h"
#include "dcls/base/log.h"
#include "dcls/net/message_stream.h"
#include "dcls/net/resolver.h"
#include "dcls/net/timer.h"
#include "dcls/proto/legacy_queue.h"

#define CONNECT_MS 5000
#define GREETING_MS 5000
#define PING_MS 3000
#define SILENT_MS (2 * PING_MS + PING_MS / 2) /* two pings were not answered */
#define BACKOFF_FIRST_MS 500
#define BACKOFF_LAST_MS 10000
#define SETTLED_MS 10000 /* a link that lasted so long starts its back-off anew */
#define CLOSING_MS 2000
#define LEGACY_ANSWER_MS 2000 /* for which an answer of a legacy broker is waited for */

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
    struct timer *timer;           /* the state's deadline, or the next ping */
    struct message_stream *stream; /* from connecting on */
    struct addrinfo *addresses, *next_address;
    bool legacy, takes_removed, takes_load, was_refused;
    int attempts;
    int64_t up_ms, pinged_ms;
    char api[320];
    struct err why; /* of the last failed attempt, told once */
};

static void set_state(struct uplink *link, enum uplink_state state)
{
    assert(link->state != UPLINK_CLOSED && (link->state != UPLINK_CLOSING || state == UPLINK_CLOSED));
    log_debug("link: %s, was %s", state_names[state], state_names[link->state]);
    link->state = state;
}

static int64_t wait_ms(struct uplink *link)
{
    int64_t most = backoff_ms(link->attempts++, BACKOFF_FIRST_MS, BACKOFF_LAST_MS);
    /* Jitter, so that the nodes of a broker that comes back do not come all at once. */
    uint32_t random = 0;
    if (getrandom(&random, sizeof random, GRND_NONBLOCK) != (ssize_t)sizeof random)
        random = (uint32_t)clock_ms();
    int64_t delay = most / 2 + (int64_t)(random % (uint32_t)(most / 2 + 1));
    return delay < BACKOFF_FIRST_MS ? BACKOFF_FIRST_MS : delay;
}

static void connect_next(struct uplink *link);

/* The connection, or the attempt at one, is over. */
static void lost(struct uplink *link, const char *why)
{
    assert(!link->stream);
    if (link->state == UPLINK_CLOSING) {
        set_state(link, UPLINK_CLOSED);
        link->events.closed(link->events.arg);
        return;
    }
    if (link->state == UPLINK_UP) {
        log_warn("the broker is lost: %s", why);
        if (clock_ms() - link->up_ms > SETTLED_MS)
            link->attempts = 0;
        link->events.down(link->events.arg);
    } else if (strcmp(link->why.text, why)) {
        log_info("no broker at '%s' port %d: %s", link->config.host, link->config.port, why);
        err_set(&link->why, "%s", why);
    }
    if (link->state == UPLINK_CONNECTING && link->next_address) {
        connect_next(link);
        return;
    }
    set_state(link, UPLINK_WAITING);
    timer_start(link->timer, wait_ms(link));
}

static void on_closed(void *arg, const char *why)
{
    struct uplink *link = arg;
    message_stream_free(link->stream);
    link->stream = NULL;
    lost(link, why);
}

static int send_now(struct uplink *link, const struct msg *msg, const char *key)
{
    struct msg named = *msg; /* what it points to stays the message's */
    struct err err = ERR_INIT;
    if (!link->stream || !message_stream_is_open(link->stream))
        return -1;
    /* The existing node sends no name with an inference's answer. */
    bool is_answer = msg->type == MSG_JSON_RESPONSE && msg->inference_key;
    if (!msg->name && !is_answer)
        named.name = (char *)link->config.name;
    int result = message_stream_send(link->stream, &named, key, &err);
    if (result)
        log_error("%s cannot be sent: %s", msg_type_name(msg->type), err.text);
    return result;
}

int uplink_send(struct uplink *link, const struct msg *msg, const char *key)
{
    return link->state == UPLINK_UP ? send_now(link, msg, key) : -1;
}

void uplink_send_error(struct uplink *link, const char *inference_key, const char *json_name, const char *message)
{
    struct msg msg;
    msg_init(&msg, MSG_ERROR);
    if (msg_set(&msg.inference_key, inference_key) || msg_set(&msg.json_name, json_name) ||
        msg_set(&msg.message, message))
        log_error("no memory to send an error: %s", message);
    else
        uplink_send(link, &msg, NULL);
    msg_release(&msg);
}

/* A message that says no more than who sends it. */
static int send_named(struct uplink *link, enum msg_type type)
{
    struct msg msg;
    msg_init(&msg, type);
    int result = send_now(link, &msg, NULL);
    msg_release(&msg);
    return result;
}

static void send_sign(struct uplink *link, enum msg_type type)
{
    struct msg msg;
    msg_init(&msg, type);
    if (link->takes_load)
        link->events.sign(link->events.arg, &msg);
    send_now(link, &msg, NULL);
    msg_release(&msg);
}

/* The broker's first answer says what kind of broker it is. */
static void take_greeting(struct uplink *link, const struct msg *ack)
{
    link->legacy = ack->protocol < 1;
    link->takes_removed = strings_has(&ack->features, "removed");
    link->takes_load = strings_has(&ack->features, "load");
    link->api[0] = 0;
    if (ack->api_port > 0 && ack->api_port <= 65535) {
        bool bare_ipv6 = strchr(link->config.host, ':') && link->config.host[0] != '[';
        snprintf(link->api, sizeof link->api, bare_ipv6 ? "http://[%s]:%d" : "http://%s:%d", link->config.host,
                 (int)ack->api_port);
    }
    message_stream_set_legacy(link->stream, link->legacy ? LEGACY_ANSWER_MS : 0);
    link->was_refused = false;
    link->why = (struct err)ERR_INIT;
    link->up_ms = link->pinged_ms = clock_ms();
    set_state(link, UPLINK_UP);
    timer_start(link->timer, PING_MS);
    log_info("registered with %s at '%s' port %d", link->legacy ? "a broker of the existing system" : "the broker",
             link->config.host, link->config.port);
    link->events.up(link->events.arg);
}

static void on_message(void *arg, struct msg *msg, const char *text, size_t len)
{
    struct uplink *link = arg;
    if (link->state == UPLINK_GREETING) {
        if (msg->type == MSG_SERVER_ACK) {
            take_greeting(link, msg);
        } else if (msg->type == MSG_ERROR) {
            if (!link->was_refused)
                log_error("the broker refuses this node: %s", msg->message ? msg->message : "");
            link->was_refused = true;
            message_stream_close(link->stream, "it refuses this node");
        } else {
            log_debug("%s before the broker's SERVER ACK is passed over", msg_type_name(msg->type));
        }
        return;
    }
    switch (msg->type) {
    case MSG_SERVER_ACK:
        if (link->state == UPLINK_CLOSING && !message_stream_queued(link->stream))
            message_stream_close(link->stream, "closed");
        message_stream_answered(link->stream);
        break;
    case MSG_SERVER_PONG: message_stream_answered(link->stream); break;
    case MSG_SERVER_PING: send_sign(link, MSG_CLIENT_PONG); break;
    default:
        if (link->state == UPLINK_UP)
            link->events.message(link->events.arg, msg, text, len);
    }
}

static void on_refused(void *arg, const char *text, size_t len, const struct err *why)
{
    const struct uplink *link = arg;
    log_warn("the broker sent what is no message: %s", why->text);
    link->events.malformed(link->events.arg, text, len, why);
}

static void on_sent(void *arg, const char *key)
{
    const struct uplink *link = arg;
    link->events.sent(link->events.arg, key);
}

static void on_connected(void *arg)
{
    struct uplink *link = arg;
    struct msg msg;
    msg_init(&msg, MSG_CLIENT_CONNECT);
    set_state(link, UPLINK_GREETING);
    timer_start(link->timer, GREETING_MS);
    link->legacy = false;
    if (link->events.greet(link->events.arg, &msg) || send_now(link, &msg, NULL))
        message_stream_close(link->stream, "no memory to register");
    msg_release(&msg);
}

/* Tries the next address; where that fails, lost comes back here for the one after it. */
static void connect_next(struct uplink *link)
{
    static const struct message_stream_events events = {
        .connected = on_connected, .message = on_message, .refused = on_refused, .sent = on_sent, .closed = on_closed
    };
    const struct addrinfo *address = link->next_address;
    struct err err = ERR_INIT;
    link->next_address = address->ai_next;
    set_state(link, UPLINK_CONNECTING);
    timer_start(link->timer, CONNECT_MS);
    link->stream =
        message_stream_connect(link->config.base, address->ai_addr, address->ai_addrlen, &events, link, &err);
    if (!link->stream)
        lost(link, err.text);
}

static void on_addresses(void *arg, struct addrinfo *addresses, const struct err *err)
{
    struct uplink *link = arg;
    if (link->state != UPLINK_RESOLVING) { /* closed meanwhile */
        if (addresses)
            freeaddrinfo(addresses);
    } else if (!addresses) {
        lost(link, err->text);
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
        lost(link, "no memory to look up its address");
}

static void ping(struct uplink *link)
{
    int64_t now = clock_ms();
    /* A node that stood still has not read yet what came meanwhile: silence is judged at the next ping. */
    bool stood_still = now - link->pinged_ms >= 2 * PING_MS;
    link->pinged_ms = now;
    timer_start(link->timer, PING_MS);
    /* A legacy broker owes no answer within a time: it lives as long as its socket. */
    if (link->legacy)
        return;
    if (!stood_still && now - message_stream_heard_ms(link->stream) > SILENT_MS)
        message_stream_close(link->stream, "it does not answer");
    else
        send_sign(link, MSG_CLIENT_PING);
}

static void on_timer(void *arg)
{
    struct uplink *link = arg;
    switch (link->state) {
    case UPLINK_WAITING: resolve(link); break;
    case UPLINK_CONNECTING: message_stream_close(link->stream, "it does not answer"); break;
    case UPLINK_GREETING: message_stream_close(link->stream, "it does not answer the registration"); break;
    case UPLINK_UP: ping(link); break;
    case UPLINK_CLOSING:
        if (link->stream)
            message_stream_close(link->stream, "closed");
        else
            lost(link, "closed");
        break;
    case UPLINK_RESOLVING:
    case UPLINK_CLOSED: break;
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
    link->timer = timer_new(config->base, on_timer, link);
    if (!link->timer) {
        err_set(err, "no memory for the link to the broker");
        uplink_free(link);
        return NULL;
    }
    timer_start(link->timer, 0);
    return link;
}

void uplink_free(struct uplink *link)
{
    if (!link)
        return;
    message_stream_free(link->stream);
    timer_free(link->timer);
    if (link->addresses)
        freeaddrinfo(link->addresses);
    free(link);
}

void uplink_close(struct uplink *link)
{
    if (link->state == UPLINK_CLOSING || link->state == UPLINK_CLOSED)
        return;
    bool was_up = link->state == UPLINK_UP;
    set_state(link, UPLINK_CLOSING);
    if (was_up && !send_named(link, MSG_CLIENT_DISCONNECT)) {
        /* What a legacy broker is still owed leaves one by one before the farewell. */
        int64_t patience = CLOSING_MS + (int64_t)message_stream_queued(link->stream) * LEGACY_QUEUE_INTERVAL_MS;
        timer_start(link->timer, patience > 3 * CLOSING_MS ? 3 * CLOSING_MS : patience);
    } else if (link->stream) {
        message_stream_close(link->stream, "closed");
    } else {
        timer_start(link->timer, 0);
    }
}

bool uplink_is_up(const struct uplink *link)
{
    return link->state == UPLINK_UP && message_stream_is_open(link->stream);
}

bool uplink_is_legacy(const struct uplink *link)
{
    return link->legacy;
}

bool uplink_takes_removed(const struct uplink *link)
{
    return link->takes_removed;
}

const char *uplink_api(const struct uplink *link)
{
    return link->api[0] ? link->api : NULL;
}

size_t uplink_backlog(const struct uplink *link)
{
    return link->stream ? message_stream_backlog(link->stream) : 0;
}
