/* The loops of winograd.h, for the instruction set that the including file names, LANES channels at a time, and
 * products of ROWS tiles with two blocks of outputs, which its registers hold. Not a header of its own. */
#include <string.h>

#include "register_tile.h"
#include "winograd.h"

#define DEPTH ((size_t)WINOGRAD_DEPTH)

INLINE size_t gapped(size_t floats)
{
    return floats + WINOGRAD_GAP;
}

/* LANES rows of LANES floats to as many columns: the halves of each pair of rows change places, then their quarters. */
INLINE void transpose(lanes *rows)
{
#pragma GCC unroll 4
    for (size_t step = LANES / 2; step; step /= 2) {
        int_lanes low = { 0 }, high = { 0 };
#pragma GCC unroll 16
        for (size_t j = 0; j < LANES; j++) {
            low[j] = (int)(j & step ? LANES + j - step : j);
            high[j] = (int)(j & step ? LANES + j : j + step);
        }
#pragma GCC unroll 16
        for (size_t i = 0; i < LANES; i++)
            if (!(i & step)) {
                lanes first = __builtin_shuffle(rows[i], rows[i + step], low);
                rows[i + step] = __builtin_shuffle(rows[i], rows[i + step], high);
                rows[i] = first;
            }
    }
}

/* to (columns, PANEL) = from (PANEL, columns, `row` apart) transposed; columns is a multiple of LANES. */
static void pack_rows(const float *from, size_t row, size_t columns, float *to)
{
    for (size_t o = 0; o < PANEL; o += LANES)
        for (size_t i = 0; i < columns; i += LANES) {
            lanes square[LANES];
            for (size_t r = 0; r < LANES; r++)
                square[r] = LOAD(from + (o + r) * row + i);
            transpose(square);
            for (size_t r = 0; r < LANES; r++)
                STORE(to + (i + r) * PANEL + o, square[r]);
        }
}

static void winograd_pack(const struct winograd *shape, const float *weights, bool rotated, size_t chunk, size_t panel,
                          float *packed)
{
    size_t depth = winograd_depth(shape, chunk), first = panel * PANEL;
    if (!rotated) {
        pack_rows(weights + (first * shape->channels + chunk * DEPTH) * 9, shape->channels * 9, depth * 9, packed);
        return;
    }
    for (size_t c = 0; c < depth; c++) {
        const float *from = weights + ((chunk * DEPTH + c) * shape->outputs + first) * 9;
        for (size_t k = 9; k-- > 0; packed += PANEL)
#pragma GCC unroll 32
            for (size_t o = 0; o < PANEL; o++)
                packed[o] = from[o * 9 + k];
    }
}

/* G g of three floats, `step` apart, to six. */
INLINE void transform_kernel(const lanes *g, size_t step, lanes *u)
{
    lanes outer = g[0] + g[2 * step], middle = g[step];
    lanes far = g[0] * (1.0f / 24) + g[2 * step] * (1.0f / 6), half = middle * (1.0f / 12);
    u[0] = g[0] * 0.25f;
    u[1] = (outer + middle) * (-1.0f / 6);
    u[2] = (outer - middle) * (-1.0f / 6);
    u[3] = far + half;
    u[4] = far - half;
    u[5] = g[2 * step];
}

static void winograd_weight_transform(size_t depth, const float *packed, float *kernels)
{
    size_t place = gapped(depth * PANEL);
    for (size_t c = 0; c < depth; c++)
#pragma GCC unroll 1
        for (size_t j = 0; j < COLUMNS; j++) {
            const float *from = packed + c * 9 * PANEL + j * LANES;
            float *to = kernels + c * PANEL + j * LANES;
            lanes half[3 * 6], u[6], g[3];
#pragma GCC unroll 3
            for (size_t x = 0; x < 3; x++) {
#pragma GCC unroll 3
                for (size_t y = 0; y < 3; y++)
                    g[y] = LOAD(from + (y * 3 + x) * PANEL);
                transform_kernel(g, 1, u);
#pragma GCC unroll 6
                for (size_t y = 0; y < 6; y++)
                    half[y * 3 + x] = u[y];
            }
#pragma GCC unroll 6
            for (size_t y = 0; y < 6; y++) {
                transform_kernel(half + y * 3, 1, u);
#pragma GCC unroll 6
                for (size_t x = 0; x < 6; x++)
                    STORE(to + (y * 6 + x) * place, u[x]);
            }
        }
}

