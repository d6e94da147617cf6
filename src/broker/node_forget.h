/* Freeing the name of a node that does not come back: what is assigned to it ends, and another may have the name. */
#ifndef DCLS_BROKER_NODE_FORGET_H
#define DCLS_BROKER_NODE_FORGET_H

#include "refusal.h"

struct broker;
struct job;

/* The hash of the secret that the node has to which a job is assigned under this name; NULL or empty: none binds it. */
const char *node_name_bound(const struct broker *broker, const char *name);

/* -1: refused, 409 while a node of that name is connected, or 404 where nothing is known of it. Else the name is free
 * when the end of `job` is committed (jobs_shell_wait); at once where that is NULL. */
int node_forget(struct broker *broker, const char *name, const struct job **job, struct refusal *refusal);

#endif
