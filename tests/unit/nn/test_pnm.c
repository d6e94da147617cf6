/* PBM, PGM and PPM files beside the fixtures of test_image.c: each expectation is what PIL 9.4 gave. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "image_file.h"
#include "nn/data/decode.h"

/* In place of `count` bytes: those of a literal that may hold zeros. */
#define LITERAL(bytes) bytes, sizeof(bytes) - 1

static void expect_grey(const char *bytes, size_t count, const char *levels, size_t pixels)
{
    struct image image = { 0 };
    struct err err = ERR_INIT;
    if (image_decode(&image, bytes, count, &err))
        fail_msg("%s", err.text);
    assert_int_equal(image.width * image.height, pixels);
    for (size_t i = 0; i < 3 * pixels; i++)
        assert_int_equal(image.rgb[i], (uint8_t)levels[i / 3]);
    image_release(&image);
}

static void samples_are_scaled_from_the_files_largest_and_rounded(void **state)
{
    (void)state;
    expect_grey(LITERAL("P2 3 1 3 0 1 3\n"), LITERAL("\x00\x55\xff"));
    expect_grey(LITERAL("P2 3 1 2 0 1 2\n"), LITERAL("\x00\x80\xff")); /* 127.5 to the even */
    expect_grey(LITERAL("P5 3 1 100 \x00\x32\xff"), LITERAL("\x00\x80\xff"));
    expect_grey(LITERAL("P5 2 1 256 \0\1\1\0"), LITERAL("\xff\xff")); /* to 65535, then clipped */
    expect_grey(LITERAL("P5 3 1 65535 \0\7\0\xff\1\0"), LITERAL("\x07\xff\xff"));
    expect_grey(LITERAL("P4 3 1 \x40"), LITERAL("\xff\x00\xff"));
    expect_grey(LITERAL("P1 3 1 010"), LITERAL("\xff\x00\xff"));
}

static void a_comment_joins_what_is_beside_it(void **state)
{
    (void)state;
    expect_grey(LITERAL("P2 2#two\n 1 255 1#\r2 3 "), LITERAL("\x0c\3"));
    expect_grey(LITERAL("P1 1#\n1 1\n1#\n\n1 00000000#\n0"), LITERAL("\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff"));
}

static void a_plain_file_that_ends_in_a_number_goes_on_with_it(void **state)
{
    (void)state;
    expect_grey(LITERAL("P2 2 2 255 1 2 3 4"), LITERAL("\1\2\3\4"));
    expect_grey(LITERAL("P2 2 2 255 1 25"), LITERAL("\1\x19\x19\x19"));
    image_expect_refused(LITERAL("P2 2 2 255 1 25 "), "ends early");
    image_expect_refused(LITERAL("P2 2 2 255"), "ends early");
    image_expect_refused(LITERAL("P1 2 2 01"), "ends early");
}

static void what_is_wrong_with_a_file_is_told(void **state)
{
    (void)state;
    image_expect_refused(LITERAL("P6"), "ends early");
    image_expect_refused(LITERAL("P7 1 1 255 x"), "not a ");
    image_expect_refused(LITERAL("P60 1 255 xxx"), "not a PNM image");
    image_expect_refused(LITERAL("P6 1 1 0 xxx"), "samples up to 0");
    image_expect_refused(LITERAL("P6 1 1 65536 xxx"), "samples up to 65536");
    image_expect_refused(LITERAL("P6 0 1 255 xxx"), "0x1 pixels");
    image_expect_refused(LITERAL("P6 4294967297 1 255 xxx"), "pixels is not supported");
    image_expect_refused(LITERAL("P6 1 12345678901 255 xxx"), "too long");
    image_expect_refused(LITERAL("P6 1 1x 255 xxx"), "a number");
    image_expect_refused(LITERAL("P6 1 1 255 xx"), "ends early");
    image_expect_refused(LITERAL("P6 1 1 256 xxxxx"), "ends early");
    image_expect_refused(LITERAL("P4 9 1 x"), "ends early");
    image_expect_refused(LITERAL("P2 1 1 255 256 "), "a sample of 256, beyond");
    image_expect_refused(LITERAL("P1 1 1 2 "), "neither 0 nor 1");
    image_expect_refused(LITERAL("P6 60000 2900 255 xxx"), "ends early");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_are_scaled_from_the_files_largest_and_rounded),
        cmocka_unit_test(a_comment_joins_what_is_beside_it),
        cmocka_unit_test(a_plain_file_that_ends_in_a_number_goes_on_with_it),
        cmocka_unit_test(what_is_wrong_with_a_file_is_told),
    };
    return cmocka_run_group_tests_name("pnm", tests, NULL, NULL);
}