/* The tiles in their order: of each image from left to right and down. */
struct tile {
    size_t n, y, x;
};

INLINE struct tile tile_of(const struct winograd *shape, size_t index)
{
    size_t tiles = shape->tiles_y * shape->tiles_x;
    return (struct tile){ index / tiles, index % tiles / shape->tiles_x, index % shape->tiles_x };
}

INLINE void tile_step(const struct winograd *shape, struct tile *tile)
{
    if (++tile->x < shape->tiles_x)
        return;
    tile->x = 0;
    if (++tile->y < shape->tiles_y)
        return;
    tile->y = 0;
    tile->n++;
}

/* (side, side) floats of a plane from (top, left) on, 0 outside. */
INLINE void window(const struct winograd *shape, const float *plane, long top, long left, long side, lanes *to)
{
    long h = (long)shape->h, w = (long)shape->w;
    long y0 = top < 0 ? -top : 0, y1 = top + side > h ? h - top : side;
    long x0 = left < 0 ? -left : 0, x1 = left + side > w ? w - left : side;
    memset(to, 0, (size_t)(side * side) * sizeof *to);
    for (long y = y0; y < y1; y++)
        for (long x = x0; x < x1; x++)
            to[y * side + x] = LOAD(plane + ((top + y) * w + left + x) * LANES);
}

/* B^T d of six floats. */
INLINE void transform_input(const lanes *d, lanes *v)
{
    lanes even = d[4] - 4.0f * d[2], odd = d[3] - 4.0f * d[1], near = d[4] - d[2], far = 2.0f * (d[3] - d[1]);
    v[0] = 4.0f * d[0] - 5.0f * d[2] + d[4];
    v[1] = even + odd;
    v[2] = even - odd;
    v[3] = near + far;
    v[4] = near - far;
    v[5] = 4.0f * d[1] - 5.0f * d[3] + d[5];
}

/* Of a tile whose 6x6 floats lie `row` floats a row apart. */
INLINE void see_tile(const float *from, size_t row, size_t place, float *seen)
{
    lanes half[WINOGRAD_TILE_ELEMENTS], d[6], v[6];
#pragma GCC unroll 6
    for (size_t x = 0; x < 6; x++) {
#pragma GCC unroll 6
        for (size_t y = 0; y < 6; y++)
            d[y] = LOAD(from + y * row + x * LANES);
        transform_input(d, v);
#pragma GCC unroll 6
        for (size_t y = 0; y < 6; y++)
            half[y * 6 + x] = v[y];
    }
#pragma GCC unroll 6
    for (size_t y = 0; y < 6; y++) {
        transform_input(half + y * 6, v);
#pragma GCC unroll 6
        for (size_t x = 0; x < 6; x++)
            STORE(seen + (y * 6 + x) * place, v[x]);
    }
}

static void winograd_input_transform(const struct winograd *shape, const float *in, size_t chunk, size_t first,
                                     size_t count, float *seen)
{
    size_t blocks = shape->channels / LANES, place = gapped(count * DEPTH), plane = shape->h * shape->w * LANES;
    for (size_t b = 0; b < winograd_depth(shape, chunk) / LANES; b++) {
        struct tile tile = tile_of(shape, first);
        for (size_t t = 0; t < count; t++, tile_step(shape, &tile)) {
            const float *from = in + (tile.n * blocks + chunk * (DEPTH / LANES) + b) * plane;
            float *to = seen + t * DEPTH + b * LANES;
            long top = (long)tile.y * 4 - 1, left = (long)tile.x * 4 - 1;
            if (top >= 0 && left >= 0 && top + 6 <= (long)shape->h && left + 6 <= (long)shape->w) {
                see_tile(from + (top * (long)shape->w + left) * LANES, shape->w * LANES, place, to);
            } else {
                lanes around[WINOGRAD_TILE_ELEMENTS];
                window(shape, from, top, left, 6, around);
                see_tile((const float *)around, 6 * LANES, place, to);
            }
        }
    }
}

