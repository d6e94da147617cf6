/* The manifest of the broker's image folder: what a node without a dataset fetches. Blocks.
 *
 * Hashing a large folder takes long and would hold up the end of the broker, so it is done in slices:
 *     manifest_scan        lists the folder anew
 *     manifest_step        hashes for a while; true: there is more; false: the manifest is current
 * A file whose size and time are those of the last manifest keeps its hash. One thread at a time makes manifests (all
 * of this but manifest_open); any may open what the last one names. */
#ifndef DCLS_BROKER_DATASETS_H
#define DCLS_BROKER_DATASETS_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "dcls/base/err.h"
#include "image_tree.h"

#define DATASET_MAX_FILES 1000000

struct manifest;

/* Of a tree of the caller's. */
struct manifest *manifest_new(const struct image_tree *tree, struct err *err);
void manifest_free(struct manifest *manifest);

int manifest_scan(struct manifest *manifest, struct err *err);
/* Hashes files until `budget_ms` is used up (at least one). A file that went meanwhile is left out. */
bool manifest_step(struct manifest *manifest, int budget_ms);
/* {"files": [{"path", "size", "sha256"}...], "leftOut"} of the last manifest completed; NULL where memory lacks.
 * leftOut (left_out_json) is there where something is, and is logged by the step that finds it. */
cJSON *manifest_json(const struct manifest *manifest);

/* Opens the file of the manifest that has this hash, unless it changed since: the descriptor, the caller's to close, or
 * -1. */
int manifest_open(struct manifest *manifest, const char *sha256, int64_t *size);

#endif
