/* What a stream of AV1 says of its size, by streams that are headers alone. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "av1_stream.h"
#include "nn/data/av1_size.h"

static struct coded_size size_of(const struct av1_stream *stream)
{
    struct coded_size size;
    assert_true(av1_size((struct span){ stream->bytes, stream->count }, &size));
    return size;
}

static void expect_refused(const struct av1_stream *stream)
{
    struct coded_size size;
    assert_false(av1_size((struct span){ stream->bytes, stream->count }, &size));
}

static void a_still_picture_has_the_size_of_its_sequence(void **state)
{
    (void)state;
    struct av1_stream stream = { .count = 0 };
    av1_still(&stream, 32768, 16384);
    assert_int_equal(size_of(&stream).pictures, 0);
    av1_frame(&stream, AV1_FRAME, AV1_KEY, false);
    const struct coded_size size = size_of(&stream);
    assert_int_equal(size.width, 32768);
    assert_int_equal(size.height, 16384);
    assert_int_equal(size.pictures, 1);
    assert_int_equal(size.pixels, 32768 * 16384);
}

static void every_frame_counts_but_not_one_that_is_shown_again(void **state)
{
    (void)state;
    static const int units[] = { AV1_FRAME, AV1_FRAME_HEADER, AV1_REDUNDANT };
    const struct bit_writer again = { .bytes = { 0x80 }, .at = 8 };
    struct av1_stream stream = { .count = 0 };
    av1_sequence(&stream, 200, 256);
    for (int i = 0; i < 3; i++) {
        av1_frame(&stream, units[i], i ? AV1_INTER : AV1_KEY, false);
        av1_unit(&stream, AV1_FRAME_HEADER, &again);
        assert_int_equal(size_of(&stream).pictures, i + 1);
    }
    assert_int_equal(size_of(&stream).pixels, 3 * 200 * 256);
}

static void a_size_of_a_frames_own_is_taken_for_the_largest(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct av1_stream stream = { .count = 0 };
        av1_sequence(&stream, 130, 140);
        av1_frame(&stream, AV1_FRAME, i ? AV1_INTRA_ONLY : AV1_SWITCH, true);
        assert_int_equal(size_of(&stream).width, 256);
        assert_int_equal(size_of(&stream).height, 256);
    }
}

static void a_frame_may_be_as_large_as_one_of_an_earlier_sequence(void **state)
{
    (void)state;
    struct av1_stream stream = { .count = 0 };
    av1_still(&stream, 300, 300);
    av1_sequence(&stream, 130, 140);
    av1_frame(&stream, AV1_FRAME, AV1_INTER, true);
    assert_int_equal(size_of(&stream).width, 65536);
    assert_int_equal(size_of(&stream).height, 65536);
}

static void a_narrow_picture_counts_as_the_blocks_it_takes(void **state)
{
    (void)state;
    struct av1_stream stream = { .count = 0 };
    av1_still(&stream, 65536, 1);
    av1_frame(&stream, AV1_FRAME, AV1_KEY, false);
    assert_int_equal(size_of(&stream).pixels, 65536 * 128);
}

/* Times, two layers, numbers of frames, tools that each frame chooses: all that may stand before the size or the flag
 * of a size of its own. */
static void put_long_sequence(struct av1_stream *stream, bool equal_intervals)
{
    struct bit_writer bits = { .at = 0 };
    bits_put(&bits, 3 + 2, 0);
    bits_put(&bits, 1, 1);
    bits_put(&bits, 64, 0x100000001);
    bits_put(&bits, 1, equal_intervals);
    if (equal_intervals)
        bits_put_exp_golomb(&bits, 1000);
    bits_put(&bits, 1, 1); /* a decoder's model: delays of 32 bits, times of 7 */
    bits_put(&bits, 5, 31);
    bits_put(&bits, 32, 1);
    bits_put(&bits, 5, 3);
    bits_put(&bits, 5, 6);
    bits_put(&bits, 1, 1); /* a display's model */
    bits_put(&bits, 5, 1); /* two operating points, the second of a level that has a tier */
    for (int i = 0; i < 2; i++) {
        bits_put(&bits, 12, 0x101);
        bits_put(&bits, 5, i ? 8 : 7);
        bits_put(&bits, i, 1);
        bits_put(&bits, 1, 1);
        bits_put(&bits, 32, 5);
        bits_put(&bits, 33, 5);
        bits_put(&bits, 1, 1);
        bits_put(&bits, 4, 9);
    }
    av1_put_size(&bits, 400, 300);
    bits_put(&bits, 1, 1); /* numbers of 2 + 5 + 3 + 1 bits */
    bits_put(&bits, 4, 5);
    bits_put(&bits, 3, 3);
    bits_put(&bits, 3 + 4, 0x7f);
    bits_put(&bits, 1 + 2, 7);
    bits_put(&bits, 2, 3); /* the tools are up to each frame */
    bits_put(&bits, 24, 0);
    av1_unit(stream, AV1_SEQUENCE, &bits);
}

