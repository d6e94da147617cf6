/* Softmax cross-entropy, in double: it is tiny, and the sum must not depend on the order of threads. */
#include <assert.h>
#include <math.h>
#include <stddef.h>

#include "loss.h"

static double weight_of(const struct loss_spec *spec, int class)
{
    return spec->weights ? (double)spec->weights[class] : 1;
}

int highest_logit(const float *row, int classes)
{
    int best = 0;
    for (int c = 1; c < classes; c++)
        if (row[c] > row[best])
            best = c;
    return best;
}

double softmax_cross_entropy(const float *logits, int n, int classes, const int *labels, const struct loss_spec *spec,
                             float *dlogits, int *correct)
{
    assert(n > 0 && classes > 0);
    double loss = 0, labelled = 0, all = 0, spread = spec->smoothing / classes;
    int hits = 0;
    for (int i = 0; i < n; i++) {
        assert(labels[i] >= 0 && labels[i] < classes);
        labelled += weight_of(spec, labels[i]);
    }
    for (int c = 0; c < classes; c++)
        all += weight_of(spec, c);
    assert(labelled > 0);

    for (int i = 0; i < n; i++) {
        const float *row = logits + (size_t)i * (size_t)classes;
        int label = labels[i], best = highest_logit(row, classes);
        hits += best == label;

        double sum = 1; /* the highest's own term; less the highest, exp cannot overflow */
        for (int c = 0; c < classes; c++)
            if (c != best)
                sum += exp((double)row[c] - row[best]);

        /* The target is `own` for the label and each class's weight times `spread`; `total` is their sum. */
        double own = (1 - spec->smoothing) * weight_of(spec, label), total = own + spread * all;
        loss += total * log(sum) - own * ((double)row[label] - row[best]);
        for (int c = 0; spread > 0 && c < classes; c++)
            loss -= spread * weight_of(spec, c) * ((double)row[c] - row[best]);
        for (int c = 0; dlogits && c < classes; c++) {
            double target = spread * weight_of(spec, c) + (c == label ? own : 0);
            double softmax = exp((double)row[c] - row[best]) / sum;
            dlogits[(size_t)i * (size_t)classes + (size_t)c] = (float)((total * softmax - target) / labelled);
        }
    }
    if (correct)
        *correct = hits;
    return loss / labelled;
}
