/* HEIC and AVIF, of tests/fixtures/make_heif.py: the pictures that went in come out, turned as the file says; and what
 * libheif must not be given is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "image_file.h"
#include "nn/data/decode.h"
#include "ppm.h"
#include "tests/fuzz/libheif.h"

/* Stands before the system's: a machine without libheif. */
static bool absent;

void *dlopen(const char *name, int flags)
{
    void *(*real)(const char *, int) = NULL;
    *(void **)&real = dlsym(RTLD_NEXT, "dlopen");
    if (absent && name && strstr(name, "libheif"))
        return NULL;
    return real(name, flags);
}

static const char *const files[] = { "photo.heic", "photo-odd.heic", "photo-turned.heic", "photo.avif",
                                     "photo-turned.avif" };
enum { FILES = sizeof files / sizeof *files };

static void what_went_in_comes_out_turned_as_the_file_says(void **state)
{
    (void)state;
    struct image image = { 0 };
    for (int i = 0; i < FILES; i++) {
        struct err err = ERR_INIT;
        struct ppm expected;
        char path[256];
        size_t count;
        char *bytes = image_file_read(files[i], &count);
        if (image_format_check(bytes, IMAGE_HEAD, &err) || image_decode(&image, bytes, count, &err))
            fail_msg("%s: %s", files[i], err.text);
        snprintf(path, sizeof(path), "tests/fixtures/images/%s.ppm", files[i]);
        ppm_read(&expected, path);
        assert_int_equal(image.width, expected.width);
        assert_int_equal(image.height, expected.height);
        for (size_t k = 0; k < (size_t)expected.width * expected.height * 3; k++)
            if (abs(image.rgb[k] - expected.rgb[k]) > 8)
                fail_msg("%s: sample %zu is %d, not near %d", files[i], k, image.rgb[k], expected.rgb[k]);
        ppm_release(&expected);
        free(bytes);
    }
    image_release(&image);
}

static void rows_that_are_resized_as_they_come_give_the_same_pixels(void **state)
{
    (void)state;
    uint8_t expected[20 * 20 * 3], out[20 * 20 * 3];
    struct image image = { 0 }, spare = { 0 };
    struct resize_scratch *scratch = resize_scratch_new();
    size_t count;
    char *bytes = image_file_read("photo-odd.heic", &count);
    assert_non_null(scratch);
    assert_int_equal(image_decode(&image, bytes, count, NULL), 0);
    assert_int_equal(image_resize(&image, 20, 20, expected, scratch, NULL), 0);
    assert_int_equal(image_decode_resized(bytes, count, DECODING_FULL, 20, out, &spare, scratch, NULL), 0);
    assert_memory_equal(out, expected, sizeof(out));
    resize_scratch_free(scratch);
    image_release(&image);
    image_release(&spare);
    free(bytes);
}

static void a_panorama_is_read(void **state)
{
    (void)state;
    static const char *const panoramas[] = { "wide.heic", "wide.avif" };
    static const uint8_t colour[] = { 60, 120, 180 };
    struct image image = { 0 };
    for (int i = 0; i < 2; i++) {
        struct err err = ERR_INIT;
        size_t count;
        char *bytes = image_file_read(panoramas[i], &count);
        if (image_decode(&image, bytes, count, &err))
            fail_msg("%s: %s", panoramas[i], err.text);
        assert_int_equal(image.width, 16382);
        assert_int_equal(image.height, 64);
        for (size_t k = 0; k < (size_t)16382 * 64 * 3; k++)
            assert_in_range(image.rgb[k], colour[k % 3] - 4, colour[k % 3] + 4);
        free(bytes);
    }
    image_release(&image);
}

/* Leaves this byte in memory that is free. */
static void soil(int byte)
{
    void *blocks[200];
    for (int i = 0; i < 200; i++) {
        blocks[i] = malloc((size_t)1000 * (size_t)(i + 1));
        assert_non_null(blocks[i]);
        memset(blocks[i], byte, (size_t)1000 * (size_t)(i + 1));
    }
    for (int i = 0; i < 200; i++)
        free(blocks[i]);
}

static void a_damaged_file_shows_nothing_of_what_lay_in_memory(void **state)
{
    (void)state;
    static const char *const damaged[] = { "damaged-data.heic", "grid-not-covered.heic" };
    for (int i = 0; i < 2; i++) {
        struct image image = { 0 }, again = { 0 };
        size_t count;
        char *bytes = image_file_read(damaged[i], &count);
        soil(0xa5);
        assert_int_equal(image_decode(&image, bytes, count, NULL), 0);
        soil(0x3c);
        assert_int_equal(image_decode(&again, bytes, count, NULL), 0);
        assert_memory_equal(image.rgb, again.rgb, (size_t)image.width * (size_t)image.height * 3);
        image_release(&image);
        image_release(&again);
        free(bytes);
    }
}

