/* What happens, as a numbered sequence that event streams follow: "job", "node" and "model" with the object as it is
 * now. Pure: no sockets, no clock of its own, so that resuming and coalescing are tested without either.
 *
 * The last EVENTS_KEPT events are kept, so that a stream which broke off resumes where it was. Their ids are plain
 * numbers that begin at the start of this run in milliseconds times 1000: an id of an earlier run is smaller than any
 * of this one, thus too old, and JavaScript holds them exactly.
 *
 * Progress of a job arrives per batch and would drown a slow reader, so an event of a job whose state, generation,
 * epoch, reason and newest result are those of its last event waits until 250 ms after that one, and then tells the job
 * as it is by then: what is not told makes no text. Where more than 50 run they wait longer, so that all together are
 * told of EVENTS_PROGRESS_A_S times a second. events_tick tells what has waited. */
#ifndef DCLS_BROKER_EVENTS_H
#define DCLS_BROKER_EVENTS_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#define EVENTS_KEPT 1024
#define EVENTS_PROGRESS_MS 250
#define EVENTS_PROGRESS_A_S 200

struct events;
struct job;

struct event_record {
    uint64_t number;  /* which is its id */
    const char *kind; /* "job", "node", "model" */
    const char *id;   /* the object's "id" or else "name"; "" where it has neither */
    const char *text; /* the object, unformatted JSON on one line */
    bool ended;       /* a job that is completed, failed or cancelled */
};

/* `boot`: the wall clock's milliseconds, see above. NULL where memory lacks. */
struct events *events_new(int64_t boot);
/* Also after the jobs it was told of were freed. */
void events_free(struct events *events);
/* `news` is called inside events_publish..., with each event that was published or begins to wait: whoever follows them
 * looks later. One at a time. */
void events_watch(struct events *events, void (*news)(void *arg), void *arg);

/* Tells of `object`, which it takes. NULL, for lack of memory, tells nothing. */
void events_publish(struct events *events, const char *kind, cJSON *object);
/* Something of the job changed. A job that is told of as running must be told of again, as ended, before it is freed.
 */
void events_publish_job(struct events *events, struct job *job, int64_t now);
/* Tells what has waited long enough; to be called at events_due, while there is someone to tell. */
void events_tick(struct events *events, int64_t now);
/* When events_tick has something to tell; INT64_MAX: nothing waits. */
int64_t events_due(const struct events *events);

/* The number of the newest event; the number before the first where none was. */
uint64_t events_last(const struct events *events);
/* Reads an id: true, and its number, where everything after it is still kept, so that a stream can go on with
 * number + 1. False for a malformed, a too old, an earlier run's or a future id: the reader needs a snapshot. */
bool events_resume(const struct events *events, const char *id, uint64_t *number);
/* The event with this number, valid until the next is published; false where it is no longer (or not yet) kept. */
bool events_get(const struct events *events, uint64_t number, struct event_record *event);

#endif
