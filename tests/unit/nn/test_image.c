/* Decoding against the pixels that Pillow made of the same files (tests/fixtures/make_fixtures.py). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "image_file.h"
#include "nn/data/decode.h"
#include "ppm.h"

static const char *const files[] = {
    "420.jpg",
    "422.jpg",
    "444.jpg",
    "progressive.jpg",
    "exif.jpg",
    "grey.jpg",
    "cmyk.jpg",
    "rgb.png",
    "rgba.png",
    "grey.png",
    "grey-alpha.png",
    "1-bit.png",
    "palette.png",
    "palette-4-bit.png",
    "palette-transparent.png",
    "grey-16.png",
    "rgb-16.png",
    "grey-2-bit.png",
    "grey-alpha-16.png",
    "interlaced-rgb.png",
    "interlaced-palette-2-bit.png",
    "interlaced-grey-16.png",
    "palette-short.png",
    "palette-none.png",
    "transparency-too-long.png",
    "transparency-misplaced.png",
    "transparency-beside-alpha.png",
    "no-end.png",
    "junk-behind.png",
    "check-sum-wrong.png",
    "profile-broken.png",
    "animated.png",
    "lossy.webp",
    "lossless.webp",
    "lossy-alpha.webp",
    "lossless-alpha.webp",
    "animated.webp",
    "rgb.bmp",
    "grey.bmp",
    "palette.bmp",
    "1-bit.bmp",
    "rgba.bmp",
    "os2-1-bit.bmp",
    "os2-4-bit.bmp",
    "os2-8-bit.bmp",
    "os2-24-bit.bmp",
    "52-byte-header.bmp",
    "56-byte-header.bmp",
    "64-byte-header.bmp",
    "palette-short.bmp",
    "black-and-white-8-bit.bmp",
    "gap.bmp",
    "top-down.bmp",
    "last-row-unpadded.bmp",
    "15-bit.bmp",
    "16-bit.bmp",
    "32-bit-masks.bmp",
    "rle8.bmp",
    "rle4.bmp",
    "grey.gif",
    "transparent.gif",
    "uncovered.gif",
    "uncovered-transparent.gif",
    "interlaced.gif",
    "table-none.gif",
    "table-short.gif",
    "table-local.gif",
    "table-local-grey.gif",
    "screen-none.gif",
    "frame-beyond-screen.gif",
    "zeros-between-blocks.gif",
    "no-end.gif",
    "junk-before-image.gif",
    "codes-12-bits.gif",
    "bits.pbm",
    "plain-bits.pbm",
    "grey.pgm",
    "grey-to-100.pgm",
    "grey-to-1000.pgm",
    "grey-to-65535.pgm",
    "plain-grey.pgm",
    "plain-grey-to-1000.pgm",
    "colour.ppm",
    "colour-to-7.ppm",
    "colour-to-1000.ppm",
    "plain-colour.ppm",
    NULL,
};

static void every_format_gives_pils_pixels(void **state)
{
    (void)state;
    struct image image = { 0 };
    for (const char *const *name = files; *name; name++) {
        struct err err = ERR_INIT;
        struct ppm expected;
        char path[256];
        size_t count;
        char *bytes = image_file_read(*name, &count);
        if (image_decode(&image, bytes, count, &err))
            fail_msg("%s: %s", *name, err.text);
        snprintf(path, sizeof(path), "tests/fixtures/images/%s.ppm", *name);
        ppm_read(&expected, path);
        if (image.width != expected.width || image.height != expected.height)
            fail_msg("%s: %dx%d", *name, image.width, image.height);
        if (memcmp(image.rgb, expected.rgb, (size_t)expected.width * expected.height * 3))
            fail_msg("%s: other pixels than PIL's", *name);
        ppm_release(&expected);
        free(bytes);
    }
    image_release(&image);
}

/* Each cut lies in memory of its own length, so that a sanitizer sees a read behind its end. */
static bool decodes_to(struct image *image, const char *bytes, size_t count)
{
    struct err err = ERR_INIT;
    char *cut = malloc(count ? count : 1);
    assert_non_null(cut);
    memcpy(cut, bytes, count);
    bool decodes = !image_decode(image, cut, count, &err);
    assert_true(decodes || err.text[0]);
    free(cut);
    return decodes;
}

