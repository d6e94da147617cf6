/* Files that libheif must not be given, and what it takes to decode the others, by files made box by box. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "av1_stream.h"
#include "heif_expect.h"
#include "hevc_stream.h"

static void a_stream_is_as_large_as_it_says_itself(void **state)
{
    (void)state;
    for (int cut = 0; cut < 2; cut++) {
        const struct av1_stream stream = av1_frames(32768, 32768, 1);
        const struct made_item item = { 1, "av01", stream.bytes, stream.count, { 1 }, cut ? 5 : 1, cut, NULL };
        struct made_file file = { .items = &item, .count = 1 };
        made_ispe(&file.properties, 64, 64);
        expect_refused(&file, "an image of 32768x32768 pixels is not supported");
    }
}

static void a_stream_begins_with_what_its_configuration_holds(void **state)
{
    (void)state;
    struct av1_stream sequence = { .bytes = { 0x81 }, .count = 4 }, frame = { .count = 0 };
    av1_still(&sequence, 32768, 16384);
    av1_frame(&frame, AV1_FRAME, AV1_KEY, false);
    const struct made_item item = { 1, "av01", frame.bytes, frame.count, { 1, 2 }, 1, false, NULL };
    struct made_file file = { .items = &item, .count = 1 };
    made_ispe(&file.properties, 64, 64);
    made_box(&file.properties, "av1C", sequence.bytes, sequence.count);
    expect_refused(&file, "an image of 32768x16384 pixels is not supported");
}

static void a_stream_of_hevc_is_as_large_as_it_says_itself(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct hevc_stream configuration = { .count = 0 }, stream = { .count = 0 };
        const struct bit_writer set = hevc_sequence_set(i ? 16384 : 40000, i ? 8192 : 30000, 0, 1);
        hevc_configuration(&configuration, &set);
        for (int frames = 0; frames <= i; frames++)
            hevc_slice(&stream, HEVC_IDR, true);
        const struct made_item item = { 1, "hvc1", stream.bytes, stream.count, { 1, 2 }, 1, false, NULL };
        struct made_file file = { .items = &item, .count = 1 };
        made_ispe(&file.properties, 64, 64);
        made_box(&file.properties, "hvcC", configuration.bytes, configuration.count);
        expect_refused(&file, i ? "coded as 2 pictures of 16384x8192" : "an image of 40000x30000 pixels");
    }
}

static void all_pictures_of_a_stream_count(void **state)
{
    (void)state;
    const struct av1_stream layers = av1_frames(4000, 3000, 4), more = av1_frames(8192, 8192, 3);
    const struct made_item taken = { 1, "av01", layers.bytes, layers.count, { 1 }, 1, false, NULL };
    const struct made_item refused = { 1, "av01", more.bytes, more.count, { 1 }, 1, false, NULL };
    struct made_file file = { .items = &taken, .count = 1 };
    made_ispe(&file.properties, 4000, 3000);
    assert_int_equal(expect_taken(&file).in_all, 4 * 4000 * 3000);
    file = (struct made_file){ .items = &refused, .count = 1 };
    made_ispe(&file.properties, 64, 64);
    expect_refused(&file, "coded as 3 pictures of 8192x8192 pixels");
}

static const uint8_t grid[] = { 0, 0, 0, 1, 800 >> 8, 800 & 255, 600 >> 8, 600 & 255 }; /* two tiles side by side */

static void a_grid_takes_its_canvas_its_tiles_and_its_alpha(void **state)
{
    (void)state;
    const struct av1_stream tile = av1_frames(400, 600, 1), alpha = av1_frames(800, 600, 1);
    const struct made_item items[] = { { 1, "grid", grid, sizeof(grid), { 1 }, 1, false, NULL },
                                       { 2, "av01", tile.bytes, tile.count, { 2 }, 1, false, NULL },
                                       { 3, "av01", alpha.bytes, alpha.count, { 1 }, 1, false, NULL } };
    struct made_file file = { .items = items, .count = 3 };
    made_ispe(&file.properties, 800, 600);
    made_ispe(&file.properties, 400, 600);
    made_reference(&file.references, "dimg", 1, 2, 2);
    made_reference(&file.references, "auxl", 3, 1, 1);
    const struct heif_cost cost = expect_taken(&file);
    assert_int_equal(cost.in_all, 3 * 800 * 600);
    assert_int_equal(cost.at_once, 2 * 800 * 600);
    assert_true(cost.av1);
}

