/* The worker's line: a listening thread, a short queue of messages for the main thread, and blocking sends. */
#include "channel.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dcls/base/clock.h"
#include "dcls/base/fs.h"
#include "dcls/base/log.h"
#include "dcls/base/wake.h"
#include "dcls/proto/message_decoder.h"

#define QUEUE_MAX 64 /* the node sends one at a time; more would be its mistake */
#define READ_SIZE 65536
#define ALIVE_MS 5000 /* between two signs of life */

struct channel {
    int in_fd, out_fd, signal_fd, wake_fd; /* -1 where there is none */
    bool owns_fd, has_thread;
    pthread_t thread;
    pthread_mutex_t lock; /* of queue, first, count, ended */
    pthread_cond_t changed;
    struct msg queue[QUEUE_MAX];
    int first, count;
    bool ended;
    pthread_mutex_t sending; /* of out_fd: a message leaves whole */
    atomic_bool cancelled;
    struct frame frame; /* of what comes in */
};

static void end_line(struct channel *channel)
{
    atomic_store(&channel->cancelled, true);
    pthread_mutex_lock(&channel->lock);
    channel->ended = true;
    pthread_cond_broadcast(&channel->changed);
    pthread_mutex_unlock(&channel->lock);
}

/* Moves `msg` into the queue, unless it is full. */
static void enqueue(struct channel *channel, struct msg *msg)
{
    pthread_mutex_lock(&channel->lock);
    bool full = channel->count == QUEUE_MAX;
    if (!full) {
        channel->queue[(channel->first + channel->count++) % QUEUE_MAX] = *msg;
        msg_init(msg, msg->type);
        pthread_cond_broadcast(&channel->changed);
    }
    pthread_mutex_unlock(&channel->lock);
    if (full)
        log_warn("more than %d messages wait: one is dropped", QUEUE_MAX);
}

static enum message_event take_message(struct channel *channel)
{
    struct msg msg;
    struct err why = ERR_INIT;
    const char *text;
    size_t len;
    enum message_event event = message_decoder_next(&channel->frame, &msg, &text, &len, &why);
    if (event == MESSAGE_REFUSED || event == MESSAGE_NO_MEMORY)
        log_warn("a message was not understood: %s", why.text);
    else if (event == MESSAGE_WHOLE && msg.type == MSG_SERVER_CANCEL)
        atomic_store(&channel->cancelled, true);
    else if (event == MESSAGE_WHOLE)
        enqueue(channel, &msg);
    msg_release(&msg);
    return event;
}

/* false: the line has ended, or has to. */
static bool take_bytes(struct channel *channel)
{
    char bytes[READ_SIZE];
    ssize_t got = read(channel->in_fd, bytes, sizeof bytes);
    if (got < 0)
        return errno == EINTR;
    if (!got || frame_feed(&channel->frame, bytes, (size_t)got))
        return false;
    enum message_event event;
    do
        event = take_message(channel);
    while (event == MESSAGE_WHOLE || event == MESSAGE_REFUSED);
    return event == MESSAGE_MORE;
}

static void take_signal(struct channel *channel)
{
    struct signalfd_siginfo info;
    if (read(channel->signal_fd, &info, sizeof info) != (ssize_t)sizeof info)
        return;
    if (atomic_exchange(&channel->cancelled, true))
        _exit(128 + (int)info.ssi_signo); /* asked twice: whoever asks does not want to wait for a batch */
}

/* Tells the node that this process runs, whatever the main thread computes. Not where a message is on its way, which
 * says as much, nor where the node does not read: this thread has to hear a cancel. */
static void send_alive(struct channel *channel)
{
    struct msg msg;
    struct buf text;
    struct pollfd room = { .fd = channel->out_fd, .events = POLLOUT };
    if (pthread_mutex_trylock(&channel->sending))
        return;
    buf_init(&text, MSG_MAX);
    msg_init(&msg, MSG_WORKER_ALIVE);
    if (!msg_encode(&msg, &text, NULL) && poll(&room, 1, 0) == 1 && (room.revents & POLLOUT))
        (void)fs_put(channel->out_fd, text.data, text.len); /* where it fails, the line is heard to end */
    msg_release(&msg);
    buf_release(&text);
    pthread_mutex_unlock(&channel->sending);
}

