/* Model folders: staging folders that replace a model in one step, and the reading of what one says of itself. */
#include "model_dir.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nn/graph/net.h"
#include "report.h"

#define CLASSES_FILE_MAX (1024 * 1024)
#define IMAGE_SIZE_DEFAULT 224 /* of reports that do not say */

int model_staging_init(struct model_staging *staging, const char *models_dir, const char *name, struct err *err)
{
    *staging = (struct model_staging){ 0 };
    if (fs_make_dirs(models_dir, err))
        return -1;
    char *pattern = NULL;
    staging->models_dir = strdup(models_dir);
    staging->name = strdup(name);
    /* The dot keeps half-written models out of every listing. */
    if (!staging->models_dir || !staging->name || asprintf(&pattern, "%s/.%s.XXXXXX", models_dir, name) < 0)
        return err_set(err, "no memory for model '%s'", name);
    if (!mkdtemp(pattern)) {
        err_set(err, "cannot make a folder in '%s': %s", models_dir, strerror(errno));
        free(pattern);
        return -1;
    }
    staging->dir = pattern;
    return 0;
}

char *model_staging_path(const struct model_staging *staging, const char *file, const char *ending)
{
    char *path = NULL;
    int length =
        ending ? asprintf(&path, "%s/%s.%s", staging->dir, file, ending) : asprintf(&path, "%s/%s", staging->dir, file);
    return length < 0 ? NULL : path;
}

static int sync_dir(const char *path, struct err *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_set(err, "cannot open '%s': %s", path, strerror(errno));
    int result = fsync(fd);
    if (result < 0)
        err_set(err, "cannot sync '%s': %s", path, strerror(errno));
    close(fd);
    return result;
}

int model_staging_commit(struct model_staging *staging, struct err *err)
{
    int result = -1;
    char *target = fs_join(staging->models_dir, staging->name);
    if (!target) {
        err_set(err, "no memory for model '%s'", staging->name);
        goto out;
    }
    if (sync_dir(staging->dir, err))
        goto out;
    if (renameat2(AT_FDCWD, staging->dir, AT_FDCWD, target, RENAME_EXCHANGE) == 0) {
        /* staging->dir now holds the model that was replaced; release removes it. */
    } else if (errno == ENOENT && rename(staging->dir, target) == 0) {
        free(staging->dir);
        staging->dir = NULL;
    } else {
        err_set(err, "cannot put model '%s' in place: %s", staging->name, strerror(errno));
        goto out;
    }
    result = sync_dir(staging->models_dir, err);
out:
    free(target);
    return result;
}

void model_staging_release(struct model_staging *staging)
{
    if (staging->dir)
        fs_remove_tree(staging->dir, NULL);
    free(staging->dir);
    free(staging->models_dir);
    free(staging->name);
    *staging = (struct model_staging){ 0 };
}

static int read_report(struct model_card *card, const char *path, struct err *err)
{
    char *text = NULL;
    size_t count;
    if (fs_read(path, REPORT_MAX, &text, &count, err))
        return -1;
    int result = -1;
    cJSON *report = cJSON_ParseWithLength(text, count);
    const cJSON *type =
        cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(report, "arguments"), "base_model");
    const cJSON *size = cJSON_GetObjectItemCaseSensitive(report, "image_size");
    if (!cJSON_IsString(type)) {
        err_set(err, "'%s' is no training report: it names no base_model", path);
        goto out;
    }
    card->image_size = IMAGE_SIZE_DEFAULT;
    if (size) {
        if (!cJSON_IsNumber(size) || size->valuedouble < 1 || size->valuedouble > 4096) {
            err_set(err, "'%s' has an image_size that is not from 1 to 4096", path);
            goto out;
        }
        card->image_size = size->valueint;
    }
    card->type = strdup(type->valuestring);
    result = card->type ? 0 : err_set(err, "no memory for '%s'", path);
out:
    cJSON_Delete(report);
    free(text);
    return result;
}

static int read_classes(struct model_card *card, const char *path, struct err *err)
{
    char *text = NULL;
    size_t count;
    if (fs_read(path, CLASSES_FILE_MAX, &text, &count, err))
        return -1;
    int result = -1;
    card->classes = calloc(NET_CLASSES_MAX, sizeof *card->classes);
    if (!card->classes) {
        err_set(err, "no memory for '%s'", path);
        goto out;
    }
    char *rest = text, *line;
    while ((line = strsep(&rest, "\n"))) {
        line[strcspn(line, "\r")] = 0;
        if (!*line)
            continue;
        if (card->class_count == NET_CLASSES_MAX) {
            err_set(err, "'%s' names more than %d classes", path, NET_CLASSES_MAX);
            goto out;
        }
        if (!(card->classes[card->class_count] = strdup(line))) {
            err_set(err, "no memory for '%s'", path);
            goto out;
        }
        card->class_count++;
    }
    result = card->class_count ? 0 : err_set(err, "'%s' names no class", path);
out:
    free(text);
    return result;
}

int model_card_read(struct model_card *card, const char *dir, const char *name, struct err *err)
{
    *card = (struct model_card){ 0 };
    char *report = NULL, *classes = fs_join(dir, "classes.txt");
    int result = -1;
    if (asprintf(&report, "%s/%s.json", dir, name) < 0)
        report = NULL;
    if (!report || !classes)
        err_set(err, "no memory for model '%s'", name);
    else if (!read_report(card, report, err) && !read_classes(card, classes, err))
        result = 0;
    free(report);
    free(classes);
    return result;
}

void model_card_release(struct model_card *card)
{
    for (int i = 0; i < card->class_count; i++)
        free(card->classes[i]);
    free(card->classes);
    free(card->type);
    *card = (struct model_card){ 0 };
}
