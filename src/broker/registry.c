/* The table of nodes. */
#include "registry.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/proto/json.h"
#include "broker.h"
#include "events.h"

#define TYPES_MAX 1000 /* kept of all that nodes ever offer */
#define TYPE "type:"

/* Of a legacy peer, and of a dcls node that announces none. */
static const char *const legacy_types[] = { "resnet", "mobilenet", "efficientnet" };

struct registry {
    struct broker *broker;
    struct node *nodes;
    struct strings types;
};

struct registry *registry_new(struct broker *broker)
{
    struct registry *registry = calloc(1, sizeof *registry);
    if (registry)
        registry->broker = broker;
    return registry;
}

static void node_clear(struct node *node)
{
    free(node->instance);
    free(node->version);
    free(node->cpu);
    cJSON_Delete(node->dataset);
    cJSON_Delete(node->model_info);
    strings_release(&node->features);
    strings_release(&node->models);
    strings_release(&node->types);
    node->instance = node->version = node->cpu = NULL;
    node->dataset = node->model_info = NULL;
}

void registry_free(struct registry *registry)
{
    if (!registry)
        return;
    while (registry->nodes) {
        struct node *node = registry->nodes;
        registry->nodes = node->next;
        node_clear(node);
        free(node);
    }
    strings_release(&registry->types);
    free(registry);
}

struct node *registry_find(const struct registry *registry, const char *name)
{
    for (struct node *node = registry->nodes; node; node = node->next)
        if (!strcmp(node->name, name))
            return node;
    return NULL;
}

struct node *registry_first(const struct registry *registry)
{
    return registry->nodes;
}

const struct strings *registry_types(const struct registry *registry)
{
    return &registry->types;
}

static int strings_copy(struct strings *to, const struct strings *from)
{
    strings_release(to);
    for (size_t i = 0; i < from->count; i++)
        if (strings_add(to, from->items[i]))
            return -1;
    return 0;
}

/* By a copy; NULL leaves what is there. */
static int replace_json(cJSON **to, const cJSON *from)
{
    cJSON *copy = from ? cJSON_Duplicate(from, true) : NULL;
    if (!copy)
        return from ? -1 : 0;
    cJSON_Delete(*to);
    *to = copy;
    return 0;
}

static int add_type(struct registry *registry, struct node *node, const char *type)
{
    bool known = strings_has(&registry->types, type) || registry->types.count >= TYPES_MAX;
    if (!known && strings_add(&registry->types, type))
        return -1;
    return strings_add(&node->types, type);
}

/* What it trains, by its features. */
static int set_types(struct registry *registry, struct node *node)
{
    if (!node_is_legacy(node) && !node_offers(node, "train"))
        return 0;
    for (size_t i = 0; i < node->features.count; i++) {
        const char *feature = node->features.items[i];
        if (strncmp(feature, TYPE, strlen(TYPE)) || !name_is_valid(feature + strlen(TYPE)))
            continue;
        if (add_type(registry, node, feature + strlen(TYPE)))
            return -1;
    }
    bool told = node->types.count > 0;
    for (size_t i = 0; !told && i < sizeof legacy_types / sizeof *legacy_types; i++)
        if (add_type(registry, node, legacy_types[i]))
            return -1;
    return 0;
}

struct node *registry_add(struct registry *registry, const struct msg *connect, struct link *link)
{
    struct node *node = registry_find(registry, connect->name);
    if (!node) {
        if (!(node = calloc(1, sizeof *node)))
            return NULL;
        snprintf(node->name, sizeof node->name, "%s", connect->name);
        struct node **end = &registry->nodes;
        while (*end)
            end = &(*end)->next;
        *end = node;
    }
    node_clear(node);
    node->link = link;
    node->ready = false;
    node->protocol = connect->protocol;
    node->cores = connect->cores;
    node->memory = connect->memory;
    if (msg_set(&node->instance, connect->instance) || msg_set(&node->version, connect->version) ||
        msg_set(&node->cpu, connect->cpu) || strings_copy(&node->features, &connect->features) ||
        set_types(registry, node) || replace_json(&node->dataset, connect->dataset)) {
        registry_remove(registry, node);
        return NULL;
    }
    return node;
}

