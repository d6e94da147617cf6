/* The loops of winograd.h, for the instruction set that the including file names, LANES channels at a time, and products
 * of ROWS tiles with COLUMNS times LANES outputs, which its registers hold. Not a header of its own. */
#include "lanes.h"
#include "winograd_isa.h"

#define PANEL (COLUMNS * LANES) /* outputs that lie side by side in the weights' matrices */

/* Place p, input c, output o of the transformed weights: (36, O / PANEL, C, PANEL). */
static size_t weight_at(const struct winograd *shape, size_t p, size_t c, size_t o)
{
    return ((p * (shape->outputs / PANEL) + o / PANEL) * shape->channels + c) * PANEL + o % PANEL;
}

/* G g G^T */
static void weights(const struct winograd *shape, const float *from, float *transformed)
{
    static const double g[6][3] = { { 1.0 / 4, 0, 0 },
                                    { -1.0 / 6, -1.0 / 6, -1.0 / 6 },
                                    { -1.0 / 6, 1.0 / 6, -1.0 / 6 },
                                    { 1.0 / 24, 1.0 / 12, 1.0 / 6 },
                                    { 1.0 / 24, -1.0 / 12, 1.0 / 6 },
                                    { 0, 0, 1 } };
    for (size_t o = 0; o < shape->outputs; o++)
        for (size_t c = 0; c < shape->channels; c++) {
            const float *kernel = from + (o * shape->channels + c) * 9;
            for (size_t p = 0; p < WINOGRAD_PLACES; p++) {
                double sum = 0;
                for (int y = 0; y < 3; y++)
                    for (int x = 0; x < 3; x++)
                        sum += g[p / 6][y] * g[p % 6][x] * (double)kernel[y * 3 + x];
                transformed[weight_at(shape, p, c, o)] = (float)sum;
            }
        }
}

/* B^T d of six numbers that lie `step` apart. */
INLINE void transform_input(lanes *d, size_t step)
{
    lanes d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step], d4 = d[4 * step], d5 = d[5 * step];
    lanes even = d4 - 4.0f * d2, odd = d3 - 4.0f * d1, near = d4 - d2, far = 2.0f * (d3 - d1);
    d[0] = 4.0f * d0 - 5.0f * d2 + d4;
    d[step] = even + odd;
    d[2 * step] = even - odd;
    d[3 * step] = near + far;
    d[4 * step] = near - far;
    d[5 * step] = 4.0f * d1 - 5.0f * d3 + d5;
}

/* The 6x6 inputs that a tile at (top, left) sees, 0 outside the image. */
INLINE void see(const struct winograd *shape, const float *plane, long top, long left, lanes *d)
{
    long h = (long)shape->h, w = (long)shape->w;
    for (long y = 0; y < 6; y++)
        for (long x = 0; x < 6; x++) {
            bool inside = top + y >= 0 && top + y < h && left + x >= 0 && left + x < w;
            d[y * 6 + x] = inside ? (lanes)LOAD(plane + ((top + y) * w + left + x) * LANES) : (lanes){ 0 };
        }
}

INLINE void see_inside(const struct winograd *shape, const float *plane, long top, long left, lanes *d)
{
    const float *from = plane + (top * (long)shape->w + left) * LANES;
    for (size_t y = 0; y < 6; y++)
        for (size_t x = 0; x < 6; x++)
            d[y * 6 + x] = LOAD(from + (y * shape->w + x) * LANES);
}

static void input(const struct winograd *shape, const float *in, size_t block, size_t first, size_t count, float *seen)
{
    size_t tiles = shape->tiles_y * shape->tiles_x, blocks = shape->channels / LANES;
    for (size_t t = 0; t < count; t++) {
        size_t n = (first + t) / tiles, tile = (first + t) % tiles;
        const float *plane = in + (n * blocks + block) * shape->h * shape->w * LANES;
        long top = (long)(tile / shape->tiles_x) * 4 - 1, left = (long)(tile % shape->tiles_x) * 4 - 1;
        lanes d[WINOGRAD_PLACES];
        if (top >= 0 && left >= 0 && top + 6 <= (long)shape->h && left + 6 <= (long)shape->w)
            see_inside(shape, plane, top, left, d);
        else
            see(shape, plane, top, left, d);
#pragma GCC unroll 6
        for (size_t x = 0; x < 6; x++)
            transform_input(d + x, 6);
#pragma GCC unroll 6
        for (size_t y = 0; y < 6; y++)
            transform_input(d + y * 6, 1);
        for (size_t p = 0; p < WINOGRAD_PLACES; p++)
            STORE(seen + (p * count + t) * shape->channels + block * LANES, d[p]);
    }
}

