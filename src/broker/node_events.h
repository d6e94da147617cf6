/* Tells event streams what changed of nodes. */
#ifndef DCLS_BROKER_NODE_EVENTS_H
#define DCLS_BROKER_NODE_EVENTS_H

struct broker;

/* Publishes each change that the registry has; to be called behind whatever may have changed a node. */
void node_events_publish(struct broker *broker);

#endif
