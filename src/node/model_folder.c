/* See model_folder.h. A file is read again where its stamp is another; the stamp is taken first, so that what changes
 * while it is read is read again the next time. */
#include "model_folder.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/base/fs_replace.h"
#include "dcls/base/log.h"
#include "dcls/proto/json.h"

#define FOLDERS_MAX 100000
#define REPORT_MAX (16 * 1024 * 1024)
#define CLASSES_FILE_MAX (1024 * 1024)
#define IMAGE_SIZE_DEFAULT 224     /* of reports that do not say */
#define CHECKPOINTS ".checkpoints" /* where trainings keep what they may go on from, a folder a model */

/* Models and lists of them */

struct local_model *local_model_hold(struct local_model *model)
{
    atomic_fetch_add(&model->references, 1);
    return model;
}

void local_model_drop(struct local_model *model)
{
    if (!model || atomic_fetch_sub(&model->references, 1) > 1)
        return;
    cJSON_Delete(model->classes);
    free(model);
}

void local_models_release(struct local_models *models)
{
    for (size_t i = 0; i < models->count; i++)
        local_model_drop(models->items[i]);
    free(models->items);
    *models = (struct local_models){ 0 };
}

int local_models_copy(const struct local_models *models, struct local_models *copy)
{
    *copy = (struct local_models){ .items = calloc(models->count + 1, sizeof *copy->items) };
    if (!copy->items)
        return -1;
    for (size_t i = 0; i < models->count; i++)
        copy->items[copy->count++] = local_model_hold(models->items[i]);
    return 0;
}