static bool decodes_when_cut(const char *bytes, size_t count)
{
    struct image image = { 0 };
    bool decodes = decodes_to(&image, bytes, count);
    image_release(&image);
    return decodes;
}

static void an_image_cut_at_any_byte_is_refused_unless_all_its_pixels_are_there(void **state)
{
    (void)state;
    struct image whole = { 0 }, part = { 0 };
    for (const char *const *name = files; *name; name++) {
        if (strstr(*name, "plain-grey") || strstr(*name, "plain-colour"))
            continue;              /* see test_pnm.c */
        size_t count, behind = 40; /* an end, a check sum, a chunk of no consequence */
        char *bytes = image_file_read(*name, &count);
        if (!strcmp(*name, "junk-behind.png") || !strcmp(*name, "animated.png"))
            behind = 200;
        assert_true(decodes_to(&whole, bytes, count));
        for (size_t length = 0; length < count; length++)
            if (decodes_to(&part, bytes, length) &&
                (length + behind < count || part.width != whole.width || part.height != whole.height ||
                 memcmp(part.rgb, whole.rgb, (size_t)whole.width * whole.height * 3)))
                fail_msg("%s is taken for whole when cut to %zu of %zu bytes", *name, length, count);
        free(bytes);
    }
    image_release(&whole);
    image_release(&part);
}

static void a_jpeg_without_its_end_marker_or_with_junk_there_is_the_same_image(void **state)
{
    (void)state;
    static const char *const names[] = { "420.jpg", "444.jpg", "grey.jpg", "cmyk.jpg" };
    static const char *const ends[] = { "", "\xff", "junk", "\xff\xd8\xff\xe0", "\xff\xd9more" };
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < 5; k++) {
            struct image whole = { 0 }, other = { 0 };
            struct err err = ERR_INIT;
            size_t count, end = strlen(ends[k]);
            char *bytes = image_file_read(names[i], &count), *changed = malloc(count + end);
            assert_non_null(changed);
            memcpy(changed, bytes, count - 2);
            memcpy(changed + count - 2, ends[k], end);
            assert_int_equal(image_decode(&whole, bytes, count, NULL), 0);
            if (image_decode(&other, changed, count - 2 + end, &err))
                fail_msg("%s: %s", names[i], err.text);
            assert_memory_equal(whole.rgb, other.rgb, (size_t)whole.width * whole.height * 3);
            image_release(&whole);
            image_release(&other);
            free(changed);
            free(bytes);
        }
}

static void a_bmp_whose_top_row_comes_first_is_the_same_image(void **state)
{
    (void)state;
    struct image up = { 0 }, down = { 0 };
    struct err err = ERR_INIT;
    size_t count;
    char *bytes = image_file_read("rgb.bmp", &count);
    assert_int_equal(image_decode(&up, bytes, count, &err), 0);

    int32_t height = -up.height;
    size_t row = ((size_t)up.width * 3 + 3) / 4 * 4, start = (uint8_t)bytes[10] + 256u * (uint8_t)bytes[11];
    assert_true(start + row * (size_t)up.height <= count);
    char *flipped = malloc(count);
    assert_non_null(flipped);
    memcpy(flipped, bytes, count);
    memcpy(flipped + 22, &height, 4);
    for (int y = 0; y < up.height; y++)
        memcpy(flipped + start + row * (size_t)y, bytes + start + row * (size_t)(up.height - 1 - y), row);
    if (image_decode(&down, flipped, count, &err))
        fail_msg("%s", err.text);
    assert_int_equal(down.width, up.width);
    assert_int_equal(down.height, up.height);
    assert_memory_equal(down.rgb, up.rgb, (size_t)up.width * up.height * 3);

    for (size_t length = 0; length + 3 < count; length++) /* the last row may lack its padding */
        if (decodes_when_cut(flipped, length))
            fail_msg("taken for whole when cut to %zu of %zu bytes", length, count);
    height = INT32_MIN;
    memcpy(flipped + 22, &height, 4);
    assert_int_equal(image_decode(&down, flipped, count, &err), -1);
    free(flipped);
    free(bytes);
    image_release(&up);
    image_release(&down);
}

