/* See winograd_pass.h. */
#include "winograd_pass.h"

#include <assert.h>
#include <omp.h>
#include <stdint.h>

#define ROUND_BYTES ((size_t)512 << 10) /* of the transformed input of a round, about: of the L2 cache */
#define ROUND_ROWS_MIN 2                /* times as many tiles as multiply takes at a time */

void winograd_pass_init(struct winograd_pass *pass, const struct winograd_kernels *kernels,
                        const struct winograd *shape, size_t threads)
{
    size_t tiles = winograd_tiles(shape);
    size_t round = winograd_round(shape, ROUND_BYTES, kernels->rows, ROUND_ROWS_MIN * kernels->rows);
    assert(shape->channels % kernels->block == 0 && shape->outputs % kernels->panel == 0);
    *pass = (struct winograd_pass){ .kernels = kernels,
                                    .shape = *shape,
                                    .tiles = tiles,
                                    .round = round,
                                    .rounds = (tiles + round - 1) / round,
                                    .chunks = winograd_chunks(shape),
                                    .panels = shape->outputs / kernels->panel,
                                    .threads = threads };
}

static bool transforms_first(const struct winograd_pass *pass)
{
    return pass->rounds > 1;
}

/* Floats of the packed weights of a chunk and a panel, of the same transformed, and of the input of all chunks. */
static size_t packed_floats(const struct winograd_pass *pass)
{
    return WINOGRAD_DEPTH * 9 * pass->kernels->panel;
}

static size_t u_floats(const struct winograd_pass *pass)
{
    return winograd_floats(WINOGRAD_DEPTH, pass->kernels->panel);
}

size_t winograd_pass_weights_floats(const struct winograd_pass *pass)
{
    return pass->panels * pass->chunks * (transforms_first(pass) ? u_floats(pass) : packed_floats(pass));
}

static size_t v_floats(const struct winograd_pass *pass)
{
    return pass->chunks * winograd_floats(pass->round, WINOGRAD_DEPTH);
}

/* What a thread has to itself: u, m, and where there are several rounds v; of a single round all threads make v
 * together. */
static size_t own_floats(const struct winograd_pass *pass)
{
    return u_floats(pass) + winograd_floats(pass->round, pass->kernels->panel) +
           (pass->rounds > 1 ? v_floats(pass) : 0);
}

size_t winograd_pass_scratch(const struct winograd_pass *pass)
{
    return pass->threads * own_floats(pass) + (pass->rounds > 1 ? 0 : v_floats(pass));
}

void winograd_pass_weights(const struct winograd_pass *pass, const float *weights, bool rotated, float *scratch,
                           float *to)
{
#pragma omp parallel for schedule(static)
    for (size_t job = 0; job < pass->panels * pass->chunks; job++) {
        size_t panel = job / pass->chunks, chunk = job % pass->chunks;
        if (!transforms_first(pass)) {
            pass->kernels->pack(&pass->shape, weights, rotated, chunk, panel, to + job * packed_floats(pass));
            continue;
        }
        float *packed = scratch + (size_t)omp_get_thread_num() * own_floats(pass);
        pass->kernels->pack(&pass->shape, weights, rotated, chunk, panel, packed);
        pass->kernels->weight_transform(winograd_depth(&pass->shape, chunk), packed, to + job * u_floats(pass));
    }
}

static void transform_chunk(const struct winograd_pass *pass, const float *in, size_t round, size_t count, size_t chunk,
                            float *v)
{
    pass->kernels->input_transform(&pass->shape, in, chunk, round * pass->round, count,
                                   v + chunk * winograd_floats(pass->round, WINOGRAD_DEPTH));
}

static void run_panel(const struct winograd_pass *pass, const float *v, const float *weights,
                      const struct winograd_end *end, size_t round, size_t count, size_t panel, float *own, float *out)
{
    const struct winograd_kernels *kernels = pass->kernels;
    float *m = own + u_floats(pass);
    for (size_t chunk = 0; chunk < pass->chunks; chunk++) {
        size_t depth = winograd_depth(&pass->shape, chunk), job = panel * pass->chunks + chunk;
        const float *u = weights + job * u_floats(pass), *prefetch = NULL;
        if (!transforms_first(pass)) {
            const float *packed = weights + job * packed_floats(pass);
            kernels->weight_transform(depth, packed, own);
            u = own;
            prefetch = job + 1 < pass->panels * pass->chunks ? packed + packed_floats(pass) : NULL;
        }
        kernels->multiply(depth, count, v + chunk * winograd_floats(pass->round, WINOGRAD_DEPTH), u, chunk > 0,
                          prefetch, m);
    }
    kernels->output_transform(&pass->shape, m, end, panel, round * pass->round, count, out);
}

static void run_rounds(const struct winograd_pass *pass, const float *in, const float *weights,
                       const struct winograd_end *end, float *own, float *out)
{
    size_t thread = (size_t)omp_get_thread_num(), threads = (size_t)omp_get_num_threads();
    size_t jobs = pass->rounds * pass->panels, v_round = SIZE_MAX;
    float *v = own + own_floats(pass) - v_floats(pass);
    for (size_t job = jobs * thread / threads; job < jobs * (thread + 1) / threads; job++) {
        size_t round = job / pass->panels, left = pass->tiles - round * pass->round;
        size_t count = left < pass->round ? left : pass->round;
        for (size_t chunk = 0; round != v_round && chunk < pass->chunks; chunk++)
            transform_chunk(pass, in, round, count, chunk, v);
        v_round = round;
        run_panel(pass, v, weights, end, round, count, job % pass->panels, own, out);
    }
}

void winograd_pass_run(const struct winograd_pass *pass, const float *in, const float *weights,
                       const struct winograd_end *end, float *scratch, float *out)
{
    float *shared = scratch + pass->threads * own_floats(pass);
#pragma omp parallel
    {
        float *own = scratch + (size_t)omp_get_thread_num() * own_floats(pass);
        if (pass->rounds > 1) {
            run_rounds(pass, in, weights, end, own, out);
        } else {
#pragma omp for schedule(static)
            for (size_t chunk = 0; chunk < pass->chunks; chunk++)
                transform_chunk(pass, in, 0, pass->tiles, chunk, shared);
#pragma omp for schedule(static)
            for (size_t panel = 0; panel < pass->panels; panel++)
                run_panel(pass, shared, weights, end, 0, pass->tiles, panel, own, out);
        }
    }
}
