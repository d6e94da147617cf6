/* A network with its weights as an ONNX model (opset 13), for whoever runs models elsewhere. */
#ifndef DCLS_NN_ONNX_H
#define DCLS_NN_ONNX_H

#include "nn/graph/net.h"
#include "output.h"

struct onnx_spec {
    const char *const *classes; /* net->classes names; NULL: unknown */
    int image_size;
    bool fold; /* batch norm goes into the convolution before it; else it stays a node */
};

/* The input is "input", float (N, 3, image_size, image_size), normalised as in training; the output "logits", float
 * (N, classes). N is free. What preparing an image and reading the answer takes stands in metadata_props: type,
 * image_size, mean, std, and classes (a JSON array). */
int onnx_write(const struct output *output, const struct net *net, const struct weights *weights,
               const struct onnx_spec *spec, struct err *err);

#endif
