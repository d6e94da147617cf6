/* The table of networks: a new one is a row here and its description beside this. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "build.h"
#include "dcls/nn/models.h"
#include "nn/graph/net.h"

/* The weights are torchvision 0.14's IMAGENET1K_V1, which the existing system starts from as well. */
static const struct network table[] = {
    { "resnet", "resnet18", "resnet18-f37072fd.pth", "f37072fd", resnet_build },
    { "resnet34", NULL, "resnet34-b627a593.pth", "b627a593", resnet34_build },
    { "resnet50", NULL, "resnet50-0676ba61.pth", "0676ba61", resnet50_build },
    { "mobilenet", "mobilenet_v2", "mobilenet_v2-b0353104.pth", "b0353104", mobilenet_build },
    { "efficientnet", "efficientnet_b0", "efficientnet_b0_rwightman-3dd342df.pth", "3dd342df", efficientnet_build },
};
#define NETWORKS (int)(sizeof table / sizeof *table)

const struct network *network_at(int index)
{
    assert(index >= 0 && index <= NETWORKS);
    return index < NETWORKS ? &table[index] : NULL;
}

void network_names(char *text, size_t size)
{
    size_t used = 0;
    for (int i = 0; i < NETWORKS && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : "", table[i].name);
}

const struct network *network_find(const char *name)
{
    for (int i = 0; i < NETWORKS; i++)
        if (!strcmp(name, table[i].name) || (table[i].alias && !strcmp(name, table[i].alias)))
            return &table[i];
    return NULL;
}

struct net *network_new(const char *name, int classes, struct err *err)
{
    const struct network *network = network_find(name);
    if (network)
        return net_new(network->name, network->build, classes, err);
    err_set(err, "unknown network '%s'", name);
    return NULL;
}
