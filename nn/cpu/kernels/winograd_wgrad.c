/* See winograd_wgrad.h. */
#include "winograd_wgrad.h"

#include <omp.h>

#define ROUND_BYTES ((size_t)1 << 20) /* of the transformed inputs of a round, about */
#define ROUND_MIN 64                  /* tiles: the sums are read and written once a round */
#define PARTS_OF_THREAD 2

static size_t parts(const struct winograd_wgrad *gradient)
{
    return WINOGRAD_DEPTH / gradient->part;
}

static size_t jobs(const struct winograd_wgrad *gradient)
{
    return gradient->chunks * parts(gradient) * gradient->panels;
}

void winograd_wgrad_init(struct winograd_wgrad *gradient, const struct winograd_kernels *kernels,
                         const struct winograd *shape, size_t threads)
{
    size_t tiles = winograd_tiles(shape), round = tiles;
    if (tiles > WINOGRAD_SINGLE_ROUND) {
        round = ROUND_BYTES / (WINOGRAD_TILE_ELEMENTS * shape->channels * sizeof(float));
        round = round < ROUND_MIN ? ROUND_MIN : round;
    }
    *gradient = (struct winograd_wgrad){ .kernels = kernels,
                                         .shape = *shape,
                                         .tiles = tiles,
                                         .round = round,
                                         .rounds = (tiles + round - 1) / round,
                                         .chunks = winograd_chunks(shape),
                                         .panels = shape->outputs / kernels->panel,
                                         .threads = threads,
                                         .part = WINOGRAD_DEPTH };
    while (threads > 1 && gradient->part > kernels->block && jobs(gradient) < PARTS_OF_THREAD * threads)
        gradient->part /= 2;
}

static size_t seen_floats(const struct winograd_wgrad *gradient)
{
    return winograd_floats(gradient->round, WINOGRAD_DEPTH);
}

static size_t made_floats(const struct winograd_wgrad *gradient)
{
    return winograd_floats(gradient->round, gradient->kernels->panel);
}

static size_t sum_floats(const struct winograd_wgrad *gradient)
{
    return winograd_floats(gradient->part, gradient->kernels->panel);
}

/* Sums are kept from round to round; of a single round a thread needs those in hand. */
static size_t sums(const struct winograd_wgrad *gradient)
{
    return gradient->rounds > 1 ? jobs(gradient) : gradient->threads;
}

size_t winograd_wgrad_scratch(const struct winograd_wgrad *gradient)
{
    return gradient->chunks * seen_floats(gradient) + gradient->panels * made_floats(gradient) +
           sums(gradient) * sum_floats(gradient);
}

/* A part of a chunk and a panel: over this round's tiles, and where that is the last one to the weights. */
static void correlate(const struct winograd_wgrad *gradient, size_t job, size_t round, size_t count, const float *seen,
                      const float *made, float *sum, float *dweights)
{
    const struct winograd_kernels *kernels = gradient->kernels;
    size_t panel = job % gradient->panels, first = job / gradient->panels * gradient->part;
    size_t chunk = first / WINOGRAD_DEPTH, left = gradient->shape.channels - first;
    if (first >= gradient->shape.channels)
        return;
    size_t channels = left < gradient->part ? left : gradient->part;
    sum += (gradient->rounds > 1 ? job : (size_t)omp_get_thread_num()) * sum_floats(gradient);
    kernels->correlate(channels, count, seen + chunk * seen_floats(gradient) + first % WINOGRAD_DEPTH,
                       made + panel * made_floats(gradient), round > 0, sum);
    if (round + 1 == gradient->rounds)
        kernels->weight_grad_transform(&gradient->shape, first, channels, panel, sum, dweights);
}

void winograd_wgrad_run(const struct winograd_wgrad *gradient, const float *in, const float *dout, float *scratch,
                        float *dweights)
{
    const struct winograd_kernels *kernels = gradient->kernels;
    const struct winograd *shape = &gradient->shape;
    size_t chunks = gradient->chunks, panels = gradient->panels;
    float *seen = scratch, *made = seen + chunks * seen_floats(gradient), *sum = made + panels * made_floats(gradient);
#pragma omp parallel
    for (size_t round = 0; round < gradient->rounds; round++) {
        size_t first = round * gradient->round, left = gradient->tiles - first;
        size_t count = left < gradient->round ? left : gradient->round;
#pragma omp for schedule(static)
        for (size_t i = 0; i < chunks + panels; i++) {
            if (i < chunks)
                kernels->input_transform(shape, in, i, first, count, seen + i * seen_floats(gradient));
            else
                kernels->output_grad_transform(shape, dout, i - chunks, first, count,
                                               made + (i - chunks) * made_floats(gradient));
        }
#pragma omp for schedule(static)
        for (size_t job = 0; job < jobs(gradient); job++)
            correlate(gradient, job, round, count, seen, made, sum, dweights);
    }
}
