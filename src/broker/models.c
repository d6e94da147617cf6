/* The list of models. */
#include "models.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/base/log.h"
#include "dcls/proto/json.h"
#include "broker.h"
#include "events.h"
#include "model_writes.h"
#include "registry.h"

struct models {
    struct broker *broker;
    struct name_table names; /* also of those whose row is still to be deleted */
    struct model_list list;  /* in the order of coming, and first of completion */
    struct model_writes *writes;
    unsigned told;     /* counts the lists of models that nodes told */
    bool any_replaced; /* one of whose name another is held, and that nobody holds */
};

static void model_free(struct model *model)
{
    cJSON_Delete(model->info);
    strings_release(&model->holders);
    free(model);
}

static void on_stored(void *arg, struct model *model);

struct models *models_new(struct broker *broker)
{
    struct models *models = calloc(1, sizeof *models);
    if (!models)
        return NULL;
    models->broker = broker;
    TAILQ_INIT(&models->list);
    models->writes = model_writes_new(broker, on_stored, models);
    if (!models->writes || name_table_init(&models->names)) {
        models_free(models);
        return NULL;
    }
    return models;
}

void models_free(struct models *models)
{
    if (!models)
        return;
    model_writes_free(models->writes);
    for (size_t i = 0; i < models->names.slot_count && models->names.slots; i++)
        while (models->names.slots[i]) {
            struct model *model = (struct model *)models->names.slots[i];
            name_table_remove(&models->names, &model->entry);
            model_free(model);
        }
    name_table_release(&models->names);
    free(models);
}

void models_stop(struct models *models)
{
    model_writes_stop(models->writes);
}

/* The first that is not forgotten, from this one on. */
static struct model *not_forgotten(struct name_entry *entry)
{
    while (entry && ((struct model *)entry)->forgotten)
        entry = name_table_next(entry);
    return (struct model *)entry;
}

static struct model *first_of(const struct models *models, const char *name)
{
    return not_forgotten(name_table_find(&models->names, name));
}

static struct model *next_of(const struct model *model)
{
    return not_forgotten(name_table_next(&model->entry));
}

static struct model *find(const struct models *models, const char *name, const char *sha256)
{
    struct model *model = first_of(models, name);
    while (model && strcmp(model->sha256, sha256))
        model = next_of(model);
    return model;
}

static void list(struct models *models, struct model *model)
{
    name_table_add(&models->names, &model->entry, model->name);
    TAILQ_INSERT_TAIL(&models->list, model, listed);
}

/* One whose row is still to be deleted is there again. NULL where memory lacks. */
static struct model *make(struct models *models, const char *name, const char *sha256)
{
    struct name_entry *entry = name_table_find(&models->names, name);
    while (entry && strcmp(((struct model *)entry)->sha256, sha256))
        entry = name_table_next(entry);
    struct model *model = (struct model *)entry;
    if (model) {
        assert(model->forgotten);
        model->forgotten = false;
        model->outdated = false;
        model->job[0] = '\0';
        model->completed = 0;
        TAILQ_INSERT_TAIL(&models->list, model, listed);
        return model;
    }
    model = calloc(1, sizeof *model);
    if (!model)
        return NULL;
    memccpy(model->name, name, '\0', sizeof model->name - 1);
    memccpy(model->sha256, sha256, '\0', sizeof model->sha256 - 1);
    list(models, model);
    return model;
}

/* It is another than before; `is_news`: event streams hear of it when that is stored. */
static void change(struct models *models, struct model *model, bool is_news)
{
    model_writes_changed(models->writes, model);
    if (is_news)
        model->news = model->version;
}

static bool node_holds(const struct node *node, const struct model *model)
{
    if (!node_has_model(node, model->name))
        return false;
    const char *sha256 = node_model_sha256(node, model->name);
    return !strcmp(sha256 ? sha256 : "", model->sha256);
}

