/* The models that were trained or seen: (name, SHA-256) and what is known of each. Kept in the store; in memory for
 * answers and for the choice of a model. Which of the connected nodes hold one, the registry knows; who
 * held it when last heard is kept here, so that one that is away is known too.
 *
 * Clients are shown a model when its row is committed, and told of what changed of it then; what cannot be stored is
 * tried again (model_writes.h). A model is found by its name whatever their number. */
#ifndef DCLS_BROKER_MODELS_H
#define DCLS_BROKER_MODELS_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "model.h"

struct broker;
struct models;
struct node;

struct models *models_new(struct broker *broker);
void models_free(struct models *models);
/* The loop no longer turns: what is to be stored goes to the store, before the pool is drained. */
void models_stop(struct models *models);

/* Takes what was stored, linked by next, in the order of completion; into an empty list. */
void models_restore(struct models *models, struct model *stored);
/* A node tells of some of its models: those that the registry lists with that digest are remembered, and who holds
 * them (in the store too); others of their names that no node holds any more are forgotten. Takes the entries of those
 * that are new. */
void models_seen(struct models *models, const char *node, cJSON *model_info);
/* The same of all that it has. */
void models_listed(struct models *models, const struct node *node, cJSON *model_info);
/* It is not registered any more. */
void models_node_left(struct models *models, const struct node *node);
/* A job made `sha256` of that name on that node: older models of the name that no node holds are forgotten. */
void models_completed(struct models *models, const char *name, const char *sha256, const cJSON *info, const char *job,
                      const char *node, int64_t completed);
/* Forgets the models of the name that no node holds, not even one that is away. */
void models_forget(struct models *models, const char *name);
/* The node has that model (empty: those of the name) no longer, or is about to remove it. */
void models_drop_holder(struct models *models, const char *name, const char *sha256, const char *node);

/* Those of a name, in no order; NULL: no (more) is known. */
const struct model *models_first_of(const struct models *models, const char *name);
const struct model *models_next_of(const struct model *model);

/* Whether the node had a model when it was heard last. */
bool models_have_holder(const struct models *models, const char *node);
bool models_know(const struct models *models, const char *name);
/* The model that was completed last among those that some node holds, else any that a node holds; NULL: none. */
const char *models_newest(const struct models *models);
/* Its digest where exactly one is known that `node` (NULL: any) holds; NULL otherwise. */
const char *models_digest(const struct models *models, const char *name, const char *node);

/* {"models": [...]}; NULL where memory lacks. Event streams are told of each that comes into this list or leaves it,
 * but for those of legacy nodes: these have no digest, and are told of as what their nodes have. */
cJSON *models_json(const struct models *models);

#endif
