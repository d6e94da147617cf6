/* See model_store.h. */
#include "model_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/base/log.h"
#include "dcls/proto/json.h"

/* Bytes of the models in one NODE INFO, which must fit a message (MSG_MAX) beside as many jobs as there may be. */
#define TOLD_MAX (640 * 1024)
#define TOLD_PER_MODEL 200 /* of an entry of modelInfo and one of models, without names and classes */

struct model_store {
    char *dir;
    struct local_models models, told;
    size_t untold;
    struct strings touched; /* names of models that are others since the last snapshot */
};

struct model_store *model_store_open(const char *dir, struct err *err)
{
    struct model_store *model_store = calloc(1, sizeof *model_store);
    if (!model_store || !(model_store->dir = strdup(dir))) {
        err_set(err, "no memory for the models in '%s'", dir);
        goto fail;
    }
    if (fs_make_dirs(dir, err))
        goto fail;
    model_folder_recover(dir, NULL);
    if (!model_store_scan(model_store, err))
        return model_store;
fail:
    model_store_close(model_store);
    return NULL;
}

void model_store_close(struct model_store *model_store)
{
    if (!model_store)
        return;
    local_models_release(&model_store->models);
    local_models_release(&model_store->told);
    strings_release(&model_store->touched);
    free(model_store->dir);
    free(model_store);
}

char *model_store_path(const struct model_store *model_store, const char *name, const char *ending)
{
    char *path = NULL;
    return asprintf(&path, "%s/%s/%s.%s", model_store->dir, name, name, ending) < 0 ? NULL : path;
}

/* What is told */

static size_t bytes_told(const struct local_model *model)
{
    return TOLD_PER_MODEL + 2 * strlen(model->name) + json_string_size(model->type);
}

static int newest_first(const void *a, const void *b)
{
    const struct local_model *const *left = a, *const *right = b;
    const struct timespec *one = &(*left)->stamps[MODEL_WEIGHTS].modified;
    const struct timespec *other = &(*right)->stamps[MODEL_WEIGHTS].modified;
    if (one->tv_sec != other->tv_sec)
        return one->tv_sec > other->tv_sec ? -1 : 1;
    return one->tv_nsec > other->tv_nsec ? -1 : one->tv_nsec < other->tv_nsec;
}

static int by_name(const void *a, const void *b)
{
    const struct local_model *const *left = a, *const *right = b;
    return strcmp((*left)->name, (*right)->name);
}

/* After each change of the list. -1 where memory lacks. */
static int choose_told(struct model_store *model_store)
{
    const struct local_models *models = &model_store->models;
    size_t bytes = 0, were_untold = model_store->untold;
    struct local_models told;
    if (local_models_copy(models, &told))
        return -1;
    qsort(told.items, told.count, sizeof *told.items, newest_first);
    for (told.count = 0; told.count < models->count; told.count++)
        if ((bytes += bytes_told(told.items[told.count])) > TOLD_MAX)
            break;
    for (size_t i = told.count; i < models->count; i++)
        local_model_drop(told.items[i]);
    qsort(told.items, told.count, sizeof *told.items, by_name);
    local_models_release(&model_store->told);
    model_store->told = told;
    model_store->untold = models->count - told.count;
    if (model_store->untold > were_untold)
        log_warn("'%s' holds %zu models, and the broker can be told of %zu: the newest", model_store->dir,
                 models->count, told.count);
    return 0;
}

int model_store_names(const struct model_store *model_store, struct strings *out)
{
    for (size_t i = 0; i < model_store->told.count; i++)
        if (strings_add(out, model_store->told.items[i]->name))
            return -1;
    return 0;
}

static cJSON *model_info(const struct local_model *model, bool with_classes)
{
    cJSON *object = cJSON_CreateObject();
    cJSON *classes = with_classes ? cJSON_Duplicate(model->classes, true) : cJSON_CreateArray();
    bool complete = cJSON_AddStringToObject(object, "name", model->name) &&
                    cJSON_AddStringToObject(object, "sha256", model->sha256) &&
                    cJSON_AddStringToObject(object, "type", model->type);
    complete = json_add(object, "classes", classes) && complete;
    return json_if_whole(object,
                         complete && cJSON_AddNumberToObject(object, "imageSize", model->image_size) &&
                             cJSON_AddNumberToObject(object, "bytes", (double)model->stamps[MODEL_WEIGHTS].size));
}

