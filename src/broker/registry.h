/* The nodes that are connected, by name: what they can do, which models they hold, what they are busy with. */
#ifndef DCLS_BROKER_REGISTRY_H
#define DCLS_BROKER_REGISTRY_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "dcls/proto/msg.h"
#include "dcls/proto/name.h"

struct link;
struct broker;

struct node {
    struct node *next;
    char name[NAME_SIZE];
    struct link *link;
    char *instance, *version, *cpu;
    int64_t protocol; /* -1: a legacy peer */
    int64_t cores, memory;
    cJSON *dataset;
    bool ready; /* its NODE INFO came: what it runs is known */
    struct strings features, models;
    struct strings types; /* of networks that it trains */
    cJSON *model_info;    /* array, NULL for a legacy peer */
    char job[NAME_SIZE];  /* the training that it runs; empty: none */
    int pending;          /* inferences not answered yet */
};

struct registry;
struct registry *registry_new(struct broker *broker);
void registry_free(struct registry *registry);

struct node *registry_find(const struct registry *registry, const char *name); /* NULL: not there */
struct node *registry_first(const struct registry *registry);                  /* in order of registration */

/* From a CLIENT CONNECT: a new node, or the one of that name taken over by `link`. NULL where memory lacks. */
struct node *registry_add(struct registry *registry, const struct msg *connect, struct link *link);
void registry_remove(struct registry *registry, struct node *node);

/* Each type of network that a node offered since this broker began; empty: no node that trains has come yet. */
const struct strings *registry_types(const struct registry *registry);

/* From NODE INFO: `models` replaces what was listed; `model_info` and `dataset` too where they are there. */
int node_set_info(struct registry *registry, struct node *node, const struct msg *msg);
/* From NEW MODEL ADDED and TRAINING_COMPLETED; `info`, or NULL, replaces what was told of that name. */
int node_add_model(struct registry *registry, struct node *node, const char *name, const cJSON *info);
/* It was told to remove it; NODE INFO will say so too. */
void node_drop_model(struct registry *registry, struct node *node, const char *name);

bool node_is_legacy(const struct node *node);
bool node_offers(const struct node *node, const char *feature);
/* NULL, or the name of the first set option that the node does not offer. */
const char *node_lacks_option(const struct node *node, const struct train_options *options);
bool node_has_model(const struct node *node, const char *model);
/* NULL where the node did not tell. */
const char *node_model_sha256(const struct node *node, const char *model);

/* {"nodes": [...]}, and one of them. NULL where memory lacks. */
cJSON *registry_json(const struct registry *registry);
cJSON *node_json(const struct node *node);
/* Tells event streams of the node; `gone`: that it left. */
void node_publish(struct registry *registry, const struct node *node, bool gone);

#endif
