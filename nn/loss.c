/* Softmax cross-entropy, in double: it is tiny, and the sum must not depend on the order of threads. */
#include <assert.h>
#include <math.h>
#include <stddef.h>

#include "loss.h"

double softmax_cross_entropy(const float *logits, int n, int classes, const int *labels, double smoothing,
                             float *dlogits, int *correct)
{
    assert(n > 0 && classes > 0);
    double loss = 0, each = smoothing / classes;
    int hits = 0;
    for (int i = 0; i < n; i++) {
        const float *row = logits + (size_t)i * (size_t)classes;
        int label = labels[i], best = 0;
        assert(label >= 0 && label < classes);
        for (int c = 1; c < classes; c++)
            if (row[c] > row[best])
                best = c;
        hits += best == label;

        double sum = 1; /* the highest's own term; less the highest, exp cannot overflow */
        for (int c = 0; c < classes; c++)
            if (c != best)
                sum += exp((double)row[c] - row[best]);
        loss += log(sum) - (1 - smoothing) * ((double)row[label] - row[best]);
        for (int c = 0; smoothing > 0 && c < classes; c++)
            loss -= each * ((double)row[c] - row[best]);
        for (int c = 0; dlogits && c < classes; c++) {
            double wanted = each + (c == label ? 1 - smoothing : 0);
            dlogits[(size_t)i * (size_t)classes + (size_t)c] =
                (float)((exp((double)row[c] - row[best]) / sum - wanted) / n);
        }
    }
    if (correct)
        *correct = hits;
    return loss / n;
}
