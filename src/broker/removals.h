/* The table of removals: what nodes are still to remove. model_remove.h puts them in and asks the nodes.
 *
 * A removal that was promised to somebody is kept, here and in the store, until its node has done it, and counts as
 * done for everybody else: that the node holds the model is hidden. At most REMOVALS_MAX are kept: beyond, the oldest
 * makes place, which is logged; its node has not been here for as long as the others were asked for. */
#ifndef DCLS_BROKER_REMOVALS_H
#define DCLS_BROKER_REMOVALS_H

#include <cjson/cJSON.h>

#include "dcls/proto/msg.h"
#include "removal.h"

#define REMOVALS_MAX 10000

struct broker;
struct job;
struct node;
struct registry;
struct removals;

/* `retry` asks again for what nodes refused: from the loop, some time after removals_retry. NULL where memory lacks. */
struct removals *removals_new(struct broker *broker, void (*retry)(struct broker *broker));
void removals_free(struct removals *removals);
/* Takes what was stored; before the loop turns, and after the models. */
void removals_restore(struct removals *removals, struct removal_list *stored);
void removals_retry(struct removals *removals);

struct removal *removals_first(const struct removals *removals); /* oldest first, by TAILQ_NEXT */
/* NULL: none. `sha256` NULL: empty. */
struct removal *removals_find(const struct removals *removals, const char *node, const char *model, const char *sha256);

/* A new one, to be stored. NULL where memory lacks. */
struct removal *removals_add(struct removals *removals, const char *node, const char *model, const char *sha256,
                             const char *job, struct removal_request *request);
/* Frees it, here and in the store, which is tried until it can. */
void removals_drop(struct removals *removals, struct removal *removal);

/* Takes what is to be hidden out of what the node told in a NODE INFO. */
void removals_hide(const struct removals *removals, struct registry *registry, struct node *node);
/* Whether it was promised that the model is removed which a training made on that node: by its digest, or with what
 * `job` (NULL: none) left. */
bool removals_cover(const struct removals *removals, const char *node, const char *model, const char *sha256,
                    const struct job *job);

/* [{"model", "node", "sha256", "since", "reason"}…] of what was promised; NULL where memory lacks. */
cJSON *removals_json(const struct removals *removals);

#endif
