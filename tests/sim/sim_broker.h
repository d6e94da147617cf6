/* The broker: its process, which comes and goes, around the real cores of jobs, nodes and admission. It does what
 * jobs_shell.c, dispatch.c, membership.c and link.c do, with the simulation's clock, network and store. */
#ifndef DCLS_SIM_BROKER_H
#define DCLS_SIM_BROKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dcls/base/clock.h"
#include "dcls/proto/msg.h"
#include "network.h"
#include "sim_store.h"
#include "src/broker/jobs.h"
#include "src/broker/registry.h"
#include "timeline.h"

struct sim_link;
struct world;

struct sim_broker {
    struct world *world;
    struct process process;
    struct sim_store store;
    int64_t up_since;          /* of the timeline */
    int64_t clock_ms, wall_ms; /* what its clocks had when the timeline was 0; another in each life */
    struct registry *registry;
    struct jobs *jobs;
    struct sim_link *links;
    int64_t sessions;
    int64_t due; /* moment.ms for which a tick is set */
    bool drains;
    bool touched;      /* something happened to it since the oracle looked last */
    int64_t keep_jobs; /* ended ones; 0: all */
};

void sim_broker_init(struct sim_broker *broker, struct world *world);
void sim_broker_release(struct sim_broker *broker);
void sim_broker_start(struct sim_broker *broker);
/* kill -9; `silent`: its machine loses power. */
void sim_broker_crash(struct sim_broker *broker, bool silent);
/* SIGTERM: what was accepted goes to the store. */
void sim_broker_stop(struct sim_broker *broker);

/* A node's connection comes in; `end` is the broker's. */
void sim_broker_accept(struct sim_broker *broker, struct conn_end *end, bool from_rogue);
/* SERVER TRAIN has left for a legacy node. */
void sim_broker_train_left(struct sim_broker *broker, const struct sim_link *link, const char *train_key);

/* Requests of clients; the answers go to clients.h, at once or later. */
void sim_broker_submit(struct sim_broker *broker, const char *model, const char *node, int64_t epochs);
void sim_broker_cancel(struct sim_broker *broker, const char *id);
/* dcls client forget: the status. */
int sim_broker_forget(struct sim_broker *broker, const char *node);

struct moment sim_broker_moment(const struct sim_broker *broker);

#endif