/* c (rows, PANEL) = a (rows, depth) * b (depth, PANEL), plus c where `add`; `rows` and a's steps are constants. */
INLINE void winograd_product(size_t rows, size_t row_step, size_t depth_step, size_t depth, const float *a,
                             const float *b, bool add, float *c)
{
    lanes sums[ROWS][COLUMNS];
#pragma GCC unroll 16
    for (size_t r = 0; r < rows; r++)
#pragma GCC unroll 2
        for (size_t j = 0; j < COLUMNS; j++)
            sums[r][j] = add ? (lanes)LOAD(c + r * PANEL + j * LANES) : (lanes){ 0 };
#pragma GCC unroll 2
    for (size_t k = 0; k < depth; k++, a += depth_step, b += PANEL)
        tile_add(rows, COLUMNS, a, row_step, b, sums);
#pragma GCC unroll 16
    for (size_t r = 0; r < rows; r++)
#pragma GCC unroll 2
        for (size_t j = 0; j < COLUMNS; j++)
            STORE(c + r * PANEL + j * LANES, sums[r][j]);
}

/* `count` rows, as many at a time as the registers hold, shared out evenly. */
INLINE void winograd_products(size_t count, size_t row_step, size_t depth_step, size_t depth, const float *a,
                              const float *b, bool add, float *c)
{
    size_t groups = (count + ROWS - 1) / ROWS, rows = count / groups, larger = count % groups;
    for (size_t g = 0; g < groups; g++) {
        size_t these = rows + (g < larger);
#define CASE(number)                                                                                                   \
    case number:                                                                                                       \
        winograd_product(number, row_step, depth_step, depth, a, b, add, c);                                           \
        break;
        switch (these) {
            CASES_OF_MANY_ROWS(CASE)
            CASES_OF_FEW_ROWS(CASE)
        }
#undef CASE
        a += these * row_step;
        c += these * PANEL;
    }
}

static void winograd_multiply(size_t depth, size_t count, const float *seen, const float *kernels, bool add,
                              const float *prefetch, float *made)
{
    for (size_t p = 0; p < WINOGRAD_TILE_ELEMENTS; p++) {
        /* A 36th of the next packed weights. */
        for (size_t i = 0; prefetch && i < DEPTH * 9 * PANEL / WINOGRAD_TILE_ELEMENTS; i += WINOGRAD_GAP)
            __builtin_prefetch(prefetch + p * (DEPTH * 9 * PANEL / WINOGRAD_TILE_ELEMENTS) + i, 0, 2);
        winograd_products(count, DEPTH, 1, depth, seen + p * gapped(count * DEPTH), kernels + p * gapped(depth * PANEL),
                          add, made + p * gapped(count * PANEL));
    }
}

static void winograd_correlate(size_t channels, size_t count, const float *seen, const float *made, bool add,
                               float *dkernels)
{
    for (size_t p = 0; p < WINOGRAD_TILE_ELEMENTS; p++)
        winograd_products(channels, 1, DEPTH, count, seen + p * gapped(count * DEPTH), made + p * gapped(count * PANEL),
                          add, dkernels + p * gapped(channels * PANEL));
}

/* A^T m of six floats, to four. */
INLINE void transform_output(const lanes *m, lanes *y)
{
    lanes sum12 = m[1] + m[2], difference12 = m[1] - m[2], sum34 = m[3] + m[4], difference34 = m[3] - m[4];
    y[0] = m[0] + sum12 + sum34;
    y[1] = difference12 + 2.0f * difference34;
    y[2] = sum12 + 4.0f * sum34;
    y[3] = difference12 + 8.0f * difference34 + m[5];
}

