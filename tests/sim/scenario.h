/* What a seed is about: which nodes there are and of what kind, what fails and how often. Each seed has some of the
 * faults and lacks others, so that none hides what another would show. */
#ifndef DCLS_SIM_SCENARIO_H
#define DCLS_SIM_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rng.h"

#define SCENARIO_NODES 4

enum node_kind {
    NODE_DCLS,   /* the real core */
    NODE_LEGACY, /* a scripted peer of the existing system */
    NODE_ROGUE,  /* a scripted peer that announces all and does as it likes */
};

struct scenario_node {
    enum node_kind kind;
    /* of a rogue one */
    bool ignores_train, ignores_cancel, tells_of_others, wrong_generation, wrong_instance, takes_names, answers_error;
    bool heartbeat;   /* it announces so, and may not keep it */
    bool generations; /* it knows of them, and of processes */
};

struct scenario {
    int64_t chaos_ms; /* faults and clients; then all heals */
    size_t node_count;
    struct scenario_node nodes[SCENARIO_NODES];
    /* Mean time between two of a kind, ms; 0: none. */
    int64_t submit_ms, cancel_ms, forget_ms;
    int64_t broker_crash_ms, node_crash_ms, node_stop_ms, cut_ms, hold_ms, isolation_ms, pause_ms, store_fails_ms,
        disk_fails_ms;
    int64_t commit_max_ms; /* what a commit may take */
    int64_t slow_message_one_in;
    /* One worker in so many; 0: none. */
    int64_t worker_fails, worker_crashes, worker_hangs, worker_ignores_cancel;
    int64_t epoch_max_ms;
    int models; /* names that clients use; 0: none is named */
};

void scenario_draw(struct scenario *scenario, uint64_t seed);
/* One line for a trace. */
void scenario_describe(const struct scenario *scenario, char *text, size_t size);

#endif
