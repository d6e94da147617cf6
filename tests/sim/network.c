/* What is under way to an end is a queue; each parcel in it has an event of the timeline, which takes the oldest. */
#include "network.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/proto/message_decoder.h"

struct parcel {
    STAILQ_ENTRY(parcel) queued;
    bool ends; /* no text: the sender closed */
    size_t len;
    char text[];
};

void network_init(struct network *network, struct timeline *timeline, struct trace *trace, uint64_t seed)
{
    *network = (struct network){ .timeline = timeline, .trace = trace, .delay_max = 20 };
    rng_init(&network->rng, seed, 1);
}

static void lose_what_is_under_way(struct network *network, struct conn_end *end)
{
    struct parcel *parcel;
    while ((parcel = STAILQ_FIRST(&end->under_way))) {
        STAILQ_REMOVE_HEAD(&end->under_way, queued);
        network->lost += !parcel->ends;
        free(parcel);
    }
}

void network_release(struct network *network)
{
    for (struct conn *conn = network->conns, *next; conn; conn = next) {
        next = conn->next;
        for (int i = 0; i < 2; i++) {
            lose_what_is_under_way(network, &conn->ends[i]);
            frame_release(&conn->ends[i].frame);
        }
        free(conn);
    }
    network->conns = NULL;
}

struct conn *network_connect(struct network *network)
{
    struct conn *conn = calloc(1, sizeof *conn);
    assert(conn);
    conn->next = network->conns;
    network->conns = conn;
    for (int i = 0; i < 2; i++) {
        struct conn_end *end = &conn->ends[i];
        end->conn = conn;
        end->peer = &conn->ends[!i];
        end->open = true;
        end->heard_ms = network->timeline->now;
        STAILQ_INIT(&end->under_way);
        frame_init(&end->frame, MSG_MAX);
    }
    return conn;
}

void conn_end_bind(struct conn_end *end, const struct conn_events *events, void *arg, const struct process *process)
{
    assert(process->up);
    end->events = events;
    end->arg = arg;
    end->process = process;
    end->life = process->life;
}

static bool listens(const struct conn_end *end)
{
    return end->open && end->process->up && end->process->life == end->life;
}

static void tell_closed(struct conn_end *end, const char *why)
{
    bool told = listens(end);
    end->open = false;
    if (told)
        end->events->closed(end->arg, end, why);
}

/* Every whole message of what arrived; the end may be closed by one of them. */
static void read_messages(struct conn_end *end)
{
    enum message_event event = MESSAGE_WHOLE;
    while (listens(end) && event != MESSAGE_MORE) {
        struct msg msg;
        struct err why = ERR_INIT;
        const char *text;
        size_t len;
        event = message_decoder_next(&end->frame, &msg, &text, &len, &why);
        assert(event != MESSAGE_REFUSED); /* whoever sends here encodes by the real encoder */
        if (event == MESSAGE_WHOLE)
            end->events->message(end->arg, end, &msg, text, len);
        msg_release(&msg);
    }
}

static void arrive(void *arg, void *detail)
{
    struct network *network = arg;
    struct conn_end *end = detail;
    struct parcel *parcel = STAILQ_FIRST(&end->under_way);
    int64_t until = end->conn->held_until;
    if (!parcel)
        return; /* it was lost */
    if (listens(end) && end->process->stopped_until > until)
        until = end->process->stopped_until;
    int64_t held = until - network->timeline->now;
    if (held > 0) {
        timeline_after(network->timeline, held, NULL, arrive, network, end);
        return;
    }
    STAILQ_REMOVE_HEAD(&end->under_way, queued);
    if (!listens(end)) {
        network->lost += !parcel->ends;
    } else if (parcel->ends) {
        tell_closed(end, "the peer closed the connection");
    } else {
        network->delivered++;
        end->heard_ms = network->timeline->now;
        int failed = frame_feed(&end->frame, parcel->text, parcel->len);
        assert(!failed);
        read_messages(end);
    }
    free(parcel);
}

static void post(struct network *network, struct conn_end *to, const char *text, size_t len, bool ends)
{
    if (to->conn->cut)
        return;
    struct parcel *parcel = calloc(1, sizeof *parcel + len);
    assert(parcel);
    if (len)
        memcpy(parcel->text, text, len);
    parcel->len = len;
    parcel->ends = ends;
    int64_t now = network->timeline->now;
    bool slow = !to->conn->local && rng_one_in(&network->rng, network->slow_one_in);
    int64_t arrives = now + rng_range(&network->rng, 0, to->conn->local ? 2 : slow ? 5000 : network->delay_max);
    to->arrives = arrives > to->arrives ? arrives : to->arrives;
    STAILQ_INSERT_TAIL(&to->under_way, parcel, queued);
    timeline_after(network->timeline, to->arrives - now, NULL, arrive, network, to);
}

int network_send_text(struct network *network, struct conn_end *end, const char *text, size_t len)
{
    if (!end->open)
        return -1;
    post(network, end->peer, text, len, false);
    return 0;
}

int network_send(struct network *network, struct conn_end *end, const struct msg *msg, bool legacy)
{
    struct buf text;
    struct err err = ERR_INIT;
    buf_init(&text, MSG_MAX);
    int result = legacy ? msg_encode_legacy(msg, &text, &err) : msg_encode(msg, &text, &err);
    if (result)
        trace_line(network->trace, "network", "a message cannot be encoded: %s", err.text);
    else
        result = network_send_text(network, end, text.data, text.len);
    buf_release(&text);
    return result;
}

void network_close(struct network *network, struct conn_end *end)
{
    if (!end->open)
        return;
    end->open = false;
    lose_what_is_under_way(network, end);
    post(network, end->peer, NULL, 0, true);
}

static void hear_of_cut(void *arg, void *detail)
{
    struct network *network = arg;
    struct conn_end *end = detail;
    int64_t stopped = end->process->stopped_until - network->timeline->now;
    if (listens(end) && stopped > 0)
        timeline_after(network->timeline, stopped, NULL, hear_of_cut, network, end);
    else
        tell_closed(end, "the connection was lost");
}

void network_cut(struct network *network, struct conn *conn, bool silent)
{
    if (conn->cut)
        return;
    conn->cut = true;
    for (int i = 0; i < 2; i++) {
        int64_t delay = silent ? rng_range(&network->rng, PINGS_MISSED_MS - 3000, PINGS_MISSED_MS)
                               : rng_scale(&network->rng, 1, 3000);
        lose_what_is_under_way(network, &conn->ends[i]);
        timeline_after(network->timeline, delay, NULL, hear_of_cut, network, &conn->ends[i]);
    }
}

void network_hold(struct network *network, struct conn *conn, int64_t ms)
{
    if (ms >= PINGS_MISSED_MS)
        network_cut(network, conn, true);
    else
        conn->held_until = network->timeline->now + ms;
}