static void items_that_refer_to_each_other_in_a_circle_are_refused(void **state)
{
    (void)state;
    static const char *const circles[] = { "circle.heic", "circle-of-two.heic", "deep.heic" };
    for (int i = 0; i < 3; i++) {
        size_t count;
        char *bytes = image_file_read(circles[i], &count);
        image_expect_refused(bytes, count, "in a circle");
        free(bytes);
    }
}

/* 485 bytes that state 64x48 pixels, for which dav1d took 4 GB. */
static void a_stream_that_is_larger_than_the_file_says_is_refused(void **state)
{
    (void)state;
    size_t count;
    char *bytes = image_file_read("huge.avif", &count);
    image_expect_refused(bytes, count, "an image of 32768x16000 pixels is not supported");
    free(bytes);
}

/* The file's beginning, then `meta` with nothing but these references in it. */
static void expect_references_refused(const char *references, size_t count, const char *why)
{
    char file[256] = "\0\0\0\x10"
                     "ftypheic\0\0\0\0\0\0\0\0meta\0\0\0\0\0\0\0\0iref\0\0\0\0";
    file[19] = (char)(24 + count);
    file[31] = (char)(12 + count);
    memcpy(file + 40, references, count);
    image_expect_refused(file, 40 + count, why);
}

static void references_that_are_not_what_they_say_are_refused(void **state)
{
    (void)state;
    static const char in_circle[] = "\0\0\0\x0e"
                                    "auxl\0\1\0\1\0\1";
    static const char longer[] = "\0\0\0\x10"
                                 "dimg\0\1\0\1\0\2\0\0";
    static const char shorter[] = "\0\0\0\x0e"
                                  "dimg\0\1\0\2\0\2";
    static const char open[] = "\0\0\0\0"
                               "dimg\0\1\0\1\0\2";
    expect_references_refused(in_circle, 14, "in a circle");
    expect_references_refused(longer, 16, "is damaged");
    expect_references_refused(shorter, 14, "is damaged");
    expect_references_refused(open, 14, "is damaged");
    expect_references_refused("\0\0", 2, "is damaged");
}

static void a_file_that_is_cut_or_changed_does_no_harm(void **state)
{
    (void)state;
    struct image image = { 0 };
    int decoded = 0, tried = 0;
    for (int i = 0; i < FILES; i += 3) {
        size_t count;
        char *bytes = image_file_read(files[i], &count);
        for (size_t at = 0; at < count; at++) {
            struct err err = ERR_INIT;
            char *cut = malloc(at + 1);
            assert_non_null(cut);
            memcpy(cut, bytes, at);
            if (!image_decode(&image, cut, at, &err))
                fail_msg("%s is taken for whole when cut to %zu of %zu bytes", files[i], at, count);
            assert_true(err.text[0]);
            free(cut);
            bytes[at] ^= 0x11;
            decoded += !image_decode(&image, bytes, count, &err);
            tried++;
            bytes[at] ^= 0x11;
        }
        free(bytes);
    }
    assert_in_range(decoded, 1, tried - 1);
    image_release(&image);
}

static void without_libheif_its_package_is_named(void **state)
{
    (void)state;
    for (int i = 0; i < FILES; i++) {
        struct err err = ERR_INIT;
        size_t count;
        char *bytes = image_file_read(files[i], &count);
        absent = true;
        assert_int_equal(image_format_check(bytes, IMAGE_HEAD, &err), -1);
        assert_non_null(strstr(err.text, "package libheif1"));
        image_expect_refused(bytes, count, "package libheif1");
        absent = false;
        assert_int_equal(image_format_check(bytes, IMAGE_HEAD, &err), 0);
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_went_in_comes_out_turned_as_the_file_says),
        cmocka_unit_test(rows_that_are_resized_as_they_come_give_the_same_pixels),
        cmocka_unit_test(a_panorama_is_read),
        cmocka_unit_test(a_damaged_file_shows_nothing_of_what_lay_in_memory),
        cmocka_unit_test(items_that_refer_to_each_other_in_a_circle_are_refused),
        cmocka_unit_test(a_stream_that_is_larger_than_the_file_says_is_refused),
        cmocka_unit_test(references_that_are_not_what_they_say_are_refused),
        cmocka_unit_test(a_file_that_is_cut_or_changed_does_no_harm),
        cmocka_unit_test(without_libheif_its_package_is_named),
    };
    return cmocka_run_group_tests_name("heif", tests, NULL, NULL);
}
