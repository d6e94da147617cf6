/* What a stream of HEVC says of its size, by streams that are headers alone. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "hevc_stream.h"
#include "nn/data/hevc_size.h"

static bool read_size(const struct hevc_stream *configuration, const struct hevc_stream *stream,
                      struct coded_size *size)
{
    return hevc_size((struct span){ configuration->bytes, configuration->count },
                     (struct span){ stream->bytes, stream->count }, size);
}

static struct coded_size size_of(const struct hevc_stream *configuration, const struct hevc_stream *stream)
{
    struct coded_size size;
    assert_true(read_size(configuration, stream, &size));
    return size;
}

static void a_picture_has_the_size_of_its_parameter_set(void **state)
{
    (void)state;
    for (int layers = 0; layers < 8; layers++)
        for (int chroma = 0; chroma < 4; chroma++) {
            struct hevc_stream configuration = { .count = 0 }, stream = { .count = 0 };
            const struct bit_writer set = hevc_sequence_set(16384, 4000, layers, chroma);
            hevc_configuration(&configuration, &set);
            hevc_slice(&stream, HEVC_IDR, true);
            hevc_slice(&stream, HEVC_IDR, false);
            const struct coded_size size = size_of(&configuration, &stream);
            assert_int_equal(size.width, 16384);
            assert_int_equal(size.height, 4000);
            assert_int_equal(size.pictures, 1);
            assert_int_equal(size.pixels, 16384 * 4000);
        }
}

static void the_largest_parameter_set_counts_wherever_it_is(void **state)
{
    (void)state;
    struct hevc_stream configuration = { .count = 0 }, stream = { .count = 0 };
    const struct bit_writer small = hevc_sequence_set(64, 64, 0, 1), large = hevc_sequence_set(65535, 70000, 1, 1);
    hevc_configuration(&configuration, &small);
    hevc_slice(&stream, HEVC_IDR, true);
    assert_int_equal(size_of(&configuration, &stream).width, 64);
    hevc_unit(&stream, 4, HEVC_SPS, &large);
    assert_int_equal(size_of(&configuration, &stream).width, 65535);
    assert_int_equal(size_of(&configuration, &stream).height, 70000);
}

static void each_picture_counts_and_once_what_they_may_refer_to(void **state)
{
    (void)state;
    struct hevc_stream configuration = { .count = 0 }, stream = { .count = 0 };
    const struct bit_writer set = hevc_sequence_set(200, 200, 0, 1);
    hevc_configuration(&configuration, &set);
    assert_int_equal(size_of(&configuration, &stream).pictures, 1);
    hevc_slice(&stream, HEVC_IDR, true);
    hevc_slice(&stream, HEVC_IDR_N_LP, true);
    assert_int_equal(size_of(&configuration, &stream).pictures, 2);
    assert_int_equal(size_of(&configuration, &stream).missing_references, 0);
    hevc_slice(&stream, HEVC_CRA, true);
    hevc_slice(&stream, HEVC_TRAIL, true);
    assert_int_equal(size_of(&configuration, &stream).pixels, 4 * 200 * 200);
    assert_int_equal(size_of(&configuration, &stream).missing_references, 16 * 200 * 200);
}

static void many_slices_and_many_picture_sets_count(void **state)
{
    (void)state;
    struct hevc_stream configuration = { .count = 0 }, stream = { .count = 0 };
    const struct bit_writer set = hevc_sequence_set(200, 200, 0, 1), picture_set = { .bytes = { 0xff }, .at = 8 };
    hevc_configuration(&configuration, &set);
    hevc_slice(&stream, HEVC_IDR, true);
    for (int i = 0; i < 16; i++)
        hevc_unit(&stream, 4, HEVC_PPS, &picture_set);
    assert_int_equal(size_of(&configuration, &stream).pixels, 2 * 200 * 200);
    for (int i = 1; i < 100; i++)
        hevc_slice(&stream, HEVC_IDR, false);
    assert_int_equal(size_of(&configuration, &stream).pixels, 100 * 128 * 128);
}

static void behind_each_escape_of_any_unit_the_bytes_are_moved(void **state)
{
    (void)state;
    struct hevc_stream configuration = { .count = 0 }, stream = { .count = 0 };
    const struct bit_writer zeros = { .at = 80 }, three = { .bytes = { 0, 0, 3, 1 }, .at = 32 };
    hevc_configuration(&configuration, &zeros);
    configuration.bytes[28] = HEVC_SEI << 1;
    assert_int_equal(size_of(&configuration, &stream).moved, 4 * 4096 + 11 + 8 + 5 + 2);
    hevc_unit(&stream, 4, HEVC_SEI, &three);
    assert_int_equal(size_of(&configuration, &stream).moved, 5 * 4096 + 11 + 8 + 5 + 2 + 2);
}

static void units_are_bounded_even_empty_ones(void **state)
{
    (void)state;
    struct hevc_stream configuration = { .count = 0 }, stream = { .count = 0 };
    const struct bit_writer set = hevc_sequence_set(200, 200, 0, 1);
    struct coded_size size;
    hevc_configuration(&configuration, &set);
    stream.count = 4 * 16383;
    assert_int_equal(size_of(&configuration, &stream).pictures, 1);
    stream.count += 4;
    assert_false(read_size(&configuration, &stream, &size));
}

static void units_of_other_kinds_and_layers_are_passed_over(void **state)
{
    (void)state;
    struct hevc_stream configuration = { .count = 0 }, stream = { .count = 0 };
    const struct bit_writer set = hevc_sequence_set(200, 200, 0, 1), other = { .bytes = { 0x80 }, .at = 64 };
    hevc_configuration(&configuration, &set);
    hevc_slice(&stream, HEVC_IDR, true);
    hevc_unit(&stream, 4, HEVC_SEI, &other);
    const size_t at = stream.count;
    hevc_unit(&stream, 4, HEVC_SPS, &other);
    struct coded_size size;
    assert_false(read_size(&configuration, &stream, &size));
    stream.bytes[at + 5] |= 1 << 3; /* nuh_layer_id 1 */
    assert_int_equal(size_of(&configuration, &stream).pictures, 1);
    stream.bytes[at + 5] ^= 1 << 3;
    stream.bytes[at + 4] |= 1; /* nuh_layer_id 32 */
    assert_int_equal(size_of(&configuration, &stream).pictures, 1);
}

