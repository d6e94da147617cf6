/* What each message of a node does, and what its going does. */
#ifndef DCLS_BROKER_DISPATCH_H
#define DCLS_BROKER_DISPATCH_H

#include "link.h"

/* Of links whose `arg` is the broker. */
extern const struct link_events dispatch_events;

#endif
