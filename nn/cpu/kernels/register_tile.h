/* The inner step of products of matrices, whose sums stay in registers: a tile of up to ROWS rows and COLUMNS columns
 * of LANES floats, b's row being a panel wide. The including file names ROWS, as many as its registers hold. Not a
 * header of its own. */
#ifndef DCLS_NN_KERNELS_REGISTER_TILE_H
#define DCLS_NN_KERNELS_REGISTER_TILE_H

#include "lanes.h"

#define COLUMNS 2
#define PANEL (COLUMNS * LANES)

/* Adds a column of a, `step` floats from row to row, times a row of b; `rows` and `columns` are constants. */
INLINE void tile_add(size_t rows, size_t columns, const float *a, size_t step, const float *b,
                     lanes sums[ROWS][COLUMNS])
{
    lanes row[COLUMNS];
#pragma GCC unroll 2
    for (size_t j = 0; j < columns; j++)
        row[j] = LOAD(b + j * LANES);
#pragma GCC unroll 16
    for (size_t r = 0; r < rows; r++)
#pragma GCC unroll 2
        for (size_t j = 0; j < columns; j++)
            sums[r][j] += a[r * step] * row[j];
}

/* Cases of a switch that make a constant of the number of rows: from half of ROWS to all of them, and fewer. */
#if ROWS == 14
#define CASES_OF_MANY_ROWS(CASE) CASE(14) CASE(13) CASE(12) CASE(11) CASE(10) CASE(9) CASE(8) CASE(7)
#define CASES_OF_FEW_ROWS(CASE) CASE(6) CASE(5) CASE(4) CASE(3) CASE(2) CASE(1)
#elif ROWS == 6
#define CASES_OF_MANY_ROWS(CASE) CASE(6) CASE(5) CASE(4) CASE(3)
#define CASES_OF_FEW_ROWS(CASE) CASE(2) CASE(1)
#endif

#endif
