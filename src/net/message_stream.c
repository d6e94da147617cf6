/* Messages over one of libevent's bufferevents. */
#include "dcls/net/message_stream.h"

#include <assert.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dcls/base/clock.h"
#include "dcls/base/log.h"
#include "dcls/net/timer.h"
#include "dcls/proto/legacy_queue.h"
#include "dcls/proto/message_decoder.h"

#define READ_SIZE 65536
#define READS_A_WAKE 4
#define OUTPUT_MAX (8 << 20) /* bytes unread by the peer */
#define LAST_WORDS_MS 200    /* for what was written last to leave before the connection is cut */
#define BROKEN_MS 2000       /* for what the peer sent last to come, where nothing can be sent any more */

enum stream_state { STREAM_CONNECTING, STREAM_OPEN, STREAM_CLOSING, STREAM_CLOSED };
static const char *const state_names[] = { "connecting", "open", "closing", "closed" };

struct message_stream {
    const struct message_stream_events *events;
    void *arg;
    enum stream_state state;
    struct bufferevent *buffers;
    struct timer *timer;      /* open: goes on with what was read; closing: the last words have had their time */
    struct timer *pace_timer; /* the next message to a legacy peer; broken output: the input has had its time */
    bool in_event;            /* one that may not free the stream is being told */
    bool input_ended;         /* the peer sends no more; what it sent is handled first */
    bool output_ended;        /* nothing more may be sent */
    bool output_broken;       /* nothing more can be sent; what the peer sent before may still be read */
    struct err why;           /* of the first failure */
    struct frame frame;       /* of what came in */
    int64_t heard_ms;
    uint64_t received, sent;
    bool legacy;
    struct legacy_queue queue;
    struct legacy_queue_item *leaving; /* one at a time to the network too: the keys are told in its order */
};

static void set_state(struct message_stream *stream, enum stream_state state)
{
    assert(state == stream->state + 1 || (state == STREAM_CLOSING && stream->state == STREAM_CONNECTING));
    log_debug("stream %d: %s, was %s", bufferevent_getfd(stream->buffers), state_names[state],
              state_names[stream->state]);
    stream->state = state;
}

void message_stream_close(struct message_stream *stream, const char *why)
{
    if (stream->state >= STREAM_CLOSING)
        return;
    err_set(&stream->why, "%s", why);
    set_state(stream, STREAM_CLOSING);
    bufferevent_disable(stream->buffers, EV_READ);
    timer_stop(stream->pace_timer);
    timer_start(stream->timer, message_stream_backlog(stream) && !stream->output_broken ? LAST_WORDS_MS : 0);
}

/* Input */

/* Moves bytes to the decoder: how many, or -1 where memory lacks. */
static int read_some(struct message_stream *stream)
{
    char bytes[READ_SIZE];
    size_t count = bufferevent_read(stream->buffers, bytes, sizeof bytes);
    stream->received += count;
    return frame_feed(&stream->frame, bytes, count) ? -1 : (int)count;
}

/* False where bytes are needed for the next message. */
static bool take_message(struct message_stream *stream)
{
    struct msg msg;
    struct err why = ERR_INIT;
    const char *text;
    size_t len;
    enum message_event event = message_decoder_next(&stream->frame, &msg, &text, &len, &why);
    assert(!stream->in_event && stream->state == STREAM_OPEN);
    stream->in_event = true;
    if (event == MESSAGE_WHOLE && stream->events->message)
        stream->events->message(stream->arg, &msg, text, len);
    if (event == MESSAGE_REFUSED && stream->events->refused)
        stream->events->refused(stream->arg, text, len, &why);
    stream->in_event = false;
    msg_release(&msg);
    if (event == MESSAGE_NO_MEMORY)
        message_stream_close(stream, "no memory for what the peer sends");
    return event != MESSAGE_MORE;
}

static void take_input(struct message_stream *stream)
{
    for (int messages = 0, reads = 0; stream->state == STREAM_OPEN;) {
        if (messages == MESSAGE_STREAM_MESSAGES_A_WAKE || reads == READS_A_WAKE) {
            timer_start(stream->timer, 0); /* the loop looks at the other sockets first */
            return;
        }
        if (take_message(stream)) {
            messages++;
            continue;
        }
        int count = read_some(stream);
        if (count < 0)
            message_stream_close(stream, "no memory for what the peer sends");
        else if (!count && stream->input_ended)
            message_stream_close(stream, stream->why.text);
        if (!count)
            return;
        reads++;
    }
}

/* A peer whose last bytes still wait for their turn gets no second one. */
static void wake(struct message_stream *stream)
{
    if (!timer_is_running(stream->timer))
        take_input(stream);
}

static void on_read(struct bufferevent *buffers, void *arg)
{
    struct message_stream *stream = arg;
    (void)buffers;
    stream->heard_ms = clock_ms();
    wake(stream);
}

