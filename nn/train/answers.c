/* See answers.h. Where there are more images than room, the list is a heap whose first is worth the least. */
#include "answers.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/data/dataset.h"

#define PATH_SHOWN_MAX 255 /* bytes: 100,000 rows fit the file's bound */

int answers_init(struct answers *answers, int classes, size_t images, struct err *err)
{
    *answers =
        (struct answers){ .classes = classes, .images = images, .max = images < ANSWERS_MAX ? images : ANSWERS_MAX };
    answers->list = calloc(answers->max + 1, sizeof *answers->list);
    return answers->list ? 0 : err_set(err, "no memory for the answers on %zu images", images);
}

void answers_release(struct answers *answers)
{
    free(answers->list);
    *answers = (struct answers){ 0 };
}

void answers_clear(struct answers *answers)
{
    answers->seen = answers->count = 0;
}

/* The wrong ones are worth more than the right, the sure ones more than the others, then the first ones. */
static bool is_worth_less(const struct answer *a, const struct answer *b)
{
    bool a_right = a->classes[0] == a->label, b_right = b->classes[0] == b->label;
    if (a_right != b_right)
        return a_right;
    if (a->probabilities[0] != b->probabilities[0])
        return a->probabilities[0] < b->probabilities[0];
    return a->index > b->index;
}

static void swap(struct answer *a, struct answer *b)
{
    struct answer kept = *a;
    *a = *b;
    *b = kept;
}

static void rise(struct answers *answers, size_t at)
{
    for (size_t above; at; at = above) {
        above = (at - 1) / 2;
        if (!is_worth_less(&answers->list[at], &answers->list[above]))
            return;
        swap(&answers->list[at], &answers->list[above]);
    }
}

static void sink(struct answers *answers)
{
    for (size_t at = 0, least;; at = least) {
        least = at;
        for (size_t below = 2 * at + 1; below <= 2 * at + 2; below++)
            if (below < answers->count && is_worth_less(&answers->list[below], &answers->list[least]))
                least = below;
        if (least == at)
            return;
        swap(&answers->list[at], &answers->list[least]);
    }
}

/* The three highest of a row of logits, the first of equal ones first, and their shares of the softmax. */
static void fill(struct answer *answer, const float *row, int classes)
{
    int kept = 0;
    for (int c = 0; c < classes; c++) {
        int at = kept < ANSWERS_TOP ? kept++ : ANSWERS_TOP;
        for (; at && row[c] > row[answer->classes[at - 1]]; at--)
            if (at < ANSWERS_TOP)
                answer->classes[at] = answer->classes[at - 1];
        if (at < ANSWERS_TOP)
            answer->classes[at] = c;
    }
    double sum = 0, highest = row[answer->classes[0]];
    for (int c = 0; c < classes; c++)
        sum += exp(row[c] - highest);
    for (int i = 0; i < kept; i++)
        answer->probabilities[i] = (float)(exp(row[answer->classes[i]] - highest) / sum);
}

void answers_add(struct answers *answers, const float *logits, const int *labels, int n)
{
    for (size_t i = 0; i < (size_t)n; i++) {
        struct answer answer = { .index = (int32_t)answers->seen++, .label = labels[i] };
        fill(&answer, logits + i * (size_t)answers->classes, answers->classes);
        if (answers->count < answers->max) {
            answers->list[answers->count] = answer;
            rise(answers, answers->count++);
        } else if (is_worth_less(&answers->list[0], &answer)) {
            answers->list[0] = answer;
            sink(answers);
        }
    }
}

static int by_index(const void *left, const void *right)
{
    const struct answer *a = left, *b = right;
    return (a->index > b->index) - (a->index < b->index);
}

void answers_sort(struct answers *answers)
{
    qsort(answers->list, answers->count, sizeof *answers->list, by_index);
}

bool answers_are_valid(const struct answers *answers)
{
    for (size_t i = 0; i < answers->count; i++) {
        const struct answer *answer = &answers->list[i];
        bool valid = answer->index >= 0 && (size_t)answer->index < answers->images && answer->label >= 0 &&
                     answer->label < answers->classes;
        for (int t = 0; t < ANSWERS_TOP && valid; t++)
            valid = answer->classes[t] >= 0 && answer->classes[t] < answers->classes && answer->probabilities[t] >= 0 &&
                    answer->probabilities[t] <= 1;
        if (!valid)
            return false;
    }
    return true;
}

static int put_text(const char *text, struct buf *out)
{
    cJSON *string = cJSON_CreateStringReference(text);
    char *quoted = cJSON_PrintUnformatted(string);
    int failed = quoted ? buf_puts(out, quoted) : -1;
    free(quoted);
    cJSON_Delete(string);
    return failed;
}

static int write_head(const struct answers *answers, const char *model, const struct dataset *dataset, struct buf *out)
{
    size_t first = 0;
    bool held = answers->count && dataset_origin(dataset, &first) == SPLIT_TRAIN;
    if (buf_puts(out, "{\"model\": ") || put_text(model, out) ||
        buf_printf(out, ", \"split\": \"%s\", \"fingerprint\": \"%s\", \"classes\": [", held ? "train" : "test",
                   dataset_fingerprint(dataset)))
        return -1;
    for (int c = 0; c < answers->classes; c++)
        if ((c && buf_puts(out, ", ")) || put_text(dataset_class(dataset, c), out))
            return -1;
    return buf_printf(out, "], \"count\": %zu, \"left_out\": %zu, \"answers\": [", answers->count,
                      answers->images - answers->count);
}

static int write_row(const struct answer *answer, int top, const struct dataset *dataset, struct buf *out)
{
    size_t index = (size_t)answer->index;
    char *path = dataset_path(dataset, SPLIT_TEST, index);
    dataset_origin(dataset, &index);
    int failed = buf_printf(out, "\n[%zu,%d,[", index, answer->label);
    for (int i = 0; i < top && !failed; i++)
        failed = buf_printf(out, "%s%d", i ? "," : "", answer->classes[i]);
    failed = failed || buf_puts(out, "],[");
    for (int i = 0; i < top && !failed; i++)
        failed = buf_printf(out, "%s%.6g", i ? "," : "", answer->probabilities[i]);
    failed = failed || buf_puts(out, "]");
    if (path && strlen(path) <= PATH_SHOWN_MAX)
        failed = failed || buf_puts(out, ",") || put_text(path, out);
    free(path);
    if (failed)
        return -1;
    return buf_puts(out, "]");
}

int answers_write(const struct answers *answers, const char *model, const struct dataset *dataset, struct buf *out,
                  struct err *err)
{
    int top = answers->classes < ANSWERS_TOP ? answers->classes : ANSWERS_TOP;
    int failed = write_head(answers, model, dataset, out);
    for (size_t i = 0; i < answers->count && !failed; i++)
        failed = (i && buf_puts(out, ",")) || write_row(&answers->list[i], top, dataset, out);
    if (failed || buf_puts(out, "]}\n"))
        return err_set(err, "no memory for the answers of '%s'", model);
    return 0;
}
