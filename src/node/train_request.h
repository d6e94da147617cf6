/* What a SERVER TRAIN has to be for this node to take it. */
#ifndef DCLS_NODE_TRAIN_REQUEST_H
#define DCLS_NODE_TRAIN_REQUEST_H

#include <stdbool.h>

#include "dcls/proto/msg.h"

/* `text` is the message as it came: every member has to be known, since an option that is passed over would train
 * something else. */
int train_request_check(const char *text, size_t len, struct err *err);

/* What tells who waits for an answer to a message that is no valid one: fills `request` with the keys that can be read.
 * True where `text` is a SERVER TRAIN with a key. `request` is to be released in both cases. */
bool train_request_keys(const char *text, size_t len, struct msg *request);

#endif