static void on_timer(void *arg)
{
    struct message_stream *stream = arg;
    assert(stream->state == STREAM_OPEN || stream->state == STREAM_CLOSING);
    if (stream->state == STREAM_OPEN) {
        take_input(stream);
        return;
    }
    set_state(stream, STREAM_CLOSED);
    bufferevent_disable(stream->buffers, EV_READ | EV_WRITE);
    struct err why = stream->why; /* the reason outlives the stream, which the callback may free */
    stream->events->closed(stream->arg, why.text);
}

/* Output */

static int write_text(struct message_stream *stream, const char *text, size_t len, struct err *err)
{
    const char *why = NULL;
    bool is_first = !message_stream_backlog(stream);
    if (message_stream_backlog(stream) > OUTPUT_MAX)
        why = "the peer does not read what it is sent";
    else if (bufferevent_write(stream->buffers, text, len))
        why = "no memory for what the peer is sent";
    else if (is_first && bufferevent_enable(stream->buffers, EV_WRITE)) /* again: the write tells no failure of that */
        why = "no memory to watch for when the peer can be sent something";
    if (!why)
        return 0;
    message_stream_close(stream, why);
    return err_set(err, "%s", why);
}

/* Hands the next message for a legacy peer to the network, or waits for its time. */
static void pace(struct message_stream *stream)
{
    if (stream->state != STREAM_OPEN || stream->leaving || stream->output_broken)
        return;
    if ((stream->leaving = legacy_queue_take(&stream->queue, clock_ms()))) {
        write_text(stream, stream->leaving->text, stream->leaving->len, NULL);
        return; /* on_written comes back here */
    }
    int64_t due = legacy_queue_due(&stream->queue, clock_ms());
    if (due >= 0)
        timer_start(stream->pace_timer, due + 1); /* a millisecond late rather than early */
}

static void on_pace(void *arg)
{
    struct message_stream *stream = arg;
    if (stream->output_broken)
        message_stream_close(stream, stream->why.text);
    else
        pace(stream);
}

int message_stream_send(struct message_stream *stream, const struct msg *msg, const char *key, struct err *err)
{
    struct buf text;
    if (stream->state != STREAM_OPEN || stream->output_ended || stream->output_broken)
        return err_set(err, "the connection is not open");
    buf_init(&text, MSG_MAX);
    int result = stream->legacy ? msg_encode_legacy(msg, &text, err) : msg_encode(msg, &text, err);
    if (!result && !stream->legacy)
        result = write_text(stream, text.data, text.len, err);
    else if (!result && legacy_queue_push(&stream->queue, text.data, text.len, msg_wants_answer(msg->type), key)) {
        message_stream_close(stream, "the peer does not answer what it is sent");
        result = err_set(err, "%d messages wait already", LEGACY_QUEUE_MAX);
    }
    stream->sent += result ? 0 : text.len;
    pace(stream);
    buf_release(&text);
    return result;
}

/* Everything that was written has left. */
static void on_written(struct bufferevent *buffers, void *arg)
{
    struct message_stream *stream = arg;
    struct legacy_queue_item *left = stream->leaving;
    if (stream->output_ended)
        shutdown(bufferevent_getfd(buffers), SHUT_WR);
    stream->leaving = NULL;
    stream->in_event = true;
    if (left && left->key && stream->events->sent)
        stream->events->sent(stream->arg, left->key);
    stream->in_event = false;
    legacy_queue_item_free(left);
    pace(stream);
}

void message_stream_end_output(struct message_stream *stream)
{
    stream->output_ended = true;
    if (!message_stream_backlog(stream))
        shutdown(bufferevent_getfd(stream->buffers), SHUT_WR);
}

/* Beginning and end */

/* Small messages leave at once. A legacy peer answers no pings: without a keep-alive a machine that lost its power
 * would stay connected for hours. */
static void set_options(int fd)
{
    const int on = 1, idle_s = 30, interval_s = 10, count = 3;
    int domain = AF_UNIX;
    socklen_t size = sizeof domain;
    if (!getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) && domain == AF_UNIX)
        return;
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) ||
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on) ||
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s) ||
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s) ||
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count))
        log_warn("no keep-alive for a connection: %s", strerror(errno));
}

static void on_event(struct bufferevent *buffers, short what, void *arg)
{
    struct message_stream *stream = arg;
    const char *why = evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR());
    if (stream->state >= STREAM_CLOSING)
        return;
    if (what & BEV_EVENT_CONNECTED) {
        set_options(bufferevent_getfd(buffers));
        set_state(stream, STREAM_OPEN);
        stream->heard_ms = clock_ms();
        stream->in_event = true;
        if (stream->events->connected)
            stream->events->connected(stream->arg);
        stream->in_event = false;
        return;
    }
    if (what & BEV_EVENT_EOF)
        why = "the peer closed the connection";
    else if (what & BEV_EVENT_TIMEOUT)
        why = "the peer takes nothing of what it is sent";
    if (stream->state == STREAM_CONNECTING || what & BEV_EVENT_TIMEOUT) {
        stream->output_broken = true;
        message_stream_close(stream, why);
        return;
    }
    if (!*stream->why.text)
        err_set(&stream->why, "%s", why);
    if (what & BEV_EVENT_WRITING) {
        stream->output_broken = true;
        timer_start(stream->pace_timer, BROKEN_MS);
        return;
    }
    stream->input_ended = true;
    wake(stream);
}

