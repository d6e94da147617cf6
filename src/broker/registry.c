/* The table of nodes. */
#include "registry.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/proto/json.h"

#define TYPES_MAX 1000 /* kept of all that nodes ever offer */
#define TYPE "type:"
#define MODELS_TEXT_MAX (64 << 20) /* bytes */

/* Of a legacy peer, and of a dcls node that announces none. */
static const char *const legacy_types[] = { "resnet", "mobilenet", "efficientnet" };

TAILQ_HEAD(node_list, node);

struct registry {
    struct name_table names;
    struct node_list nodes, changed, gone;
    struct node *taken; /* gone, and its change was taken: freed with the next */
    struct strings types;
    int64_t sessions;
};

struct registry *registry_new(void)
{
    struct registry *registry = calloc(1, sizeof *registry);
    if (!registry)
        return NULL;
    TAILQ_INIT(&registry->nodes);
    TAILQ_INIT(&registry->changed);
    TAILQ_INIT(&registry->gone);
    if (name_table_init(&registry->names)) {
        registry_free(registry);
        return NULL;
    }
    return registry;
}

static void clear_models(struct node_model_list *list)
{
    while (!TAILQ_EMPTY(list)) {
        struct node_model *model = TAILQ_FIRST(list);
        TAILQ_REMOVE(list, model, listed);
        free(model);
    }
}

void node_free(struct node *node)
{
    if (!node)
        return;
    free(node->instance);
    free(node->version);
    free(node->cpu);
    cJSON_Delete(node->dataset);
    clear_models(&node->model_list);
    name_table_release(&node->models);
    buf_release(&node->models_text);
    strings_release(&node->features);
    strings_release(&node->types);
    free(node);
}

static void free_all(struct node_list *list)
{
    while (!TAILQ_EMPTY(list)) {
        struct node *node = TAILQ_FIRST(list);
        TAILQ_REMOVE(list, node, listed);
        node_free(node);
    }
}

void registry_free(struct registry *registry)
{
    if (!registry)
        return;
    free_all(&registry->nodes);
    free_all(&registry->gone);
    node_free(registry->taken);
    name_table_release(&registry->names);
    strings_release(&registry->types);
    free(registry);
}

struct node *registry_find(const struct registry *registry, const char *name)
{
    return (struct node *)name_table_find(&registry->names, name);
}

struct node *registry_first(const struct registry *registry)
{
    return TAILQ_FIRST(&registry->nodes);
}

struct node *registry_next(const struct node *node)
{
    return TAILQ_NEXT(node, listed);
}

size_t registry_count(const struct registry *registry)
{
    return registry->names.count;
}

const struct strings *registry_types(const struct registry *registry)
{
    return &registry->types;
}

static void mark_changed(struct registry *registry, struct node *node)
{
    if (node->in_changes)
        return;
    node->in_changes = true;
    TAILQ_INSERT_TAIL(&registry->changed, node, changes);
}

static void unmark(struct registry *registry, struct node *node)
{
    if (node->in_changes)
        TAILQ_REMOVE(&registry->changed, node, changes);
    node->in_changes = false;
}

bool registry_has_changes(const struct registry *registry)
{
    return !TAILQ_EMPTY(&registry->gone) || !TAILQ_EMPTY(&registry->changed);
}

bool registry_next_change(struct registry *registry, struct node_change *change)
{
    struct node *node = TAILQ_FIRST(&registry->gone);
    bool gone = node;
    node_free(registry->taken);
    registry->taken = node;
    if (gone)
        TAILQ_REMOVE(&registry->gone, node, listed);
    else if ((node = TAILQ_FIRST(&registry->changed)))
        unmark(registry, node);
    *change = (struct node_change){ node, gone };
    return node;
}

/* Entering and leaving */