static void a_canvas_is_no_larger_than_an_image(void **state)
{
    (void)state;
    static const uint8_t large[] = { 0, 1, 0, 0, 0, 0, 0x9c, 0x40, 0, 0, 0x9c, 0x40 };
    static const uint8_t overlay[] = { 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0x9c, 0x40, 0x9c, 0x40 };
    const struct made_item items[] = { { 1, "grid", large, sizeof(large), { 1 }, 1, false, NULL },
                                       { 1, "iovl", overlay, sizeof(overlay), { 1 }, 1, false, NULL },
                                       { 1, "grid", large, sizeof(large) - 1, { 1 }, 1, false, NULL } };
    for (int i = 0; i < 3; i++) {
        struct made_file file = { .items = &items[i], .count = 1 };
        made_ispe(&file.properties, 64, 64);
        expect_refused(&file, i < 2 ? "40000x40000" : "damaged");
    }
}

static void what_is_decoded_for_an_image_is_bounded_in_all(void **state)
{
    (void)state;
    const struct av1_stream tile = av1_frames(13000, 13000, 1);
    const struct made_item items[] = { { 1, "grid", grid, sizeof(grid), { 1 }, 1, false, NULL },
                                       { 2, "av01", tile.bytes, tile.count, { 2 }, 1, false, NULL } };
    for (int times = 4; times <= 5; times++) {
        struct made_file file = { .items = items, .count = 2 };
        made_ispe(&file.properties, 800, 600);
        made_ispe(&file.properties, 13000, 13000);
        made_reference(&file.references, "dimg", 1, 2, times);
        if (times == 4)
            assert_int_equal(expect_taken(&file).in_all, 800 * 600 + 4 * 13000 * 13000);
        else
            expect_refused(&file, "more than 715827880 pixels in all");
    }
}

static void what_lies_in_memory_at_a_time_is_bounded(void **state)
{
    (void)state;
    static const uint8_t large[] = { 0, 0, 0, 0, 13000 >> 8, 13000 & 255, 13000 >> 8, 13000 & 255 };
    const struct made_item items[] = { { 1, "grid", large, sizeof(large), { 1 }, 1, false, NULL },
                                       { 2, "grid", large, sizeof(large), { 1 }, 1, false, NULL },
                                       { 3, "grid", large, sizeof(large), { 1 }, 1, false, NULL } };
    for (size_t count = 2; count <= 3; count++) {
        struct made_file file = { .items = items, .count = count };
        made_ispe(&file.properties, 13000, 13000);
        for (uint32_t i = 1; i < count; i++)
            made_reference(&file.references, "dimg", i, i + 1, 1);
        if (count == 2)
            assert_int_equal(expect_taken(&file).at_once, 2 * 13000 * 13000);
        else
            expect_refused(&file, "takes room for more than 357913940 pixels");
    }
}

static void what_a_picture_refers_to_takes_room_but_once(void **state)
{
    (void)state;
    struct hevc_stream configuration = { .count = 0 }, stream = { .count = 0 };
    const struct bit_writer set = hevc_sequence_set(512, 512, 0, 1);
    hevc_configuration(&configuration, &set);
    hevc_slice(&stream, HEVC_CRA, true);
    const struct made_item items[] = { { 1, "grid", grid, sizeof(grid), { 1 }, 1, false, NULL },
                                       { 2, "hvc1", stream.bytes, stream.count, { 2, 3 }, 1, false, NULL } };
    struct made_file file = { .items = items, .count = 2 };
    made_ispe(&file.properties, 800, 600);
    made_ispe(&file.properties, 512, 512);
    made_box(&file.properties, "hvcC", configuration.bytes, configuration.count);
    made_reference(&file.references, "dimg", 1, 2, 2);
    const struct heif_cost cost = expect_taken(&file);
    assert_int_equal(cost.in_all, 800 * 600 + 2 * 512 * 512);
    assert_int_equal(cost.at_once, 800 * 600 + 17 * 512 * 512);
}

static void a_picture_is_turned_mirrored_and_cropped_a_few_times(void **state)
{
    (void)state;
    static const char *const types[] = { "irot", "imir", "clap" };
    for (size_t type = 0; type < 3; type++)
        for (int more = 0; more < 2; more++) {
            const struct made_item items[] = { { 1, "grid", grid, sizeof(grid), { 1 }, 1, false, NULL },
                                               { 2, "iden", "", 0, { 1, 2, 3, 4, 2, more ? 3 : 0 }, 1, false, NULL } };
            struct made_file file = { .items = items, .count = 2 };
            made_ispe(&file.properties, 64, 64);
            for (size_t i = 0; i < 3; i++)
                made_box(&file.properties, types[(type + i) % 3], "", 1);
            made_reference(&file.references, "dimg", 1, 2, 2);
            if (more)
                expect_refused(&file, "turned, mirrored or cropped 5 times");
            else
                (void)expect_taken(&file);
        }
}

