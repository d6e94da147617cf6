/* Resizing against Pillow's own results (tests/fixtures/make_fixtures.py): equal, not near. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "dcls/base/fs.h"
#include "nn/data/decode.h"
#include "nn/data/resize.h"
#include "nn/rng.h"
#include "ppm.h"

static const int sizes[][2] = { { 32, 32 }, { 224, 1 }, { 1, 1 },    { 7, 90 }, { 41, 29 },
                                { 41, 10 }, { 13, 29 }, { 100, 80 }, { 5, 4 },  { 42, 30 } };
#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

static const enum isa isas[] = { ISA_PLAIN, ISA_AVX2 };
#define ISAS 2

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
    struct image image = { 0 };
    read_pattern(&image);
    for (size_t i = 0; i < SIZES * ISAS; i++) {
        struct resize_scratch *scratch = resize_scratch_new_on(isas[i % ISAS]);
        assert_non_null(scratch);
        expect_pils(&image, sizes[i / ISAS][0], sizes[i / ISAS][1], scratch);
        resize_scratch_free(scratch);
    }
    image_release(&image);
}

static void one_scratch_serves_sizes_in_any_order(void **state)
{
    (void)state;
    struct image image = { 0 };
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
    struct image image = { .width = 9, .height = 7, .rgb = white };
    memset(white, 255, sizeof(white));
    for (int a = 0; a < ISAS; a++) {
        struct resize_scratch *scratch = resize_scratch_new_on(isas[a]);
        assert_non_null(scratch);
        for (int size = 1; size <= 64; size++) {
            assert_int_equal(image_resize(&image, size, size, out, scratch, NULL), 0);
            for (int i = 0; i < size * size * 3; i++)
                assert_int_equal(out[i], 255);
        }
        resize_scratch_free(scratch);
    }
}

/* Noise of many sizes, enlarged, reduced a little and very much, ends in the same bytes on each instruction set, and
 * whether the image lies in memory or comes row by row. */
static void every_way_gives_the_same_pixels(void **state)
{
    (void)state;
    static const int cases[][4] = { { 1, 1, 5, 7 },      { 3, 2, 3, 9 },     { 640, 427, 224, 224 },
                                    { 131, 97, 33, 97 }, { 97, 131, 97, 8 }, { 5, 3, 64, 64 },
                                    { 9, 2000, 3, 1 },   { 2000, 9, 1, 3 },  { 225, 223, 224, 224 },
                                    { 16000, 6, 2, 2 },  { 17, 19, 18, 18 }, { 50, 6, 49, 6 } };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const int *c = cases[i];
        size_t from = (size_t)c[0] * c[1] * 3, to = (size_t)c[2] * c[3] * 3;
        uint8_t *first = malloc(to), *out = malloc(to);
        struct image image = { .width = c[0], .height = c[1], .rgb = malloc(from) };
        assert_true(first && out && image.rgb);
        for (size_t k = 0; k < from; k++)
            image.rgb[k] = (uint8_t)(rng_bits(1, i, k) % 4 ? rng_bits(2, i, k) : 255);
        for (int a = 0; a < ISAS; a++) {
            struct resize_scratch *scratch = resize_scratch_new_on(isas[a]);
            assert_non_null(scratch);
            assert_int_equal(image_resize(&image, c[2], c[3], a ? out : first, scratch, NULL), 0);
            if (a)
                assert_memory_equal(first, out, to);
            assert_int_equal(resize_start(scratch, c[0], c[1], c[2], c[3], out, NULL), 0);
            for (int y = 0; y < c[1]; y++) {
                memcpy(resize_room(scratch), image.rgb + (size_t)y * c[0] * 3, (size_t)c[0] * 3);
                resize_row(scratch);
            }
            assert_memory_equal(first, out, to);
            resize_scratch_free(scratch);
        }
        free(image.rgb);
        free(first);
        free(out);
    }
}

static void a_start_ends_what_was_not_finished(void **state)
{
    (void)state;
    struct image image = { 0 };
    struct resize_scratch *scratch = resize_scratch_new();
    uint8_t out[32 * 32 * 3];
    assert_non_null(scratch);
    read_pattern(&image);
    for (int rows = 0; rows < 12; rows++) {
        assert_int_equal(resize_start(scratch, 100, 50, 32, 32, out, NULL), 0);
        for (int y = 0; y < rows; y++) {
            memset(resize_room(scratch), 9, 300);
            resize_row(scratch);
        }
        expect_pils(&image, 32, 32, scratch);
    }
    resize_scratch_free(scratch);
    image_release(&image);
}

static void an_impossible_size_is_refused(void **state)
{
    (void)state;
    uint8_t pixel[3] = { 1, 2, 3 }, out[3];
    struct image image = { .width = 1, .height = 1, .rgb = pixel };
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
        cmocka_unit_test(every_size_gives_pils_pixels),       cmocka_unit_test(one_scratch_serves_sizes_in_any_order),
        cmocka_unit_test(extreme_values_stay_in_range),       cmocka_unit_test(every_way_gives_the_same_pixels),
        cmocka_unit_test(a_start_ends_what_was_not_finished), cmocka_unit_test(an_impossible_size_is_refused),
    };
    return cmocka_run_group_tests_name("resize", tests, NULL, NULL);
}
