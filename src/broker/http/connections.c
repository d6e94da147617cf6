/* The table of connections, by their descriptors. A descriptor may be another connection's, or no connection's at all,
 * by the time it is looked at: the kernel's cookie of the socket says. */
#include "connections.h"

#include <assert.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "dcls/base/clock.h"
#include "dcls/base/log.h"
#include "dcls/net/timer.h"

#define FRESH_MAX 64
#define PAUSE_MS 250   /* of accepting, where no connection can be closed */
#define IDLE_MS 500    /* a connection that was answered is left alone for so long, */
#define SILENT_MS 3000 /* and one that has not asked yet, or not all, since its client may be slow or far away */
#define SWEEP_MS 5000
#define REQUEST_MS 10000 /* a request may take to arrive, and an answer to leave, so long and, in addition, */
#define ANSWER_MS 60000
#define LEAST_BYTES_PER_S 16384 /* what its bytes take at this rate */

struct connection {
    uint64_t cookie;   /* 0: none */
    struct seat *seat; /* of the request under way; NULL: none is */
    bool answering, answered;
    int64_t accepted_ms;
    int64_t since_ms;  /* a request or an answer is on its way since; 0: none is */
    uint64_t received; /* bytes, when the last request had arrived */
    uint64_t taken;    /* bytes, when the answer began */
};

enum { STATE_CLOSE = 7, STATE_CLOSE_WAIT = 8 }; /* of TCP, as the kernel numbers them: its peer has closed */

struct quiet {
    int fd;
    int64_t ms; /* longer than it is left alone */
};

struct connections {
    struct event_base *base;
    struct evconnlistener *listener;
    struct timer *fresh_timer, *pause, *sweep;
    struct bufferevent *fresh[FRESH_MAX]; /* accepted, their descriptors not known yet */
    int fresh_count;
    struct connection *table; /* by descriptor */
    int table_size;
    struct quiet *quiet; /* room for `max` */
    int max, open;       /* open: some may have ended since they were last asked about */
    bool full;           /* which the log has told */
    int used[SHARES];
    uint64_t received, sent; /* bytes */
};

int connections_share_max(const struct connections *connections, enum share share)
{
    static const int of_four[SHARES] = { [SHARE_CLIENTS] = 2, [SHARE_STREAMS] = 1, [SHARE_NODES] = 2 };
    return connections->max * of_four[share] / 4;
}

int connections_share_used(const struct connections *connections, enum share share)
{
    return connections->used[share];
}

struct connections_traffic connections_traffic(const struct connections *connections)
{
    return (struct connections_traffic){ connections->open, connections->received, connections->sent };
}

static void on_received(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *arg)
{
    struct connections *connections = arg;
    (void)buffer;
    connections->received += info->n_added;
}

static void on_sent(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *arg)
{
    struct connections *connections = arg;
    (void)buffer;
    connections->sent += info->n_deleted;
}

static uint64_t cookie_of(int fd)
{
    uint64_t cookie = 0;
    socklen_t size = sizeof cookie;
    return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) < 0 ? 0 : cookie;
}

static void forget(struct connections *connections, int fd)
{
    connections->table[fd] = (struct connection){ 0 };
    connections->open--;
    assert(connections->open >= 0);
}

/* The connection with this descriptor, which is still the one that was accepted; NULL: there is none. */
static struct connection *find(struct connections *connections, int fd)
{
    struct connection *connection = fd >= 0 && fd < connections->table_size ? &connections->table[fd] : NULL;
    if (!connection || !connection->cookie)
        return NULL;
    if (connection->cookie == cookie_of(fd))
        return connection;
    forget(connections, fd);
    return NULL;
}

static int grow(struct connections *connections, int fd)
{
    if (fd < connections->table_size)
        return 0;
    int size = 2 * fd + 64;
    struct connection *table = realloc(connections->table, (size_t)size * sizeof *table);
    if (!table)
        return -1;
    memset(table + connections->table_size, 0, (size_t)(size - connections->table_size) * sizeof *table);
    connections->table = table;
    connections->table_size = size;
    return 0;
}

static void add(struct connections *connections, int fd)
{
    uint64_t cookie = fd < 0 ? 0 : cookie_of(fd);
    if (!cookie)
        return; /* it has ended already */
    if (grow(connections, fd)) {
        log_error("no memory for an HTTP connection");
        shutdown(fd, SHUT_RDWR);
        return;
    }
    connections->open += !connections->table[fd].cookie;
    connections->table[fd] = (struct connection){ .cookie = cookie, .accepted_ms = clock_ms() };
    if (!timer_is_running(connections->sweep))
        timer_start(connections->sweep, SWEEP_MS);
}