static int strings_copy(struct strings *to, const struct strings *from)
{
    for (size_t i = 0; i < from->count; i++)
        if (strings_add(to, from->items[i]))
            return -1;
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

static int fill(struct registry *registry, struct node *node, const struct msg *connect)
{
    if (msg_set(&node->instance, connect->instance) || msg_set(&node->version, connect->version) ||
        msg_set(&node->cpu, connect->cpu) || strings_copy(&node->features, &connect->features) ||
        set_types(registry, node) || name_table_init(&node->models))
        return -1;
    if (connect->dataset && !(node->dataset = cJSON_Duplicate(connect->dataset, true)))
        return -1;
    return 0;
}

struct node *registry_prepare(struct registry *registry, const struct msg *connect, const char *secret_hash)
{
    struct node *node = calloc(1, sizeof *node);
    if (!node)
        return NULL;
    TAILQ_INIT(&node->model_list);
    buf_init(&node->models_text, MODELS_TEXT_MAX);
    snprintf(node->name, sizeof node->name, "%s", connect->name);
    snprintf(node->secret_hash, sizeof node->secret_hash, "%s", secret_hash);
    node->protocol = connect->protocol;
    node->cores = connect->cores;
    node->memory = connect->memory;
    node->load.now.cpu = node->load.now.memory_used = node->load.now.queue = -1;
    if (!fill(registry, node, connect))
        return node;
    node_free(node);
    return NULL;
}

void registry_enter(struct registry *registry, struct node *node, struct link *link)
{
    struct node *old = registry_find(registry, node->name);
    node->link = link;
    if (old) {
        assert(old->link == link);
        node->session = old->session;
        node->pending = old->pending;
        node->load = old->load;
        snprintf(node->job, sizeof node->job, "%s", old->job);
        TAILQ_INSERT_BEFORE(old, node, listed);
        TAILQ_REMOVE(&registry->nodes, old, listed);
        name_table_remove(&registry->names, &old->entry);
        unmark(registry, old);
        node_free(old);
    } else {
        node->session = ++registry->sessions;
        TAILQ_INSERT_TAIL(&registry->nodes, node, listed);
    }
    name_table_add(&registry->names, &node->entry, node->name);
    mark_changed(registry, node);
}

void registry_remove(struct registry *registry, struct node *node)
{
    unmark(registry, node);
    name_table_remove(&registry->names, &node->entry);
    TAILQ_REMOVE(&registry->nodes, node, listed);
    TAILQ_INSERT_TAIL(&registry->gone, node, listed);
}

/* What it holds */

static struct node_model *find_model(const struct name_table *models, const char *name)
{
    return (struct node_model *)name_table_find(models, name);
}

static void set_digest(struct node_model *model, const char *sha256)
{
    *model->sha256 = '\0';
    if (sha256_is_hex(sha256))
        memcpy(model->sha256, sha256, SHA256_HEX_SIZE);
}

/* The one of that name, made where it lacks; NULL where memory does. */
static struct node_model *put_model(struct name_table *models, struct node_model_list *list, const char *name)
{
    struct node_model *model = find_model(models, name);
    if (model)
        return model;
    size_t size = strlen(name) + 1;
    model = calloc(1, sizeof *model + size);
    if (!model)
        return NULL;
    memcpy(model->name, name, size);
    name_table_add(models, &model->entry, model->name);
    TAILQ_INSERT_TAIL(list, model, listed);
    return model;
}

/* The digests are those of `info`, or of before where there is none. */
static int list_models(const struct node *node, const struct msg *msg, struct name_table *models,
                       struct node_model_list *list)
{
    const cJSON *entry;
    for (size_t i = 0; i < msg->models.count; i++) {
        struct node_model *model = put_model(models, list, msg->models.items[i]);
        if (!model)
            return -1;
        if (!msg->model_info)
            set_digest(model, node_model_sha256(node, model->name));
    }
    cJSON_ArrayForEach(entry, msg->model_info)
    {
        const char *name = json_text(entry, "name");
        struct node_model *model = name ? find_model(models, name) : NULL;
        if (model && !*model->sha256)
            set_digest(model, json_text(entry, "sha256"));
    }
    return 0;
}

int node_set_info(struct registry *registry, struct node *node, const struct msg *msg)
{
    struct name_table models;
    struct node_model_list list = TAILQ_HEAD_INITIALIZER(list);
    cJSON *dataset = msg->dataset ? cJSON_Duplicate(msg->dataset, true) : NULL;
    if (name_table_init(&models) || (msg->dataset && !dataset) || list_models(node, msg, &models, &list)) {
        clear_models(&list);
        name_table_release(&models);
        cJSON_Delete(dataset);
        return -1;
    }
    clear_models(&node->model_list);
    name_table_release(&node->models);
    node->models = models;
    TAILQ_CONCAT(&node->model_list, &list, listed);
    buf_clear(&node->models_text);
    if (dataset) {
        cJSON_Delete(node->dataset);
        node->dataset = dataset;
    }
    node->ready = true;
    mark_changed(registry, node);
    return 0;
}

int node_add_model(struct registry *registry, struct node *node, const char *name, const cJSON *info)
{
    struct node_model *model = put_model(&node->models, &node->model_list, name);
    if (!model)
        return -1;
    if (info)
        set_digest(model, json_text(info, "sha256"));
    buf_clear(&node->models_text);
    mark_changed(registry, node);
    return 0;
}

void node_drop_model(struct registry *registry, struct node *node, const char *name)
{
    struct node_model *model = find_model(&node->models, name);
    if (!model)
        return;
    name_table_remove(&node->models, &model->entry);
    TAILQ_REMOVE(&node->model_list, model, listed);
    free(model);
    buf_clear(&node->models_text);
    mark_changed(registry, node);
}

void node_set_job(struct registry *registry, struct node *node, const char *job)
{
    if (!strcmp(node->job, job))
        return;
    snprintf(node->job, sizeof node->job, "%s", job);
    mark_changed(registry, node);
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
    return find_model(&node->models, model);
}

const char *node_model_sha256(const struct node *node, const char *model)
{
    const struct node_model *found = find_model(&node->models, model);
    return found && *found->sha256 ? found->sha256 : NULL;
}

/* As JSON */

static bool add_text(cJSON *object, const char *name, const char *text)
{
    return !text || cJSON_AddStringToObject(object, name, text);
}

static bool add_number(cJSON *object, const char *name, int64_t number)
{
    return number < 0 || cJSON_AddNumberToObject(object, name, (double)number);
}

/* The names of its models as a JSON array, printed once for each change of them: thousands take milliseconds. NULL
 * where memory lacks. */
static const char *models_text(struct node *node)
{
    struct buf *text = &node->models_text;
    if (text->len)
        return buf_text(text);
    const struct node_model *model = TAILQ_FIRST(&node->model_list);
    int failed = buf_puts(text, "[");
    for (; model && !failed; model = TAILQ_NEXT(model, listed))
        failed = (text->len > 1 && buf_puts(text, ", ")) || json_print_string(model->name, text);
    if (!failed && !buf_puts(text, "]"))
        return buf_text(text);
    buf_clear(text);
    return NULL;
}

static bool add_models(cJSON *object, struct node *node)
{
    const char *text = models_text(node);
    return text && cJSON_AddRawToObject(object, "models", text);
}

/* What a legacy node has not. */
static bool add_capabilities(cJSON *object, const struct node *node)
{
    bool whole = add_number(object, "protocol", node->protocol) && add_text(object, "version", node->version) &&
                 add_number(object, "cores", node->cores) && add_text(object, "cpu", node->cpu) &&
                 add_number(object, "memory", node->memory);
    if (node->dataset)
        whole = whole && json_add(object, "dataset", cJSON_Duplicate(node->dataset, true));
    cJSON *running = whole ? cJSON_AddArrayToObject(object, "running") : NULL;
    return running && (!*node->job || json_append(running, cJSON_CreateString(node->job)));
}

cJSON *node_json(struct node *node)
{
    cJSON *object = cJSON_CreateObject();
    bool whole = add_text(object, "name", node->name) && add_models(object, node) &&
                 (node_is_legacy(node) || add_capabilities(object, node));
    return json_if_whole(object, whole);
}

cJSON *registry_json(const struct registry *registry)
{
    cJSON *object = cJSON_CreateObject(), *nodes = cJSON_AddArrayToObject(object, "nodes");
    bool whole = nodes;
    for (struct node *node = registry_first(registry); node && whole; node = registry_next(node))
        whole = json_append(nodes, node_json(node));
    return json_if_whole(object, whole);
}
