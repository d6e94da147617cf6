/* Scans the folder of models. */
#include "model_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/base/fs.h"
#include "dcls/base/fs_replace.h"
#include "dcls/base/log.h"
#include "dcls/base/sha256.h"
#include "dcls/proto/name.h"

#define MODELS_MAX 1000
#define REPORT_MAX (16 * 1024 * 1024)
#define CLASSES_FILE_MAX (1024 * 1024)
#define CLASSES_TOLD_MAX (512 * 1024) /* bytes of class names in one modelInfo, which must fit a message */
#define IMAGE_SIZE_DEFAULT 224        /* of reports that do not say */
#define CHECKPOINTS ".checkpoints"    /* where trainings keep what they may go on from, a folder a model */

struct model_store_model {
    char name[NAME_SIZE];
    char sha256[SHA256_HEX_SIZE];
    struct fs_stamp stamp; /* of the .pth that has this digest */
    char *type;            /* "" where the report does not say */
    int image_size;
    cJSON *classes; /* array of strings */
    size_t classes_bytes;
};

struct model_store {
    char *dir;
    struct model_store_model models[MODELS_MAX];
    size_t count;
    /* what model_store_learn was told, for the next scan */
    char learned_name[NAME_SIZE], learned_sha256[SHA256_HEX_SIZE];
};

struct model_store *model_store_open(const char *dir, struct err *err)
{
    struct model_store *model_store = calloc(1, sizeof *model_store);
    if (!model_store || !(model_store->dir = strdup(dir))) {
        err_set(err, "no memory for the models in '%s'", dir);
        model_store_close(model_store);
        return NULL;
    }
    if (fs_make_dirs(dir, err)) {
        model_store_close(model_store);
        return NULL;
    }
    model_store_recover(model_store, NULL);
    if (model_store_scan(model_store, err)) {
        model_store_close(model_store);
        return NULL;
    }
    return model_store;
}

static void model_release(struct model_store_model *model)
{
    free(model->type);
    cJSON_Delete(model->classes);
    *model = (struct model_store_model){ 0 };
}

void model_store_close(struct model_store *model_store)
{
    if (!model_store)
        return;
    for (size_t i = 0; i < model_store->count; i++)
        model_release(&model_store->models[i]);
    free(model_store->dir);
    free(model_store);
}

char *model_store_path(const struct model_store *model_store, const char *name, const char *ending)
{
    char *path = NULL;
    return asprintf(&path, "%s/%s/%s.%s", model_store->dir, name, name, ending) < 0 ? NULL : path;
}

static struct model_store_model *find(const struct model_store *model_store, const char *name)
{
    for (size_t i = 0; i < model_store->count; i++)
        if (!strcmp(model_store->models[i].name, name))
            return (struct model_store_model *)&model_store->models[i];
    return NULL;
}

/* From the report: what is missing there gets its default, so that a model of unknown make is listed all the same. */
static int read_report(const struct model_store *model_store, struct model_store_model *model)
{
    char *path = model_store_path(model_store, model->name, "json"), *text = NULL;
    size_t count;
    cJSON *report = NULL;
    if (path && !fs_read(path, REPORT_MAX, &text, &count, NULL))
        report = cJSON_ParseWithLength(text, count);
    const cJSON *type =
        cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(report, "arguments"), "base_model");
    const cJSON *size = cJSON_GetObjectItemCaseSensitive(report, "image_size");
    model->type = strdup(cJSON_IsString(type) ? type->valuestring : "");
    model->image_size = cJSON_IsNumber(size) && size->valuedouble > 0 ? size->valueint : IMAGE_SIZE_DEFAULT;
    cJSON_Delete(report);
    free(text);
    free(path);
    return model->type ? 0 : -1;
}