/* `rows` tiles (a constant) times one panel: made (rows, O) gets seen (rows, C) * panel (C, PANEL). */
INLINE void product(size_t rows, size_t channels, size_t outputs, const float *seen, const float *panel, float *made)
{
    lanes sums[ROWS][COLUMNS];
#pragma GCC unroll 8
    for (size_t r = 0; r < rows; r++)
#pragma GCC unroll 8
        for (size_t j = 0; j < COLUMNS; j++)
            sums[r][j] = (lanes){ 0 };
    for (size_t c = 0; c < channels; c++, panel += PANEL) {
        lanes weight[COLUMNS];
#pragma GCC unroll 8
        for (size_t j = 0; j < COLUMNS; j++)
            weight[j] = LOAD(panel + j * LANES);
#pragma GCC unroll 8
        for (size_t r = 0; r < rows; r++)
#pragma GCC unroll 8
            for (size_t j = 0; j < COLUMNS; j++)
                sums[r][j] += seen[r * channels + c] * weight[j];
    }
#pragma GCC unroll 8
    for (size_t r = 0; r < rows; r++)
#pragma GCC unroll 8
        for (size_t j = 0; j < COLUMNS; j++)
            STORE(made + r * outputs + j * LANES, sums[r][j]);
}

static void multiply(const struct winograd *shape, size_t place, size_t count, const float *seen,
                     const float *transformed, float *made)
{
    size_t channels = shape->channels, outputs = shape->outputs;
    seen += place * count * channels;
    made += place * count * outputs;
    for (size_t o = 0; o < outputs; o += PANEL) {
        const float *panel = transformed + weight_at(shape, place, 0, o);
        size_t t = 0;
        for (; t + ROWS <= count; t += ROWS)
            product(ROWS, channels, outputs, seen + t * channels, panel, made + t * outputs + o);
        for (; t + 2 <= count; t += 2)
            product(2, channels, outputs, seen + t * channels, panel, made + t * outputs + o);
        for (; t < count; t++)
            product(1, channels, outputs, seen + t * channels, panel, made + t * outputs + o);
    }
}

/* A^T m of six numbers that lie `step` apart, to four. */
INLINE void transform_output(const lanes *m, size_t step, lanes *y)
{
    lanes sum12 = m[step] + m[2 * step], difference12 = m[step] - m[2 * step];
    lanes sum34 = m[3 * step] + m[4 * step], difference34 = m[3 * step] - m[4 * step];
    y[0] = m[0] + sum12 + sum34;
    y[1] = difference12 + 2.0f * difference34;
    y[2] = sum12 + 4.0f * sum34;
    y[3] = difference12 + 8.0f * difference34 + m[5 * step];
}

static void output(const struct winograd *shape, const float *made, const float *bias, size_t block, size_t first,
                   size_t count, bool sum, bool relu, float *out)
{
    size_t tiles = shape->tiles_y * shape->tiles_x, blocks = shape->outputs / LANES;
    const lanes shift = LOAD(bias + block * LANES);
    const struct lanes_bounds bounds = lanes_bounds(relu ? ACTIVATION_RELU : ACTIVATION_NONE);
    for (size_t t = 0; t < count; t++) {
        size_t n = (first + t) / tiles, tile = (first + t) % tiles;
        float *plane = out + (n * blocks + block) * shape->h * shape->w * LANES;
        size_t top = tile / shape->tiles_x * 4, left = tile % shape->tiles_x * 4;
        lanes m[WINOGRAD_PLACES], half[4 * 6], y[4];
        for (size_t p = 0; p < WINOGRAD_PLACES; p++)
            m[p] = LOAD(made + (p * count + t) * shape->outputs + block * LANES);
        for (size_t x = 0; x < 6; x++) {
            transform_output(m + x, 6, y);
            for (size_t i = 0; i < 4; i++)
                half[i * 6 + x] = y[i];
        }
        for (size_t i = 0; i < 4 && top + i < shape->h; i++) {
            float *row = plane + ((top + i) * shape->w + left) * LANES;
            transform_output(half + i * 6, 1, y);
            for (size_t x = 0; x < 4 && left + x < shape->w; x++) {
                lanes value = y[x] + shift;
                if (sum)
                    value += LOAD(row + x * LANES);
                STORE(row + x * LANES, lanes_clamp(&bounds, value));
            }
        }
    }
}
