/* Which blobs are in use, and by whom: what queued and running trainings start from, and images that were uploaded to
 * be classified, each a blob for as long as someone waits for its answer. */
#ifndef DCLS_BROKER_BLOB_REFS_H
#define DCLS_BROKER_BLOB_REFS_H

#include <stdbool.h>

#include "dcls/proto/msg.h"

struct blobs;
struct broker;
struct blob_refs;

struct blob_refs *blob_refs_new(struct broker *broker, struct blobs *blobs);
void blob_refs_free(struct blob_refs *refs);

/* From before an uploaded image is written until its answer is there, by each that needs it. -1 where memory lacks. */
int blob_refs_hold(struct blob_refs *refs, const char *sha256);
/* `created`: this one's write made the blob. The last one to let go removes what uploads alone created. */
void blob_refs_let_go(struct blob_refs *refs, const char *sha256, bool created);

/* Adds the digests of blobs that may not be evicted now. -1 where memory lacks. */
int blob_refs_in_use(const struct blob_refs *refs, struct strings *in_use);

/* The digest where weights are a blob ("sha256:HEX"); NULL otherwise. */
const char *blob_refs_of_weights(const char *weights);

#endif