static int read_classes(const struct model_store *model_store, struct model_store_model *model)
{
    char *path = NULL, *text = NULL;
    size_t count;
    if (!(model->classes = cJSON_CreateArray()) ||
        asprintf(&path, "%s/%s/classes.txt", model_store->dir, model->name) < 0)
        return -1;
    if (!fs_read(path, CLASSES_FILE_MAX, &text, &count, NULL)) {
        char *rest = text, *line;
        while ((line = strsep(&rest, "\n"))) {
            line[strcspn(line, "\r")] = 0;
            if (!*line)
                continue;
            cJSON_AddItemToArray(model->classes, cJSON_CreateString(line));
            model->classes_bytes += strlen(line) + 4;
        }
    }
    free(text);
    free(path);
    return 0;
}

/* 0: read; 1: no model or one that vanished; -1: memory lacks */
static int read_model(const struct model_store *model_store, const char *name, struct model_store_model *model)
{
    *model = (struct model_store_model){ 0 };
    struct err err = ERR_INIT;
    char *path = model_store_path(model_store, name, "pth");
    if (!path)
        return -1;
    int result = 1;
    if (fs_stamp(path, &model->stamp))
        goto out;
    snprintf(model->name, sizeof model->name, "%s", name);
    const struct model_store_model *known = find(model_store, name);
    if (known && fs_stamp_same(&known->stamp, &model->stamp))
        memcpy(model->sha256, known->sha256, sizeof model->sha256);
    else if (!strcmp(model_store->learned_name, name))
        memcpy(model->sha256, model_store->learned_sha256, sizeof model->sha256);
    else if (sha256_file(path, model->sha256, &err)) {
        log_warn("model '%s' is passed over: %s", name, err.text);
        goto out;
    }
    result = read_report(model_store, model);
    if (!result)
        result = read_classes(model_store, model);
out:
    if (result)
        model_release(model);
    free(path);
    return result;
}

int model_store_scan(struct model_store *model_store, struct err *err)
{
    struct fs_list dirs = { 0 };
    struct model_store_model *models = NULL;
    size_t count = 0;
    int result = -1;
    if (fs_list_dirs(model_store->dir, 10 * MODELS_MAX, &dirs, err))
        return -1;
    if (!(models = calloc(MODELS_MAX, sizeof *models))) {
        err_set(err, "no memory for the models in '%s'", model_store->dir);
        goto out;
    }
    for (size_t i = 0; i < dirs.count && count < MODELS_MAX; i++) {
        if (!name_is_valid(dirs.paths[i]))
            continue;
        int got = read_model(model_store, dirs.paths[i], &models[count]);
        if (got < 0) {
            err_set(err, "no memory for the models in '%s'", model_store->dir);
            goto out;
        }
        count += got == 0;
    }
    for (size_t i = 0; i < model_store->count; i++)
        model_release(&model_store->models[i]);
    memcpy(model_store->models, models, count * sizeof *models);
    model_store->count = count;
    model_store->learned_name[0] = 0;
    count = 0; /* they are the store's now */
    result = 0;
out:
    for (size_t i = 0; models && i < count; i++)
        model_release(&models[i]);
    free(models);
    fs_list_release(&dirs);
    return result;
}

const char *model_store_sha256(const struct model_store *model_store, const char *name)
{
    const struct model_store_model *model = find(model_store, name);
    return model ? model->sha256 : NULL;
}

const char *model_store_require(struct model_store *model_store, const char *name, const char *sha256, const char *node,
                                struct err *err)
{
    const char *found = model_store_sha256(model_store, name);
    /* A model may have been put into the folder by hand since the last look. */
    if (!found && model_store_scan(model_store, err))
        return NULL;
    if (!found)
        found = model_store_sha256(model_store, name);
    if (!found)
        err_set(err, "model '%s' not found on node '%s'", name, node);
    else if (sha256 && strcmp(sha256, found))
        err_set(err, "node '%s' has another model '%s'", node, name);
    else
        return found;
    return NULL;
}

void model_store_learn(struct model_store *model_store, const cJSON *info)
{
    const cJSON *name = cJSON_GetObjectItemCaseSensitive(info, "name");
    const cJSON *sha256 = cJSON_GetObjectItemCaseSensitive(info, "sha256");
    if (!cJSON_IsString(name) || !name_is_valid(name->valuestring) || !cJSON_IsString(sha256) ||
        !sha256_is_hex(sha256->valuestring))
        return;
    snprintf(model_store->learned_name, sizeof model_store->learned_name, "%s", name->valuestring);
    snprintf(model_store->learned_sha256, sizeof model_store->learned_sha256, "%s", sha256->valuestring);
}

