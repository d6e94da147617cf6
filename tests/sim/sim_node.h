/* A node: its machine (name, secret, disk), which lasts, and its process, which comes and goes. What it does is the
 * real core's (dcls_node.c) or a script's (scripted_node.c): a legacy peer's, or one's that does as it likes. */
#ifndef DCLS_SIM_NODE_H
#define DCLS_SIM_NODE_H

#include <stdbool.h>
#include <stdint.h>

#include "dcls/base/sha256.h"
#include "dcls/proto/msg.h"
#include "dcls/proto/name.h"
#include "network.h"
#include "node_disk.h"
#include "scenario.h"
#include "timeline.h"
#include "worker.h"

struct sim_node;
struct world;

/* What makes a kind of node. */
struct node_script {
    void (*start)(struct sim_node *node);     /* its process began */
    void (*end)(struct sim_node *node);       /* its process is gone; its memory with it */
    void (*stop)(struct sim_node *node);      /* SIGTERM: it ends soon */
    void (*connected)(struct sim_node *node); /* it is to say who it is */
    void (*message)(struct sim_node *node, struct msg *msg, const char *text, size_t len);
    void (*disconnected)(struct sim_node *node);
    void (*heal)(struct sim_node *node);          /* it is to behave from now on; NULL: it does */
    bool (*is_idle)(const struct sim_node *node); /* nothing is left to be done */
};

/* A training of a scripted node. */
struct scripted_training {
    char train_key[NAME_SIZE], job[NAME_SIZE], model[NAME_SIZE];
    int64_t generation, run, epochs;
    bool on;
    unsigned number;
};

struct sim_node {
    struct world *world;
    const struct scenario_node *kind;
    const struct node_script *script;
    char name[NAME_SIZE], secret[SHA256_HEX_SIZE];
    char instance[NAME_SIZE]; /* of its present process */
    unsigned instances;
    struct process process;
    struct conn_end *link; /* NULL: none */
    bool accepted;         /* by SERVER ACK */
    bool stops;
    int64_t isolated_until; /* no connection of its machine comes to the broker */
    int64_t pause_ms;       /* before it dials again */
    struct node_disk disk;
    struct worker worker;
    struct training_core *trainings; /* of the real core */
    void *shell;                     /* dcls_node.c's */
    struct scripted_training training;
    struct conn_end *impostor; /* of a rogue one: on which it claims to be another; NULL: none */
};

extern const struct node_script dcls_node, scripted_node;

void sim_node_init(struct sim_node *node, struct world *world, size_t number);
void sim_node_release(struct sim_node *node);
/* Its process begins: a new instance. */
void sim_node_start(struct sim_node *node);
/* kill -9, or (`silent`) its machine loses power: nobody hears of it. */
void sim_node_crash(struct sim_node *node, bool silent);
/* SIGTERM. */
void sim_node_stop(struct sim_node *node);

/* To the broker; false where it is not connected. The message is released. */
bool sim_node_send(struct sim_node *node, struct msg *msg);
/* Closes its connection and dials again later. */
void sim_node_hang_up(struct sim_node *node);

#endif
