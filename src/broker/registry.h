/* The nodes that are connected, by name: what they can do, which models they hold, what they are busy with.
 *
 * Pure: nothing is sent, stored, timed or told; a node's link is a handle that is only kept. What event streams are to
 * hear comes out of registry_next_change. Whatever fails for lack of memory leaves all as it was. */
#ifndef DCLS_BROKER_REGISTRY_H
#define DCLS_BROKER_REGISTRY_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "dcls/base/buf.h"
#include "dcls/base/sha256.h"
#include "dcls/proto/msg.h"
#include "dcls/proto/name.h"
#include "name_table.h"

struct link;

/* A model that a node holds. */
struct node_model {
    struct name_entry entry;
    TAILQ_ENTRY(node_model) listed;
    char sha256[SHA256_HEX_SIZE]; /* empty: the node did not tell */
    char name[];
};
TAILQ_HEAD(node_model_list, node_model);

/* How busy a node is: told and counted, and nothing is decided by it. node_load.h takes and shows it. */
struct node_figures {
    double cpu;                 /* per cent; -1: it did not tell, as of the next two */
    int64_t memory_used, queue; /* bytes; what waits there */
    uint64_t inferences, bytes; /* answers and failures of its; what its connection moved, but for pings */
    int pending;                /* as node->pending when it was shown */
};
struct node_load {
    struct node_figures now, shown; /* to event streams */
    uint64_t version;               /* at which `shown` became what it is; 0: it was never shown */
};

struct node {
    struct name_entry entry;
    TAILQ_ENTRY(node) listed, changes;
    char name[NAME_SIZE];
    struct link *link;
    int64_t session; /* of its connection, from 1: each has a higher one than those before */
    char *instance, *version, *cpu;
    char secret_hash[SHA256_HEX_SIZE]; /* of its secret; empty: it has none */
    int64_t protocol;                  /* -1: a legacy peer */
    int64_t cores, memory;
    cJSON *dataset;
    bool ready;      /* its NODE INFO came: what it runs is known; and it can be told what to do */
    bool in_changes; /* among those of registry_next_change */
    struct strings features;
    struct strings types; /* of networks that it trains */
    struct name_table models;
    struct node_model_list model_list; /* as told */
    struct buf models_text;            /* their names as JSON; empty: to be printed anew */
    char job[NAME_SIZE];               /* the training that it runs; empty: none. Set by node_set_job */
    int pending;                       /* inferences not answered yet */
    struct node_load load;
};

struct registry;
struct registry *registry_new(void); /* NULL where memory lacks */
void registry_free(struct registry *registry);

struct node *registry_find(const struct registry *registry, const char *name); /* NULL: not there */
struct node *registry_first(const struct registry *registry);                  /* in order of registration */
struct node *registry_next(const struct node *node);
size_t registry_count(const struct registry *registry);

/* From a CLIENT CONNECT: a node that is not listed yet, to be entered or freed; NULL where memory lacks. */
struct node *registry_prepare(struct registry *registry, const struct msg *connect, const char *secret_hash);
void node_free(struct node *node);
/* Lists it. A node of that name may be there only on the same link: it takes its place, session and work, and the
 * other is freed. */
void registry_enter(struct registry *registry, struct node *node, struct link *link);
/* It is not listed any more; freed when its change has been taken. */
void registry_remove(struct registry *registry, struct node *node);

/* What changed since it was taken last: nodes that left before those that are there. `node` is valid until the next
 * call. False: nothing. */
struct node_change {
    struct node *node;
    bool gone;
};
bool registry_has_changes(const struct registry *registry);
bool registry_next_change(struct registry *registry, struct node_change *change);

/* Each type of network that a node offered since this broker began; empty: no node that trains has come yet. */
const struct strings *registry_types(const struct registry *registry);

/* From NODE INFO: `models` replaces what was listed; their digests and `dataset` too where they are there. */
int node_set_info(struct registry *registry, struct node *node, const struct msg *msg);
/* From NEW MODEL ADDED and TRAINING_COMPLETED; `info`, or NULL, replaces what was told of that name. */
int node_add_model(struct registry *registry, struct node *node, const char *name, const cJSON *info);
/* It was told to remove it, or nobody is to know that it has it; NODE INFO may say otherwise later. */
void node_drop_model(struct registry *registry, struct node *node, const char *name);
/* What it trains; empty: nothing. */
void node_set_job(struct registry *registry, struct node *node, const char *job);

bool node_is_legacy(const struct node *node);
bool node_offers(const struct node *node, const char *feature);
/* NULL, or the name of the first set option that the node does not offer. */
const char *node_lacks_option(const struct node *node, const struct train_options *options);
bool node_has_model(const struct node *node, const char *model);
/* NULL where the node did not tell, or has none of that name. */
const char *node_model_sha256(const struct node *node, const char *model);

/* {"nodes": [...]}, and one of them. NULL where memory lacks. */
cJSON *registry_json(const struct registry *registry);
cJSON *node_json(struct node *node);

#endif
