/* How trainings ended, as the broker is told: kept on disk until it has them, in the form that this broker knows. */
#ifndef DCLS_NODE_OUTCOME_H
#define DCLS_NODE_OUTCOME_H

#include <stdbool.h>

#include "dcls/proto/msg.h"

struct daemon;

/* The training that `request` asked for failed or was cancelled: keeps that and tells it. */
void outcome_fail(struct daemon *daemon, const struct msg *request, const char *why, bool cancelled);
/* It is complete, as its worker told in `outcome`. */
void outcome_complete(struct daemon *daemon, const struct msg *request, struct msg *outcome);
/* Nothing of it was ever done here: told but not kept. */
void outcome_unknown(struct daemon *daemon, const struct msg *request);

/* Tells one again that is kept; or all. */
void outcome_send(const struct daemon *daemon, const struct msg *outcome);
void outcome_send_all(const struct daemon *daemon);

#endif
