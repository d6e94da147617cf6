/* A convolution's weight gradient as a matrix product, for the shapes for which oneDNN has only a plain loop. */
#ifndef DCLS_NN_CONV_GRADIENT_H
#define DCLS_NN_CONV_GRADIENT_H

#include "nn/cpu/onednn/primitive.h"

struct wgrad_gemm {
    bool used;
    int n, groups, channels, outputs, h, w, oh, ow;
    struct window window;
    int chunk;                              /* images that are unfolded at a time */
    struct primitive unblock, line_up;      /* input to (N, I, H, W), output's gradient to (N, OH, OW, O) */
    size_t in_bytes, out_bytes, fold_bytes; /* the parts of the scratch */
    float *in, *dout, *unfolded;            /* where they are */
    float *dweight;                         /* (O, I/groups, KH, KW) */
    float *dbias;                           /* (O), or NULL */
};

/* For the op, a convolution, whose input and output have these layouts. Zeroed it is unused and releasing it fine. */
int wgrad_gemm_init(struct wgrad_gemm *gradient, const struct plan *plan, const struct op *op, const struct layout *in,
                    const struct layout *out, struct err *err);
void wgrad_gemm_release(struct wgrad_gemm *gradient);
/* Bytes that it wants free while it runs. */
size_t wgrad_gemm_scratch(const struct wgrad_gemm *gradient);
int wgrad_gemm_bind(struct wgrad_gemm *gradient, float *in, float *dout, float *dweight, float *dbias, void *scratch,
                    struct err *err);
int wgrad_gemm_run(struct wgrad_gemm *gradient, const struct onednn *onednn, struct err *err);

#endif