static void *listen_thread(void *arg)
{
    struct channel *channel = arg;
    int64_t alive_ms = clock_ms() + ALIVE_MS;
    struct pollfd fds[] = { { .fd = channel->wake_fd, .events = POLLIN },
                            { .fd = channel->in_fd, .events = POLLIN },
                            { .fd = channel->signal_fd, .events = POLLIN } };
    for (;;) {
        int64_t left = alive_ms - clock_ms();
        if (channel->owns_fd && left <= 0) {
            send_alive(channel);
            alive_ms = clock_ms() + ALIVE_MS;
            left = ALIVE_MS;
        }
        int ready = poll(fds, sizeof fds / sizeof *fds, channel->owns_fd ? (int)left : -1);
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready < 0)
            break;
        if (fds[0].revents || (fds[1].revents && !take_bytes(channel)))
            break;
        if (fds[2].revents)
            take_signal(channel);
    }
    end_line(channel);
    return NULL;
}

static struct channel *channel_new(int in_fd, int out_fd, int signal_fd, bool owns_fd, struct err *err)
{
    struct channel *channel = calloc(1, sizeof *channel);
    if (!channel) {
        err_set(err, "no memory for the line to the node");
        return NULL;
    }
    *channel =
        (struct channel){ .in_fd = in_fd, .out_fd = out_fd, .signal_fd = signal_fd, .wake_fd = -1, .owns_fd = owns_fd };
    atomic_init(&channel->cancelled, false);
    frame_init(&channel->frame, MSG_MAX);
    pthread_mutex_init(&channel->lock, NULL);
    pthread_cond_init(&channel->changed, NULL);
    pthread_mutex_init(&channel->sending, NULL);
    channel->wake_fd = eventfd(0, EFD_CLOEXEC);
    int failed = channel->wake_fd < 0 ? errno : pthread_create(&channel->thread, NULL, listen_thread, channel);
    if (failed) {
        err_set(err, "cannot start the listening thread: %s", strerror(failed));
        channel_free(channel);
        return NULL;
    }
    channel->has_thread = true;
    return channel;
}

struct channel *channel_new_socket(int fd, struct err *err)
{
    return channel_new(fd, fd, -1, true, err);
}

struct channel *channel_new_output(int fd, struct err *err)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    /* Blocked before any thread starts, so that all inherit it and only the descriptor hears them. */
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    int signal_fd = signalfd(-1, &signals, SFD_CLOEXEC);
    if (signal_fd < 0) {
        err_set(err, "cannot listen for signals: %s", strerror(errno));
        return NULL;
    }
    return channel_new(-1, fd, signal_fd, false, err);
}

void channel_free(struct channel *channel)
{
    if (!channel)
        return;
    if (channel->has_thread) {
        wake_write(channel->wake_fd);
        pthread_join(channel->thread, NULL);
    }
    for (int i = 0; i < channel->count; i++)
        msg_release(&channel->queue[(channel->first + i) % QUEUE_MAX]);
    frame_release(&channel->frame);
    pthread_mutex_destroy(&channel->lock);
    pthread_cond_destroy(&channel->changed);
    pthread_mutex_destroy(&channel->sending);
    if (channel->owns_fd)
        close(channel->in_fd);
    if (channel->signal_fd >= 0)
        close(channel->signal_fd);
    if (channel->wake_fd >= 0)
        close(channel->wake_fd);
    free(channel);
}

int channel_send(struct channel *channel, const struct msg *msg, struct err *err)
{
    struct buf text;
    buf_init(&text, MSG_MAX);
    int result = msg_encode(msg, &text, err);
    int cause = 0;
    if (!result) {
        pthread_mutex_lock(&channel->sending);
        cause = fs_put(channel->out_fd, text.data, text.len);
        pthread_mutex_unlock(&channel->sending);
    }
    if (cause)
        result = err_set(err, "cannot send %s: %s", msg_type_name(msg->type), strerror(cause));
    buf_release(&text);
    return result;
}

bool channel_next(struct channel *channel, struct msg *msg)
{
    pthread_mutex_lock(&channel->lock);
    while (!channel->count && !channel->ended)
        pthread_cond_wait(&channel->changed, &channel->lock);
    bool got = channel->count > 0;
    if (got) {
        *msg = channel->queue[channel->first];
        channel->first = (channel->first + 1) % QUEUE_MAX;
        channel->count--;
    } else {
        msg_init(msg, MSG_ERROR);
    }
    pthread_mutex_unlock(&channel->lock);
    return got;
}

bool channel_cancelled(const struct channel *channel)
{
    return atomic_load(&channel->cancelled);
}