/* One block of a tile's outputs, (rows, columns) of which lie in the plane; `out` is the first of them. */
INLINE void make_tile(const float *made, size_t place, lanes shift, const struct winograd_end *end,
                      const struct lanes_bounds *bounds, size_t rows, size_t columns, size_t row, float *out)
{
    lanes half[4 * 6], m[6], y[4];
#pragma GCC unroll 6
    for (size_t x = 0; x < 6; x++) {
#pragma GCC unroll 6
        for (size_t i = 0; i < 6; i++)
            m[i] = LOAD(made + (i * 6 + x) * place);
        transform_output(m, y);
#pragma GCC unroll 4
        for (size_t i = 0; i < 4; i++)
            half[i * 6 + x] = y[i];
    }
    for (size_t i = 0; i < rows; i++, out += row) {
        transform_output(half + i * 6, y);
        for (size_t x = 0; x < columns; x++) {
            lanes value = y[x] + shift;
            if (end->sum)
                value += LOAD(out + x * LANES);
            STORE(out + x * LANES, lanes_clamp(bounds, value));
        }
    }
}

static size_t inside_plane(size_t at, size_t size)
{
    return at + 4 <= size ? 4 : size - at;
}

static void winograd_output_transform(const struct winograd *shape, const float *made, const struct winograd_end *end,
                                      size_t panel, size_t first, size_t count, float *out)
{
    size_t blocks = shape->outputs / LANES, place = gapped(count * PANEL), row = shape->w * LANES;
    const struct lanes_bounds bounds = lanes_bounds(end->relu ? ACTIVATION_RELU : ACTIVATION_NONE);
    for (size_t j = 0; j < COLUMNS; j++) {
        size_t block = panel * COLUMNS + j;
        lanes shift = end->bias ? (lanes)LOAD(end->bias + block * LANES) : (lanes){ 0 };
        struct tile tile = tile_of(shape, first);
        for (size_t t = 0; t < count; t++, tile_step(shape, &tile)) {
            const float *from = made + t * PANEL + j * LANES;
            size_t top = tile.y * 4, left = tile.x * 4;
            size_t rows = inside_plane(top, shape->h), columns = inside_plane(left, shape->w);
            float *to = out + ((tile.n * blocks + block) * shape->h + top) * row + left * LANES;
            if (rows == 4 && columns == 4)
                make_tile(from, place, shift, end, &bounds, 4, 4, row, to);
            else
                make_tile(from, place, shift, end, &bounds, rows, columns, row, to);
        }
    }
}

/* A y of four floats, to six. */
INLINE void untransform_output(const lanes *y, lanes *m)
{
    lanes even = y[0] + y[2], odd = y[1] + y[3], far_even = y[0] + 4.0f * y[2], far_odd = 2.0f * y[1] + 8.0f * y[3];
    m[0] = y[0];
    m[1] = even + odd;
    m[2] = even - odd;
    m[3] = far_even + far_odd;
    m[4] = far_even - far_odd;
    m[5] = y[3];
}

INLINE void unmake_tile(const float *from, size_t row, size_t place, float *made)
{
    lanes half[6 * 4], y[4], m[6];
#pragma GCC unroll 4
    for (size_t x = 0; x < 4; x++) {
#pragma GCC unroll 4
        for (size_t i = 0; i < 4; i++)
            y[i] = LOAD(from + i * row + x * LANES);
        untransform_output(y, m);
#pragma GCC unroll 6
        for (size_t i = 0; i < 6; i++)
            half[i * 4 + x] = m[i];
    }
#pragma GCC unroll 6
    for (size_t i = 0; i < 6; i++) {
        untransform_output(half + i * 4, m);
#pragma GCC unroll 6
        for (size_t x = 0; x < 6; x++)
            STORE(made + (i * 6 + x) * place, m[x]);
    }
}