/* Takes fd over. */
static struct message_stream *stream_new(struct event_base *base, int fd, enum stream_state state,
                                         const struct message_stream_events *events, void *arg, struct err *err)
{
    assert(events->closed);
    struct message_stream *stream = calloc(1, sizeof *stream);
    evutil_make_socket_nonblocking(fd);
    struct bufferevent *buffers = stream ? bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE) : NULL;
    if (!buffers) {
        close(fd);
        free(stream);
        err_set(err, "no memory for a connection");
        return NULL;
    }
    *stream = (struct message_stream){
        .events = events, .arg = arg, .state = state, .buffers = buffers, .heard_ms = clock_ms()
    };
    frame_init(&stream->frame, MSG_MAX);
    legacy_queue_init(&stream->queue, 0);
    stream->timer = timer_new(base, on_timer, stream);
    stream->pace_timer = timer_new(base, on_pace, stream);
    if (!stream->timer || !stream->pace_timer) {
        err_set(err, "no memory for a connection");
        message_stream_free(stream);
        return NULL;
    }
    bufferevent_setcb(buffers, on_read, on_written, on_event, stream);
    bufferevent_set_max_single_read(buffers, READ_SIZE);
    bufferevent_setwatermark(buffers, EV_READ, 0, (size_t)READ_SIZE * READS_A_WAKE);
    message_stream_set_write_ms(stream, MESSAGE_STREAM_WRITE_MS);
    return stream;
}

struct message_stream *message_stream_new(struct event_base *base, int fd, const struct message_stream_events *events,
                                          void *arg, struct err *err)
{
    struct message_stream *stream = stream_new(base, fd, STREAM_OPEN, events, arg, err);
    if (!stream)
        return NULL;
    set_options(fd);
    if (bufferevent_enable(stream->buffers, EV_READ | EV_WRITE)) {
        err_set(err, "a connection cannot be watched: %s", strerror(errno));
        message_stream_free(stream);
        return NULL;
    }
    return stream;
}

struct message_stream *message_stream_connect(struct event_base *base, const struct sockaddr *address, socklen_t size,
                                              const struct message_stream_events *events, void *arg, struct err *err)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        err_set(err, "%s", strerror(errno));
        return NULL;
    }
    struct message_stream *stream = stream_new(base, fd, STREAM_CONNECTING, events, arg, err);
    if (!stream)
        return NULL;
    bufferevent_enable(stream->buffers, EV_READ | EV_WRITE);
    if (bufferevent_socket_connect(stream->buffers, address, (int)size))
        message_stream_close(stream, strerror(errno)); /* unless on_event did */
    return stream;
}

void message_stream_free(struct message_stream *stream)
{
    if (!stream)
        return;
    assert(!stream->in_event);
    timer_free(stream->timer);
    timer_free(stream->pace_timer);
    bufferevent_free(stream->buffers);
    frame_release(&stream->frame);
    legacy_queue_release(&stream->queue);
    legacy_queue_item_free(stream->leaving);
    free(stream);
}

/* What is told of it, and settings */

bool message_stream_is_open(const struct message_stream *stream)
{
    return stream->state == STREAM_OPEN;
}

size_t message_stream_backlog(const struct message_stream *stream)
{
    return evbuffer_get_length(bufferevent_get_output(stream->buffers));
}

uint64_t message_stream_received(const struct message_stream *stream)
{
    return stream->received;
}

uint64_t message_stream_sent(const struct message_stream *stream)
{
    return stream->sent;
}

int64_t message_stream_heard_ms(const struct message_stream *stream)
{
    return stream->heard_ms;
}

void message_stream_set_legacy(struct message_stream *stream, int64_t answer_ms)
{
    stream->legacy = answer_ms > 0;
    if (stream->legacy)
        stream->queue.answer_ms = answer_ms;
}

bool message_stream_is_legacy(const struct message_stream *stream)
{
    return stream->legacy;
}

void message_stream_answered(struct message_stream *stream)
{
    legacy_queue_answered(&stream->queue);
    pace(stream);
}

int message_stream_queued(const struct message_stream *stream)
{
    return stream->queue.count;
}

bool message_stream_withdraw(struct message_stream *stream, const char *key)
{
    return legacy_queue_withdraw(&stream->queue, key);
}

void message_stream_set_write_ms(struct message_stream *stream, int ms)
{
    struct timeval deadline = { ms / 1000, ms % 1000 * 1000 };
    bufferevent_set_timeouts(stream->buffers, NULL, &deadline);
}
