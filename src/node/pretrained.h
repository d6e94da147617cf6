/* The ImageNet weights that torchvision publishes, and this machine's cache of them: $XDG_CACHE_HOME/dcls, else
 * ~/.cache/dcls, shared by its nodes. A file counts only if its SHA-256 begins as its name says. */
#ifndef DCLS_NODE_PRETRAINED_H
#define DCLS_NODE_PRETRAINED_H

#include <stdatomic.h>

#include "dcls/base/err.h"

struct pretrained {
    const char *type;   /* "resnet" */
    const char *file;   /* its name there and in the cache */
    const char *sha256; /* how it begins */
};

/* NULL: no weights of that type are known. */
const struct pretrained *pretrained_find(const char *type);

/* Where the file is or will be: the caller's to free. */
char *pretrained_path(const struct pretrained *pretrained, struct err *err);

/* Has the file at `path`: from the cache, else downloaded (https only, resumed, one at a time) from
 * $DCLS_WEIGHTS_URL/FILE, else from torchvision's place. On a thread that may block. */
int pretrained_fetch(const struct pretrained *pretrained, const char *path, const atomic_bool *stop, struct err *err);

#endif
