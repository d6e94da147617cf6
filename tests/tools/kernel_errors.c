/* kernel_errors BATCH SIZE TYPE...: how near the fast backend's convolutions and linear layers are to the exact result,
 * at the shapes that networks of these types have on images of SIZE.
 *
 * Each layer stands alone, but for a convolution of colours as a network begins with, so that it reads what it would
 * read there, in the layout that the backend likes: sums of whole numbers, which are exact. It trains on BATCH images,
 * and evaluates BATCH and one. Of what a pass makes, some elements are computed again by definition in double. A line a
 * pass, with errors relative to the root mean square of the exact elements, and LENGTH the products that are summed up
 * for one of them:
 *
 *     LAYER PASS LENGTH RMS_ERROR LARGEST_ERROR IMPLEMENTATION */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/nn/models.h"
#include "nn/backends.h"
#include "nn/graph/op.h"
#include "nn/graph/plan.h"
#include "nn/rng.h"

enum { COLOURS = 3, SAMPLES = 512, LAYERS_MAX = 1000 };

/* A layer and what it reads, n images of (channels, side, side). */
struct shape {
    struct layer layer;
    int n, channels, side, out_side;
};

/* The network around it. */
struct bench {
    struct shape shape;
    struct net *net;
    const struct layer *before, *layer; /* that of colours, NULL where the other reads them; that in question */
    struct weights *weights;
    float *grad, *weight, *bias;
    struct plan *plan;
    float *colours;   /* (n, 3, side, side) */
    float *in, *dout; /* (n, channels, side, side); (n, outputs, out_side, out_side) */
};

struct errors {
    double squares, exact_squares, largest;
    int count;
};

static void errors_add(struct errors *errors, double got, double exact)
{
    errors->squares += (got - exact) * (got - exact);
    errors->exact_squares += exact * exact;
    errors->largest = fmax(errors->largest, fabs(got - exact));
    errors->count++;
}

static void errors_print(const struct errors *errors, const struct bench *bench, const char *pass, double length,
                         enum op_pass which)
{
    const struct shape *shape = &bench->shape;
    const struct plan *plan = bench->plan;
    const char *implementation = NULL;
    for (int i = 0; i < plan->op_count; i++)
        if (plan->ops[i].stage_count && op_last(&plan->ops[i])->layer == bench->layer)
            implementation = plan->ops[i].implementation[which];
    double scale = sqrt(errors->exact_squares / errors->count);
    printf("%s-%dx%d/%d-g%d-%d>%d-%d %s-%d %.0f %.3g %.3g %s\n", shape->layer.kind == LAYER_CONV ? "conv" : "linear",
           shape->layer.kernel, shape->layer.kernel, shape->layer.stride, shape->layer.groups, shape->channels,
           shape->layer.channels, shape->side, pass, shape->n, length, sqrt(errors->squares / errors->count) / scale,
           errors->largest / scale, implementation ? implementation : "loops");
}

/* Uniform from -1 to 1; `i` is any number that is not used twice. */
static float noise(uint64_t i)
{
    return (float)(rng_uniform(1, 2, i) * 2 - 1);
}

static void fill(float *to, size_t count, uint64_t from)
{
    for (size_t i = 0; i < count; i++)
        to[i] = noise(from + i);
}

static size_t colour_count(const struct shape *shape)
{
    return (size_t)shape->n * COLOURS * (size_t)shape->side * (size_t)shape->side;
}

static size_t in_count(const struct shape *shape)
{
    return (size_t)shape->n * (size_t)shape->channels * (size_t)shape->side * (size_t)shape->side;
}

static size_t out_count(const struct shape *shape)
{
    return (size_t)shape->n * (size_t)shape->layer.channels * (size_t)shape->out_side * (size_t)shape->out_side;
}

static const float *in_at(const struct bench *bench, int n, int c)
{
    const struct shape *shape = &bench->shape;
    return bench->in + ((size_t)n * (size_t)shape->channels + (size_t)c) * (size_t)(shape->side * shape->side);
}

static const float *dout_at(const struct bench *bench, int n, int c)
{
    const struct shape *shape = &bench->shape;
    return bench->dout +
           ((size_t)n * (size_t)shape->layer.channels + (size_t)c) * (size_t)(shape->out_side * shape->out_side);
}

/* (O, I/groups, K, K) */
static size_t weight_at(const struct shape *shape, int o, int i, int ky, int kx)
{
    const struct layer *layer = &shape->layer;
    return (((size_t)o * (size_t)(shape->channels / layer->groups) + (size_t)i) * (size_t)layer->kernel + (size_t)ky) *
               (size_t)layer->kernel +
           (size_t)kx;
}

