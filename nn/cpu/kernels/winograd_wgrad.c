/* See winograd_wgrad.h. */
#include "winograd_wgrad.h"

#include <assert.h>
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
    size_t tiles = winograd_tiles(shape), round = winograd_round(shape, ROUND_BYTES, 1, ROUND_MIN);
    assert(shape->channels % kernels->block == 0 && shape->outputs % kernels->panel == 0);
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

static size_t v_floats(const struct winograd_wgrad *gradient)
{
    return winograd_floats(gradient->round, WINOGRAD_DEPTH);
}

static size_t dm_floats(const struct winograd_wgrad *gradient)
{
    return winograd_floats(gradient->round, gradient->kernels->panel);
}

static size_t du_floats(const struct winograd_wgrad *gradient)
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
    return gradient->chunks * v_floats(gradient) + gradient->panels * dm_floats(gradient) +
           sums(gradient) * du_floats(gradient);
}

/* A part of a chunk and a panel: over this round's tiles, and where that is the last one to the weights. */
static void multiply(const struct winograd_wgrad *gradient, size_t job, size_t round, size_t count, const float *v,
                     const float *dm, float *du, float *dweights)
{
    const struct winograd_kernels *kernels = gradient->kernels;
    size_t panel = job % gradient->panels, first = job / gradient->panels * gradient->part;
    size_t chunk = first / WINOGRAD_DEPTH, left = gradient->shape.channels - first;
    if (first >= gradient->shape.channels)
        return;
    size_t channels = left < gradient->part ? left : gradient->part;
    du += (gradient->rounds > 1 ? job : (size_t)omp_get_thread_num()) * du_floats(gradient);
    kernels->multiply_grad(channels, count, v + chunk * v_floats(gradient) + first % WINOGRAD_DEPTH,
                           dm + panel * dm_floats(gradient), round > 0, du);
    if (round + 1 == gradient->rounds)
        kernels->weight_grad_transform(&gradient->shape, first, channels, panel, du, dweights);
}

void winograd_wgrad_run(const struct winograd_wgrad *gradient, const float *in, const float *dout, float *scratch,
                        float *dweights)
{
    const struct winograd_kernels *kernels = gradient->kernels;
    const struct winograd *shape = &gradient->shape;
    size_t chunks = gradient->chunks, panels = gradient->panels;
    float *v = scratch, *dm = v + chunks * v_floats(gradient), *du = dm + panels * dm_floats(gradient);
#pragma omp parallel
    for (size_t round = 0; round < gradient->rounds; round++) {
        size_t first = round * gradient->round, left = gradient->tiles - first;
        size_t count = left < gradient->round ? left : gradient->round;
#pragma omp for schedule(static)
        for (size_t i = 0; i < chunks + panels; i++) {
            if (i < chunks)
                kernels->input_transform(shape, in, i, first, count, v + i * v_floats(gradient));
            else
                kernels->output_grad_transform(shape, dout, i - chunks, first, count,
                                               dm + (i - chunks) * dm_floats(gradient));
        }
#pragma omp for schedule(static)
        for (size_t job = 0; job < jobs(gradient); job++)
            multiply(gradient, job, round, count, v, dm, du, dweights);
    }
}