int model_store_names(const struct model_store *model_store, struct strings *out)
{
    for (size_t i = 0; i < model_store->count; i++)
        if (strings_add(out, model_store->models[i].name))
            return -1;
    return 0;
}

static cJSON *model_info(const struct model_store_model *model, bool with_classes)
{
    cJSON *object = cJSON_CreateObject();
    cJSON *classes = with_classes ? cJSON_Duplicate(model->classes, true) : cJSON_CreateArray();
    bool complete = cJSON_AddStringToObject(object, "name", model->name) &&
                    cJSON_AddStringToObject(object, "sha256", model->sha256) &&
                    cJSON_AddStringToObject(object, "type", model->type) &&
                    cJSON_AddItemToObject(object, "classes", classes);
    if (!complete)
        cJSON_Delete(classes);
    else if (cJSON_AddNumberToObject(object, "imageSize", model->image_size) &&
             cJSON_AddNumberToObject(object, "bytes", (double)model->stamp.size))
        return object;
    cJSON_Delete(object);
    return NULL;
}

cJSON *model_store_entry(const struct model_store *model_store, const char *name, size_t classes_max)
{
    const struct model_store_model *model = find(model_store, name);
    return model ? model_info(model, model->classes_bytes <= classes_max) : NULL;
}

cJSON *model_store_info(const struct model_store *model_store)
{
    cJSON *list = cJSON_CreateArray();
    size_t bytes = 0;
    for (size_t i = 0; list && i < model_store->count; i++) {
        const struct model_store_model *model = &model_store->models[i];
        bool fits = bytes + model->classes_bytes <= CLASSES_TOLD_MAX;
        if (fits)
            bytes += model->classes_bytes;
        cJSON *info = model_info(model, fits);
        if (!cJSON_AddItemToArray(list, info)) {
            cJSON_Delete(info);
            cJSON_Delete(list);
            list = NULL;
        }
    }
    return list;
}

/* What trainings that died left half written among the checkpoints of that name (NULL: any). */
static void remove_temporaries(const char *dir, const char *name)
{
    struct fs_list folders = { 0 };
    char *checkpoints = fs_join(dir, CHECKPOINTS);
    if (checkpoints)
        fs_list_dirs(checkpoints, 10 * MODELS_MAX, &folders, NULL);
    for (size_t i = 0; i < folders.count; i++) {
        char *folder = !name || !strcmp(name, folders.paths[i]) ? fs_join(checkpoints, folders.paths[i]) : NULL;
        if (folder)
            fs_remove_temporaries(folder);
        free(folder);
    }
    fs_list_release(&folders);
    free(checkpoints);
}

void model_store_recover(const struct model_store *model_store, const char *name)
{
    struct err err = ERR_INIT;
    if (fs_replace_recover(model_store->dir, name, &err))
        log_warn("%s", err.text);
    remove_temporaries(model_store->dir, name);
}

int model_store_remove(struct model_store *model_store, const char *name, const char *sha256, struct err *err)
{
    char *checkpoints = NULL;
    if (!name_is_valid(name))
        return err_set(err, "'%s' is no name of a model", name);
    if (model_store_scan(model_store, err))
        return -1;
    const struct model_store_model *model = find(model_store, name);
    if (model && sha256 && strcmp(model->sha256, sha256))
        return 0;
    if (asprintf(&checkpoints, "%s/" CHECKPOINTS "/%s", model_store->dir, name) < 0)
        return err_set(err, "no memory to remove model '%s'", name);
    int result = fs_remove_tree(checkpoints, err);
    if (!result && model)
        result = fs_replace_remove(model_store->dir, name, err);
    free(checkpoints);
    return model_store_scan(model_store, result ? NULL : err) ? -1 : result;
}
