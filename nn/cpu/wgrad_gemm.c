/* The weight gradient as dW (O, I*KH*KW) = dout (P, O) transposed * unfolded input (P, I*KH*KW), P being every place of
 * the output in every image. For planes smaller than the kernel oneDNN 2.6 has no fast kernel on AVX2: the last layers
 * on images of 32 pixels are such, and all images make one product there that is large enough to be fast. */
#include "wgrad_gemm.h"

#include <string.h>

#define UNFOLDED_MAX ((size_t)16 << 20) /* bytes, unless a single image needs more */

int wgrad_gemm_init(struct wgrad_gemm *gradient, const struct plan *plan, const struct op *op, const struct layout *in,
                    const struct layout *out, struct err *err)
{
    const struct onednn *onednn = onednn_of(plan);
    const struct layer *layer = op_layer(op);
    const struct value *from = op_input(plan, op, IN_DATA), *to = op_result(plan, op);
    const int64_t in_dims[] = { from->n, from->c, from->h, from->w }, out_dims[] = { to->n, to->c, to->h, to->w };
    struct layout plain, lines;
    *gradient = (struct wgrad_gemm){ .used = true,
                                     .n = from->n,
                                     .groups = layer->groups,
                                     .channels = from->c,
                                     .outputs = to->c,
                                     .h = from->h,
                                     .w = from->w,
                                     .oh = to->h,
                                     .ow = to->w,
                                     .window = { layer->kernel, layer->stride, layer->padding } };
    if (layout_dense(&plain, 4, in_dims, err) || layout_channels_last(&lines, out_dims, err) ||
        reorder_init(&gradient->unblock, onednn, in, &plain, err) ||
        reorder_init(&gradient->line_up, onednn, out, &lines, err))
        return -1;
    size_t image =
        (size_t)to->h * (size_t)to->w * (size_t)from->c * (size_t)layer->kernel * (size_t)layer->kernel * sizeof(float);
    size_t chunk = UNFOLDED_MAX / image;
    chunk = chunk < 1 ? 1 : chunk;
    gradient->chunk = chunk < (size_t)from->n ? (int)chunk : from->n;
    gradient->in_bytes = ALIGN_64(layout_bytes(&plain));
    gradient->out_bytes = ALIGN_64(layout_bytes(&lines));
    gradient->fold_bytes = ALIGN_64((size_t)gradient->chunk * image);
    return 0;
}

void wgrad_gemm_release(struct wgrad_gemm *gradient)
{
    primitive_release(&gradient->unblock);
    primitive_release(&gradient->line_up);
}

size_t wgrad_gemm_scratch(const struct wgrad_gemm *gradient)
{
    return gradient->in_bytes + gradient->out_bytes + gradient->fold_bytes;
}

int wgrad_gemm_bind(struct wgrad_gemm *gradient, float *in, float *dout, float *dweight, float *dbias, void *scratch,
                    struct err *err)
{
    if (!gradient->used)
        return 0;
    gradient->in = scratch;
    gradient->dout = behind(gradient->in, gradient->in_bytes);
    gradient->unfolded = behind(gradient->dout, gradient->out_bytes);
    gradient->dweight = dweight;
    gradient->dbias = dbias;
    return primitive_bind(&gradient->unblock, DNNL_ARG_FROM, in, err) ||
                   primitive_bind(&gradient->unblock, DNNL_ARG_TO, gradient->in, err) ||
                   primitive_bind(&gradient->line_up, DNNL_ARG_FROM, dout, err) ||
                   primitive_bind(&gradient->line_up, DNNL_ARG_TO, gradient->dout, err)
               ? -1
               : 0;
}

/* What one place of the output sees of one channel, KH*KW floats, 0 outside the plane. */
static void input_transform(float *to, const float *plane, const struct wgrad_gemm *g, int y0, int x0)
{
    int kernel = g->window.kernel;
    for (int ky = 0; ky < kernel; ky++)
        for (int kx = 0; kx < kernel; kx++) {
            int y = y0 + ky, x = x0 + kx;
            bool inside = y >= 0 && y < g->h && x >= 0 && x < g->w;
            *to++ = inside ? plane[y * g->w + x] : 0;
        }
}

static void unfold(const struct wgrad_gemm *g, int first, int count)
{
    int places = g->oh * g->ow;
    size_t taps = (size_t)g->window.kernel * (size_t)g->window.kernel, channels = (size_t)g->channels;
    size_t plane = (size_t)g->h * (size_t)g->w;
#pragma omp parallel for schedule(static)
    for (long row = 0; row < (long)count * places; row++) {
        int place = (int)(row % places);
        int y0 = place / g->ow * g->window.stride - g->window.padding;
        int x0 = place % g->ow * g->window.stride - g->window.padding;
        const float *image = g->in + ((size_t)first + (size_t)(row / places)) * channels * plane;
        float *to = g->unfolded + (size_t)row * channels * taps;
        for (size_t c = 0; c < channels; c++)
            input_transform(to + c * taps, image + c * plane, g, y0, x0);
    }
}

static void sum_bias(const struct wgrad_gemm *g)
{
    size_t outputs = (size_t)g->outputs, rows = (size_t)g->n * (size_t)g->oh * (size_t)g->ow;
    memset(g->dbias, 0, outputs * sizeof *g->dbias);
    for (size_t row = 0; row < rows; row++)
        for (size_t o = 0; o < outputs; o++)
            g->dbias[o] += g->dout[row * outputs + o];
}

int wgrad_gemm_run(struct wgrad_gemm *g, const struct onednn *onednn, struct err *err)
{
    if (!g->used)
        return 0;
    if (primitive_run(&g->unblock, onednn, err) || primitive_run(&g->line_up, onednn, err))
        return -1;
    int64_t places = (int64_t)g->oh * g->ow, taps = (int64_t)g->window.kernel * g->window.kernel;
    int64_t in = g->channels / g->groups, out = g->outputs / g->groups;
    for (int first = 0; first < g->n; first += g->chunk) {
        int count = g->n - first < g->chunk ? g->n - first : g->chunk;
        unfold(g, first, count);
        for (int group = 0; group < g->groups; group++) {
            struct matrices product = { .rows = out,
                                        .columns = in * taps,
                                        .depth = count * places,
                                        .a = g->dout + first * places * g->outputs + group * out,
                                        .b = g->unfolded + group * in * taps,
                                        .c = g->dweight + group * out * in * taps,
                                        .lda = g->outputs,
                                        .ldb = g->channels * taps,
                                        .ldc = in * taps };
            if (onednn_sgemm(&product, first > 0, err))
                return -1;
        }
    }
    if (g->dbias)
        sum_bias(g);
    return 0;
}
