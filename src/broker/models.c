/* The list of models. */
#include "models.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/base/log.h"
#include "dcls/proto/json.h"
#include "broker.h"
#include "events.h"
#include "registry.h"
#include "store.h"

#define HOLDERS_MAX 1024 /* kept of a model: of nodes that come and go, which hold it too, the first is forgotten */

struct models {
    struct broker *broker;
    struct model *first;
    unsigned told; /* counts the lists of models that nodes told */
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
    strings_release(&model->holders);
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
    model->changed = true;
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
    for (const struct node *node = registry_first(models->broker->registry); node && nodes; node = registry_next(node))
        if (node_holds(node, model))
            cJSON_AddItemToArray(nodes, cJSON_CreateString(node->name));
    if (*model->job)
        cJSON_AddStringToObject(object, "job", model->job);
    return object;
}

/* It holds this model of the name, and so no other. */
static void set_holder(struct models *models, struct model *holds, const char *node)
{
    for (struct model *model = models->first; model; model = model->next)
        if (model != holds && !strcmp(model->name, holds->name) && strings_remove(&model->holders, node))
            model->changed = true;
    if (strings_has(&holds->holders, node))
        return;
    if (holds->holders.count == HOLDERS_MAX)
        strings_remove(&holds->holders, holds->holders.items[0]);
    if (strings_add(&holds->holders, node))
        log_error("no memory for who holds model '%s'", holds->name);
    holds->changed = true;
}

static void publish(struct models *models, const struct model *model, bool gone)
{
    cJSON *object = model_json(models, model);
    cJSON_AddBoolToObject(object, "gone", gone);
    events_publish(models->broker->events, "model", object);
}

/* What changed, if anything did. */
static void save(const struct models *models)
{
    for (const struct model *model = models->first; model; model = model->next)
        if (model->changed) {
            store_save_models(models->broker, models->first, NULL, NULL);
            return;
        }
}

/* Of one node: what it says that it holds. */
static void seen(struct models *models, const char *node, const cJSON *model_info)
{
    const cJSON *entry;
    cJSON_ArrayForEach(entry, model_info)
    {
        const char *name = json_text(entry, "name"), *sha256 = json_text(entry, "sha256");
        if (!name || !name_is_valid(name) || !sha256_is_hex(sha256))
            continue;
        struct model *model = find(models, name, sha256);
        bool is_new = !model;
        if (is_new)
            model = put(models, name, sha256, cJSON_Duplicate(entry, true), NULL, 0);
        if (!model)
            continue;
        model->told = models->told;
        set_holder(models, model, node);
        if (is_new)
            publish(models, model, false);
    }
}

void models_seen(struct models *models, const char *node, const cJSON *model_info)
{
    seen(models, node, model_info);
    save(models);
}

void models_listed(struct models *models, const struct node *node, const cJSON *model_info)
{
    models->told++;
    seen(models, node->name, model_info);
    for (struct model *model = models->first; model; model = model->next)
        if (model->told != models->told && strings_remove(&model->holders, node->name))
            model->changed = true;
    save(models);
}

static bool held(const struct models *models, const struct model *model)
{
    for (const struct node *node = registry_first(models->broker->registry); node; node = registry_next(node))
        if (node_holds(node, model))
            return true;
    return false;
}

/* Forgets the models of a name that no node holds, be it away; but `keep`. */
static void forget(struct models *models, const char *name, const struct model *keep)
{
    for (struct model **at = &models->first; *at;) {
        struct model *model = *at;
        if (model == keep || strcmp(model->name, name) || model->holders.count || held(models, model)) {
            at = &model->next;
            continue;
        }
        *at = model->next;
        store_forget_model(models->broker, model->name, model->sha256, NULL, NULL);
        publish(models, model, true);
        model_free(model);
    }
}

void models_completed(struct models *models, const char *name, const char *sha256, const cJSON *info, const char *job,
                      const char *node, int64_t completed)
{
    struct model *model = put(models, name, sha256, info ? cJSON_Duplicate(info, true) : NULL, job, completed);
    if (!model)
        return;
    set_holder(models, model, node);
    save(models);
    publish(models, model, false);
    forget(models, name, model);
}

void models_forget(struct models *models, const char *name)
{
    forget(models, name, NULL);
}

void models_drop_holder(struct models *models, const char *name, const char *sha256, const char *node)
{
    for (struct model *model = models->first; model; model = model->next)
        if (!strcmp(model->name, name) && (!*sha256 || !strcmp(model->sha256, sha256)) &&
            strings_remove(&model->holders, node))
            model->changed = true;
    save(models);
}

const struct model *models_first(const struct models *models)
{
    return models->first;
}

bool models_know(const struct models *models, const char *name)
{
    for (const struct model *model = models->first; model; model = model->next)
        if (!strcmp(model->name, name))
            return true;
    for (const struct node *node = registry_first(models->broker->registry); node; node = registry_next(node))
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
    for (const struct node *node = registry_first(models->broker->registry); node; node = registry_next(node))
        if (!TAILQ_EMPTY(&node->model_list))
            return TAILQ_LAST(&node->model_list, node_model_list)->name;
    return NULL;
}

const char *models_digest(const struct models *models, const char *name, const char *node)
{
    const char *digest = NULL;
    for (const struct node *holder = registry_first(models->broker->registry); holder; holder = registry_next(holder)) {
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
    for (const struct node *node = registry_first(models->broker->registry); node; node = registry_next(node))
        for (const struct node_model *held = TAILQ_FIRST(&node->model_list); held; held = TAILQ_NEXT(held, listed)) {
            const char *name = held->name;
            if (node_model_sha256(node, name) || find(models, name, ""))
                continue;
            cJSON *object = cJSON_CreateObject();
            cJSON_AddStringToObject(object, "name", name);
            cJSON *nodes = cJSON_AddArrayToObject(object, "nodes");
            cJSON_AddItemToArray(nodes, cJSON_CreateString(node->name));
            cJSON_AddItemToArray(list, object);
        }
}

/* A later one of the name was made, and only nodes that are away have this: it is kept for what is to be removed. */
static bool is_outdated(const struct models *models, const struct model *model)
{
    bool replaced = false;
    for (const struct model *other = models->first; other && !replaced; other = other->next)
        replaced = other->completed > model->completed && !strcmp(other->name, model->name);
    return replaced && !held(models, model);
}

cJSON *models_json(const struct models *models)
{
    cJSON *object = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(object, "models");
    for (const struct model *model = models->first; model && list; model = model->next)
        if (!is_outdated(models, model))
            cJSON_AddItemToArray(list, model_json(models, model));
    if (list)
        add_legacy(models, list);
    return object;
}
