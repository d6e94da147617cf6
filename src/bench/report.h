/* What a benchmark found, for a person or as one JSON document. */
#ifndef DCLS_BENCH_REPORT_H
#define DCLS_BENCH_REPORT_H

#include <stdint.h>

#include "layers.h"

struct bench_report {
    const struct bench_spec *spec;
    int threads, steps;
    double median, min, mean;    /* seconds of a step */
    int64_t peak_bytes;          /* resident memory */
    const struct layers *layers; /* NULL: without the table */
};

/* Sorts seconds[0 … steps). */
void report_times(struct bench_report *report, double *seconds, int steps);
void report_print(const struct bench_report *report);
/* Fields that other engines' benchmarks print under these names too. -1 where memory lacks. */
int report_print_json(const struct bench_report *report, struct err *err);

#endif
