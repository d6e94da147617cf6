/* What the clients were told, and what nodes did: the oracle's memory, and those of its rules that hold at the moment
 * of a fact. A rule that is broken ends the simulation (world_broken). */
#ifndef DCLS_SIM_LEDGER_H
#define DCLS_SIM_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dcls/proto/msg.h"
#include "dcls/proto/name.h"
#include "scenario.h"
#include "sim_store.h"
#include "src/broker/jobs.h"

struct world;

#define LEDGER_RUNS 1024

struct ledger_job {
    char id[JOB_ID_SIZE]; /* empty: none */
    char train_key[JOB_KEY_SIZE], model[NAME_SIZE];
    bool acknowledged; /* a client has its id */
    int cancelled;     /* 202 or 200: what a client was answered; 0: nothing */
    int64_t cancelled_ms, cancelled_generation;
    int64_t sent_generation; /* the last of which SERVER TRAIN went out */
    bool forgotten;          /* by retention */
    unsigned stored_states;  /* that were ever committed, as bits */
    bool seen;               /* `shown` is */
    enum job_state shown;
    bool published;     /* since the oracle looked last */
    int64_t asked_ms;   /* since when a client waits for the answer to its cancel; -1: none does */
    int64_t away_since; /* its node is not there; -1: it is */
    int64_t idle_since; /* queued beside a node that could take it; -1: not */
};

/* A training that began: of a worker or of a scripted node. */
struct ledger_run {
    char node[NAME_SIZE], train_key[NAME_SIZE];
    int64_t generation;
};

struct ledger {
    struct ledger_job jobs[STORE_JOBS]; /* by id */
    struct ledger_run runs[LEDGER_RUNS];
    size_t run_count;
    int64_t unwanted_since[SCENARIO_NODES]; /* a worker trains what nobody waits for; -1: none */
    int may_have[SCENARIO_NODES];           /* jobs at each node, when the oracle looked last */
    bool restarted;                         /* the broker, since the oracle looked last */
};

struct ledger_job *ledger_find(struct ledger *ledger, const char *id);

/* A client asks for the end of that job, and is to be answered. */
void ledger_asked(struct world *world, const char *id);
/* A row of the store is as this job now. */
void ledger_committed(struct world *world, const struct job *job);
/* 202 to a submission. */
void ledger_acknowledged(struct world *world, const struct job *job);
void ledger_cancelled(struct world *world, const char *id, int status);
void ledger_forgotten(struct world *world, const char *id);
void ledger_published(struct world *world, const struct job *job);
/* JOB_ENDED was handed out. */
void ledger_ended(struct world *world, const struct job *job);
/* SERVER TRAIN leaves the broker for that node. */
void ledger_train(struct world *world, const struct job *job, const char *node);
/* SERVER JOB ACK leaves the broker for that node; `outcome`: the one it answers at once, NULL where it comes after a
 * commit. */
void ledger_ack(struct world *world, const char *train_key, int64_t generation, const char *node,
                const struct msg *outcome);
/* The broker took a word of that node about a training for one that counts. */
void ledger_counts(struct world *world, const char *node, const struct msg *msg);
/* A node drops an outcome from its disk. */
void ledger_dropped(struct world *world, const char *node, const struct msg *outcome);
/* A node is about to be registered under that name. */
void ledger_enters(struct world *world, const char *name, const char *secret_hash);
/* A name was refused as being trained. */
void ledger_name_taken(struct world *world, const char *model);

#endif
