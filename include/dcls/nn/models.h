/* The networks that this program has: one table, which the engine builds from, a node announces and fetches weights by,
 * and command lines resolve names by. */
#ifndef DCLS_NN_MODELS_H
#define DCLS_NN_MODELS_H

#include <stddef.h>

#include "dcls/base/err.h"

struct net;

struct network {
    const char *name;           /* "resnet": on the wire, in reports and in the names of models */
    const char *alias;          /* torchvision's, where that is another one: "resnet18"; else NULL */
    const char *weights_file;   /* as torchvision publishes its weights of ImageNet: "resnet18-f37072fd.pth" */
    const char *weights_sha256; /* how that file's digest begins */
    void (*build)(struct net *net, int classes);
};

/* In the table's order, the default one first; NULL behind the last. */
const struct network *network_at(int index);

/* All names, for people: "resnet, resnet34, …", cut where `size` is too small. */
void network_names(char *text, size_t size);

/* By its name or alias; NULL: unknown. */
const struct network *network_find(const char *name);

/* Its description, freed by net_free. NULL with err: an unknown network, or a number of classes that cannot be. */
struct net *network_new(const char *name, int classes, struct err *err);

#endif
