/* A scripted worker: what `dcls worker` says to its node while it trains, and how it fails. */
#ifndef DCLS_SIM_WORKER_H
#define DCLS_SIM_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "dcls/proto/msg.h"
#include "dcls/proto/name.h"
#include "network.h"
#include "timeline.h"

struct world;

struct worker {
    struct world *world;
    struct process process;
    struct conn_end *link; /* to its node */
    char node[NAME_SIZE], train_key[NAME_SIZE], job[NAME_SIZE], model[NAME_SIZE];
    int64_t generation, run; /* run: of all workers of this simulation */
    int64_t epochs, epoch, batch, batches, batch_ms;
    int64_t ends_at; /* batches of all epochs after which it fails, crashes or hangs; -1: never */
    enum { WORKER_WELL, WORKER_FAILS, WORKER_CRASHES, WORKER_HANGS } fate;
    bool ignores_cancel, hangs, told;
    bool lingers; /* it does not end by itself */
};

/* Starts to train what `request` (SERVER TRAIN or WORKER TRAIN) asks for; `node_end` is its node's end of their
 * connection: its messages come there, and `closed` where it has ended, whatever the reason. */
void worker_start(struct worker *worker, struct world *world, const char *node, const struct msg *request,
                  const struct conn_events *events, void *arg, const struct process *node_process);
/* Asks it to end, as SERVER CANCEL does; it may not listen. */
void worker_ask_to_end(struct worker *worker);
/* All is said: it ends, unless it hangs or lingers. */
void worker_hang_up(struct worker *worker);
/* SIGKILL. Fine where it has ended. */
void worker_kill(struct worker *worker);

#endif
