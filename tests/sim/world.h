/* All of one simulation: the clock, the network, the broker, the nodes, the clients, and what is known of them. */
#ifndef DCLS_SIM_WORLD_H
#define DCLS_SIM_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim_broker.h"
#include "clients.h"
#include "coverage.h"
#include "ledger.h"
#include "network.h"
#include "sim_node.h"
#include "rng.h"
#include "scenario.h"
#include "timeline.h"
#include "trace.h"

#define HEARD_MAX 64 /* trainings that rogue nodes know of */

/* A training that was given to a node, as everybody on the network could have heard. */
struct heard_training {
    char train_key[NAME_SIZE], job[NAME_SIZE], model[NAME_SIZE], node[NAME_SIZE], instance[NAME_SIZE];
    int64_t generation;
};

struct world {
    struct timeline timeline;
    struct trace trace;
    struct network network;
    struct rng rng; /* of whatever has no stream of its own */
    struct scenario scenario;
    struct coverage *coverage;
    struct sim_broker broker;
    struct sim_node nodes[SCENARIO_NODES];
    struct clients clients;
    struct ledger ledger;
    struct heard_training heard[HEARD_MAX];
    size_t heard_count;
    bool heals; /* no more faults */
    char broken[256];
};

static inline void cover(struct world *world, enum coverage_count what)
{
    world->coverage->counts[what]++;
}

/* A rule is broken: `rule`, and how. The first one counts; the simulation ends behind this step. */
void world_broken(struct world *world, const char *rule, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* A connection of `node` to the broker; NULL where that is down. */
struct conn_end *world_dial(struct world *world, const struct conn_events *events, void *arg,
                            const struct process *process);

/* A worker (or a scripted node) begins to train; the number of the run. */
int64_t world_training_starts(struct world *world, const char *node, const char *train_key, int64_t generation);
/* SERVER TRAIN came to a node. */
void world_hear(struct world *world, const struct sim_node *node, const struct msg *train);

#endif
