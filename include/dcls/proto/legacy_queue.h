/* What waits to be sent to a legacy peer, which reads one message at a time and loses what comes with another.
 *
 * Pure: time is passed in and nothing is sent here, so a test needs no socket. A message leaves when the last one was
 * answered (or its answer is overdue), and at least PACE_INTERVAL_MS after it where no answer is due. */
#ifndef DCLS_PROTO_PACE_H
#define DCLS_PROTO_PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACE_INTERVAL_MS 200
#define PACE_MAX 512        /* messages */

struct pace_item {
    char *text; /* with its newline */
    size_t len;
    char *key; /* of an outcome that is to be told as sent; NULL: none */
    bool wants_answer;
    struct pace_item *next;
};

struct pace {
    struct pace_item *first, *last;
    int count;
    bool sent_any, awaits_answer;
    int64_t sent_ms, answer_ms;
};

/* `answer_ms`: an answer that takes longer is no longer waited for. */
void pace_init(struct pace *pace, int64_t answer_ms);
void pace_release(struct pace *pace); /* drops what waits; empty and usable after */

/* Copies `text` (and `key`). -1 where PACE_MAX wait already or memory lacks. */
int pace_push(struct pace *pace, const char *text, size_t len, bool wants_answer, const char *key);

/* An answer came in. */
void pace_answered(struct pace *pace);

/* Milliseconds until the next may leave; 0: now; -1: nothing waits. */
int64_t pace_due(const struct pace *pace, int64_t now_ms);

/* Takes the next message where one may leave now, else NULL. Freed by pace_item_free. */
struct pace_item *pace_take(struct pace *pace, int64_t now_ms);
void pace_item_free(struct pace_item *item);

#endif