static double exact_result(const struct bench *bench, int n, int o, int y, int x)
{
    const struct shape *shape = &bench->shape;
    const struct layer *layer = &shape->layer;
    int ins = shape->channels / layer->groups, first = o / (layer->channels / layer->groups) * ins;
    double sum = bench->bias ? (double)bench->bias[o] : 0;
    for (int i = 0; i < ins; i++)
        for (int ky = 0; ky < layer->kernel; ky++)
            for (int kx = 0; kx < layer->kernel; kx++) {
                int iy = y * layer->stride - layer->padding + ky, ix = x * layer->stride - layer->padding + kx;
                if (iy >= 0 && iy < shape->side && ix >= 0 && ix < shape->side)
                    sum += (double)in_at(bench, n, first + i)[iy * shape->side + ix] *
                           bench->weight[weight_at(shape, o, i, ky, kx)];
            }
    return sum;
}

static double exact_data_gradient(const struct bench *bench, int n, int c, int iy, int ix)
{
    const struct shape *shape = &bench->shape;
    const struct layer *layer = &shape->layer;
    int ins = shape->channels / layer->groups, outs = layer->channels / layer->groups;
    double sum = 0;
    for (int o = c / ins * outs; o < (c / ins + 1) * outs; o++)
        for (int ky = 0; ky < layer->kernel; ky++)
            for (int kx = 0; kx < layer->kernel; kx++) {
                int y = iy + layer->padding - ky, x = ix + layer->padding - kx;
                if (y < 0 || x < 0 || y % layer->stride || x % layer->stride || y / layer->stride >= shape->out_side ||
                    x / layer->stride >= shape->out_side)
                    continue;
                sum += (double)dout_at(bench, n, o)[y / layer->stride * shape->out_side + x / layer->stride] *
                       bench->weight[weight_at(shape, o, c % ins, ky, kx)];
            }
    return sum;
}

static double exact_weight_gradient(const struct bench *bench, int o, int i, int ky, int kx)
{
    const struct shape *shape = &bench->shape;
    const struct layer *layer = &shape->layer;
    int c = o / (layer->channels / layer->groups) * (shape->channels / layer->groups) + i;
    double sum = 0;
    for (int n = 0; n < shape->n; n++)
        for (int y = 0; y < shape->out_side; y++)
            for (int x = 0; x < shape->out_side; x++) {
                int iy = y * layer->stride - layer->padding + ky, ix = x * layer->stride - layer->padding + kx;
                if (iy >= 0 && iy < shape->side && ix >= 0 && ix < shape->side)
                    sum += (double)in_at(bench, n, c)[iy * shape->side + ix] *
                           dout_at(bench, n, o)[y * shape->out_side + x];
            }
    return sum;
}

/* Number `k` of those to look at, below `count`: the first and last ones more often, as edges are special. */
static int coordinate(uint64_t k, int which, int count)
{
    uint64_t bits = rng_bits(3, (uint64_t)which, k);
    if (bits % 4 == 0)
        return (int)(bits >> 8 & 1) ? count - 1 : 0;
    return (int)((bits >> 8) % (uint64_t)count);
}

static void check_result(const struct bench *bench, const char *pass)
{
    const struct shape *shape = &bench->shape;
    const float *out = plan_logits(bench->plan);
    struct errors errors = { 0 };
    for (uint64_t k = 0; k < SAMPLES; k++) {
        int n = coordinate(k, 0, shape->n), o = coordinate(k, 1, shape->layer.channels);
        int y = coordinate(k, 2, shape->out_side), x = coordinate(k, 3, shape->out_side);
        size_t at = (((size_t)n * (size_t)shape->layer.channels + (size_t)o) * (size_t)shape->out_side + (size_t)y) *
                        (size_t)shape->out_side +
                    (size_t)x;
        errors_add(&errors, (double)out[at], exact_result(bench, n, o, y, x));
    }
    int length = shape->channels / shape->layer.groups * shape->layer.kernel * shape->layer.kernel;
    errors_print(&errors, bench, pass, length, PASS_FORWARD);
}

static void check_weight_gradient(const struct bench *bench)
{
    const struct shape *shape = &bench->shape;
    const struct layer *layer = &shape->layer;
    const float *got = bench->grad + bench->net->params[bench->layer->weight].offset;
    struct errors errors = { 0 };
    double length = (double)shape->n * shape->out_side * shape->out_side;
    for (uint64_t k = 0; k < SAMPLES && (double)k * length < 5e7; k++) {
        int o = coordinate(k, 4, layer->channels), i = coordinate(k, 5, shape->channels / layer->groups);
        int ky = coordinate(k, 6, layer->kernel), kx = coordinate(k, 7, layer->kernel);
        errors_add(&errors, (double)got[weight_at(shape, o, i, ky, kx)], exact_weight_gradient(bench, o, i, ky, kx));
    }
    errors_print(&errors, bench, "weights", length, PASS_BACKWARD_WEIGHTS);
}