static void an_image_with_any_byte_changed_does_no_harm(void **state)
{
    (void)state;
    int decoded = 0, tried = 0;
    for (const char *const *name = files; *name; name++) {
        size_t count;
        char *bytes = image_file_read(*name, &count);
        for (size_t i = 0; i < count; i++) {
            bytes[i] ^= (char)(i % 3 ? 0xff : 0x10);
            decoded += decodes_when_cut(bytes, count);
            tried++;
            bytes[i] ^= (char)(i % 3 ? 0xff : 0x10);
        }
        free(bytes);
    }
    assert_in_range(decoded, 1, tried - 1);
}

static void what_is_no_image_is_refused(void **state)
{
    (void)state;
    struct image image = { 0 };
    struct err err = ERR_INIT;
    assert_int_equal(image_decode(&image, "", 0, &err), -1);
    assert_string_equal(err.text, "the image is empty");
    assert_int_equal(image_decode(&image, "#!/bin/sh\n", 10, &err), -1);
    assert_string_equal(err.text, "not a JPEG, PNG, WebP, HEIC, AVIF, BMP, GIF or PNM image");
    assert_null(image.rgb);
}

static void what_is_known_and_not_read_is_named_by_its_first_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *name, *begin;
        size_t count;
    } cases[] = {
        { "RAW photos", "II*\0\x10\0\0\0CR\2", 11 },
        { "RAW photos",
          "\0\0\0\x18"
          "ftypcrx \0\0\0\1",
          16 },
        { "RAW photos", "FUJIFILMCCD-RAW 0201", 20 },
        { "TIFF images and RAW photos", "II*\0\x08\0\0\0", 8 },
        { "TIFF images and RAW photos", "MM\0*\0\0\0\x08", 8 },
        { "TIFF images and RAW photos", "MM\0+\0\x08", 6 },
        { "Photoshop images", "8BPS\0\1", 6 },
        { "JPEG XL images", "\xff\x0a\xfa", 3 },
        { "JPEG 2000 images", "\0\0\0\x0cjP  \r\n\x87\n", 12 },
        { "videos",
          "\0\0\0\x20"
          "ftypisom\0\0\2\0",
          16 },
        { "videos",
          "\0\0\0\x14"
          "ftypqt  \0\0\0\0",
          16 },
        { "videos", "RIFF\1\2\3\4AVI LIST", 16 },
        { "videos", "\x1a\x45\xdf\xa3\x9f", 5 },
        { "web pages", "<!DOCTYPE html><html>", 21 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = ERR_INIT;
        char expected[128];
        snprintf(expected, sizeof(expected), "%s are not read (JPEG, ", cases[i].name);
        assert_int_equal(image_format_check(cases[i].begin, cases[i].count, &err), -1);
        if (strncmp(err.text, expected, strlen(expected)))
            fail_msg("'%s', where '%s…' is due", err.text, expected);
    }
}

static void the_first_bytes_of_an_image_are_enough_to_know_it(void **state)
{
    (void)state;
    for (const char *const *name = files; *name; name++) {
        struct err err = ERR_INIT;
        size_t count;
        char *bytes = image_file_read(*name, &count);
        if (image_format_check(bytes, count < IMAGE_HEAD ? count : IMAGE_HEAD, &err))
            fail_msg("%s: %s", *name, err.text);
        free(bytes);
    }
    struct err err = ERR_INIT;
    assert_int_equal(image_format_check("", 0, &err), -1);
    assert_string_equal(err.text, "the image is empty");
    assert_int_equal(image_format_check("text", 4, &err), -1);
    assert_non_null(strstr(err.text, "not a JPEG, "));
}

static void expect_too_large(const uint8_t *bytes, size_t count)
{
    struct image image = { 0 };
    struct err err = ERR_INIT;
    assert_int_equal(image_decode(&image, bytes, count, &err), -1);
    assert_null(image.rgb);
    if (!strstr(err.text, "pixels is not supported"))
        fail_msg("refused for another reason: %s", err.text);
}

#define PNG_SIGNATURE "\x89PNG\r\n\x1a\n"

