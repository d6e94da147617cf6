/* See follow.h. */
#include "follow.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "api.h"
#include "dcls/base/clock.h"
#include "dcls/net/http_client.h"
#include "interrupt.h"
#include "sse_parser.h"

#define STALL_S 40 /* the broker sends a comment every 15 s */
#define DELAY_FIRST_S 0.25
#define DELAY_MAX_S 5.0

struct follow {
    const struct follow_observer *observer;
    struct sse_parser sse_parser;
    cJSON *last;  /* the job once it has ended */
    double heard; /* when the last byte came */
};

static bool state_is_final(const char *state)
{
    return !strcmp(state, "completed") || !strcmp(state, "failed") || !strcmp(state, "cancelled");
}

/* Takes the object: shows it, and keeps it where it is the last. */
static bool take_state(struct follow *follow, cJSON *job)
{
    follow->observer->state(follow->observer->arg, job);
    if (!state_is_final(api_text(job, "state"))) {
        cJSON_Delete(job);
        return false;
    }
    assert(!follow->last); /* nothing is read behind it */
    follow->last = job;
    return true;
}

static int on_event(void *arg, const char *type, const char *data, size_t size)
{
    struct follow *follow = arg;
    if (strcmp(type, "job"))
        return 0;
    cJSON *job = cJSON_ParseWithLength(data, size);
    if (!cJSON_IsObject(job)) {
        cJSON_Delete(job);
        return 0;
    }
    return take_state(follow, job) ? 1 : 0;
}

static int on_bytes(void *arg, const void *bytes, size_t count)
{
    struct follow *follow = arg;
    follow->heard = clock_seconds();
    return sse_parser_feed(&follow->sse_parser, bytes, count, on_event, follow);
}

/* One connection: 0 where it ended and another may help, -1 where none would (the broker knows no such job). */
static int read_stream(struct follow *follow, const char *url, struct err *why, struct err *err)
{
    char resume[SSE_ID_SIZE + 32];
    const char *headers[] = { "Accept: text/event-stream", NULL, NULL };
    struct http_response response;
    int status = 0;
    if (*follow->sse_parser.last_id) {
        snprintf(resume, sizeof resume, "Last-Event-ID: %s", follow->sse_parser.last_id);
        headers[1] = resume;
    }
    sse_parser_restart(&follow->sse_parser);
    struct http_request request = { .url = url,
                                    .headers = headers,
                                    .stall_s = STALL_S,
                                    .sink = on_bytes,
                                    .sink_arg = follow,
                                    .stop = interrupt_flag() };
    why->text[0] = '\0';
    if (!http_send(&request, &response, why)) {
        if (response.status >= 200 && response.status < 300)
            err_set(why, "the broker ended the stream");
        else
            api_refusal(response.status, buf_text(&response.body), response.body.len, why);
        if (response.status >= 400 && response.status < 500) {
            err_set(err, "%s", why->text);
            status = -1;
        }
    }
    http_response_release(&response);
    return status;
}

enum follow_end follow_job(const struct client *client, const char *id, const struct follow_observer *observer,
                           cJSON **job, struct err *err)
{
    struct follow follow = { .observer = observer, .heard = clock_seconds() };
    struct err why = ERR_INIT;
    struct buf url;
    double delay = DELAY_FIRST_S;
    enum follow_end end = FOLLOW_FAILED;

    *job = NULL;
    sse_parser_init(&follow.sse_parser);
    buf_init(&url, API_PATH_MAX);
    if (buf_puts(&url, client->api) || buf_puts(&url, "/jobs/") || api_add_segment(&url, id) ||
        buf_puts(&url, "/events")) {
        err_set(err, "the address of the request is too long");
        goto out;
    }
    for (;;) {
        double before = follow.heard;
        int status = read_stream(&follow, buf_text(&url), &why, err);
        if (follow.last) {
            *job = follow.last;
            end = FOLLOW_DONE;
            goto out;
        }
        if (*interrupt_flag()) {
            end = FOLLOW_INTERRUPTED;
            goto out;
        }
        if (status < 0)
            goto out;
        double left = follow.heard + observer->patience_s - clock_seconds();
        if (left <= 0) {
            err_set(err, "lost the broker for %d s while watching job '%s': %s", observer->patience_s, id, why.text);
            goto out;
        }
        /* A stream that broke is mostly there again at once: not worth a word. */
        if (follow.heard > before)
            delay = DELAY_FIRST_S;
        else
            observer->lost(observer->arg, why.text, (int)ceil(left));
        interrupt_sleep(fmin(delay, left));
        delay = fmin(2 * delay, DELAY_MAX_S);
    }
out:
    sse_parser_release(&follow.sse_parser);
    buf_release(&url);
    return end;
}
