/* See backends.h. A new backend is a row here. */
#include "backends.h"

#include <string.h>

#include "nn/cpu/ops.h"
#include "nn/ops/ops.h"

const struct backend *const backends[] = { &backend_onednn, &backend_reference, NULL };

const struct backend *backend_find(const char *name, struct err *err)
{
    for (int i = 0; backends[i]; i++)
        if (!strcmp(backends[i]->name, name))
            return backends[i];
    err_set(err, "unknown backend '%s'", name);
    return NULL;
}
