/* Thumbnails: their sizes, and that photos stand upright. Four corners of four colours tell how an image lies. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/nn/thumbnail.h"
#include "nn/data/decode.h"
#include "nn/data/exif.h"
#include "nn/data/jpeg_write.h"
#include "tests/shim/memory.h"

static const uint8_t colours[4][3] = { { 230, 20, 20 }, { 20, 220, 20 }, { 20, 20, 230 }, { 220, 220, 20 } };

/* A JPEG whose corners are, from the left of the top to the right of the bottom, colours[0] to [3]. */
static uint8_t *corners(int width, int height, size_t *size)
{
    uint8_t *rgb = malloc((size_t)width * (size_t)height * 3), *jpeg = NULL;
    struct err err = ERR_INIT;
    assert_non_null(rgb);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            memcpy(rgb + 3 * ((size_t)y * (size_t)width + (size_t)x), colours[2 * (2 * y >= height) + (2 * x >= width)],
                   3);
    assert_int_equal(jpeg_write(rgb, width, height, &jpeg, size, &err), 0);
    free(rgb);
    return jpeg;
}

static uint8_t *insert(uint8_t *jpeg, size_t *size, const uint8_t *segment, size_t count)
{
    uint8_t *longer = malloc(*size + count);
    assert_non_null(longer);
    memcpy(longer, jpeg, 2);
    memcpy(longer + 2, segment, count);
    memcpy(longer + 2 + count, jpeg + 2, *size - 2);
    free(jpeg);
    *size += count;
    return longer;
}

#define SEGMENT_SIZE 36
#define AT_VALUE 28 /* of the orientation, in the segment */

static void make_segment(uint8_t segment[SEGMENT_SIZE], int orientation, bool big)
{
    static const char head[] = "\xff\xe1\0\x22"
                               "Exif\0\0";
    static const char little[] = "II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0?\0\0\0\0\0\0\0";
    static const char other[] = "MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0?\0\0\0\0\0\0";
    memcpy(segment, head, 10);
    memcpy(segment + 10, big ? other : little, 26);
    segment[AT_VALUE + big] = (uint8_t)orientation;
}

/* Which of the colours a pixel is near. */
static int colour_at(const struct image *image, int x, int y)
{
    const uint8_t *pixel = image->rgb + 3 * ((size_t)y * (size_t)image->width + (size_t)x);
    for (int i = 0; i < 4; i++)
        if (abs(pixel[0] - colours[i][0]) + abs(pixel[1] - colours[i][1]) + abs(pixel[2] - colours[i][2]) < 60)
            return i;
    return -1;
}

static void small_of(const uint8_t *bytes, size_t size, int width, struct image *image)
{
    struct thumbnail thumbnail;
    struct err err = ERR_INIT;
    assert_int_equal(thumbnail_check(bytes, size, &err), 0);
    assert_int_equal(thumbnail_make(bytes, size, width, &thumbnail, &err), 0);
    assert_int_equal(image_decode(image, thumbnail.jpeg, thumbnail.size, &err), 0);
    assert_int_equal(image->width, thumbnail.width);
    assert_int_equal(image->height, thumbnail.height);
    thumbnail_release(&thumbnail);
}

static void a_thumbnail_has_its_width_and_the_images_aspect_and_is_never_larger(void **state)
{
    static const int cases[][5] = {
        /* from, wanted, to */
        { 640, 480, 160, 160, 120 }, { 480, 640, 160, 160, 213 }, { 100, 80, 160, 100, 80 },
        { 16, 16, 16, 16, 16 },      { 3000, 200, 300, 300, 20 }, { 64, 4000, 64, 4, 256 },
        { 1, 1, 16, 1, 1 },          { 4000, 1, 16, 16, 1 },      { 1000, 1000, 333, 333, 333 },
    };
    struct image image = { 0 };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t size;
        uint8_t *jpeg = corners(cases[i][0], cases[i][1], &size);
        small_of(jpeg, size, cases[i][2], &image);
        assert_int_equal(image.width, cases[i][3]);
        assert_int_equal(image.height, cases[i][4]);
        free(jpeg);
    }
    image_release(&image);
}

