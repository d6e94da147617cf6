/* The broker's end of a node's connection: what link.c is to the program. */
#ifndef DCLS_SIM_LINK_H
#define DCLS_SIM_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "dcls/proto/legacy_queue.h"
#include "dcls/proto/msg.h"
#include "dcls/proto/name.h"
#include "src/broker/admission.h"

struct conn_end;
struct link;
struct node;
struct world;

struct sim_link {
    struct sim_link *next;
    struct world *world;
    struct conn_end *end;
    char node[NAME_SIZE]; /* empty: not registered */
    int64_t session;
    uint64_t messages;
    bool legacy;
    bool from_rogue; /* its machine: what an address tells */
    struct legacy_queue queue;
    bool pumps;
    struct msg newcomer; /* a CLIENT CONNECT that waits for its probe */
    bool probes;
    struct probe probe;
};

/* As the registry keeps it, which looks at nothing of it; and back. */
struct link *sim_link_handle(struct sim_link *link);
struct sim_link *sim_link_of(const struct node *node);
/* The node that is registered with it; NULL: none is. */
struct node *sim_link_node(const struct sim_link *link);

/* Releases the message. -1 where it does not go out. */
int sim_link_send(struct sim_link *link, struct msg *msg);
bool sim_link_withdraw_train(struct sim_link *link, const char *train_key);
void sim_link_send_type(struct sim_link *link, enum msg_type type);
void sim_link_send_error(struct sim_link *link, const char *text);

#endif
