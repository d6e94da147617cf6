/* See dataset_kind.h. */
#include "dataset_kind.h"

#include <stdlib.h>
#include <string.h>

static int check_class_name(const char *name, struct err *err)
{
    if (!name[0])
        return err_set(err, "a class has an empty name");
    for (const unsigned char *c = (const unsigned char *)name; *c; c++)
        if (*c < ' ' || *c == 0x7f)
            return err_set(err, "the class name '%s' has a control character", name);
    return 0;
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
