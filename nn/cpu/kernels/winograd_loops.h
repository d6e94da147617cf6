/* The loops of winograd.h, for the instruction set that the including file names: tiles of registers of ROWS tiles of
 * the image and two blocks of outputs. Not a header of its own. */
#include "register_tile.h"
#include "winograd.h"
#include "winograd_transforms.h"

#define DEPTH ((size_t)WINOGRAD_DEPTH)

/* From a matrix of the 36 to the next. */
INLINE size_t matrix_step(size_t rows, size_t columns)
{
    return rows * columns + WINOGRAD_GAP;
}

/* to (LANES, LANES) = from transposed: the halves of each pair of rows change places, then their quarters. */
INLINE void transpose(const float *from, size_t from_row, float *to, size_t to_row)
{
    lanes rows[LANES];
    for (size_t r = 0; r < LANES; r++)
        rows[r] = LOAD(from + r * from_row);
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
    for (size_t r = 0; r < LANES; r++)
        STORE(to + r * to_row, rows[r]);
}

static void winograd_pack(const struct winograd *shape, const float *weights, bool rotated, size_t chunk, size_t panel,
                          float *packed)
{
    size_t depth = winograd_depth(shape, chunk), first = panel * PANEL, row = shape->channels * 9;
    if (!rotated) {
        const float *from = weights + first * row + chunk * DEPTH * 9;
        for (size_t o = 0; o < PANEL; o += LANES)
            for (size_t i = 0; i < depth * 9; i += LANES)
                transpose(from + o * row + i, row, packed + i * PANEL + o, PANEL);
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

static void winograd_weight_transform(size_t depth, const float *packed, float *u)
{
    size_t matrix = matrix_step(depth, PANEL);
    for (size_t c = 0; c < depth; c++)
#pragma GCC unroll 1
        for (size_t j = 0; j < PANEL; j += LANES)
            transform_tile(weight_1d, 3, 6, packed + c * 9 * PANEL + j, 3, PANEL, u + c * PANEL + j, matrix);
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

static void winograd_input_transform(const struct winograd *shape, const float *in, size_t chunk, size_t first,
                                     size_t count, float *v)
{
    size_t blocks = shape->channels / LANES, matrix = matrix_step(count, DEPTH), size = shape->h * shape->w * LANES;
    for (size_t b = 0; b < winograd_depth(shape, chunk) / LANES; b++) {
        struct tile tile = tile_of(shape, first);
        for (size_t t = 0; t < count; t++, tile_step(shape, &tile)) {
            const float *plane = in + (tile.n * blocks + chunk * (DEPTH / LANES) + b) * size;
            float *to = v + t * DEPTH + b * LANES;
            long top = (long)tile.y * 4 - 1, left = (long)tile.x * 4 - 1;
            if (top >= 0 && left >= 0 && top + 6 <= (long)shape->h && left + 6 <= (long)shape->w) {
                transform_tile(input_1d, 6, 6, plane + (top * (long)shape->w + left) * LANES, shape->w, LANES, to,
                               matrix);
            } else {
                lanes around[6 * 6];
                window(shape, plane, top, left, 6, around);
                transform_tile(input_1d, 6, 6, (const float *)around, 6, LANES, to, matrix);
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
    case number: winograd_product(number, row_step, depth_step, depth, a, b, add, c); break;
        switch (these) {
            CASES_OF_MANY_ROWS(CASE)
            CASES_OF_FEW_ROWS(CASE)
        }
#undef CASE
        a += these * row_step;
        c += these * PANEL;
    }
}

static void winograd_multiply(size_t depth, size_t count, const float *v, const float *u, bool add,
                              const float *prefetch, float *m)
{
    for (size_t e = 0; e < WINOGRAD_TILE_ELEMENTS; e++) {
        /* A 36th of the next packed weights. */
        for (size_t i = 0; prefetch && i < DEPTH * 9 * PANEL / WINOGRAD_TILE_ELEMENTS; i += WINOGRAD_GAP)
            __builtin_prefetch(prefetch + e * (DEPTH * 9 * PANEL / WINOGRAD_TILE_ELEMENTS) + i, 0, 2);
        winograd_products(count, DEPTH, 1, depth, v + e * matrix_step(count, DEPTH), u + e * matrix_step(depth, PANEL),
                          add, m + e * matrix_step(count, PANEL));
    }
}

static void winograd_multiply_grad(size_t channels, size_t count, const float *v, const float *dm, bool add, float *du)
{
    for (size_t e = 0; e < WINOGRAD_TILE_ELEMENTS; e++)
        winograd_products(channels, 1, DEPTH, count, v + e * matrix_step(count, DEPTH),
                          dm + e * matrix_step(count, PANEL), add, du + e * matrix_step(channels, PANEL));
}

/* One block of a tile's outputs, (rows, columns) of which lie in the plane; `out` is the first of them. */
INLINE void output_tile(const float *m, size_t matrix, lanes bias, const struct winograd_end *end,
                        const struct lanes_bounds *bounds, size_t rows, size_t columns, size_t row, float *out)
{
    lanes half[4 * 6], y[4];
    transform_columns(output_1d, 6, 4, m, 6, matrix, half);
    for (size_t i = 0; i < rows; i++, out += row) {
        output_1d(half + i * 6, y);
        for (size_t x = 0; x < columns; x++) {
            lanes value = y[x] + bias;
            if (end->sum)
                value += LOAD(out + x * LANES);
            STORE(out + x * LANES, lanes_clamp(bounds, value));
        }
    }
}

/* How many of a tile's four rows or columns from `at` on lie in a plane of that size. */
static size_t tile_inside(size_t at, size_t size)
{
    return at + 4 <= size ? 4 : size - at;
}

static void winograd_output_transform(const struct winograd *shape, const float *m, const struct winograd_end *end,
                                      size_t panel, size_t first, size_t count, float *out)
{
    size_t blocks = shape->outputs / LANES, matrix = matrix_step(count, PANEL), row = shape->w * LANES;
    const struct lanes_bounds bounds = lanes_bounds(end->relu ? ACTIVATION_RELU : ACTIVATION_NONE);
    for (size_t j = 0; j < COLUMNS; j++) {
        size_t block = panel * COLUMNS + j;
        lanes bias = end->bias ? (lanes)LOAD(end->bias + block * LANES) : (lanes){ 0 };
        struct tile tile = tile_of(shape, first);
        for (size_t t = 0; t < count; t++, tile_step(shape, &tile)) {
            const float *from = m + t * PANEL + j * LANES;
            size_t top = tile.y * 4, left = tile.x * 4;
            size_t rows = tile_inside(top, shape->h), columns = tile_inside(left, shape->w);
            float *to = out + ((tile.n * blocks + block) * shape->h + top) * row + left * LANES;
            if (rows == 4 && columns == 4)
                output_tile(from, matrix, bias, end, &bounds, 4, 4, row, to);
            else
                output_tile(from, matrix, bias, end, &bounds, rows, columns, row, to);
        }
    }
}

static void winograd_output_grad_transform(const struct winograd *shape, const float *dout, size_t panel, size_t first,
                                           size_t count, float *dm)
{
    size_t blocks = shape->outputs / LANES, matrix = matrix_step(count, PANEL), size = shape->h * shape->w * LANES;
    for (size_t j = 0; j < COLUMNS; j++) {
        struct tile tile = tile_of(shape, first);
        for (size_t t = 0; t < count; t++, tile_step(shape, &tile)) {
            const float *plane = dout + (tile.n * blocks + panel * COLUMNS + j) * size;
            float *to = dm + t * PANEL + j * LANES;
            size_t top = tile.y * 4, left = tile.x * 4;
            if (tile_inside(top, shape->h) == 4 && tile_inside(left, shape->w) == 4) {
                transform_tile(output_grad_1d, 4, 6, plane + (top * shape->w + left) * LANES, shape->w, LANES, to,
                               matrix);
            } else {
                lanes around[4 * 4];
                window(shape, plane, (long)top, (long)left, 4, around);
                transform_tile(output_grad_1d, 4, 6, (const float *)around, 4, LANES, to, matrix);
            }
        }
    }
}

static void winograd_weight_grad_transform(const struct winograd *shape, size_t first, size_t channels, size_t panel,
                                           const float *du, float *dweights)
{
    float gradients[LANES * 9 * PANEL] __attribute__((aligned(64))); /* (LANES, 9, PANEL) */
    size_t row = shape->channels * 9, matrix = matrix_step(channels, PANEL);
    for (size_t c = 0; c < channels; c += LANES) {
        float *to = dweights + panel * PANEL * row + (first + c) * 9;
        for (size_t i = 0; i < LANES; i++)
            for (size_t j = 0; j < PANEL; j += LANES)
                transform_tile(weight_grad_1d, 6, 3, du + (c + i) * PANEL + j, 6, matrix, gradients + i * 9 * PANEL + j,
                               PANEL);
        for (size_t o = 0; o < PANEL; o += LANES)
            for (size_t i = 0; i < LANES * 9; i += LANES)
                transpose(gradients + i * PANEL + o, PANEL, to + o * row + i, row);
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
                                                          .multiply_grad = winograd_multiply_grad,
                                                          .weight_grad_transform = winograd_weight_grad_transform };
