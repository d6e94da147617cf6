/* Datasets on disk, for tests alone: temporary folders with IDX files or copies of the fixture images. */
#ifndef TESTS_DATASET_FILES_H
#define TESTS_DATASET_FILES_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "dcls/base/fs.h"

/* A new temporary folder, to be handed to folder_remove. */
static inline char *folder_make(void)
{
    char template[] = "/tmp/dcls-test-XXXXXX";
    if (!mkdtemp(template))
        fail_msg("cannot make '%s'", template);
    return strdup(template);
}

static inline void folder_remove(char *dir)
{
    assert_int_equal(fs_remove_tree(dir, NULL), 0);
    free(dir);
}

static inline void file_put(const char *dir, const char *name, const void *bytes, size_t count)
{
    char path[512];
    struct err err = ERR_INIT;
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    char *slash = strrchr(path, '/');
    *slash = 0;
    if (fs_make_dirs(path, &err))
        fail_msg("%s", err.text);
    *slash = '/';
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    assert_int_equal(fclose(file), 0);
}

static inline void image_put(const char *dir, const char *name, const char *fixture)
{
    char path[512], *bytes;
    size_t count;
    struct err err = ERR_INIT;
    snprintf(path, sizeof(path), "tests/fixtures/images/%s", fixture);
    if (fs_read(path, 1 << 20, &bytes, &count, &err))
        fail_msg("%s", err.text);
    file_put(dir, name, bytes, count);
    free(bytes);
}

/* A header of `rank` sizes and the bytes, packed where the name ends in .gz. */
static inline void idx_put(const char *dir, const char *name, int rank, const int *sizes, const void *bytes,
                           size_t count)
{
    uint8_t header[16] = { 0, 0, 8, (uint8_t)rank };
    for (int i = 0; i < rank; i++)
        for (int b = 0; b < 4; b++)
            header[4 + 4 * i + b] = (uint8_t)(sizes[i] >> (24 - 8 * b));
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    bool packed = strstr(name, ".gz");
    gzFile file = gzopen(path, packed ? "wb" : "wbT");
    assert_non_null(file);
    assert_int_equal(gzwrite(file, header, 4 + 4 * (unsigned)rank), 4 + 4 * rank);
    if (count)
        assert_int_equal(gzwrite(file, bytes, (unsigned)count), (int)count);
    assert_int_equal(gzclose(file), Z_OK);
}

#define IDX_TRAIN 23
#define IDX_TEST 5
#define IDX_SIDE 4

/* Images of one column ramp each, so that both the sample and a mirroring show: pixel (y, x) of training image i is
 * 10 * i + x, of test image i 200 + 10 * i + x; the label is i % 3. */
static inline void idx_dataset_put(const char *dir, const char *ending)
{
    static const char *const names[2][2] = { { "train-images-idx3-ubyte", "train-labels-idx1-ubyte" },
                                             { "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte" } };
    for (int split = 0; split < 2; split++) {
        int count = split ? IDX_TEST : IDX_TRAIN, sizes[3] = { count, IDX_SIDE, IDX_SIDE };
        uint8_t pixels[IDX_TRAIN][IDX_SIDE][IDX_SIDE], labels[IDX_TRAIN];
        for (int i = 0; i < count; i++) {
            labels[i] = (uint8_t)(i % 3);
            for (int y = 0; y < IDX_SIDE; y++)
                for (int x = 0; x < IDX_SIDE; x++)
                    pixels[i][y][x] = (uint8_t)((split ? 200 : 0) + 10 * i + x);
        }
        char name[64];
        snprintf(name, sizeof(name), "%s%s", names[split][0], ending);
        idx_put(dir, name, 3, sizes, pixels, (size_t)count * IDX_SIDE * IDX_SIDE);
        snprintf(name, sizeof(name), "%s%s", names[split][1], ending);
        idx_put(dir, name, 1, sizes, labels, (size_t)count);
    }
}

#endif
