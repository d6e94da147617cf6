/* The requests `dataset` and `dataset image`. */
#ifndef DCLS_HELPER_DATASET_H
#define DCLS_HELPER_DATASET_H

#include "request.h"

/* {"request": "dataset", "dir": DIR}: the answer is dcls/nn/dataset_view.h's. */
int request_dataset(const struct request *request, cJSON *answer, struct err *err);

/* {"request": "dataset image", "dir": DIR, "split": "train", "index": N, "width": W} with an empty file: as
 * `thumbnail`, of an image of the dataset. A refusal has "status", of dcls/nn/dataset_view.h. */
int request_dataset_image(const struct request *request, cJSON *answer, struct err *err);

#endif
