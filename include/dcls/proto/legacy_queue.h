/* What waits to be sent to a legacy peer, which reads one message at a time and loses what comes with another.
 *
 * Pure: time is passed in and nothing is sent here, so a test needs no socket. A message leaves when the last one was
 * answered (or its answer is overdue), and at least LEGACY_QUEUE_INTERVAL_MS after it where no answer is due. */
#ifndef DCLS_PROTO_LEGACY_QUEUE_H
#define DCLS_PROTO_LEGACY_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#define LEGACY_QUEUE_INTERVAL_MS 200
#define LEGACY_QUEUE_MAX 512 /* messages */

struct legacy_queue_item {
    char *text; /* with its newline */
    size_t len;
    char *key; /* of an outcome that is to be told as sent; NULL: none */
    bool wants_answer;
    STAILQ_ENTRY(legacy_queue_item) queued;
};

struct legacy_queue {
    STAILQ_HEAD(legacy_queue_items, legacy_queue_item) items;
    int count;
    bool sent_any, awaits_answer;
    int64_t sent_ms, answer_ms;
};

/* `answer_ms`: an answer that takes longer is no longer waited for. */
void legacy_queue_init(struct legacy_queue *legacy_queue, int64_t answer_ms);
void legacy_queue_release(struct legacy_queue *legacy_queue); /* drops what waits; empty and usable after */

/* Copies `text` (and `key`). -1 where LEGACY_QUEUE_MAX wait already or memory lacks. */
int legacy_queue_push(struct legacy_queue *legacy_queue, const char *text, size_t len, bool wants_answer,
                      const char *key);

/* Drops the message of that key. False where none waits: it has left, or was never here. */
bool legacy_queue_withdraw(struct legacy_queue *legacy_queue, const char *key);

/* An answer came in. */
void legacy_queue_answered(struct legacy_queue *legacy_queue);

/* Milliseconds until the next may leave; 0: now; -1: nothing waits. */
int64_t legacy_queue_due(const struct legacy_queue *legacy_queue, int64_t now_ms);

/* Takes the next message where one may leave now, else NULL. Freed by legacy_queue_item_free. */
struct legacy_queue_item *legacy_queue_take(struct legacy_queue *legacy_queue, int64_t now_ms);
void legacy_queue_item_free(struct legacy_queue_item *item);

#endif