static void winograd_output_grad_transform(const struct winograd *shape, const float *dout, size_t panel, size_t first,
                                           size_t count, float *made)
{
    size_t blocks = shape->outputs / LANES, place = gapped(count * PANEL), plane = shape->h * shape->w * LANES;
    for (size_t j = 0; j < COLUMNS; j++) {
        struct tile tile = tile_of(shape, first);
        for (size_t t = 0; t < count; t++, tile_step(shape, &tile)) {
            const float *from = dout + (tile.n * blocks + panel * COLUMNS + j) * plane;
            float *to = made + t * PANEL + j * LANES;
            size_t top = tile.y * 4, left = tile.x * 4;
            if (inside_plane(top, shape->h) == 4 && inside_plane(left, shape->w) == 4) {
                unmake_tile(from + (top * shape->w + left) * LANES, shape->w * LANES, place, to);
            } else {
                lanes around[4 * 4];
                window(shape, from, (long)top, (long)left, 4, around);
                unmake_tile((const float *)around, 4 * LANES, place, to);
            }
        }
    }
}

/* G^T u of six floats, to three. */
INLINE void untransform_kernel(const lanes *u, lanes *g)
{
    lanes near = (u[1] + u[2]) * (-1.0f / 6), far = u[3] + u[4];
    g[0] = u[0] * 0.25f + near + far * (1.0f / 24);
    g[1] = (u[2] - u[1]) * (1.0f / 6) + (u[3] - u[4]) * (1.0f / 12);
    g[2] = near + far * (1.0f / 6) + u[5];
}

/* The kernels of LANES channels, whose 36 floats lie `place` apart, to (LANES, 9, PANEL). */
static void untransform_tiles(size_t place, const float *dkernels, float *gradients)
{
    for (size_t c = 0; c < LANES; c++)
        for (size_t j = 0; j < COLUMNS; j++) {
            const float *from = dkernels + c * PANEL + j * LANES;
            float *to = gradients + c * 9 * PANEL + j * LANES;
            lanes half[3 * 6], u[6], g[3];
#pragma GCC unroll 6
            for (size_t x = 0; x < 6; x++) {
#pragma GCC unroll 6
                for (size_t y = 0; y < 6; y++)
                    u[y] = LOAD(from + (y * 6 + x) * place);
                untransform_kernel(u, g);
#pragma GCC unroll 3
                for (size_t y = 0; y < 3; y++)
                    half[y * 6 + x] = g[y];
            }
#pragma GCC unroll 3
            for (size_t y = 0; y < 3; y++) {
                untransform_kernel(half + y * 6, g);
#pragma GCC unroll 3
                for (size_t x = 0; x < 3; x++)
                    STORE(to + (y * 3 + x) * PANEL, g[x]);
            }
        }
}

static void winograd_weight_grad_transform(const struct winograd *shape, size_t first, size_t channels, size_t panel,
                                           const float *dkernels, float *dweights)
{
    float gradients[LANES * 9 * PANEL] __attribute__((aligned(64)));
    size_t row = shape->channels * 9;
    for (size_t c = 0; c < channels; c += LANES) {
        untransform_tiles(gapped(channels * PANEL), dkernels + c * PANEL, gradients);
        float *to = dweights + panel * PANEL * row + (first + c) * 9;
        for (size_t o = 0; o < PANEL; o += LANES)
            for (size_t i = 0; i < LANES * 9; i += LANES) {
                lanes square[LANES];
                for (size_t r = 0; r < LANES; r++)
                    square[r] = LOAD(gradients + (i + r) * PANEL + o);
                transpose(square);
                for (size_t r = 0; r < LANES; r++)
                    STORE(to + (o + r) * row + i, square[r]);
            }
    }
}

static const struct winograd_kernels winograd_kernels = { .name = "winograd:" ISA_NAME,
                                                          .block = LANES,
                                                          .panel = PANEL,
                                                          .rows = ROWS,
                                                          .pack = winograd_pack,
                                                          .weight_transform = winograd_weight_transform,
                                                          .input_transform = winograd_input_transform,
                                                          .multiply = winograd_multiply,
                                                          .output_transform = winograd_output_transform,
                                                          .output_grad_transform = winograd_output_grad_transform,
                                                          .correlate = winograd_correlate,
                                                          .weight_grad_transform = winograd_weight_grad_transform };
