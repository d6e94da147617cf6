/* How the learning rate changes from epoch to epoch. */
#ifndef DCLS_NN_SCHEDULE_H
#define DCLS_NN_SCHEDULE_H

#include "dcls/base/err.h"

struct schedule {
    const char *kind;   /* "none" | "cosine" | "step" */
    int epochs, warmup; /* in all, and of those the ones that warm up; warmup is below epochs */
};

/* Unknown kinds and warm-ups without an epoch left behind them are refused. */
int schedule_check(const struct schedule *schedule, struct err *err);
/* What the learning rate is multiplied by in an epoch, from 1. */
double schedule_factor(const struct schedule *schedule, int epoch);

#endif