static bool ask_kernel(int fd, struct tcp_info *info)
{
    socklen_t size = sizeof *info;
    *info = (struct tcp_info){ 0 };
    return !getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &size);
}

/* True where what is on its way takes too long. */
static bool is_late(struct connection *connection, const struct tcp_info *info, int64_t now)
{
    int64_t allowed_ms = connection->answering ? ANSWER_MS : REQUEST_MS;
    uint64_t bytes = connection->answering ? info->tcpi_bytes_acked - connection->taken
                                           : info->tcpi_bytes_received - connection->received;
    if (!connection->answering && (connection->seat || !bytes))
        return false;
    if (!connection->since_ms)
        connection->since_ms = now;
    return now - connection->since_ms > allowed_ms + (int64_t)(bytes * 1000 / LEAST_BYTES_PER_S);
}

/* evhttp finds the connection ended, as by its peer, and frees it. */
static void end(struct connections *connections, int fd)
{
    shutdown(fd, SHUT_RDWR);
    forget(connections, fd);
}

static bool has_left(const struct tcp_info *info)
{
    return info->tcpi_state == STATE_CLOSE || info->tcpi_state == STATE_CLOSE_WAIT;
}

/* For how much longer it kept silent than it may. What it sent while it waited to be accepted we may not have read. */
static int64_t too_quiet_ms(const struct connection *connection, const struct tcp_info *info, int64_t now)
{
    bool idle = connection->answered && info->tcpi_bytes_received == connection->received;
    int64_t ms = info->tcpi_last_data_recv;
    if (ms > info->tcpi_last_data_sent)
        ms = info->tcpi_last_data_sent;
    if (info->tcpi_bytes_received && ms > now - connection->accepted_ms)
        ms = now - connection->accepted_ms;
    return ms - (idle ? IDLE_MS : SILENT_MS);
}

/* Forgets the connections that have ended, ends those that are late, and gathers those that nothing is under way on.
 * Returns how many. */
static int look_at_all(struct connections *connections)
{
    int count = 0;
    int64_t now = clock_ms();
    for (int fd = 0; fd < connections->table_size; fd++) {
        struct tcp_info info;
        struct connection *connection = find(connections, fd);
        if (!connection)
            continue;
        if (!ask_kernel(fd, &info)) {
            forget(connections, fd);
        } else if (is_late(connection, &info, now)) {
            log_info("an HTTP connection is closed: its %s took too long",
                     connection->answering ? "answer" : "request");
            end(connections, fd);
        } else if (connection->seat && !connection->answering && has_left(&info)) {
            log_debug("a client left before its answer");
            connection->seat->left(connection->seat);
        } else if (!connection->seat && count < connections->max) {
            connections->quiet[count++] = (struct quiet){ fd, too_quiet_ms(connection, &info, now) };
        }
    }
    return count;
}

static int longest_first(const void *a, const void *b)
{
    int64_t left = ((const struct quiet *)a)->ms, right = ((const struct quiet *)b)->ms;
    return (left < right) - (left > right);
}

/* A sixteenth at a time, so that not every new connection looks at all of them. */
static void make_room(struct connections *connections)
{
    int count = look_at_all(connections), ended = 0;
    if (connections->open < connections->max)
        return;
    qsort(connections->quiet, (size_t)count, sizeof *connections->quiet, longest_first);
    for (; ended < count && ended <= connections->max / 16 && connections->quiet[ended].ms >= 0; ended++)
        end(connections, connections->quiet[ended].fd);
    if (ended)
        log_debug("%d idle HTTP connections are closed to make room", ended);
}

static void accept_if_room(struct connections *connections)
{
    if (!connections->listener)
        return;
    if (connections->open >= connections->max)
        make_room(connections);
    bool full = connections->open >= connections->max;
    if (full && !connections->full)
        log_warn("%d HTTP connections are open and busy: new ones wait", connections->open);
    connections->full = full;
    if (!full) {
        evconnlistener_enable(connections->listener);
        return;
    }
    evconnlistener_disable(connections->listener);
    timer_start(connections->pause, PAUSE_MS);
}

