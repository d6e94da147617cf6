/* The request `answers`. */
#ifndef DCLS_HELPER_ANSWERS_H
#define DCLS_HELPER_ANSWERS_H

#include "request.h"

/* {"request": "answers", "paths": bool, "limit": N, "offset": N} and, where wanted, "dir", "label", "predicted" and
 * "wrong": true, with a model's file of answers: those of that label that were taken for that class, or are wrong, the
 * surest first. The answer has "split", "count" (of all such), "leftOut", "stale" (the dataset in `dir` is another, or
 * there is none), "fingerprint" and "answers": [{"index", "path", "label", "predicted", "top"}]. */
int request_answers(const struct request *request, cJSON *answer, struct err *err);

#endif
