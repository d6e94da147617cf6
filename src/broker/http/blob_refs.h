/* Which blobs are in use: what queued and running trainings start from. */
#ifndef DCLS_BROKER_BLOB_REFS_H
#define DCLS_BROKER_BLOB_REFS_H

#include "dcls/proto/msg.h"

struct broker;

/* Adds the digests of blobs that may not be evicted now. -1 where memory lacks. */
int blob_refs_in_use(const struct broker *broker, struct strings *in_use);

/* The digest where weights are a blob ("sha256:HEX"); NULL otherwise. */
const char *blob_refs_of_weights(const char *weights);

#endif