/* Where that name is, or belongs. */
static size_t place_of(const struct local_models *models, const char *name)
{
    size_t low = 0, high = models->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(models->items[middle]->name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct local_model *local_models_find(const struct local_models *models, const char *name)
{
    size_t at = place_of(models, name);
    return at < models->count && !strcmp(models->items[at]->name, name) ? models->items[at] : NULL;
}

int local_models_put(struct local_models *models, const char *name, struct local_model *model)
{
    size_t at = place_of(models, name), after = models->count - at;
    assert(!model || !strcmp(model->name, name));
    bool is_there = after && !strcmp(models->items[at]->name, name);
    if (is_there && model) {
        local_model_drop(models->items[at]);
        models->items[at] = model;
    } else if (is_there) {
        local_model_drop(models->items[at]);
        models->count--;
        memmove(models->items + at, models->items + at + 1, (after - 1) * sizeof *models->items);
    } else if (model) {
        struct local_model **items = reallocarray(models->items, models->count + 1, sizeof *items);
        if (!items) {
            local_model_drop(model);
            return -1;
        }
        models->items = items;
        memmove(items + at + 1, items + at, after * sizeof *items);
        items[at] = model;
        models->count++;
    }
    return 0;
}

/* Reading */

static char *path_of(const char *dir, const char *name, enum model_file file)
{
    static const char *const endings[] = { [MODEL_WEIGHTS] = "pth", [MODEL_REPORT] = "json" };
    char *path = NULL;
    int len = file == MODEL_CLASSES ? asprintf(&path, "%s/%s/classes.txt", dir, name)
                                    : asprintf(&path, "%s/%s/%s.%s", dir, name, name, endings[file]);
    return len < 0 ? NULL : path;
}

/* What is missing there gets its default, so that a model of unknown make is listed all the same. */
static void read_report(const char *path, struct local_model *model)
{
    char *text = NULL;
    size_t count;
    cJSON *report = NULL;
    if (!fs_read(path, REPORT_MAX, &text, &count, NULL))
        report = cJSON_ParseWithLength(text, count);
    const cJSON *type =
        cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(report, "arguments"), "base_model");
    const cJSON *size = cJSON_GetObjectItemCaseSensitive(report, "image_size");
    if (cJSON_IsString(type) && strlen(type->valuestring) < sizeof model->type)
        snprintf(model->type, sizeof model->type, "%s", type->valuestring);
    model->image_size = cJSON_IsNumber(size) && size->valuedouble > 0 ? size->valueint : IMAGE_SIZE_DEFAULT;
    cJSON_Delete(report);
    free(text);
}

static int read_classes(const char *path, struct local_model *model)
{
    char *text = NULL;
    size_t count;
    int result = 0;
    if (!(model->classes = cJSON_CreateArray()))
        return -1;
    if (fs_read(path, CLASSES_FILE_MAX, &text, &count, NULL))
        return 0;
    char *rest = text, *line;
    while (!result && (line = strsep(&rest, "\n"))) {
        line[strcspn(line, "\r")] = 0;
        if (!*line)
            continue;
        model->classes_bytes += json_string_size(line) + strlen(", ");
        if (!json_append(model->classes, cJSON_CreateString(line)))
            result = -1;
    }
    free(text);
    return result;
}

/* Of the files whose stamps the new model has already. */
static enum model_found read_files(char *const *paths, const struct local_model *known, const char *learned,
                                   const atomic_bool *stop, struct local_model *model, struct err *err)
{
    if (known && fs_stamp_same(&known->stamps[MODEL_WEIGHTS], &model->stamps[MODEL_WEIGHTS]))
        memcpy(model->sha256, known->sha256, sizeof model->sha256);
    else if (learned)
        snprintf(model->sha256, sizeof model->sha256, "%s", learned);
    else if (sha256_file_until(paths[MODEL_WEIGHTS], stop, model->sha256, err))
        return MODEL_UNREADABLE;
    read_report(paths[MODEL_REPORT], model);
    if (!read_classes(paths[MODEL_CLASSES], model))
        return MODEL_FOUND;
    err_set(err, "no memory for model '%s'", model->name);
    return MODEL_FAILED;
}

static bool is_same(const struct local_model *known, const struct local_model *model)
{
    for (int i = 0; i < MODEL_FILES; i++)
        if (!fs_stamp_same(&known->stamps[i], &model->stamps[i]))
            return false;
    return true;
}

enum model_found model_folder_read(const char *dir, const char *name, struct local_model *known, const char *learned,
                                   const atomic_bool *stop, struct local_model **found, struct err *err)
{
    char *paths[MODEL_FILES] = { 0 };
    enum model_found result = MODEL_FAILED;
    struct local_model *model = calloc(1, sizeof *model);
    bool complete = model;
    for (int i = 0; i < MODEL_FILES && complete; i++)
        complete = (paths[i] = path_of(dir, name, i));
    *found = NULL;
    if (!complete) {
        err_set(err, "no memory for model '%s'", name);
        goto out;
    }
    atomic_store(&model->references, 1);
    snprintf(model->name, sizeof model->name, "%s", name);
    if (fs_stamp(paths[MODEL_WEIGHTS], &model->stamps[MODEL_WEIGHTS])) {
        bool is_missing = errno == ENOENT || errno == ENOTDIR;
        if (!is_missing)
            err_set(err, "cannot read '%s': %s", paths[MODEL_WEIGHTS], strerror(errno));
        result = is_missing ? MODEL_MISSING : MODEL_UNREADABLE;
        goto out;
    }
    for (int i = MODEL_WEIGHTS + 1; i < MODEL_FILES; i++)
        if (fs_stamp(paths[i], &model->stamps[i]))
            model->stamps[i] = (struct fs_stamp){ 0 };
    if (known && is_same(known, model)) {
        *found = local_model_hold(known);
        result = MODEL_FOUND;
        goto out;
    }
    result = read_files(paths, known, learned, stop, model, err);
    if (result == MODEL_FOUND) {
        *found = model;
        model = NULL;
    }
out:
    for (int i = 0; i < MODEL_FILES; i++)
        free(paths[i]);
    local_model_drop(model);
    return result;
}

bool model_folder_has(const char *dir, const struct local_model *model)
{
    char *path = path_of(dir, model->name, MODEL_WEIGHTS);
    struct fs_stamp stamp;
    bool has = path && !fs_stamp(path, &stamp) && fs_stamp_same(&stamp, &model->stamps[MODEL_WEIGHTS]);
    free(path);
    return has;
}

int model_folder_list(const char *dir, const struct local_models *known, const atomic_bool *stop,
                      struct local_models *models, struct err *err)
{
    struct fs_list folders = { 0 };
    int result = -1;
    *models = (struct local_models){ 0 };
    if (fs_list_dirs(dir, FOLDERS_MAX, &folders, err))
        return -1;
    if (!(models->items = calloc(folders.count + 1, sizeof *models->items))) {
        err_set(err, "no memory for the models in '%s'", dir);
        goto out;
    }
    for (size_t i = 0; i < folders.count; i++) {
        const char *name = folders.paths[i];
        struct local_model **next = &models->items[models->count];
        struct err why = ERR_INIT;
        if (!name_is_valid(name))
            continue;
        enum model_found got = model_folder_read(dir, name, local_models_find(known, name), NULL, stop, next, &why);
        if (stop && atomic_load(stop)) {
            local_model_drop(*next);
            err_set(err, "stopped");
            goto out;
        }
        switch (got) {
        case MODEL_FOUND: models->count++; break;
        case MODEL_MISSING: break;
        case MODEL_UNREADABLE: log_warn("model '%s' is passed over: %s", name, why.text); break;
        case MODEL_FAILED: err_set(err, "%s", why.text); goto out;
        }
    }
    result = 0;
out:
    if (result)
        local_models_release(models);
    fs_list_release(&folders);
    return result;
}

/* Changing */

int model_folder_remove(const char *dir, const char *name, const char *sha256, struct local_model *known,
                        const atomic_bool *stop, struct model_left *left, struct err *err)
{
    struct local_model *model;
    struct err why = ERR_INIT;
    char *checkpoints = NULL;
    *left = (struct model_left){ 0 };
    if (!name_is_valid(name))
        return err_set(err, "'%s' is no name of a model", name);
    enum model_found found = model_folder_read(dir, name, known, NULL, stop, &model, &why);
    *left = (struct model_left){ found != MODEL_FAILED, model };
    if (model && sha256 && strcmp(model->sha256, sha256))
        return 0;
    /* One that cannot be read may be another. */
    if (found == MODEL_FAILED || (found == MODEL_UNREADABLE && sha256))
        return err_set(err, "%s", why.text);
    if (found != MODEL_MISSING && fs_replace_remove(dir, name, err)) {
        left->is_known = model_folder_read(dir, name, model, NULL, stop, &left->model, NULL) != MODEL_FAILED;
        local_model_drop(model);
        return -1;
    }
    left->model = NULL;
    local_model_drop(model);
    if (asprintf(&checkpoints, "%s/" CHECKPOINTS "/%s", dir, name) < 0)
        return err_set(err, "no memory to remove the checkpoint of '%s'", name);
    int result = fs_remove_tree(checkpoints, err);
    free(checkpoints);
    return result;
}

/* What trainings that died left half written among the checkpoints of that name (NULL: any). */
static void remove_temporaries(const char *dir, const char *name)
{
    struct fs_list folders = { 0 };
    char *checkpoints = fs_join(dir, CHECKPOINTS);
    if (checkpoints)
        fs_list_dirs(checkpoints, FOLDERS_MAX, &folders, NULL);
    for (size_t i = 0; i < folders.count; i++) {
        char *folder = !name || !strcmp(name, folders.paths[i]) ? fs_join(checkpoints, folders.paths[i]) : NULL;
        if (folder)
            fs_remove_temporaries(folder);
        free(folder);
    }
    fs_list_release(&folders);
    free(checkpoints);
}

void model_folder_recover(const char *dir, const char *name)
{
    struct err err = ERR_INIT;
    if (fs_replace_recover(dir, name, &err))
        log_warn("%s", err.text);
    remove_temporaries(dir, name);
}
