/* BMP's run-length codes as PIL 9.4 reads them (each expectation is what it gave), and what is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "nn/data/bmp_rle.h"
#include "nn/data/decode.h"
#include "nn/data/little_endian.h"

static void expect_indices(int bits, int width, int height, const char *codes, size_t count, const char *expected,
                           size_t given)
{
    uint8_t indices[64] = { 0 };
    size_t pixels = (size_t)width * (size_t)height;
    assert_in_range(pixels, 1, sizeof(indices));
    assert_int_equal(bmp_rle_unpack((const uint8_t *)codes, count, 0, bits, width, height, indices), given);
    assert_memory_equal(indices, expected, pixels);
}

#define EXPECT(bits, width, height, codes, expected, given)                                                            \
    expect_indices(bits, width, height, codes, sizeof(codes) - 1, expected, given)

static void runs_and_literal_pixels_fill_rows(void **state)
{
    (void)state;
    EXPECT(8, 4, 2, "\3\7\1\5\0\0\0\4\1\2\3\4", "\7\7\7\5\1\2\3\4", 8);
    EXPECT(4, 4, 2, "\3\x78\1\x50\0\0\0\4\x12\x34", "\7\x8\7\5\1\2\3\4", 8);
    EXPECT(8, 3, 2, "\0\3\1\2\3\0\3\4", "\1\2\3\0\0\0", 3); /* a run in a row that is full already gives nothing */
    EXPECT(8, 3, 2, "\0\3\1\2\3\0\0\0\3\4", "\1\2\3\4\4\4", 6);
}

static void what_ends_early_is_zero_up_to_the_end_of_the_row(void **state)
{
    (void)state;
    EXPECT(8, 4, 2, "\2\7\0\0\1\5\0\0", "\7\7\0\0\5\0\0\0", 8);
    EXPECT(8, 4, 2, "\2\7\0\1\4\5", "\7\7\0\0\0\0\0\0", 2);
    EXPECT(8, 4, 2, "\2\7\0", "\7\7\0\0\0\0\0\0", 2);
    EXPECT(8, 4, 2, "\4\7\0\4\1\2", "\7\7\7\7\1\2\0\0", 6);
}

static void runs_are_cut_at_the_end_of_a_row(void **state)
{
    (void)state;
    EXPECT(8, 4, 2, "\3\7\xff\5\0\0\xff\3", "\7\7\7\5\3\3\3\3", 8);
}

static void a_jump_is_read_behind_the_bytes_that_hold_it(void **state)
{
    (void)state;
    EXPECT(8, 4, 2, "\1\7\0\2\3\3\2\1\1\5", "\7\0\0\0\0\0\0\5", 8);
    EXPECT(8, 4, 2, "\1\7\0\2\xff\xff\xff\xff", "\7\0\0\0\0\0\0\0", 8);
    EXPECT(8, 4, 2, "\1\7\0\2\1\0\1", "\7\0\0\0\0\0\0\0", 1);
}

static void of_an_odd_number_of_literal_4_bit_pixels_the_last_is_left_out(void **state)
{
    (void)state;
    EXPECT(4, 4, 2, "\0\3\x12\0\2\x56\0\0\4\x78", "\1\2\5\0\7\x8\7\x8", 8);
}

/* Headers of 40 bytes, without a palette or pixels. */
static void expect_refused(uint32_t width, uint32_t height, int bits, int compression, const char *why)
{
    uint8_t bytes[100] = "BM";
    struct image image = { 0 };
    struct err err = ERR_INIT;
    bytes[14] = 40;
    le32_put(bytes + 18, width);
    le32_put(bytes + 22, height);
    bytes[28] = (uint8_t)bits;
    bytes[30] = (uint8_t)compression;
    memset(bytes + 54, 5, 12); /* as masks: with gaps */
    assert_int_equal(image_decode(&image, bytes, sizeof(bytes), &err), -1);
    assert_null(image.rgb);
    if (!strstr(err.text, why))
        fail_msg("refused for another reason: %s", err.text);
}

static void what_cannot_be_read_is_refused_before_pixels_have_room(void **state)
{
    (void)state;
    expect_refused(16000, 4000, 24, 0, "ends early");
    expect_refused(16000, 4000, 8, 1, "ends early");
    expect_refused(0, 1, 24, 0, "0x1 pixels is not supported");
    expect_refused(1, 0x80000000, 24, 0, "pixels is not supported");
    expect_refused(UINT32_MAX, 1, 24, 0, "pixels is not supported");
    expect_refused(1, 1, 2, 0, "2 bits a pixel with compression 0");
    expect_refused(1, 1, 24, 1, "24 bits a pixel with compression 1");
    expect_refused(1, 1, 8, 3, "8 bits a pixel with compression 3");
    expect_refused(1, 1, 24, 5, "24 bits a pixel with compression 5");
    expect_refused(1, 1, 32, 3, "bit mask 0x5050505");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_and_literal_pixels_fill_rows),
        cmocka_unit_test(what_ends_early_is_zero_up_to_the_end_of_the_row),
        cmocka_unit_test(runs_are_cut_at_the_end_of_a_row),
        cmocka_unit_test(a_jump_is_read_behind_the_bytes_that_hold_it),
        cmocka_unit_test(of_an_odd_number_of_literal_4_bit_pixels_the_last_is_left_out),
        cmocka_unit_test(what_cannot_be_read_is_refused_before_pixels_have_room),
    };
    return cmocka_run_group_tests_name("bmp", tests, NULL, NULL);
}
