/* What one training does on this machine: fetches its dataset and its weights, then runs a worker. It decides nothing:
 * trainings.c says what is to be done, and hears of what came of it.
 *
 * Order: training_run_prepare, `message`s, `prepared`, training_run_start, `message`s, `ended`, training_run_free.
 * Where a call fails, no event follows it. No event comes from within a call. */
#ifndef DCLS_NODE_TRAINING_RUN_H
#define DCLS_NODE_TRAINING_RUN_H

#include "dcls/base/err.h"
#include "dcls/proto/msg.h"

struct daemon;
struct training_run;

struct training_run_events {
    void (*prepared)(void *arg, int result, const struct err *err); /* all is there, or why not */
    /* Of its worker, whatever it says; or a TRAINING PROGRESS about the preparation. Members may be taken out. */
    void (*message)(void *arg, struct msg *msg);
    void (*ended)(void *arg, const char *why); /* the worker is gone */
};

/* `request`, the SERVER TRAIN, and `events` must outlive it. NULL where memory lacks. */
struct training_run *training_run_new(struct daemon *daemon, const struct msg *request,
                                      const struct training_run_events *events, void *arg);
/* Where no event is due any more, or after the thread pool and the supervisor are gone. NULL is fine. */
void training_run_free(struct training_run *run);

int training_run_prepare(struct training_run *run, struct err *err);
int training_run_start(struct training_run *run, struct err *err);

/* Asks the worker to end; -1 where it cannot be asked. */
int training_run_cancel(struct training_run *run);
/* The worker has said all: it is to end by itself. */
void training_run_hang_up(struct training_run *run);
/* Ends at once what is under way, preparation or worker; its event still comes. */
void training_run_stop(struct training_run *run);

#endif