static int step(struct bench *bench, struct err *err)
{
    const struct shape *shape = &bench->shape;
    memcpy(plan_input(bench->plan), bench->colours, colour_count(shape) * sizeof(float));
    if (plan_forward(bench->plan, err))
        return -1;
    if (bench->plan->spec.mode == PLAN_EVAL)
        return 0;
    memcpy(value_grad(bench->plan, bench->plan->logits), bench->dout, out_count(shape) * sizeof(float));
    return plan_backward(bench->plan, err);
}

/* The gradient of the layer's input lies in a layout of the backend's. But where a colour of all images is 0 but for
 * one pixel, a 1, the gradient of the first convolution's weight for that colour and a channel is the gradient there.
 */
static int check_data_gradient(struct bench *bench, struct err *err)
{
    const struct shape *shape = &bench->shape;
    struct errors errors = { 0 };
    int length = shape->layer.channels / shape->layer.groups * shape->layer.kernel * shape->layer.kernel;
    int images[COLOURS], ys[COLOURS], xs[COLOURS];
    memset(bench->colours, 0, colour_count(shape) * sizeof(float));
    for (int k = 0; k < COLOURS; k++) {
        images[k] = coordinate((uint64_t)k, 8, shape->n);
        /* The first where a window of any stride begins: of 1x1 ones the other pixels have no gradient. */
        int stride = k ? 1 : shape->layer.stride;
        ys[k] = coordinate((uint64_t)k, 9, shape->side) / stride * stride;
        xs[k] = coordinate((uint64_t)k, 10, shape->side) / stride * stride;
        bench->colours[((size_t)(images[k] * COLOURS + k) * (size_t)shape->side + (size_t)ys[k]) * (size_t)shape->side +
                       (size_t)xs[k]] = 1;
    }
    if (step(bench, err))
        return -1;
    const float *got = bench->grad + bench->net->params[bench->before->weight].offset;
    for (int c = 0; c < shape->channels; c++)
        for (int k = 0; k < COLOURS; k++)
            errors_add(&errors, (double)got[c * COLOURS + k], exact_data_gradient(bench, images[k], c, ys[k], xs[k]));
    errors_print(&errors, bench, "data", length, PASS_BACKWARD_DATA);
    return 0;
}

/* Small whole numbers. */
static void fill_whole(float *to, size_t count, float most, uint64_t from)
{
    for (size_t i = 0; i < count; i++)
        to[i] = roundf(most * noise(from + i));
}

/* What the first convolution makes. */
static void mix_colours(struct bench *bench)
{
    const struct shape *shape = &bench->shape;
    const float *weights = bench->before ? weights_at(bench->net, bench->weights, bench->before->weight) : NULL;
    size_t plane = (size_t)shape->side * (size_t)shape->side;
    for (int n = 0; n < shape->n; n++)
        for (int c = 0; c < shape->channels; c++) {
            const float *from = bench->colours + (size_t)n * COLOURS * plane;
            float *to = (float *)in_at(bench, n, c);
            for (size_t i = 0; i < plane; i++)
                to[i] = !weights ? from[(size_t)c * plane + i]
                                 : weights[c * COLOURS] * from[i] + weights[c * COLOURS + 1] * from[plane + i] +
                                       weights[c * COLOURS + 2] * from[2 * plane + i];
        }
}

static int build(struct bench *bench, enum plan_mode mode, struct err *err)
{
    const struct shape *shape = &bench->shape;
    const struct layer *layer = &shape->layer;
    struct net *net = bench->net = calloc(1, sizeof *net);
    if (!net)
        return err_set(err, "no memory for a network");
    net->type = "layer";
    net->classes = layer->channels * shape->out_side * shape->out_side;
    int value = net_input(net, COLOURS);
    bool is_first = shape->channels == COLOURS;
    if (!is_first)
        value = net_conv(net, value, "colours", shape->channels, 1, 1, 0, 1);
    if (layer->kind == LAYER_LINEAR)
        net_linear(net, value, "layer", layer->channels);
    else
        (layer->bias < 0 ? net_conv : net_conv_bias)(net, value, "layer", layer->channels, layer->kernel, layer->stride,
                                                     layer->padding, layer->groups);
    if (net->failed || !(bench->weights = weights_new(net, err)) ||
        !(bench->grad = calloc(net->trainable_count, sizeof(float))))
        return err_set(err, "no memory for a network");
    struct plan_spec spec = {
        .mode = mode, .batch = shape->n, .image_size = shape->side, .threads = 0, .backend = backends[0]
    };
    bench->layer = &net->layers[net->layer_count - 1];
    bench->before = is_first ? NULL : bench->layer - 1;
    bench->weight = weights_at(net, bench->weights, bench->layer->weight);
    bench->bias = bench->layer->bias < 0 ? NULL : weights_at(net, bench->weights, bench->layer->bias);
    fill(bench->weights->params, net->trainable_count, 1);
    if (!is_first)
        fill_whole(weights_at(net, bench->weights, bench->before->weight), (size_t)shape->channels * COLOURS, 4, 1);
    bench->plan = plan_new(net, bench->weights, mode == PLAN_EVAL ? NULL : bench->grad, &spec, NULL, err);
    return bench->plan ? 0 : -1;
}

