/* Encoded images of tests: those among the fixtures, and bytes that are to be refused. For tests alone: it fails the
 * test. */
#ifndef TESTS_IMAGE_FILE_H
#define TESTS_IMAGE_FILE_H

#include <stdio.h>
#include <string.h>

#include "dcls/base/fs.h"
#include "nn/data/decode.h"

/* The caller frees it. */
static inline char *image_file_read(const char *name, size_t *count)
{
    char path[256], *bytes;
    struct err err = ERR_INIT;
    snprintf(path, sizeof(path), "tests/fixtures/images/%s", name);
    if (fs_read(path, 1 << 20, &bytes, count, &err))
        fail_msg("%s", err.text);
    return bytes;
}

static inline void image_expect_refused(const char *bytes, size_t count, const char *why)
{
    struct image image = { 0 };
    struct err err = ERR_INIT;
    assert_int_equal(image_decode(&image, bytes, count, &err), -1);
    if (!strstr(err.text, why))
        fail_msg("'%s' does not say '%s'", err.text, why);
    image_release(&image);
}

#endif
