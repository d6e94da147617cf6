/* The request `answers`: a page of what a model answered on the test images, out of the file beside its report, which
 * is checked as if a stranger had written it. */
#include "answers.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/base/answers_file.h"
#include "dcls/base/fs.h"
#include "dcls/nn/dataset_view.h"
#include "dcls/proto/json.h"

#define LIMIT_MAX 1000
#define OFFSET_MAX 1000000000
#define PAGE_BYTES 600000 /* a page of long names ends earlier */

/* A row that is wanted, its texts those of the file. */
struct answer_row {
    const cJSON *row;
    double sure;
    int index;
};

struct answers_file {
    cJSON *json;
    const cJSON *split, *fingerprint, *rows;
    const char **classes;
    int class_count;
};

static cJSON *read_json(int fd, struct err *err)
{
    char *text;
    size_t size;
    if (fs_read_open(fd, "the file of answers", ANSWERS_FILE_MAX, &text, &size, err))
        return NULL;
    cJSON *json = json_parse(text, size, err);
    free(text);
    return json;
}

static int file_open(struct answers_file *file, int fd, struct err *err)
{
    *file = (struct answers_file){ .json = read_json(fd, err) };
    if (!file->json)
        return -1;
    const cJSON *classes = cJSON_GetObjectItemCaseSensitive(file->json, "classes"), *class;
    file->split = cJSON_GetObjectItemCaseSensitive(file->json, "split");
    file->fingerprint = cJSON_GetObjectItemCaseSensitive(file->json, "fingerprint");
    file->rows = cJSON_GetObjectItemCaseSensitive(file->json, "answers");
    if (!cJSON_IsString(file->split) || !cJSON_IsString(file->fingerprint) || !cJSON_IsArray(file->rows) ||
        !cJSON_IsArray(classes))
        return err_set(err, "the file of answers is damaged");
    if (!(file->classes = calloc((size_t)cJSON_GetArraySize(classes) + 1, sizeof *file->classes)))
        return err_set(err, "no memory for the answers");
    cJSON_ArrayForEach(class, classes)
    {
        if (!cJSON_IsString(class))
            return err_set(err, "the file of answers is damaged");
        file->classes[file->class_count++] = class->valuestring;
    }
    return 0;
}

static void file_release(struct answers_file *file)
{
    free(file->classes);
    cJSON_Delete(file->json);
}

/* The name of the class that a number of the file stands for; NULL: none. */
static const char *class_of(const struct answers_file *file, const cJSON *number)
{
    bool valid = cJSON_IsNumber(number) && number->valuedouble >= 0 && number->valuedouble < file->class_count;
    return valid ? file->classes[number->valueint] : NULL;
}

/* False: it is no row, or not one that is wanted. */
static bool take_row(const struct answers_file *file, const struct request *request, const cJSON *row,
                     struct answer_row *out)
{
    const char *label = json_text(request->json, "label"), *predicted = json_text(request->json, "predicted");
    bool wrong = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(request->json, "wrong"));
    const cJSON *index = cJSON_GetArrayItem(row, ANSWERS_INDEX);
    const cJSON *probability = cJSON_GetArrayItem(cJSON_GetArrayItem(row, ANSWERS_PROBABILITIES), 0);
    const char *is = class_of(file, cJSON_GetArrayItem(row, ANSWERS_LABEL));
    const char *seen = class_of(file, cJSON_GetArrayItem(cJSON_GetArrayItem(row, ANSWERS_CLASSES), 0));
    if (!is || !seen || !cJSON_IsNumber(index) || !cJSON_IsNumber(probability))
        return false;
    *out = (struct answer_row){ row, probability->valuedouble, index->valueint };
    return (!label || !strcmp(label, is)) && (!predicted || !strcmp(predicted, seen)) && (!wrong || strcmp(is, seen));
}

static int surest_first(const void *left, const void *right)
{
    const struct answer_row *a = left, *b = right;
    if (a->sure != b->sure)
        return a->sure < b->sure ? 1 : -1;
    return (a->index > b->index) - (a->index < b->index);
}

