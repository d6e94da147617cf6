/* See model_card.h. What is missing or no such thing is named with its file. */
#include "model_card.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/base/fs.h"
#include "nn/graph/net.h"
#include "report.h"

#define CLASSES_FILE_MAX (1024 * 1024)
#define IMAGE_SIZE_DEFAULT 224 /* of reports that do not say */

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