static void a_photo_stands_upright_in_each_orientation_of_exif(void **state)
{
    static const int upright[9][4] = {
        { 0, 1, 2, 3 }, { 0, 1, 2, 3 }, { 1, 0, 3, 2 }, { 3, 2, 1, 0 }, { 2, 3, 0, 1 },
        { 0, 2, 1, 3 }, { 2, 0, 3, 1 }, { 3, 1, 2, 0 }, { 1, 3, 0, 2 },
    };
    (void)state;
    for (int orientation = 0; orientation < 18; orientation++) {
        struct image image = { 0 };
        uint8_t segment[SEGMENT_SIZE];
        size_t size;
        uint8_t *jpeg = corners(200, 100, &size);
        int tag = orientation % 9;
        make_segment(segment, tag, orientation >= 9);
        jpeg = insert(jpeg, &size, segment, sizeof segment);
        assert_int_equal(exif_orientation(jpeg, size), tag ? tag : 1);
        small_of(jpeg, size, 64, &image);
        assert_int_equal(image.width, 64);
        assert_int_equal(image.height, tag >= 5 ? 128 : 32);
        int right = image.width - 4, bottom = image.height - 4;
        const int found[4] = { colour_at(&image, 4, 4), colour_at(&image, right, 4), colour_at(&image, 4, bottom),
                               colour_at(&image, right, bottom) };
        assert_memory_equal(found, upright[tag], sizeof found);
        image_release(&image);
        free(jpeg);
    }
}

static void damaged_exif_data_tells_no_orientation(void **state)
{
    uint8_t segment[SEGMENT_SIZE];
    size_t size;
    uint8_t *jpeg = corners(16, 16, &size);
    (void)state;
    make_segment(segment, 6, false);
    jpeg = insert(jpeg, &size, segment, sizeof segment);
    for (size_t count = 0; count < 2 + SEGMENT_SIZE; count++) {
        uint8_t *cut = malloc(count ? count : 1); /* of its own size, for a sanitizer to see what is read behind it */
        memcpy(cut, jpeg, count);
        assert_int_equal(exif_orientation(cut, count), 1);
        free(cut);
    }
    for (int at = 2; at < 2 + AT_VALUE; at++)
        for (int value = 0; value < 256; value++) {
            uint8_t kept = jpeg[at];
            jpeg[at] = (uint8_t)value;
            int orientation = exif_orientation(jpeg, 2 + SEGMENT_SIZE);
            assert_in_range(orientation, 1, 8);
            jpeg[at] = kept;
        }
    assert_int_equal(exif_orientation(jpeg, size), 6);
    free(jpeg);
}

static void what_is_no_image_or_damaged_is_refused(void **state)
{
    struct thumbnail thumbnail;
    struct err err = ERR_INIT;
    size_t size;
    uint8_t *jpeg = corners(64, 64, &size);
    (void)state;
    assert_int_equal(thumbnail_check("hello", 5, &err), -1);
    assert_int_equal(thumbnail_check("", 0, &err), -1);
    for (size_t count = 0; count < size - 2; count += 7) {
        assert_int_equal(thumbnail_make(jpeg, count, 32, &thumbnail, &err), -1);
        assert_null(thumbnail.jpeg);
        thumbnail_release(&thumbnail);
    }
    free(jpeg);
}

static void a_jpeg_that_there_is_no_memory_for_is_none(void **state)
{
    enum { SIDE = 512 };
    uint8_t *noise = malloc(3 * SIDE * SIDE), *jpeg;
    size_t size;
    struct err err = ERR_INIT;
    int failures = 0;
    bool failed = true;
    (void)state;
    assert_non_null(noise);
    for (uint32_t i = 0, number = 1; i < 3 * SIDE * SIDE; i++) {
        number = number * 1664525 + 1013904223;
        noise[i] = (uint8_t)(number >> 24);
    }
    for (long at = 1; failed; at++) {
        memory_fail_at(at);
        int status = jpeg_write(noise, SIDE, SIDE, &jpeg, &size, &err);
        failed = memory_failed();
        assert_true(failed || !status); /* libjpeg bears some of it, by asking for less */
        assert_int_equal(!jpeg, status < 0);
        failures += status < 0;
        if (failed)
            free(jpeg);
    }
    assert_true(failures > 8); /* it grew again and again */
    assert_true(size > 65536 && jpeg[0] == 0xff && jpeg[size - 2] == 0xff && jpeg[size - 1] == 0xd9);
    free(jpeg);
    free(noise);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thumbnail_has_its_width_and_the_images_aspect_and_is_never_larger),
        cmocka_unit_test(a_photo_stands_upright_in_each_orientation_of_exif),
        cmocka_unit_test(damaged_exif_data_tells_no_orientation),
        cmocka_unit_test(what_is_no_image_or_damaged_is_refused),
        cmocka_unit_test(a_jpeg_that_there_is_no_memory_for_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
