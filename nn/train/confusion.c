/* See confusion.h. */
#include "confusion.h"

#include <stdlib.h>
#include <string.h>

#include "nn/graph/loss.h"

int confusion_init(struct confusion *confusion, int classes, struct err *err)
{
    size_t count = (size_t)classes, pairs = classes <= CONFUSION_CLASSES_MAX ? count * count : 0;
    int64_t *counts = calloc(3 * count + pairs, sizeof *counts);
    *confusion = (struct confusion){ .classes = classes };
    if (!counts)
        return err_set(err, "out of memory for the answers of %d classes", classes);
    confusion->labelled = counts;
    confusion->answered = counts + count;
    confusion->both = counts + 2 * count;
    confusion->pairs = pairs ? counts + 3 * count : NULL;
    return 0;
}

void confusion_release(struct confusion *confusion)
{
    free(confusion->labelled);
    *confusion = (struct confusion){ 0 };
}

void confusion_clear(struct confusion *confusion)
{
    memset(confusion->labelled, 0, confusion_counts(confusion) * sizeof(int64_t));
}

size_t confusion_counts(const struct confusion *confusion)
{
    size_t count = (size_t)confusion->classes;
    return 3 * count + (confusion->pairs ? count * count : 0);
}

void confusion_count(struct confusion *confusion, const float *logits, const int *labels, int n)
{
    size_t classes = (size_t)confusion->classes;
    for (size_t i = 0; i < (size_t)n; i++) {
        size_t best = (size_t)highest_logit(logits + i * classes, confusion->classes), label = (size_t)labels[i];
        confusion->labelled[label]++;
        confusion->answered[best]++;
        confusion->both[label] += best == label;
        if (confusion->pairs)
            confusion->pairs[label * classes + best]++;
    }
}

static double share(int64_t part, int64_t whole)
{
    return whole ? (double)part / (double)whole : 0;
}

struct class_scores confusion_scores(const struct confusion *confusion, int class)
{
    int64_t labelled = confusion->labelled[class], answered = confusion->answered[class], both = confusion->both[class];
    return (struct class_scores){ .precision = share(both, answered),
                                  .recall = share(both, labelled),
                                  .f1 = share(2 * both, labelled + answered) };
}
