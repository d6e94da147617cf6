/* See dataset_kind.h. */
#include "dataset_kind.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/base/dataset_tree.h"
#include "dcls/base/utf8.h"

#define DONE_BETWEEN 64 /* samples between two words about progress */

static int check_class_name(const char *name, struct err *err)
{
    if (!name[0])
        return err_set(err, "a class has an empty name");
    for (const unsigned char *c = (const unsigned char *)name; *c; c++)
        if (*c < ' ' || *c == 0x7f)
            return err_set(err, "the class name '%s' has a control character", name);
    return utf8_is_valid(name) ? 0 : err_set(err, "the class name '%s' is not UTF-8", name);
}

int dataset_add_class(struct dataset *dataset, const char *name, size_t length, struct err *err)
{
    if (dataset->class_count >= DATASET_CLASSES_MAX)
        return err_set(err, "there are more than %d classes", DATASET_CLASSES_MAX);
    char *copy = strndup(name, length);
    char **classes = realloc(dataset->classes, ((size_t)dataset->class_count + 1) * sizeof(*classes));
    if (classes)
        dataset->classes = classes;
    if (!copy || !classes) {
        free(copy);
        return err_set(err, "no memory for a dataset");
    }
    dataset->classes[dataset->class_count++] = copy;
    return check_class_name(copy, err);
}

int dataset_note(struct dataset *dataset, const char *name, int64_t size, struct err *err)
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%lld", (long long)size);
    if (sha256_update(dataset->listing, name, strlen(name) + 1) ||
        sha256_update(dataset->listing, digits, (size_t)length + 1))
        return err_set(err, "no memory for a dataset");
    return 0;
}

int dataset_go_on(const struct dataset *dataset, const char *what, size_t done, size_t total, struct err *err)
{
    const struct dataset_options *options = &dataset->options;
    if (done % DONE_BETWEEN && done < total)
        return 0;
    if (options->progress)
        options->progress(options->arg, what, done, total);
    return options->cancelled && options->cancelled(options->arg) ? err_set(err, "cancelled") : 0;
}