/* `nodes`: the array of those that hold it, to be filled. NULL where memory lacks. */
static cJSON *model_json(const struct model *model, cJSON **nodes)
{
    static const char *const copied[] = { "type", "classes", "imageSize", "bytes" };
    cJSON *object = cJSON_CreateObject();
    bool whole = cJSON_AddStringToObject(object, "name", model->name) &&
                 (!*model->sha256 || cJSON_AddStringToObject(object, "sha256", model->sha256));
    for (size_t i = 0; i < sizeof copied / sizeof *copied && whole; i++) {
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(model->info, copied[i]);
        whole = !value || json_add(object, copied[i], cJSON_Duplicate(value, true));
    }
    whole = whole && (!model->completed || cJSON_AddNumberToObject(object, "completed", (double)model->completed));
    *nodes = whole ? cJSON_AddArrayToObject(object, "nodes") : NULL;
    if (*nodes && (!*model->job || cJSON_AddStringToObject(object, "job", model->job)))
        return object;
    cJSON_Delete(object);
    *nodes = NULL;
    return NULL;
}

static void publish(const struct models *models, const struct model *model, bool gone)
{
    cJSON *nodes, *object = model_json(model, &nodes);
    bool whole = object && cJSON_AddBoolToObject(object, "gone", gone);
    const struct node *node = registry_first(models->broker->registry);
    for (; node && whole; node = registry_next(node))
        whole = !node_holds(node, model) || json_append(nodes, cJSON_CreateString(node->name));
    if (!whole) {
        cJSON_Delete(object);
        object = NULL;
    }
    events_publish(models->broker->events, "model", object);
}

/* By one of those that held it when they were heard last. */
static bool held_by_holder(const struct models *models, const struct model *model)
{
    for (size_t i = 0; i < model->holders.count; i++) {
        const struct node *node = registry_find(models->broker->registry, model->holders.items[i]);
        if (node && node_holds(node, model))
            return true;
    }
    return false;
}

static bool is_outdated(const struct models *models, const struct model *first, const struct model *model)
{
    bool replaced = false;
    for (const struct model *other = first; other && !replaced; other = next_of(other))
        replaced = other->shown && other->completed > model->completed;
    return replaced && !held_by_holder(models, model);
}

/* Which models of a name are outdated, after its holders, or what there is of it, changed: event streams hear of those
 * that it makes another of. `first` is that of the name; one alone, as most are, costs nothing. */
static void review(const struct models *models, struct model *first)
{
    if (first && !next_of(first) && !first->outdated)
        return;
    for (struct model *model = first; model; model = next_of(model)) {
        bool was = model->outdated;
        model->outdated = is_outdated(models, first, model);
        if (model->shown && model->outdated != was)
            publish(models, model, model->outdated);
    }
}

void models_restore(struct models *models, struct model *stored)
{
    assert(TAILQ_EMPTY(&models->list));
    for (struct model *next; stored; stored = next) {
        next = stored->next;
        stored->next = NULL;
        stored->version = stored->committed = 1;
        stored->shown = true;
        list(models, stored);
    }
    for (struct model *model = TAILQ_FIRST(&models->list); model; model = TAILQ_NEXT(model, listed))
        model->outdated = is_outdated(models, first_of(models, model->name), model);
}

static void on_stored(void *arg, struct model *model)
{
    struct models *models = arg;
    if (model->forgotten && model->committed == model->version) {
        name_table_remove(&models->names, &model->entry);
        model_free(model);
        return;
    }
    if (model->forgotten || !model->news || model->committed < model->news)
        return;
    model->shown = true;
    model->news = 0;
    if (!model->outdated)
        publish(models, model, false);
    review(models, first_of(models, model->name));
}

/* By any node that is connected. */
static bool held(const struct models *models, const struct model *model)
{
    for (const struct node *node = registry_first(models->broker->registry); node; node = registry_next(node))
        if (node_holds(node, model))
            return true;
    return false;
}

/* Unless some node holds it, be it away. */
static void forget(struct models *models, struct model *model)
{
    if (model->holders.count || held(models, model))
        return;
    model->forgotten = true;
    model->news = 0;
    TAILQ_REMOVE(&models->list, model, listed);
    if (model->shown && !model->outdated)
        publish(models, model, true);
    model->shown = false;
    change(models, model, false);
    review(models, first_of(models, model->name));
}