cJSON *model_store_entry(const struct model_store *model_store, const char *name, size_t classes_max)
{
    const struct local_model *model = local_models_find(&model_store->models, name);
    return model ? model_info(model, model->classes_bytes <= classes_max) : NULL;
}

cJSON *model_store_info(const struct model_store *model_store)
{
    const struct local_models *told = &model_store->told;
    cJSON *list = cJSON_CreateArray();
    size_t bytes = 0;
    for (size_t i = 0; i < told->count; i++)
        bytes += bytes_told(told->items[i]);
    for (size_t i = 0; list && i < told->count; i++) {
        size_t with_classes = bytes + told->items[i]->classes_bytes;
        bool fits = with_classes <= TOLD_MAX;
        if (fits)
            bytes = with_classes;
        if (!json_append(list, model_info(told->items[i], fits))) {
            cJSON_Delete(list);
            list = NULL;
        }
    }
    return list;
}

/* What there is */

int model_store_scan(struct model_store *model_store, struct err *err)
{
    struct local_models found;
    bool changed;
    strings_release(&model_store->touched);
    if (model_folder_list(model_store->dir, &model_store->models, NULL, &found, err))
        return -1;
    return model_store_adopt(model_store, &found, &changed, err);
}

int model_store_snapshot(struct model_store *model_store, struct local_models *models)
{
    strings_release(&model_store->touched);
    return local_models_copy(&model_store->models, models);
}

static bool differ(const struct local_models *left, const struct local_models *right)
{
    bool differ = left->count != right->count;
    for (size_t i = 0; i < left->count && !differ; i++)
        differ = left->items[i] != right->items[i];
    return differ;
}

int model_store_adopt(struct model_store *model_store, struct local_models *found, bool *changed, struct err *err)
{
    const struct strings *touched = &model_store->touched;
    int failed = 0;
    for (size_t i = 0; i < touched->count && !failed; i++) {
        struct local_model *newer = local_models_find(&model_store->models, touched->items[i]);
        failed = local_models_put(found, touched->items[i], newer ? local_model_hold(newer) : NULL);
    }
    *changed = !failed && differ(&model_store->models, found);
    if (failed) {
        local_models_release(found);
    } else {
        local_models_release(&model_store->models);
        model_store->models = *found;
        failed = choose_told(model_store);
    }
    return failed ? err_set(err, "no memory for the models in '%s'", model_store->dir) : 0;
}

bool model_store_look(struct model_store *model_store, const char *name, const char *sha256)
{
    struct local_model *known = local_models_find(&model_store->models, name), *model;
    struct err err = ERR_INIT;
    enum model_found found = model_folder_read(model_store->dir, name, known, sha256, NULL, &model, &err);
    if (found == MODEL_UNREADABLE)
        log_warn("model '%s' is passed over: %s", name, err.text);
    if (found == MODEL_FAILED)
        log_error("%s", err.text);
    return found != MODEL_FAILED && model_store_take(model_store, name, model);
}

/* What a scan that is on found of that name is older, also where nothing is other than before. */
bool model_store_take(struct model_store *model_store, const char *name, struct local_model *model)
{
    bool is_other = model != local_models_find(&model_store->models, name);
    int failed = strings_has(&model_store->touched, name) ? 0 : strings_add(&model_store->touched, name);
    if (!is_other)
        local_model_drop(model);
    else if (local_models_put(&model_store->models, name, model) || choose_told(model_store))
        failed = -1;
    if (failed)
        log_error("no memory for the models in '%s'", model_store->dir);
    return is_other;
}

struct local_model *model_store_find(const struct model_store *model_store, const char *name)
{
    return local_models_find(&model_store->models, name);
}

const char *model_store_sha256(const struct model_store *model_store, const char *name)
{
    const struct local_model *model = local_models_find(&model_store->models, name);
    return model ? model->sha256 : NULL;
}

const char *model_store_require(const struct model_store *model_store, const char *name, const char *sha256,
                                const char *node, struct err *err)
{
    const char *found = model_store_sha256(model_store, name);
    if (!found)
        err_set(err, "model '%s' not found on node '%s'", name, node);
    else if (sha256 && strcmp(sha256, found))
        err_set(err, "node '%s' has another model '%s'", node, name);
    else
        return found;
    return NULL;
}