/* The descriptors of what was accepted are known once evhttp's callback has returned. */
static void take_fresh(struct connections *connections)
{
    if (!connections->fresh_count)
        return;
    timer_stop(connections->fresh_timer);
    for (int i = 0; i < connections->fresh_count; i++) {
        add(connections, bufferevent_getfd(connections->fresh[i]));
        bufferevent_decref(connections->fresh[i]);
    }
    connections->fresh_count = 0;
    accept_if_room(connections);
}

static void on_fresh(void *arg)
{
    take_fresh(arg);
}

static void on_pause_over(void *arg)
{
    accept_if_room(arg);
}

static void on_sweep(void *arg)
{
    struct connections *connections = arg;
    look_at_all(connections);
    if (connections->open)
        timer_start(connections->sweep, SWEEP_MS);
}

struct bufferevent *connections_accept(struct connections *connections)
{
    struct bufferevent *bev = bufferevent_socket_new(connections->base, -1, BEV_OPT_CLOSE_ON_FREE);
    if (!bev)
        return NULL;
    assert(connections->fresh_count < FRESH_MAX);
    if (!evbuffer_add_cb(bufferevent_get_input(bev), on_received, connections) ||
        !evbuffer_add_cb(bufferevent_get_output(bev), on_sent, connections)) {
        bufferevent_free(bev);
        return NULL;
    }
    bufferevent_incref(bev);
    connections->fresh[connections->fresh_count++] = bev;
    if (connections->fresh_count == 1)
        timer_start(connections->fresh_timer, 0);
    if (connections->fresh_count == FRESH_MAX || connections->open + connections->fresh_count >= connections->max)
        evconnlistener_disable(connections->listener); /* accept_if_room goes on */
    return bev;
}

struct connections *connections_new(struct event_base *base, int max)
{
    struct connections *connections = calloc(1, sizeof *connections);
    if (!connections)
        return NULL;
    connections->base = base;
    connections->max = max;
    connections->quiet = calloc((size_t)max, sizeof *connections->quiet);
    connections->fresh_timer = timer_new(base, on_fresh, connections);
    connections->pause = timer_new(base, on_pause_over, connections);
    connections->sweep = timer_new(base, on_sweep, connections);
    if (connections->quiet && connections->fresh_timer && connections->pause && connections->sweep)
        return connections;
    connections_free(connections);
    return NULL;
}

void connections_free(struct connections *connections)
{
    if (!connections)
        return;
    for (int i = 0; i < connections->fresh_count; i++)
        bufferevent_decref(connections->fresh[i]);
    timer_free(connections->fresh_timer);
    timer_free(connections->pause);
    timer_free(connections->sweep);
    free(connections->table);
    free(connections->quiet);
    free(connections);
}

void connections_watch(struct connections *connections, struct evconnlistener *listener)
{
    connections->listener = listener;
}

void seat_open(struct seat *seat, struct connections *connections, int fd, void (*left)(struct seat *seat))
{
    struct tcp_info info;
    take_fresh(connections);
    struct connection *connection = find(connections, fd);
    *seat = (struct seat){ .connections = connections, .fd = connection ? fd : -1, .left = left };
    if (!connection)
        return;
    connection->seat = seat;
    connection->since_ms = 0;
    if (ask_kernel(fd, &info))
        connection->received = info.tcpi_bytes_received;
}

bool seat_take(struct seat *seat, enum share share)
{
    assert(!seat->taken);
    if (seat->connections->used[share] >= connections_share_max(seat->connections, share))
        return false;
    seat->connections->used[share]++;
    seat->share = share;
    seat->taken = true;
    return true;
}

bool seat_has_left(const struct seat *seat)
{
    struct tcp_info info;
    return seat->fd >= 0 && ask_kernel(seat->fd, &info) && has_left(&info);
}

void seat_answering(struct seat *seat)
{
    struct tcp_info info;
    struct connection *connection = find(seat->connections, seat->fd);
    if (!connection || !ask_kernel(seat->fd, &info))
        return;
    connection->answering = true;
    connection->since_ms = clock_ms();
    connection->taken = info.tcpi_bytes_acked;
}

void seat_close(struct seat *seat)
{
    struct connection *connection = find(seat->connections, seat->fd);
    if (connection) {
        connection->seat = NULL;
        connection->answering = false;
        connection->answered = true;
        connection->since_ms = 0;
    }
    seat->fd = -1;
    if (!seat->taken)
        return;
    seat->taken = false;
    seat->connections->used[seat->share]--;
    assert(seat->connections->used[seat->share] >= 0);
}
