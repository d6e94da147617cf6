/* The ImageNet weights that torchvision publishes of a network, and this machine's cache of them: $XDG_CACHE_HOME/dcls,
 * else ~/.cache/dcls, shared by a person's nodes; below the node's own folder where neither can be had. A file counts
 * only if its SHA-256 begins as its name says. */
#ifndef DCLS_NODE_PRETRAINED_H
#define DCLS_NODE_PRETRAINED_H

#include <stdatomic.h>

#include "dcls/base/err.h"
#include "dcls/nn/models.h"

/* Where the file is or will be, in `node_dir` where there is no cache that could be written: the caller's to free. */
char *pretrained_path(const struct network *network, const char *node_dir, struct err *err);

/* Has the file at `path`: from the cache, else downloaded (https only, resumed, one at a time) from
 * $DCLS_WEIGHTS_URL/FILE, else from torchvision's place. On a thread that may block. */
int pretrained_fetch(const struct network *network, const char *path, const atomic_bool *stop, struct err *err);

#endif