static size_t png_chunk(uint8_t *out, const char *kind, const uint8_t *bytes, uint32_t count)
{
    memcpy(out + 4, kind, 4);
    if (count)
        memcpy(out + 8, bytes, count);
    uint32_t sizes[2] = { count, (uint32_t)crc32(0, out + 4, count + 4) };
    for (int i = 0; i < 4; i++) {
        out[i] = (uint8_t)(sizes[0] >> (24 - 8 * i));
        out[8 + count + i] = (uint8_t)(sizes[1] >> (24 - 8 * i));
    }
    return 12 + count;
}

static void an_image_beyond_the_limits_is_refused_by_its_header(void **state)
{
    (void)state;
    /* 16000 x 16000 pixels: each side is allowed, so many pixels are not. */
    uint8_t png[64] = PNG_SIGNATURE, wide[64] = PNG_SIGNATURE;
    size_t png_count = 8, wide_count = 8;
    png_count += png_chunk(png + 8, "IHDR", (const uint8_t *)"\0\0\x3e\x80\0\0\x3e\x80\x08\2\0\0\0", 13);
    png_count += png_chunk(png + png_count, "IDAT", NULL, 0);
    wide_count += png_chunk(wide + 8, "IHDR", (const uint8_t *)"\0\1\0\0\0\0\0\1\x08\2\0\0\0", 13);
    wide_count += png_chunk(wide + wide_count, "IDAT", NULL, 0);
    static const uint8_t jpeg[] = "\xff\xd8\xff\xc0\0\x11\x08\x3e\x80\x3e\x80\3\1\x11\0\2\x11\0\3\x11\0"
                                  "\xff\xda\0\x0c\3\1\0\2\0\3\0\0\x3f\0";
    static const uint8_t bmp[] = "BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x80\x3e\0\0\x80\x3e\0\0\1\0\x18\0\0\0\0\0"
                                 "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    static const uint8_t gif[] = "GIF89a\x80\x3e\x80\x3e\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\1\0\1\0\0\2\2\x44\1\0;";
    expect_too_large(png, png_count);
    expect_too_large(wide, wide_count);
    expect_too_large(jpeg, sizeof(jpeg));
    expect_too_large(bmp, sizeof(bmp));
    expect_too_large(gif, sizeof(gif));
}

/* One pixel, whose data unpack to 64 MiB: some 64 KiB of file. PIL reads no more of them than the pixel either. */
static void a_png_is_unpacked_no_further_than_its_pixels(void **state)
{
    (void)state;
    size_t unpacked = 64 * 1024 * 1024;
    uLongf packed = compressBound(unpacked);
    uint8_t *zeros = calloc(unpacked, 1), *data = malloc(packed), *file = malloc(packed + 100);
    assert_true(zeros && data && file);
    assert_int_equal(compress(data, &packed, zeros, unpacked), Z_OK);
    memcpy(file, PNG_SIGNATURE, 8);
    size_t count = 8;
    count += png_chunk(file + count, "IHDR", (const uint8_t *)"\0\0\0\1\0\0\0\1\x08\2\0\0\0", 13);
    count += png_chunk(file + count, "IDAT", data, (uint32_t)packed);
    count += png_chunk(file + count, "IEND", data, 0);
    struct image image = { 0 };
    struct err err = ERR_INIT;
    if (image_decode(&image, file, count, &err))
        fail_msg("%s", err.text);
    assert_memory_equal(image.rgb, zeros, 3);
    image_release(&image);
    free(zeros);
    free(data);
    free(file);
}

static void a_damaged_png_is_refused_with_the_reason(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        const char *reason;
    } cases[] = {
        { 12, "has no header" },               /* its name */
        { 20, "check sum of its chunk IHDR" }, /* its height */
        { 0, "not a JPEG, " },
    };
    size_t count;
    char *bytes = image_file_read("rgb.png", &count);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct image image = { 0 };
        struct err err = ERR_INIT;
        bytes[cases[i].at] ^= 1;
        assert_int_equal(image_decode(&image, bytes, count, &err), -1);
        if (!strstr(err.text, cases[i].reason))
            fail_msg("'%s' does not say '%s'", err.text, cases[i].reason);
        bytes[cases[i].at] ^= 1;
        image_release(&image);
    }
    free(bytes);
}

