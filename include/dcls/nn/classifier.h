/* A trained model, loaded and ready to answer. */
#ifndef DCLS_NN_CLASSIFIER_H
#define DCLS_NN_CLASSIFIER_H

#include <stddef.h>

#include "dcls/base/err.h"

struct classifier;

/* Loads models_dir/MODEL/{MODEL.pth, MODEL.json, classes.txt}. The type and image size stand in the report (no
 * image_size: 224). `backend`: "onednn" or "reference". Freed by classifier_free. */
struct classifier *classifier_load(const char *models_dir, const char *model, const char *backend, int threads,
                                   struct err *err);
void classifier_free(struct classifier *classifier);

int classifier_classes(const struct classifier *classifier);
const char *classifier_class(const struct classifier *classifier, int index);
const char *classifier_type(const struct classifier *classifier);

/* The bytes of a file, in any format that the decoders read. */
struct encoded_image {
    const void *bytes;
    size_t size;
};

/* Softmax probabilities of `count` images: row i of probabilities (count, classes), in class order, and an empty
 * errs[i]; or, where image i has no answer, why in errs[i] and an undefined row. No image spoils another's. Returns how
 * many have none. */
int classifier_run(struct classifier *classifier, const struct encoded_image *images, int count, float *probabilities,
                   struct err *errs);

#endif
