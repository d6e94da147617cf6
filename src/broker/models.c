/* The list of models. */
#include "models.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/proto/json.h"
#include "broker.h"
#include "events.h"
#include "registry.h"
#include "store.h"

struct models {
    struct broker *broker;
    struct model *first;
};

struct models *models_new(struct broker *broker)
{
    struct models *models = calloc(1, sizeof *models);
    if (models)
        models->broker = broker;
    return models;
}

static void model_free(struct model *model)
{
    cJSON_Delete(model->info);
    free(model);
}

void models_free(struct models *models)
{
    if (!models)
        return;
    while (models->first) {
        struct model *model = models->first;
        models->first = model->next;
        model_free(model);
    }
    free(models);
}

static struct model *find(const struct models *models, const char *name, const char *sha256)
{
    for (struct model *model = models->first; model; model = model->next)
        if (!strcmp(model->name, name) && !strcmp(model->sha256, sha256))
            return model;
    return NULL;
}

void models_restore(struct models *models, struct model *stored)
{
    assert(!models->first);
    models->first = stored;
}

/* Takes `info`. NULL where memory lacks. */
static struct model *put(struct models *models, const char *name, const char *sha256, cJSON *info, const char *job,
                         int64_t completed)
{
    struct model *model = find(models, name, sha256 ? sha256 : "");
    if (!model) {
        if (!(model = calloc(1, sizeof *model))) {
            cJSON_Delete(info);
            return NULL;
        }
        snprintf(model->name, sizeof model->name, "%s", name);
        snprintf(model->sha256, sizeof model->sha256, "%s", sha256 ? sha256 : "");
        struct model **end = &models->first;
        while (*end)
            end = &(*end)->next;
        *end = model;
    }
    if (info) {
        cJSON_Delete(model->info);
        model->info = info;
    }
    if (job)
        snprintf(model->job, sizeof model->job, "%s", job);
    if (completed)
        model->completed = completed;
    return model;
}

static bool node_holds(const struct node *node, const struct model *model)
{
    if (!node_has_model(node, model->name))
        return false;
    const char *sha256 = node_model_sha256(node, model->name);
    return !strcmp(sha256 ? sha256 : "", model->sha256);
}

static cJSON *model_json(const struct models *models, const struct model *model)
{
    static const char *const copied[] = { "type", "classes", "imageSize", "bytes" };
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "name", model->name);
    if (*model->sha256)
        cJSON_AddStringToObject(object, "sha256", model->sha256);
    for (size_t i = 0; i < sizeof copied / sizeof *copied; i++) {
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(model->info, copied[i]);
        if (value)
            cJSON_AddItemToObject(object, copied[i], cJSON_Duplicate(value, true));
    }
    cJSON *nodes = cJSON_AddArrayToObject(object, "nodes");
    for (const struct node *node = registry_first(models->broker->registry); node && nodes; node = node->next)
        if (node_holds(node, model))
            cJSON_AddItemToArray(nodes, cJSON_CreateString(node->name));
    if (*model->job)
        cJSON_AddStringToObject(object, "job", model->job);
    return object;
}

static void publish(struct models *models, const struct model *model, bool gone)
{
    cJSON *object = model_json(models, model);
    cJSON_AddBoolToObject(object, "gone", gone);
    events_publish(models->broker->events, "model", object);
}

static void save(struct models *models, const struct model *model)
{
    store_save_model(models->broker, model);
    publish(models, model, false);
}

void models_seen(struct models *models, const cJSON *model_info)
{
    const cJSON *entry;
    cJSON_ArrayForEach(entry, model_info)
    {
        const char *name = json_text(entry, "name"), *sha256 = json_text(entry, "sha256");
        if (!name || !name_is_valid(name) || !sha256_is_hex(sha256) || find(models, name, sha256))
            continue;
        struct model *model = put(models, name, sha256, cJSON_Duplicate(entry, true), NULL, 0);
        if (model)
            save(models, model);
    }
}

static bool held(const struct models *models, const struct model *model)
{
    for (const struct node *node = registry_first(models->broker->registry); node; node = node->next)
        if (node_holds(node, model))
            return true;
    return false;
}

/* Forgets the models of a name; `keep`: but this digest and those that a node holds. NULL: all. */
static void forget(struct models *models, const char *name, const char *keep)
{
    for (struct model **at = &models->first; *at;) {
        struct model *model = *at;
        if (strcmp(model->name, name) || (keep && (!strcmp(model->sha256, keep) || held(models, model)))) {
            at = &model->next;
            continue;
        }
        *at = model->next;
        store_forget_model(models->broker, model->name, model->sha256);
        publish(models, model, true);
        model_free(model);
    }
}

void models_completed(struct models *models, const char *name, const char *sha256, const cJSON *info, const char *job,
                      int64_t completed)
{
    struct model *model = put(models, name, sha256, info ? cJSON_Duplicate(info, true) : NULL, job, completed);
    if (!model)
        return;
    save(models, model);
    forget(models, name, model->sha256);
}

void models_forget(struct models *models, const char *name)
{
    forget(models, name, NULL);
}

bool models_know(const struct models *models, const char *name)
{
    for (const struct model *model = models->first; model; model = model->next)
        if (!strcmp(model->name, name))
            return true;
    for (const struct node *node = registry_first(models->broker->registry); node; node = node->next)
        if (node_has_model(node, name))
            return true;
    return false;
}

const char *models_newest(const struct models *models)
{
    const struct model *newest = NULL;
    for (const struct model *model = models->first; model; model = model->next)
        if ((!newest || model->completed >= newest->completed) && held(models, model))
            newest = model;
    if (newest)
        return newest->name;
    for (const struct node *node = registry_first(models->broker->registry); node; node = node->next)
        if (node->models.count)
            return node->models.items[node->models.count - 1];
    return NULL;
}

const char *models_digest(const struct models *models, const char *name, const char *node)
{
    const char *digest = NULL;
    for (const struct node *holder = registry_first(models->broker->registry); holder; holder = holder->next) {
        const char *sha256 = node && strcmp(node, holder->name) ? NULL : node_model_sha256(holder, name);
        if (!sha256)
            continue;
        if (digest && strcmp(digest, sha256))
            return NULL;
        digest = sha256;
    }
    return digest;
}

/* Models of legacy nodes have no digest and are not remembered: they are listed as long as a node has them. */
static void add_legacy(const struct models *models, cJSON *list)
{
    for (const struct node *node = registry_first(models->broker->registry); node; node = node->next)
        for (size_t i = 0; i < node->models.count; i++) {
            const char *name = node->models.items[i];
            if (node_model_sha256(node, name) || find(models, name, ""))
                continue;
            cJSON *object = cJSON_CreateObject();
            cJSON_AddStringToObject(object, "name", name);
            cJSON *nodes = cJSON_AddArrayToObject(object, "nodes");
            cJSON_AddItemToArray(nodes, cJSON_CreateString(node->name));
            cJSON_AddItemToArray(list, object);
        }
}

cJSON *models_json(const struct models *models)
{
    cJSON *object = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(object, "models");
    for (const struct model *model = models->first; model && list; model = model->next)
        cJSON_AddItemToArray(list, model_json(models, model));
    if (list)
        add_legacy(models, list);
    return object;
}
