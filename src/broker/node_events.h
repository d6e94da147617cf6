/* Tells event streams what changed of nodes: of each at most ten times a second, for a node is told of with all its
 * models, and one that ends a training and begins the next changes twice at once. */
#ifndef DCLS_BROKER_NODE_EVENTS_H
#define DCLS_BROKER_NODE_EVENTS_H

struct broker;
struct node_events;

/* Of broker->registry, to broker->events. NULL where memory lacks. */
struct node_events *node_events_new(struct broker *broker);
void node_events_free(struct node_events *events); /* NULL is fine */
/* Publishes each change that the registry has, now or where that was done less than 100 ms ago then; to be called
 * behind whatever may have changed a node. */
void node_events_publish(struct broker *broker);

#endif
