/* What the training core wants done; see training_core.h. */
#ifndef DCLS_NODE_TRAINING_ACTIONS_H
#define DCLS_NODE_TRAINING_ACTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "dcls/proto/msg.h"
#include "outcomes.h"

struct training_core;

enum training_action_kind {
    TRAINING_PREPARE, /* begin to fetch what `request` needs: training_core_prepared follows */
    TRAINING_START,   /* start its worker: messages may follow, training_core_ended does */
    TRAINING_ASK,     /* ask the worker to end by itself: it is cancelled */
    TRAINING_HANG_UP, /* the worker has said all: it may go */
    TRAINING_KILL,    /* end at once what is under way, fetching or worker; its event still comes */
    TRAINING_KEEP,    /* put `outcome` on disk, in place of what lies there of its token: training_core_kept follows */
    TRAINING_DROP,    /* remove from the disk what lies there of `token`; nothing follows */
    TRAINING_TELL,    /* send `msg`; of an outcome with `token`. Nothing follows: what was lost is told again */
};

/* What it points to is valid until the next call of any function of the core; but `request` until its run is over, and
 * the `outcome` of TRAINING_KEEP until it was answered, during which it does not change. */
struct training_action {
    enum training_action_kind kind;
    const struct msg *request; /* of the run: the SERVER TRAIN */
    struct outcome *outcome;   /* TRAINING_KEEP, TRAINING_TELL of an outcome; its msg is what to write or send */
    const struct msg *msg;     /* TRAINING_TELL */
    const char *token;         /* names an outcome on disk and to training_core_sent; NULL: no outcome */
    bool first;                /* TRAINING_KEEP, TRAINING_TELL of an outcome: that it is done */
    bool given_up;             /* TRAINING_DROP: nobody acknowledged it, but there are too many */
};

bool training_core_next(struct training_core *core, int64_t now, struct training_action *action);
/* When to call training_core_next again if nothing happens; INT64_MAX: never. */
int64_t training_core_due(const struct training_core *core, int64_t now);

#endif
