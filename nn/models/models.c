/* The table of networks. A new one is a file beside this, a row here and its name in net_types. */
#include "models.h"

#include <string.h>

static const struct network models[] = {
    { "resnet", resnet_build },
    { "mobilenet", mobilenet_build },
    { "efficientnet", efficientnet_build },
};

const char *const net_types[] = { "resnet", "mobilenet", "efficientnet", NULL };

const struct network *network_find(const char *type, struct err *err)
{
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        if (strcmp(models[i].type, type) == 0)
            return &models[i];
    err_set(err, "unknown network '%s'", type);
    return NULL;
}
