/* Prometheus' text format 0.0.4: families of samples, and histograms. Label values are escaped; what is no valid name
 * is the caller's mistake. Each function returns -1 where the buffer has no room. */
#ifndef DCLS_BROKER_EXPOSITION_H
#define DCLS_BROKER_EXPOSITION_H

#include <stddef.h>
#include <stdint.h>

#include "dcls/base/buf.h"

#define EXPOSITION_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define HISTOGRAM_BOUNDS_MAX 16

struct label {
    const char *name, *value;
};

/* Begins a family: before its samples, once. `type` is "counter", "gauge" or "histogram". */
int exposition_family(struct buf *out, const char *name, const char *type, const char *help);
/* One sample of it. `labels` ends with a name that is NULL; NULL: none. */
int exposition_sample(struct buf *out, const char *name, const struct label *labels, double value);
/* A family of one sample without labels. */
int exposition_value(struct buf *out, const char *name, const char *type, const char *help, double value);

/* How often a value was observed, by upper bounds, which grow. Its `bounds` outlive it. */
struct histogram {
    const double *bounds;
    size_t bound_count;                        /* at most HISTOGRAM_BOUNDS_MAX */
    uint64_t counts[HISTOGRAM_BOUNDS_MAX + 1]; /* of each bound alone; the last: above all */
    uint64_t count;
    double sum;
};
/* What is no number from 0 on is not counted. */
void histogram_observe(struct histogram *histogram, double value);
int exposition_histogram(struct buf *out, const char *name, const char *help, const struct histogram *histogram);

#endif