/* It holds this model of the name, and so no other. */
static void set_holder(struct models *models, struct model *holds, const char *node)
{
    struct model *first = first_of(models, holds->name);
    for (struct model *model = first; model; model = next_of(model)) {
        if (model != holds && strings_remove(&model->holders, node))
            change(models, model, false);
        models->any_replaced |= model != holds && !model->holders.count;
    }
    if (!strings_has(&holds->holders, node)) {
        if (holds->holders.count >= (size_t)models->broker->max_nodes)
            strings_remove(&holds->holders, holds->holders.items[0]);
        if (strings_add(&holds->holders, node))
            log_error("no memory for who holds model '%s'", holds->name);
        change(models, holds, false);
    }
    review(models, first);
}

/* Of one node: what it says that it holds, as far as it is listed with it. What is new is taken out of the list. */
static void seen(struct models *models, const struct node *node, cJSON *model_info)
{
    for (cJSON *entry = model_info ? model_info->child : NULL, *next; entry; entry = next) {
        next = entry->next;
        const char *name = json_text(entry, "name"), *sha256 = json_text(entry, "sha256");
        const char *listed = name ? node_model_sha256(node, name) : NULL;
        if (!listed || !sha256 || strcmp(sha256, listed))
            continue;
        struct model *model = find(models, name, sha256);
        if (!model && (model = make(models, name, sha256))) {
            cJSON_Delete(model->info);
            model->info = cJSON_DetachItemViaPointer(model_info, entry);
            change(models, model, true);
        }
        if (!model) {
            log_error("no memory for model '%s'", name);
            continue;
        }
        model->told = models->told;
        set_holder(models, model, node->name);
    }
}

static bool is_replaced(const struct models *models, const struct model *model)
{
    const struct model *other = first_of(models, model->name);
    while (other && !other->holders.count)
        other = next_of(other);
    return other;
}

/* All at once, so that their rows go together. */
static void forget_replaced(struct models *models)
{
    struct model *model = models->any_replaced ? TAILQ_FIRST(&models->list) : NULL;
    models->any_replaced = false;
    for (struct model *next; model; model = next) {
        next = TAILQ_NEXT(model, listed);
        if (!model->holders.count && is_replaced(models, model))
            forget(models, model);
    }
    model_writes_flush(models->writes);
}

void models_seen(struct models *models, const char *name, cJSON *model_info)
{
    const struct node *node = registry_find(models->broker->registry, name);
    if (node)
        seen(models, node, model_info);
    forget_replaced(models);
}

void models_listed(struct models *models, const struct node *node, cJSON *model_info)
{
    models->told++;
    seen(models, node, model_info);
    for (struct model *model = TAILQ_FIRST(&models->list); model; model = TAILQ_NEXT(model, listed)) {
        if (model->told == models->told || !strings_has(&model->holders, node->name))
            continue;
        if (!node_holds(node, model) && strings_remove(&model->holders, node->name))
            change(models, model, false);
        review(models, first_of(models, model->name));
    }
    forget_replaced(models);
}

void models_node_left(struct models *models, const struct node *node)
{
    const struct node_model *held = TAILQ_FIRST(&node->model_list);
    for (; held; held = TAILQ_NEXT(held, listed))
        review(models, first_of(models, held->name));
}

void models_completed(struct models *models, const char *name, const char *sha256, const cJSON *info, const char *job,
                      const char *node, int64_t completed)
{
    struct model *model = find(models, name, sha256 ? sha256 : "");
    cJSON *copy = info ? cJSON_Duplicate(info, true) : NULL;
    if (!model)
        model = make(models, name, sha256 ? sha256 : "");
    if (!model) {
        log_error("no memory for model '%s'", name);
        cJSON_Delete(copy);
        return;
    }
    if (copy) {
        cJSON_Delete(model->info);
        model->info = copy;
    }
    snprintf(model->job, sizeof model->job, "%s", job);
    model->completed = completed;
    set_holder(models, model, node);
    change(models, model, true);
    model_writes_now(models->writes, model); /* before the end of the job that made it */
    forget_replaced(models);
}

