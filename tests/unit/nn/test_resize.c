/* Resizing against Pillow's own results (tests/fixtures/make_fixtures.py): equal, not near. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "dcls/base/fs.h"
#include "nn/data/image.h"
#include "ppm.h"

static const int sizes[][2] = {{32, 32}, {224, 1}, {1, 1},    {7, 90}, {41, 29},
                               {41, 10}, {13, 29}, {100, 80}, {5, 4},  {42, 30}};
#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

static void read_pattern(struct image *image)
{
    char *bytes;
    size_t count;
    struct err err = ERR_INIT;
    if (fs_read("tests/fixtures/resized/pattern.png", 1 << 20, &bytes, &count, &err) ||
        image_decode(image, bytes, count, &err))
        fail_msg("%s", err.text);
    free(bytes);
}

static void expect_pils(const struct image *image, int width, int height, struct resize_scratch *scratch)
{
    char path[256];
    struct ppm expected;
    struct err err = ERR_INIT;
    size_t count = (size_t)width * height * 3;
    snprintf(path, sizeof(path), "tests/fixtures/resized/pattern-%dx%d.ppm", width, height);
    ppm_read(&expected, path);
    assert_int_equal(expected.width, width);
    assert_int_equal(expected.height, height);
    uint8_t *out = malloc(count);
    assert_non_null(out);
    if (image_resize(image, width, height, out, scratch, &err))
        fail_msg("%s", err.text);
    for (size_t i = 0; i < count; i++)
        if (out[i] != expected.rgb[i])
            fail_msg("%s: sample %zu is %d, PIL's is %d", path, i, out[i], expected.rgb[i]);
    free(out);
    ppm_release(&expected);
}

static void every_size_gives_pils_pixels(void **state)
{
    (void)state;
    struct image image = {0};
    read_pattern(&image);
    for (size_t i = 0; i < SIZES; i++) {
        struct resize_scratch *scratch = resize_scratch_new();
        assert_non_null(scratch);
        expect_pils(&image, sizes[i][0], sizes[i][1], scratch);
        resize_scratch_free(scratch);
    }
    image_release(&image);
}

static void one_scratch_serves_sizes_in_any_order(void **state)
{
    (void)state;
    struct image image = {0};
    struct resize_scratch *scratch = resize_scratch_new();
    assert_non_null(scratch);
    read_pattern(&image);
    for (size_t i = 0; i < SIZES * SIZES; i++) {
        expect_pils(&image, sizes[i / SIZES][0], sizes[i / SIZES][1], scratch);
        expect_pils(&image, sizes[i % SIZES][0], sizes[i % SIZES][1], scratch);
    }
    resize_scratch_free(scratch);
    image_release(&image);
}

static void extreme_values_stay_in_range(void **state)
{
    (void)state;
    uint8_t white[9 * 7 * 3], out[64 * 64 * 3];
    struct image image = {.width = 9, .height = 7, .rgb = white};
    struct resize_scratch *scratch = resize_scratch_new();
    assert_non_null(scratch);
    memset(white, 255, sizeof(white));
    for (int size = 1; size <= 64; size++) {
        assert_int_equal(image_resize(&image, size, size, out, scratch, NULL), 0);
        for (int i = 0; i < size * size * 3; i++)
            assert_int_equal(out[i], 255);
    }
    resize_scratch_free(scratch);
}

static void an_impossible_size_is_refused(void **state)
{
    (void)state;
    uint8_t pixel[3] = {1, 2, 3}, out[3];
    struct image image = {.width = 1, .height = 1, .rgb = pixel};
    struct resize_scratch *scratch = resize_scratch_new();
    struct err err = ERR_INIT;
    assert_non_null(scratch);
    assert_int_equal(image_resize(&image, 0, 1, out, scratch, &err), -1);
    assert_string_equal(err.text, "cannot resize an image to 0x1 pixels");
    assert_int_equal(image_resize(&image, 1, IMAGE_MAX_SIDE + 1, out, scratch, &err), -1);
    resize_scratch_free(scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_size_gives_pils_pixels),
        cmocka_unit_test(one_scratch_serves_sizes_in_any_order),
        cmocka_unit_test(extreme_values_stay_in_range),
        cmocka_unit_test(an_impossible_size_is_refused),
    };
    return cmocka_run_group_tests_name("resize", tests, NULL, NULL);
}