static void a_number_of_more_than_32_bits_is_refused(void **state)
{
    (void)state;
    for (int zeros = 31; zeros <= 32; zeros++) {
        struct hevc_stream configuration = { .count = 0 }, stream = { .count = 0 };
        struct bit_writer set = { .at = 0 };
        struct coded_size size;
        bits_put(&set, 40, 0);
        bits_put(&set, 64, 1);
        bits_put_exp_golomb(&set, 0);
        bits_put_exp_golomb(&set, 1);
        bits_put(&set, zeros, 0);
        bits_put(&set, 32, 1ull << 31); /* the width, 2^31 - 1 or one that does not fit */
        bits_put(&set, zeros - 31, 0);
        bits_put_exp_golomb(&set, 200);
        bits_put(&set, 32, 0x12345678);
        hevc_configuration(&configuration, &set);
        hevc_slice(&stream, HEVC_IDR, true);
        assert_true(read_size(&configuration, &stream, &size) == (zeros == 31));
    }
}

static void what_ends_early_is_refused(void **state)
{
    (void)state;
    struct hevc_stream configuration = { .count = 0 }, stream = { .count = 0 };
    const struct bit_writer set = hevc_sequence_set(200, 200, 0, 1);
    struct coded_size size;
    hevc_configuration(&configuration, &set);
    hevc_slice(&stream, HEVC_IDR, true);
    for (size_t all = configuration.count; configuration.count; configuration.count--)
        assert_true(read_size(&configuration, &stream, &size) == (configuration.count == all));
    hevc_configuration(&configuration, &set);
    for (; stream.count > 1; stream.count--)
        assert_true(read_size(&configuration, &stream, &size) == (stream.count == 10));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_picture_has_the_size_of_its_parameter_set),
        cmocka_unit_test(the_largest_parameter_set_counts_wherever_it_is),
        cmocka_unit_test(each_picture_counts_and_once_what_they_may_refer_to),
        cmocka_unit_test(many_slices_and_many_picture_sets_count),
        cmocka_unit_test(behind_each_escape_of_any_unit_the_bytes_are_moved),
        cmocka_unit_test(units_are_bounded_even_empty_ones),
        cmocka_unit_test(units_of_other_kinds_and_layers_are_passed_over),
        cmocka_unit_test(a_number_of_more_than_32_bits_is_refused),
        cmocka_unit_test(what_ends_early_is_refused),
    };
    return cmocka_run_group_tests_name("hevc_size", tests, NULL, NULL);
}
