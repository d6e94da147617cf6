/* The networks that net_new can build. */
#ifndef DCLS_NN_MODELS_H
#define DCLS_NN_MODELS_H

#include "nn/graph/net.h"

struct network {
    const char *type;
    void (*build)(struct net *net, int classes);
};

/* The model of that type name; NULL with err. */
const struct network *network_find(const char *type, struct err *err);

void resnet_build(struct net *net, int classes);
void mobilenet_build(struct net *net, int classes);
void efficientnet_build(struct net *net, int classes);

#endif