/* {"index", "path", "label", "predicted", "top"}; NULL where memory lacks. */
static cJSON *row_json(const struct answers_file *file, const struct answer_row *wanted, bool with_path)
{
    const cJSON *classes = cJSON_GetArrayItem(wanted->row, ANSWERS_CLASSES), *class;
    const cJSON *probability = cJSON_GetArrayItem(cJSON_GetArrayItem(wanted->row, ANSWERS_PROBABILITIES), 0);
    const cJSON *path = cJSON_GetArrayItem(wanted->row, ANSWERS_PATH);
    cJSON *object = cJSON_CreateObject(), *top = NULL;
    bool whole =
        cJSON_AddNumberToObject(object, "index", wanted->index) &&
        (!with_path || !cJSON_IsString(path) || cJSON_AddStringToObject(object, "path", path->valuestring)) &&
        cJSON_AddStringToObject(object, "label", class_of(file, cJSON_GetArrayItem(wanted->row, ANSWERS_LABEL))) &&
        cJSON_AddStringToObject(object, "predicted", class_of(file, cJSON_GetArrayItem(classes, 0))) &&
        (top = cJSON_AddArrayToObject(object, "top"));
    cJSON_ArrayForEach(class, classes)
    {
        const char *name = class_of(file, class);
        if (!whole || !name || !cJSON_IsNumber(probability))
            break;
        cJSON *pair = cJSON_CreateArray();
        whole = json_append(top, pair) && json_append(pair, cJSON_CreateString(name)) &&
                json_append(pair, cJSON_CreateNumber(probability->valuedouble));
        probability = probability->next;
    }
    if (whole)
        return object;
    cJSON_Delete(object);
    return NULL;
}

/* About how many bytes a row's texts take in an answer. */
static size_t row_bytes(const struct answers_file *file, const struct answer_row *wanted)
{
    const cJSON *path = cJSON_GetArrayItem(wanted->row, ANSWERS_PATH), *class;
    size_t bytes = 200 + (cJSON_IsString(path) ? strlen(path->valuestring) : 0);
    cJSON_ArrayForEach(class, cJSON_GetArrayItem(wanted->row, ANSWERS_CLASSES))
    {
        const char *name = class_of(file, class);
        bytes += name ? 2 * strlen(name) : 0;
    }
    return bytes;
}

static int add_page(const struct answers_file *file, const struct request *request, const struct answer_row *rows,
                    int count, cJSON *answer, struct err *err)
{
    int limit, offset;
    bool with_paths = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(request->json, "paths"));
    cJSON *list = cJSON_AddArrayToObject(answer, "answers");
    size_t bytes = 0;
    if (request_integer(request, "limit", 1, LIMIT_MAX, &limit, err) ||
        request_integer(request, "offset", 0, OFFSET_MAX, &offset, err))
        return -1;
    for (int i = offset; i < count && i - offset < limit; i++) {
        bytes += row_bytes(file, &rows[i]);
        if (bytes > PAGE_BYTES && i > offset)
            break;
        if (!json_append(list, row_json(file, &rows[i], with_paths)))
            return err_set(err, "no memory for the answers");
    }
    return 0;
}

/* Whether the images are others now, or cannot be looked at. */
static bool is_stale(const struct answers_file *file, const struct request *request)
{
    const char *dir = json_text(request->json, "dir");
    if (!dir || dataset_view_open(request->view, dir, true, NULL))
        return true;
    return strcmp(dataset_view_fingerprint(request->view), file->fingerprint->valuestring);
}

int request_answers(const struct request *request, cJSON *answer, struct err *err)
{
    struct answers_file file;
    struct answer_row *rows = NULL;
    const cJSON *row;
    int count = 0, status = -1;
    if (file_open(&file, request->files[0], err))
        goto out;
    if (!(rows = calloc(ANSWERS_MAX, sizeof *rows))) {
        err_set(err, "no memory for the answers");
        goto out;
    }
    cJSON_ArrayForEach(row, file.rows)
    {
        if (count == ANSWERS_MAX)
            break;
        count += take_row(&file, request, row, &rows[count]);
    }
    qsort(rows, (size_t)count, sizeof *rows, surest_first);
    if (!cJSON_AddStringToObject(answer, "split", file.split->valuestring) ||
        !cJSON_AddNumberToObject(answer, "count", count) ||
        !cJSON_AddNumberToObject(answer, "leftOut", json_number(file.json, "left_out", 0)) ||
        !cJSON_AddBoolToObject(answer, "stale", is_stale(&file, request)) ||
        !cJSON_AddStringToObject(answer, "fingerprint", file.fingerprint->valuestring))
        err_set(err, "no memory for the answers");
    else
        status = add_page(&file, request, rows, count, answer, err);
out:
    free(rows);
    file_release(&file);
    return status;
}
