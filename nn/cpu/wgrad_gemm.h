/* A convolution's weight gradient as a matrix product, for the shapes for which oneDNN has only a plain loop. */
#ifndef DCLS_NN_CPU_WGRAD_GEMM_H
#define DCLS_NN_CPU_WGRAD_GEMM_H

#include "nn/graph/op.h"

struct wgrad_gemm {
    int n, groups, channels, outputs, h, w, oh, ow;
    int kernel, stride, padding;
    int chunk; /* images that are unfolded at a time; zeroed, it is unused */
};

struct wgrad_buffers {
    const float *in, *dout; /* (N, I, H, W), (N, OH, OW, O) */
    float *unfolded;        /* of wgrad_gemm_scratch */
    float *dweight;         /* (O, I/groups, KH, KW) */
    float *dbias;           /* (O), or NULL */
};

/* For a convolution between such values. */
void wgrad_gemm_init(struct wgrad_gemm *gemm, const struct layer *layer, const struct value *in,
                     const struct value *out);
size_t wgrad_gemm_scratch(const struct wgrad_gemm *gemm); /* bytes */
int wgrad_gemm_run(const struct wgrad_gemm *gemm, const struct wgrad_buffers *buffers, struct err *err);

#endif