static void put_long_frame(struct av1_stream *stream, bool equal_intervals, bool own_size)
{
    struct bit_writer bits = { .at = 0 };
    bits_put(&bits, 1, 0);
    bits_put(&bits, 2, AV1_INTER);
    bits_put(&bits, 1, 1);
    if (!equal_intervals)
        bits_put(&bits, 7, own_size ? 0 : 0x7f);
    bits_put(&bits, 2, own_size ? 0 : 3);
    bits_put(&bits, 2, 3);
    bits_put(&bits, 11, own_size ? 0 : 0x7ff);
    bits_put(&bits, 1, own_size);
    bits_put(&bits, 16, own_size ? 0 : 0xffff);
    av1_unit(stream, AV1_FRAME, &bits);
}

static void all_that_may_stand_before_a_size_is_passed_over(void **state)
{
    (void)state;
    for (int equal = 0; equal < 2; equal++) {
        struct av1_stream stream = { .count = 0 };
        put_long_sequence(&stream, equal);
        put_long_frame(&stream, equal, false);
        assert_int_equal(size_of(&stream).width, 400);
        assert_int_equal(size_of(&stream).height, 300);
        put_long_frame(&stream, equal, true);
        assert_int_equal(size_of(&stream).width, 65536);
    }
}

static void units_of_other_kinds_and_forms_are_passed_over(void **state)
{
    (void)state;
    const struct bit_writer nothing = { .at = 0 }, padding = { .at = 80 };
    static const uint8_t last[] = { AV1_FRAME << 3 | 4, 0x08, 0x10, 0 }; /* with an extension and without its size */
    struct av1_stream stream = { .count = 0 };
    av1_unit(&stream, AV1_DELIMITER, &nothing);
    av1_sequence(&stream, 200, 200);
    av1_unit(&stream, AV1_PADDING, &padding);
    memcpy(stream.bytes + stream.count, last, sizeof(last));
    stream.count += sizeof(last);
    assert_int_equal(size_of(&stream).pictures, 1);
}

static void what_follows_a_broken_unit_is_not_read(void **state)
{
    (void)state;
    const struct span broken[] = {
        { (const uint8_t[]){ AV1_PADDING << 3 | 2, 0xff, 0x7f }, 3 },
        { (const uint8_t[]){ AV1_PADDING << 3 | 2, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0 }, 10 },
    };
    for (size_t i = 0; i < sizeof(broken) / sizeof(*broken); i++) {
        struct av1_stream stream = { .count = 0 };
        av1_sequence(&stream, 200, 200);
        av1_frame(&stream, AV1_FRAME, AV1_KEY, false);
        memcpy(stream.bytes + stream.count, broken[i].bytes, broken[i].count);
        stream.count += broken[i].count;
        av1_frame(&stream, AV1_FRAME, AV1_KEY, false);
        assert_int_equal(size_of(&stream).pictures, 1);
    }
}

static void a_frame_before_its_sequence_is_refused(void **state)
{
    (void)state;
    struct av1_stream stream = { .count = 0 };
    av1_frame(&stream, AV1_FRAME, AV1_KEY, false);
    av1_sequence(&stream, 200, 200);
    expect_refused(&stream);
}

static void a_header_that_ends_early_is_refused(void **state)
{
    (void)state;
    for (uint8_t size = 0; size < 5; size++) {
        struct av1_stream stream = { .count = 0 };
        av1_sequence(&stream, 200, 200);
        stream.bytes[1] = size;
        stream.count = 2 + (size_t)size;
        expect_refused(&stream);
    }
    struct av1_stream stream = { .count = 0 };
    av1_sequence(&stream, 200, 200);
    stream.bytes[stream.count++] = AV1_FRAME << 3 | 2;
    stream.bytes[stream.count++] = 0;
    expect_refused(&stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_still_picture_has_the_size_of_its_sequence),
        cmocka_unit_test(every_frame_counts_but_not_one_that_is_shown_again),
        cmocka_unit_test(a_size_of_a_frames_own_is_taken_for_the_largest),
        cmocka_unit_test(a_frame_may_be_as_large_as_one_of_an_earlier_sequence),
        cmocka_unit_test(a_narrow_picture_counts_as_the_blocks_it_takes),
        cmocka_unit_test(all_that_may_stand_before_a_size_is_passed_over),
        cmocka_unit_test(units_of_other_kinds_and_forms_are_passed_over),
        cmocka_unit_test(what_follows_a_broken_unit_is_not_read),
        cmocka_unit_test(a_frame_before_its_sequence_is_refused),
        cmocka_unit_test(a_header_that_ends_early_is_refused),
    };
    return cmocka_run_group_tests_name("av1_size", tests, NULL, NULL);
}
