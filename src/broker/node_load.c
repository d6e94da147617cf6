/* See node_load.h. Figures are shown in steps, a tenth of a per cent and a MiB: what moves less is no news. */
#include "node_load.h"

#include <math.h>

#include "dcls/proto/json.h"
#include "registry.h"

#define BYTES_MAX 9007199254740991.0
#define QUEUE_MAX 1e9
#define MIB ((int64_t)1024 * 1024)

static double within(const cJSON *told, const char *name, double most, double fallback)
{
    double value = json_number(told, name, -1);
    return value >= 0 && value <= most ? value : fallback;
}

void node_load_take(struct node *node, const cJSON *told)
{
    if (!node || !told)
        return;
    struct node_figures *now = &node->load.now;
    now->cpu = round(within(told, "cpu", 100, now->cpu) * 10) / 10;
    now->memory_used = (int64_t)within(told, "memoryUsed", BYTES_MAX, (double)now->memory_used);
    now->memory_used -= now->memory_used > 0 ? now->memory_used % MIB : 0;
    now->queue = (int64_t)within(told, "queue", QUEUE_MAX, (double)now->queue);
}

static bool same(const struct node_figures *a, const struct node_figures *b)
{
    return fabs(a->cpu - b->cpu) < 0.05 && a->memory_used == b->memory_used && a->queue == b->queue &&
           a->inferences == b->inferences && a->bytes == b->bytes && a->pending == b->pending;
}

bool node_loads_update(struct registry *registry, uint64_t *version)
{
    bool changed = false;
    for (struct node *node = registry_first(registry); node; node = registry_next(node)) {
        struct node_load *load = &node->load;
        load->now.pending = node->pending;
        if (load->version && same(&load->now, &load->shown))
            continue;
        load->shown = load->now;
        load->version = *version + 1;
        changed = true;
    }
    *version += changed;
    return changed;
}

static bool add(cJSON *object, const char *name, double value)
{
    return value < 0 || cJSON_AddNumberToObject(object, name, value);
}

static cJSON *figures_json(const char *name, const struct node_figures *shown)
{
    cJSON *object = cJSON_CreateObject();
    if (cJSON_AddStringToObject(object, "name", name) && add(object, "cpu", shown->cpu) &&
        add(object, "memoryUsed", (double)shown->memory_used) && add(object, "queue", (double)shown->queue) &&
        add(object, "inferences", (double)shown->inferences) && add(object, "inferencesPending", shown->pending) &&
        add(object, "bytes", (double)shown->bytes))
        return object;
    cJSON_Delete(object);
    return NULL;
}

cJSON *node_loads_json(const struct registry *registry, uint64_t after)
{
    cJSON *object = cJSON_CreateObject(), *nodes = cJSON_AddArrayToObject(object, "nodes");
    bool whole = nodes;
    for (const struct node *node = registry_first(registry); node && whole; node = registry_next(node))
        if (node->load.version > after)
            whole = json_append(nodes, figures_json(node->name, &node->load.shown));
    if (whole)
        return object;
    cJSON_Delete(object);
    return NULL;
}