void models_forget(struct models *models, const char *name)
{
    for (struct model *model = first_of(models, name), *next; model; model = next) {
        next = next_of(model);
        forget(models, model);
    }
    model_writes_flush(models->writes);
}

void models_drop_holder(struct models *models, const char *name, const char *sha256, const char *node)
{
    for (struct model *model = first_of(models, name); model; model = next_of(model))
        if ((!*sha256 || !strcmp(model->sha256, sha256)) && strings_remove(&model->holders, node))
            change(models, model, false);
    review(models, first_of(models, name));
    model_writes_flush(models->writes);
}

const struct model *models_first_of(const struct models *models, const char *name)
{
    return first_of(models, name);
}

const struct model *models_next_of(const struct model *model)
{
    return next_of(model);
}

bool models_have_holder(const struct models *models, const char *node)
{
    const struct model *model = TAILQ_FIRST(&models->list);
    while (model && !strings_has(&model->holders, node))
        model = TAILQ_NEXT(model, listed);
    return model;
}

bool models_know(const struct models *models, const char *name)
{
    if (first_of(models, name))
        return true;
    for (const struct node *node = registry_first(models->broker->registry); node; node = registry_next(node))
        if (node_has_model(node, name))
            return true;
    return false;
}

const char *models_newest(const struct models *models)
{
    const struct model *newest = NULL;
    const struct model *model = TAILQ_LAST(&models->list, model_list);
    for (; model; model = TAILQ_PREV(model, model_list, listed))
        if (model->shown && (!newest || model->completed > newest->completed) && held_by_holder(models, model))
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
    const struct node *holder = registry_first(models->broker->registry);
    for (; holder; holder = registry_next(holder)) {
        const char *sha256 = node && strcmp(node, holder->name) ? NULL : node_model_sha256(holder, name);
        if (!sha256)
            continue;
        if (digest && strcmp(digest, sha256))
            return NULL;
        digest = sha256;
    }
    return digest;
}

/* A model of a legacy node has no digest and is not remembered: it is listed as long as a node has it. */
static bool add_legacy(cJSON *models, const char *name, const struct node *node)
{
    cJSON *object = cJSON_CreateObject();
    return json_append(models, object) && cJSON_AddStringToObject(object, "name", name) &&
           json_append(cJSON_AddArrayToObject(object, "nodes"), cJSON_CreateString(node->name));
}

static bool add_held(const struct models *models, cJSON *shown, const struct node *node)
{
    bool whole = true;
    const struct node_model *held = TAILQ_FIRST(&node->model_list);
    for (; held && whole; held = TAILQ_NEXT(held, listed)) {
        const struct model *model = find(models, held->name, held->sha256);
        if (model && model->at_nodes)
            whole = json_append(model->at_nodes, cJSON_CreateString(node->name));
        else if (!model && !*held->sha256)
            whole = add_legacy(shown, held->name, node);
    }
    return whole;
}

/* Each node is gone through once: thousands of models at tens of nodes are listed in the time that it takes to write
 * them. */
cJSON *models_json(const struct models *models)
{
    cJSON *object = cJSON_CreateObject(), *shown = cJSON_AddArrayToObject(object, "models");
    bool whole = shown;
    struct model *model;
    for (model = TAILQ_FIRST(&models->list); model && whole; model = TAILQ_NEXT(model, listed))
        if (model->shown && !model->outdated)
            whole = json_append(shown, model_json(model, &model->at_nodes));
    const struct node *node = registry_first(models->broker->registry);
    for (; node && whole; node = registry_next(node))
        whole = add_held(models, shown, node);
    for (model = TAILQ_FIRST(&models->list); model; model = TAILQ_NEXT(model, listed))
        model->at_nodes = NULL;
    if (whole)
        return object;
    cJSON_Delete(object);
    return NULL;
}
