/* The state of the training core, and the steps that change it. Of training_core.c and training_actions.c alone: others
 * know struct training_core by training_core.h. */
#ifndef DCLS_NODE_TRAINING_STATE_H
#define DCLS_NODE_TRAINING_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "dcls/proto/msg.h"
#include "outcomes.h"
#include "silence.h"

struct training_core_config {
    const char *name;     /* the node's; must outlive the core */
    const char *instance; /* of this process; likewise */
    int64_t tell_ms;      /* a training is told of at least so often */
    int64_t silent_ms;    /* a worker that says nothing for so long is told of */
    int64_t lost_ms;      /* and is killed */
    int64_t end_ms;       /* how long a worker may take to end once asked; and once killed, before it is given up */
    struct outcome_times outcome;
};

enum training_link { TRAINING_LINK_DOWN, TRAINING_LINK_LEGACY, TRAINING_LINK_UP };

enum training_state { TRAINING_WAITING, TRAINING_PREPARING, TRAINING_RUNNING, TRAINING_ENDING };

struct training {
    struct msg request;      /* SERVER TRAIN */
    struct outcome *outcome; /* how it will have ended; NULL once that is known, or where it is not to be */
    enum training_state state;
    bool is_superseded; /* it ends without an outcome */
    /* What was told last. */
    bool tell; /* again, now */
    int64_t session, told_ms;
    int64_t epoch, epochs;
    char message[256];
    STAILQ_ENTRY(training) queued;
};

/* What goes on: an event is due of one that fetches or works. */
enum run_phase { RUN_NONE, RUN_FETCHES, RUN_IS_READY, RUN_WORKS };
/* What was asked of it, each more than the one before. */
enum run_demand { RUN_MAY_GO_ON, RUN_IS_ASKED, RUN_IS_HUNG_UP, RUN_IS_KILLED };

struct training_core {
    struct training_core_config config;
    STAILQ_HEAD(training_queue, training) queue; /* only the first may be other than waiting */
    int count;
    struct outcomes outcomes;
    enum training_link link;
    int64_t session; /* counts the links */
    bool stopping;
    struct msg told; /* of the last action */
    /* Of the run, which is the first in the queue. */
    enum run_phase run;
    enum run_demand demanded, done;
    int64_t demanded_ms; /* when that began */
    struct silence silence;
    bool is_silent;
    char killed_why[128]; /* how it ends where it is killed while it runs; empty: as its worker's end is told */
    bool is_cancelled;    /* and that it was cancelled */
};

/* The training that is fetched for or has a worker; NULL: none. */
struct training *run_of(const struct training_core *core);
void training_set_state(struct training *training, enum training_state state);
/* What is done before the first batch; NULL: nothing. It is told. */
void training_set_message(struct training *training, const char *message);
/* Takes it off the queue and out of memory; no event of it is due. */
void training_forget(struct training_core *core, struct training *training);

/* Its outcome is known now, and kept from here on. */
void training_conclude(struct training_core *core, struct training *training, int64_t now);
/* The same of a failure. One that is ending stays as it is. */
void training_fail(struct training_core *core, struct training *training, const char *why, bool cancelled, int64_t now);
/* Of one that is ending: what goes on of it is killed; where nothing does it is forgotten. */
void training_abort(struct training_core *core, struct training *training, int64_t now);

void run_demand(struct training_core *core, enum run_demand demanded, int64_t now);
/* Has a worker killed; why is told when it is gone. */
void run_kill(struct training_core *core, const char *why, bool cancelled, int64_t now);
/* Nothing of it goes on any more: the training is forgotten. */
void run_is_over(struct training_core *core);

#endif
