/* A trained model's .pth turned into a file for other programs. */
#ifndef DCLS_NN_EXPORT_H
#define DCLS_NN_EXPORT_H

#include <stdbool.h>

#include "dcls/base/err.h"

enum export_format { EXPORT_PTH, EXPORT_SAFETENSORS, EXPORT_ONNX };

struct export_spec {
    enum export_format format;
    const char *type; /* "resnet", … */
    /* The next three are for ONNX alone. */
    const char *const *classes; /* NULL: unknown */
    int class_count;            /* 0: unknown; else it must be the weights' */
    int image_size;
    bool fold; /* batch norm into the convolution before it */
};

/* Reads the weights `from` (of any format that is read), which must be a whole network of that type, and writes `to`,
 * durable and atomic. Fills *class_count (may be NULL) with the weights' number of classes. */
int export_run(const char *from, const char *to, const struct export_spec *spec, int *class_count, struct err *err);

/* The same into an open, empty file, neither durable nor atomic; not of EXPORT_PTH. */
int export_into(const char *from, int to, const struct export_spec *spec, int *class_count, struct err *err);

#endif