void registry_remove(struct registry *registry, struct node *node)
{
    struct node **at = &registry->nodes;
    while (*at != node) {
        assert(*at);
        at = &(*at)->next;
    }
    *at = node->next;
    node_publish(registry, node, true);
    node_clear(node);
    free(node);
}

int node_set_info(struct registry *registry, struct node *node, const struct msg *msg)
{
    if (strings_copy(&node->models, &msg->models))
        return -1;
    if (replace_json(&node->model_info, msg->model_info) || replace_json(&node->dataset, msg->dataset))
        return -1;
    node->ready = true;
    node_publish(registry, node, false);
    return 0;
}

int node_add_model(struct registry *registry, struct node *node, const char *name, const cJSON *info)
{
    if (!node_has_model(node, name) && strings_add(&node->models, name))
        return -1;
    if (info) {
        cJSON *entry = cJSON_Duplicate(info, true);
        if (!node->model_info)
            node->model_info = cJSON_CreateArray();
        if (!entry || !node->model_info) {
            cJSON_Delete(entry);
            return -1;
        }
        cJSON *old = json_find(node->model_info, "name", name);
        if (old)
            cJSON_ReplaceItemViaPointer(node->model_info, old, entry);
        else
            cJSON_AddItemToArray(node->model_info, entry);
    }
    node_publish(registry, node, false);
    return 0;
}

void node_drop_model(struct registry *registry, struct node *node, const char *name)
{
    strings_remove(&node->models, name);
    cJSON *info = json_find(node->model_info, "name", name);
    if (info)
        cJSON_Delete(cJSON_DetachItemViaPointer(node->model_info, info));
    node_publish(registry, node, false);
}

bool node_is_legacy(const struct node *node)
{
    return node->protocol < 1;
}

bool node_offers(const struct node *node, const char *feature)
{
    return strings_has(&node->features, feature);
}

const char *node_lacks_option(const struct node *node, const struct train_options *options)
{
    for (size_t i = 0; i < train_option_count; i++) {
        const struct train_option *option = &train_option_table[i];
        char feature[64];
        snprintf(feature, sizeof feature, "option:%s", option->name);
        if (!option->legacy && train_option_is_set(options, option) && !node_offers(node, feature))
            return option->name;
    }
    return NULL;
}

bool node_has_model(const struct node *node, const char *model)
{
    return strings_has(&node->models, model);
}

const char *node_model_sha256(const struct node *node, const char *model)
{
    return json_text(json_find(node->model_info, "name", model), "sha256");
}

cJSON *node_json(const struct node *node)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "name", node->name);
    cJSON *models = cJSON_AddArrayToObject(object, "models");
    for (size_t i = 0; i < node->models.count; i++)
        cJSON_AddItemToArray(models, cJSON_CreateString(node->models.items[i]));
    if (node_is_legacy(node))
        return object;
    cJSON_AddNumberToObject(object, "protocol", (double)node->protocol);
    if (node->version)
        cJSON_AddStringToObject(object, "version", node->version);
    if (node->cores >= 0)
        cJSON_AddNumberToObject(object, "cores", (double)node->cores);
    if (node->cpu)
        cJSON_AddStringToObject(object, "cpu", node->cpu);
    if (node->memory >= 0)
        cJSON_AddNumberToObject(object, "memory", (double)node->memory);
    if (node->dataset)
        cJSON_AddItemToObject(object, "dataset", cJSON_Duplicate(node->dataset, true));
    cJSON *running = cJSON_AddArrayToObject(object, "running");
    if (*node->job)
        cJSON_AddItemToArray(running, cJSON_CreateString(node->job));
    return object;
}

cJSON *registry_json(const struct registry *registry)
{
    cJSON *object = cJSON_CreateObject(), *nodes = cJSON_AddArrayToObject(object, "nodes");
    for (const struct node *node = registry->nodes; node && nodes; node = node->next)
        cJSON_AddItemToArray(nodes, node_json(node));
    return object;
}

void node_publish(struct registry *registry, const struct node *node, bool gone)
{
    cJSON *object = node_json(node);
    cJSON_AddBoolToObject(object, "gone", gone);
    events_publish(registry->broker->events, "node", object);
}