static void what_only_shows_another_is_as_large_as_that(void **state)
{
    (void)state;
    const struct av1_stream stream = av1_frames(4000, 3000, 1), large = av1_frames(13000, 13000, 1);
    const struct made_item items[] = { { 1, "iden", "", 0, { 1 }, 1, false, NULL },
                                       { 2, "iden", "", 0, { 0 }, 1, false, NULL },
                                       { 3, "av01", stream.bytes, stream.count, { 1 }, 1, false, NULL } };
    struct made_file file = { .items = items, .count = 3 };
    made_ispe(&file.properties, 64, 64);
    made_reference(&file.references, "dimg", 1, 3, 1);
    struct heif_cost cost = expect_taken(&file);
    assert_int_equal(cost.in_all, 2 * 4000 * 3000);
    assert_int_equal(cost.at_once, 2 * 4000 * 3000);
    const struct made_item turned[] = { items[0],
                                        items[1],
                                        { 3, "av01", large.bytes, large.count, { 1 }, 1, false, NULL } };
    file = (struct made_file){ .items = turned, .count = 3 };
    made_ispe(&file.properties, 64, 64);
    made_reference(&file.references, "dimg", 1, 2, 1);
    made_reference(&file.references, "dimg", 2, 3, 1);
    expect_refused(&file, "takes room for more than");
}

static void what_is_not_shown_may_be_of_any_size(void **state)
{
    (void)state;
    const struct made_item items[] = { { 1, "iden", "", 0, { 1 }, 1, false, NULL },
                                       { 2, "av01", "", 0, { 2 }, 1, false, NULL } };
    struct made_file file = { .items = items, .count = 2 };
    made_ispe(&file.properties, 800, 600);
    made_ispe(&file.properties, 60000, 60000);
    const struct heif_cost cost = expect_taken(&file);
    assert_int_equal(cost.in_all, 800 * 600);
    assert_false(cost.av1);
    file = (struct made_file){ .items = items, .count = 2 };
    made_ispe(&file.properties, 800, 600);
    made_ispe(&file.properties, 60000, 60000);
    made_reference(&file.references, "dimg", 1, 2, 1);
    expect_refused(&file, "60000x60000");
}

static void what_a_picture_is_made_of_is_a_picture(void **state)
{
    (void)state;
    static const uint8_t overlay[] = { 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0, 64, 0, 64, 0, 0, 0, 0 };
    for (uint32_t part = 2; part <= 4; part++) {
        const struct made_item items[] = { { 1, "iovl", overlay, sizeof(overlay), { 1 }, 1, false, NULL },
                                           { 2, "Exif", "1234", 4, { 0 }, 1, false, NULL },
                                           { 3, "iden", "1234", 4, { 1 }, 1, false, NULL } };
        struct made_file file = { .items = items, .count = 3 };
        made_ispe(&file.properties, 64, 64);
        made_reference(&file.references, "dimg", 1, part, 1);
        if (part == 3)
            (void)expect_taken(&file);
        else
            expect_refused(&file, "made of a part that is no image");
    }
    const struct made_item other = { 1, "jpeg", "1234", 4, { 1 }, 1, false, NULL };
    struct made_file file = { .items = &other, .count = 1 };
    made_ispe(&file.properties, 64, 64);
    expect_refused(&file, "neither HEVC nor AV1");
}

static void a_chain_of_pictures_is_short(void **state)
{
    (void)state;
    struct made_item items[10];
    for (uint32_t i = 0; i < 10; i++)
        items[i] = (struct made_item){ i + 1, "iden", "1234", 4, { 1 }, 1, false, NULL };
    for (uint32_t count = 9; count <= 10; count++) {
        struct made_file file = { .items = items, .count = count };
        made_ispe(&file.properties, 64, 64);
        for (uint32_t i = 1; i < count; i++)
            made_reference(&file.references, "dimg", i, i + 1, 1);
        if (count == 9)
            (void)expect_taken(&file);
        else
            expect_refused(&file, "too deeply");
    }
}

