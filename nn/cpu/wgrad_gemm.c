/* The weight gradient as dW (O, I*KH*KW) = dout (P, O) transposed * unfolded input (P, I*KH*KW), P being every pixel of
 * the output in every image. For planes smaller than the kernel oneDNN 2.6 has no fast kernel on AVX2: the last layers
 * on images of 32 pixels are such, and all images make one product there that is large enough to be fast. */
#include "wgrad_gemm.h"

#include <string.h>

#include "nn/cpu/onednn/gemm.h"

#define UNFOLDED_MAX ((size_t)16 << 20) /* bytes, unless a single image needs more */

/* Bytes of an image, unfolded. */
static size_t image_bytes(const struct wgrad_gemm *g)
{
    return floats_bytes((size_t)g->oh * (size_t)g->ow * (size_t)g->channels * (size_t)g->kernel * (size_t)g->kernel);
}

void wgrad_gemm_init(struct wgrad_gemm *gemm, const struct layer *layer, const struct value *in,
                     const struct value *out)
{
    *gemm = (struct wgrad_gemm){ .n = in->n,
                                 .groups = layer->groups,
                                 .channels = in->c,
                                 .outputs = out->c,
                                 .h = in->h,
                                 .w = in->w,
                                 .oh = out->h,
                                 .ow = out->w,
                                 .kernel = layer->kernel,
                                 .stride = layer->stride,
                                 .padding = layer->padding };
    size_t chunk = UNFOLDED_MAX / image_bytes(gemm);
    chunk = chunk < 1 ? 1 : chunk;
    gemm->chunk = chunk < (size_t)in->n ? (int)chunk : in->n;
}

size_t wgrad_gemm_scratch(const struct wgrad_gemm *gemm)
{
    return arena_align((size_t)gemm->chunk * image_bytes(gemm));
}

/* What one pixel of the output sees of one channel, KH*KW floats, 0 outside the plane. */
static void unfold_pixel(float *to, const float *plane, const struct wgrad_gemm *g, int y0, int x0)
{
    for (int ky = 0; ky < g->kernel; ky++)
        for (int kx = 0; kx < g->kernel; kx++) {
            int y = y0 + ky, x = x0 + kx;
            bool inside = y >= 0 && y < g->h && x >= 0 && x < g->w;
            *to++ = inside ? plane[y * g->w + x] : 0;
        }
}

static void unfold(const struct wgrad_gemm *g, const struct wgrad_buffers *buffers, int first, int count)
{
    int pixels = g->oh * g->ow;
    size_t taps = (size_t)g->kernel * (size_t)g->kernel, channels = (size_t)g->channels;
    size_t plane = (size_t)g->h * (size_t)g->w;
#pragma omp parallel for schedule(static)
    for (long row = 0; row < (long)count * pixels; row++) {
        int pixel = (int)(row % pixels);
        int y0 = pixel / g->ow * g->stride - g->padding, x0 = pixel % g->ow * g->stride - g->padding;
        const float *image = buffers->in + ((size_t)first + (size_t)(row / pixels)) * channels * plane;
        float *to = buffers->unfolded + (size_t)row * channels * taps;
        for (size_t c = 0; c < channels; c++)
            unfold_pixel(to + c * taps, image + c * plane, g, y0, x0);
    }
}

static void sum_bias(const struct wgrad_gemm *g, const struct wgrad_buffers *buffers)
{
    size_t outputs = (size_t)g->outputs, rows = (size_t)g->n * (size_t)g->oh * (size_t)g->ow;
    memset(buffers->dbias, 0, outputs * sizeof *buffers->dbias);
    for (size_t row = 0; row < rows; row++)
        for (size_t o = 0; o < outputs; o++)
            buffers->dbias[o] += buffers->dout[row * outputs + o];
}

int wgrad_gemm_run(const struct wgrad_gemm *g, const struct wgrad_buffers *buffers, struct err *err)
{
    int64_t pixels = (int64_t)g->oh * g->ow, taps = (int64_t)g->kernel * g->kernel;
    int64_t in = g->channels / g->groups, out = g->outputs / g->groups;
    for (int first = 0; first < g->n; first += g->chunk) {
        int count = g->n - first < g->chunk ? g->n - first : g->chunk;
        unfold(g, buffers, first, count);
        for (int group = 0; group < g->groups; group++) {
            const struct gemm product = { .rows = out,
                                          .columns = in * taps,
                                          .depth = count * pixels,
                                          .a = buffers->dout + first * pixels * g->outputs + group * out,
                                          .b = buffers->unfolded + group * in * taps,
                                          .c = buffers->dweight + group * out * in * taps,
                                          .lda = g->outputs,
                                          .ldb = g->channels * taps,
                                          .ldc = in * taps };
            if (gemm_run(&product, first > 0, err))
                return -1;
        }
    }
    if (buffers->dbias)
        sum_bias(g, buffers);
    return 0;
}