/* 4100 x 4100 grey pixels, interlaced: they have to lie whole, and take more than is kept. */
static void the_memory_of_a_large_image_is_given_back(void **state)
{
    (void)state;
    size_t side = 4100, unpacked = 2 * side * side;
    uLongf packed = compressBound(unpacked);
    uint8_t *zeros = calloc(unpacked, 1), *data = malloc(packed), *file = malloc(packed + 100), out[8 * 8 * 3];
    assert_true(zeros && data && file);
    assert_int_equal(compress2(data, &packed, zeros, unpacked, 1), Z_OK);
    memcpy(file, PNG_SIGNATURE, 8);
    size_t count = 8;
    count += png_chunk(file + count, "IHDR", (const uint8_t *)"\0\0\x10\x04\0\0\x10\x04\x08\0\0\0\1", 13);
    count += png_chunk(file + count, "IDAT", data, (uint32_t)packed);
    struct image_budget budget;
    image_budget_init(&budget, 1);
    struct image spare = { .budget = &budget };
    struct resize_scratch *scratch = resize_scratch_new();
    struct err err = ERR_INIT;
    assert_non_null(scratch);
    for (int i = 0; i < 2; i++) { /* the second time it would wait for the first */
        memset(out, 1, sizeof(out));
        if (image_decode_resized(file, count - (size_t)i * packed / 2, DECODING_FULL, 8, out, &spare, scratch, &err) !=
            -i)
            fail_msg("%s", err.text);
        assert_int_equal(out[0], i);
        assert_int_equal(spare.capacity, 0);
        assert_int_equal(budget.used, 0);
    }
    image_release(&spare);
    image_budget_release(&budget);
    resize_scratch_free(scratch);
    free(zeros);
    free(data);
    free(file);
}

static void memory_is_kept_between_images(void **state)
{
    (void)state;
    struct image image = { 0 };
    size_t large_count, small_count;
    char *large = image_file_read("rgb.png", &large_count), *small = image_file_read("rgb-16.png", &small_count);
    assert_int_equal(image_decode(&image, large, large_count, NULL), 0);
    const uint8_t *kept = image.rgb;
    assert_int_equal(image_decode(&image, small, small_count, NULL), 0);
    assert_ptr_equal(image.rgb, kept);
    assert_int_equal(image_decode(&image, "junk", 4, NULL), -1);
    assert_int_equal(image_decode(&image, large, large_count, NULL), 0);
    assert_ptr_equal(image.rgb, kept);
    image_release(&image);
    free(large);
    free(small);
}

static void decoding_and_resizing_in_one_gives_the_same_pixels(void **state)
{
    (void)state;
    static const int sizes[] = { 1, 8, 17, 40 };
    struct image image = { 0 }, spare = { 0 };
    struct resize_scratch *scratch = resize_scratch_new();
    uint8_t expected[40 * 40 * 3], out[40 * 40 * 3];
    assert_non_null(scratch);
    for (const char *const *name = files; *name; name++)
        for (int i = 0; i < 4; i++) {
            size_t count, pixels = (size_t)sizes[i] * sizes[i] * 3;
            char *bytes = image_file_read(*name, &count);
            assert_int_equal(image_decode(&image, bytes, count, NULL), 0);
            assert_int_equal(image_resize(&image, sizes[i], sizes[i], expected, scratch, NULL), 0);
            memset(out, 1, sizeof(out));
            assert_int_equal(image_decode_resized(bytes, count, DECODING_FULL, sizes[i], out, &spare, scratch, NULL),
                             0);
            if (memcmp(out, expected, pixels))
                fail_msg("%s to %d: other pixels", *name, sizes[i]);
            for (size_t length = 0; strstr(*name, ".jpg") && length + 2 < count; length += 1 + count / 50) {
                struct err err = ERR_INIT;
                if (!image_decode_resized(bytes, length, DECODING_FULL, sizes[i], out, &spare, scratch, &err))
                    fail_msg("%s is decoded when it ends at %zu of %zu bytes", *name, length, count);
                assert_true(err.text[0]);
            }
            free(bytes);
        }
    resize_scratch_free(scratch);
    image_release(&image);
    image_release(&spare);
}