static void alpha_is_a_picture(void **state)
{
    (void)state;
    static const char *const kinds[] = { "urn:mpeg:avc:2015:auxid:1", "urn:mpeg:hevc:2015:auxid:1",
                                         "urn:mpeg:mpegB:cicp:systems:auxiliary:alpha",
                                         "urn:mpeg:mpegB:cicp:systems:auxiliary:alphabet",
                                         "urn:mpeg:mpegB:cicp:systems:auxiliary:depth" };
    for (size_t i = 0; i < 2 * sizeof(kinds) / sizeof(*kinds); i++) {
        const bool picture = i % 2;
        const struct made_item items[] = {
            { 1, "iden", "1234", 4, { 1 }, 1, false, NULL },
            { 2, picture ? "iden" : "jpeg", "1234", 4, { 1, 2 }, 1, false, NULL },
        };
        struct made_file file = { .items = items, .count = 2 };
        made_ispe(&file.properties, 64, 64);
        const size_t kind = made_open(&file.properties, "auxC");
        made_number(&file.properties, 4, 0);
        made_bytes(&file.properties, kinds[i / 2], strlen(kinds[i / 2]) + 1);
        made_close(&file.properties, kind);
        made_reference(&file.references, "auxl", 2, 1, 1);
        if (i < 6 && !picture)
            expect_refused(&file, "made of a part that is no image");
        else
            (void)expect_taken(&file);
    }
}

static void what_an_auxiliary_picture_is_described_by_is_short(void **state)
{
    (void)state;
    enum { MAX = 65536 };
    const struct made_item item = { 1, "iden", "1234", 4, { 1 }, 1, false, NULL };
    uint8_t *bytes = calloc(MAX + 1, 1);
    assert_non_null(bytes);
    for (int i = 0; i < 3; i++) {
        struct made_file file = { .items = &item, .count = 1 };
        made_ispe(&file.properties, 64, 64);
        made_box(&file.properties, i < 2 ? "auxC" : "colr", bytes, MAX + (i > 0));
        if (i == 1)
            expect_refused(&file, "described in 65537 bytes");
        else
            (void)expect_taken(&file);
    }
    free(bytes);
}

/* Nor in a circle. */
static void what_is_not_decoded_for_an_image_is_not_followed(void **state)
{
    (void)state;
    static const char *const types[] = { "thmb", "prem", "cdsc", "evir" };
    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
        const struct made_item items[] = { { 1, "iden", "1234", 4, { 1 }, 1, false, NULL },
                                           { 2, "av01", "\xff\xff", 2, { 2 }, 1, false, NULL } };
        struct made_file file = { .items = items, .count = 2 };
        made_ispe(&file.properties, 128, 128);
        made_ispe(&file.properties, 60000, 60000);
        made_reference(&file.references, types[i], 1, 2, 1);
        made_reference(&file.references, types[i], 2, 1, 1);
        assert_int_equal(expect_taken(&file).in_all, 128 * 128);
    }
}

static void the_same_bytes_are_not_read_again_and_again(void **state)
{
    (void)state;
    enum { COUNT = 1 << 20 };
    uint8_t *bytes = calloc(COUNT, 1);
    assert_non_null(bytes);
    const struct made_item often = { 1, "iden", bytes, COUNT, { 1 }, 32, false, NULL };
    struct made_file file = { .items = &often, .count = 1 };
    made_ispe(&file.properties, 64, 64);
    expect_refused(&file, "share too many of its bytes");
    const struct made_item items[] = { { 1, "grid", grid, sizeof(grid), { 1 }, 1, false, NULL },
                                       { 2, "iden", bytes, COUNT, { 1 }, 1, false, NULL } };
    file = (struct made_file){ .items = items, .count = 2 };
    made_ispe(&file.properties, 64, 64);
    made_reference(&file.references, "dimg", 1, 2, 30);
    expect_refused(&file, "share too many of its bytes");
    struct made_item configured[40];
    for (uint32_t i = 0; i < 40; i++)
        configured[i] = (struct made_item){ i + 1, "iden", "1234", 4, { 1 }, 1, false, NULL };
    for (int i = 0; i <= 2; i++) {
        static const char *const types[] = { "free", "av1C", "hvcC" };
        file = (struct made_file){ .items = configured, .count = 40 };
        made_box(&file.properties, types[i], bytes, COUNT);
        if (i == 0)
            (void)expect_taken(&file);
        else
            expect_refused(&file, "share too many of its bytes");
    }
    free(bytes);
}

