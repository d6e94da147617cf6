/* How busy nodes are, for event streams: what they tell with their pings, and what was counted of them. Nothing is
 * decided by it, and nothing is kept of nodes that left. Pure, as the registry is. */
#ifndef DCLS_BROKER_NODE_LOAD_H
#define DCLS_BROKER_NODE_LOAD_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

struct node;
struct registry;

/* Takes the `load` of a CLIENT PING or CLIENT PONG: NULL tells nothing, and of what is no number within its bounds the
 * last one stays. `node` may be NULL: a peer that has not registered. */
void node_load_take(struct node *node, const cJSON *told);

/* Shows from now on what nodes are at now; true where that is something else than before, as *version + 1 then. */
bool node_loads_update(struct registry *registry, uint64_t *version);
/* {"nodes": [...]}: those that have changed since that version; 0: all. NULL where memory lacks. */
cJSON *node_loads_json(const struct registry *registry, uint64_t after);

#endif