/* The mean difference of a sample between fast and full decoding of a fixture. */
static double fast_from_full(const char *name, int size)
{
    uint8_t full[40 * 40 * 3], fast[40 * 40 * 3];
    struct image spare = { 0 };
    struct resize_scratch *scratch = resize_scratch_new();
    size_t count;
    char *bytes = image_file_read(name, &count);
    assert_non_null(scratch);
    assert_int_equal(image_decode_resized(bytes, count, DECODING_FULL, size, full, &spare, scratch, NULL), 0);
    assert_int_equal(image_decode_resized(bytes, count, DECODING_FAST, size, fast, &spare, scratch, NULL), 0);
    double sum = 0;
    for (int i = 0; i < size * size * 3; i++)
        sum += abs(full[i] - fast[i]);
    resize_scratch_free(scratch);
    image_release(&spare);
    free(bytes);
    return sum / (size * size * 3);
}

static void fast_decoding_is_near_and_only_where_the_image_stays_large_enough(void **state)
{
    (void)state;
    static const char *const jpegs[] = { "420.jpg", "422.jpg", "444.jpg", "progressive.jpg", "grey.jpg", "cmyk.jpg" };
    for (int i = 0; i < 6; i++) { /* of 23x17 pixels, in waves of few pixels: little survives any reduction */
        double difference = fast_from_full(jpegs[i], 8);
        if (!(difference > 0 && difference < 25))
            fail_msg("%s: samples differ by %g", jpegs[i], difference);
        assert_true(fast_from_full(jpegs[i], 12) == 0);
    }
    assert_true(fast_from_full("rgb.png", 4) == 0);
}

static void normalising_scales_by_imagenets_mean_and_deviation(void **state)
{
    (void)state;
    static const double mean[3] = { 0.485, 0.456, 0.406 }, deviation[3] = { 0.229, 0.224, 0.225 };
    uint8_t rgb[2 * 2 * 3] = { 0, 1, 2, 255, 254, 253, 100, 50, 25, 10, 20, 30 };
    uint8_t planes[12];
    for (int i = 0; i < 12; i++)
        planes[i % 3 * 4 + i / 3] = rgb[i];
    float from_rgb[12], from_planes[12];
    image_normalise(rgb, 2, from_rgb);
    planes_normalise(planes, 2, from_planes);
    assert_memory_equal(from_rgb, from_planes, sizeof(from_rgb));
    for (int c = 0; c < 3; c++)
        for (int y = 0; y < 2; y++)
            for (int x = 0; x < 2; x++) {
                double expected = (rgb[(y * 2 + x) * 3 + c] / 255.0 - mean[c]) / deviation[c];
                assert_true(fabs(from_rgb[c * 4 + y * 2 + x] - expected) < 1e-5);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_format_gives_pils_pixels),
        cmocka_unit_test(an_image_cut_at_any_byte_is_refused_unless_all_its_pixels_are_there),
        cmocka_unit_test(a_jpeg_without_its_end_marker_or_with_junk_there_is_the_same_image),
        cmocka_unit_test(a_bmp_whose_top_row_comes_first_is_the_same_image),
        cmocka_unit_test(an_image_with_any_byte_changed_does_no_harm),
        cmocka_unit_test(what_is_no_image_is_refused),
        cmocka_unit_test(what_is_known_and_not_read_is_named_by_its_first_bytes),
        cmocka_unit_test(the_first_bytes_of_an_image_are_enough_to_know_it),
        cmocka_unit_test(an_image_beyond_the_limits_is_refused_by_its_header),
        cmocka_unit_test(a_png_is_unpacked_no_further_than_its_pixels),
        cmocka_unit_test(a_damaged_png_is_refused_with_the_reason),
        cmocka_unit_test(the_memory_of_a_large_image_is_given_back),
        cmocka_unit_test(memory_is_kept_between_images),
        cmocka_unit_test(decoding_and_resizing_in_one_gives_the_same_pixels),
        cmocka_unit_test(fast_decoding_is_near_and_only_where_the_image_stays_large_enough),
        cmocka_unit_test(normalising_scales_by_imagenets_mean_and_deviation),
    };
    return cmocka_run_group_tests_name("image", tests, NULL, NULL);
}