static void escapes_are_bounded_over_all_that_is_decoded(void **state)
{
    (void)state;
    enum { ESCAPES = 20000, UNIT = 2 + 3 * ESCAPES }; /* 682 million bytes to move */
    struct hevc_stream configuration = { .count = 0 }, stream = { { 0, 0, UNIT >> 8, UNIT & 255, 80, 1 }, 4 + UNIT };
    const struct bit_writer set = hevc_sequence_set(64, 64, 0, 1);
    hevc_configuration(&configuration, &set);
    for (size_t i = 8; i < stream.count; i += 3)
        stream.bytes[i] = 3;
    const struct made_item items[] = { { 1, "grid", grid, sizeof(grid), { 1 }, 1, false, NULL },
                                       { 2, "hvc1", stream.bytes, stream.count, { 1, 2 }, 1, false, NULL } };
    for (int times = 25; times <= 26; times++) {
        struct made_file file = { .items = items, .count = 2 };
        made_ispe(&file.properties, 64, 64);
        made_box(&file.properties, "hvcC", configuration.bytes, configuration.count);
        made_reference(&file.references, "dimg", 1, 2, times);
        if (times == 25)
            (void)expect_taken(&file);
        else
            expect_refused(&file, "too many escapes");
    }
}

static void metadata_that_unpack_to_any_size_are_refused(void **state)
{
    (void)state;
    struct made_item items[] = { { 1, "iden", "1234", 4, { 1 }, 1, false, NULL },
                                 { 2, "mime", "1234", 4, { 0 }, 1, false, "" } };
    struct made_file file = { .items = items, .count = 2 };
    made_ispe(&file.properties, 64, 64);
    (void)expect_taken(&file);
    items[1].encoding = "deflate";
    file = (struct made_file){ .items = items, .count = 2 };
    expect_refused(&file, "compressed metadata");
}

static void items_and_pictures_are_bounded(void **state)
{
    (void)state;
    enum { ITEMS = 4096, TILES = 4000 };
    const struct av1_stream tile = av1_frames(64, 64, 1);
    struct made_item *items = calloc(ITEMS + 1, sizeof(*items));
    assert_non_null(items);
    for (uint32_t i = 0; i <= ITEMS; i++)
        items[i] = (struct made_item){ ITEMS + 1 - i, "av01", tile.bytes, tile.count, { 1 }, 1, false, NULL };
    items[0] = (struct made_item){ ITEMS + 1, "grid", grid, sizeof(grid), { 1 }, 1, false, NULL };
    for (int more = 0; more <= 2; more++) {
        struct made_file file = { .items = items, .count = ITEMS + (more == 1) };
        const uint32_t tiles = more == 2 ? ITEMS : TILES;
        made_ispe(&file.properties, 64, 64);
        for (uint32_t i = 0; i < tiles; i++)
            made_reference(&file.references, "dimg", ITEMS + 1, ITEMS - i % (ITEMS - 1), 1);
        if (more)
            expect_refused(&file, more == 1 ? "damaged" : "too often");
        else
            assert_int_equal(expect_taken(&file).in_all, 800 * 600 + TILES * 128 * 128);
    }
    free(items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_is_as_large_as_it_says_itself),
        cmocka_unit_test(a_stream_begins_with_what_its_configuration_holds),
        cmocka_unit_test(a_stream_of_hevc_is_as_large_as_it_says_itself),
        cmocka_unit_test(all_pictures_of_a_stream_count),
        cmocka_unit_test(a_grid_takes_its_canvas_its_tiles_and_its_alpha),
        cmocka_unit_test(a_canvas_is_no_larger_than_an_image),
        cmocka_unit_test(what_is_decoded_for_an_image_is_bounded_in_all),
        cmocka_unit_test(what_lies_in_memory_at_a_time_is_bounded),
        cmocka_unit_test(what_a_picture_refers_to_takes_room_but_once),
        cmocka_unit_test(a_picture_is_turned_mirrored_and_cropped_a_few_times),
        cmocka_unit_test(what_only_shows_another_is_as_large_as_that),
        cmocka_unit_test(what_is_not_shown_may_be_of_any_size),
        cmocka_unit_test(what_a_picture_is_made_of_is_a_picture),
        cmocka_unit_test(a_chain_of_pictures_is_short),
        cmocka_unit_test(alpha_is_a_picture),
        cmocka_unit_test(what_an_auxiliary_picture_is_described_by_is_short),
        cmocka_unit_test(what_is_not_decoded_for_an_image_is_not_followed),
        cmocka_unit_test(the_same_bytes_are_not_read_again_and_again),
        cmocka_unit_test(escapes_are_bounded_over_all_that_is_decoded),
        cmocka_unit_test(metadata_that_unpack_to_any_size_are_refused),
        cmocka_unit_test(items_and_pictures_are_bounded),
    };
    return cmocka_run_group_tests_name("heif_check", tests, NULL, NULL);
}