static int check(const struct shape *shape, enum plan_mode mode, struct err *err)
{
    struct bench bench = { .shape = *shape };
    int status = -1;
    bench.in = malloc(in_count(shape) * sizeof(float));
    bench.dout = malloc(out_count(shape) * sizeof(float));
    bench.colours = malloc(colour_count(shape) * sizeof(float));
    if (!bench.in || !bench.dout || !bench.colours) {
        err_set(err, "no memory for images");
        goto out;
    }
    fill_whole(bench.colours, colour_count(shape), 8, (uint64_t)1 << 40);
    fill(bench.dout, out_count(shape), (uint64_t)1 << 41);
    if (build(&bench, mode, err) || step(&bench, err))
        goto out;
    mix_colours(&bench);
    check_result(&bench, mode == PLAN_EVAL ? "evaluation" : "forward");
    if (mode == PLAN_TRAIN) {
        check_weight_gradient(&bench);
        if (bench.before && check_data_gradient(&bench, err))
            goto out;
    }
    status = 0;
out:
    plan_free(bench.plan);
    weights_free(bench.weights);
    net_free(bench.net);
    free(bench.grad);
    free(bench.colours);
    free(bench.in);
    free(bench.dout);
    return status;
}

static bool same(const struct shape *a, const struct shape *b)
{
    return a->layer.kind == b->layer.kind && a->channels == b->channels && a->side == b->side &&
           a->layer.channels == b->layer.channels && a->layer.kernel == b->layer.kernel &&
           a->layer.stride == b->layer.stride && a->layer.groups == b->layer.groups &&
           (a->layer.bias < 0) == (b->layer.bias < 0);
}

/* Adds the network's shapes that are not there yet. */
static int list_shapes(const char *type, int size, struct shape *shapes, int *count, struct err *err)
{
    struct net *net = network_new(type, 1000, err);
    if (!net)
        return -1;
    int *sides = calloc((size_t)net->layer_count, sizeof *sides);
    for (int i = 0; sides && i < net->layer_count; i++) {
        const struct layer *layer = &net->layers[i];
        int from = layer->in[0];
        sides[i] = from < 0 ? size : sides[from];
        if (layer->kind == LAYER_CONV || layer->kind == LAYER_MAX_POOL)
            sides[i] = (sides[from] + 2 * layer->padding - layer->kernel) / layer->stride + 1;
        if (layer->kind == LAYER_GLOBAL_AVG_POOL)
            sides[i] = 1;
        if (layer->kind != LAYER_CONV && layer->kind != LAYER_LINEAR)
            continue;
        struct shape shape = {
            .layer = *layer, .channels = net->layers[from].channels, .side = sides[from], .out_side = sides[i]
        };
        if (layer->kind == LAYER_LINEAR) {
            shape.layer.kernel = shape.layer.stride = shape.layer.groups = 1;
            shape.layer.padding = 0;
        }
        bool known = false;
        for (int k = 0; k < *count; k++)
            known |= same(&shape, &shapes[k]);
        if (!known && *count < LAYERS_MAX)
            shapes[(*count)++] = shape;
    }
    free(sides);
    net_free(net);
    return 0;
}

int main(int argc, char **argv)
{
    static struct shape shapes[LAYERS_MAX];
    struct err err = ERR_INIT;
    int count = 0;
    if (argc < 4) {
        fprintf(stderr, "usage: kernel_errors BATCH SIZE TYPE...\n");
        return 2;
    }
    for (int i = 3; i < argc; i++)
        if (list_shapes(argv[i], (int)strtol(argv[2], NULL, 10), shapes, &count, &err))
            goto failed;
    for (int i = 0; i < count; i++) {
        shapes[i].n = (int)strtol(argv[1], NULL, 10);
        if (check(&shapes[i], PLAN_TRAIN, &err) || check(&shapes[i], PLAN_EVAL, &err))
            goto failed;
        shapes[i].n = 1;
        if (check(&shapes[i], PLAN_EVAL, &err))
            goto failed;
    }
    return fflush(stdout) ? 1 : 0;
failed:
    fprintf(stderr, "kernel_errors: %s\n", err.text);
    return 1;
}
