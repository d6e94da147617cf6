/* Boxes and items that are not what they say, or that libheif might read otherwise. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "av1_stream.h"
#include "heif_expect.h"

static void a_box_that_may_come_once_comes_once(void **state)
{
    (void)state;
    static const char *const boxes[] = { "meta", "pitm", "iinf", "iloc",         "iprp",
                                         "ipco", "iref", "idat", "item in iinf", "item in iloc" };
    const struct made_item items[] = { { 1, "iden", "1234", 4, { 1 }, 1, false, NULL },
                                       { 2, "Exif", "1234", 4, { 0 }, 1, false, NULL } };
    for (size_t i = 0; i <= sizeof(boxes) / sizeof(*boxes); i++) {
        struct made_file file = { .items = items, .count = 2 };
        made_ispe(&file.properties, 64, 64);
        if (i == 0) {
            (void)expect_taken(&file);
            continue;
        }
        file.twice = boxes[i - 1];
        expect_refused(&file, "damaged");
    }
}

static void what_is_no_box_ends_the_file(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t count;
        bool taken;
    } cases[] = {
        { "\0", 1, true },
        { "\0\0\0\0", 4, true },
        { "\0\0\0\0\0\0\0\0\0", 9, true },
        { "\0\0\0\7free", 8, true },
        { "\0\0\0\1free\0\0\0\0\0\0\0", 15, true },
        { "a camera's own", 14, true },
        { "\0\0\1\0meta\0\0\0\0", 12, true }, /* longer than the file */
        { "\0\0\0\7free\0\0\0\14meta\0\0\0\0", 20, true },
        { "\0\0\0\10free\0\0\0\14meta\0\0\0\0", 20, false },
        { "\0\0\0\14meta\0\0\0\0", 12, false }, /* another one */
    };
    const struct made_item item = { 1, "iden", "1234", 4, { 1 }, 1, false, NULL };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        for (int without_meta = 0; without_meta <= 1; without_meta++) {
            struct made_file file = { .items = &item, .count = 1, .without_meta = without_meta };
            file.behind = cases[i].bytes;
            file.behind_count = cases[i].count;
            made_ispe(&file.properties, 128, 128);
            if (cases[i].taken == !without_meta) /* where there is another box, it is the only one without the first */
                assert_int_equal(expect_taken(&file).in_all, without_meta ? 0 : 128 * 128);
            else
                expect_refused(&file, "damaged");
        }
}

static void where_the_bytes_lie_has_to_be_in_the_file(void **state)
{
    (void)state;
    const struct made_item item = { 1, "iden", "12345678", 8, { 1 }, 1, false, NULL };
    const struct made_file files[] = { { .method = 1 },
                                       { .method = 1, .beyond = 1 },
                                       { .beyond = 1u << 31 },
                                       { .iloc_version = 1, .iloc_sizes = 0x4401 },
                                       { .iloc_version = 1, .iloc_sizes = 0x4404 },
                                       { .iloc_version = 3 },
                                       { .iloc_version = 2, .iloc_sizes = 0x4404 },
                                       { .iloc_version = 2 } };
    static const bool taken[] = { true, false, false, false, false, false, true, true };
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
        struct made_file file = files[i];
        file.items = &item;
        file.count = 1;
        made_ispe(&file.properties, 64, 64);
        if (taken[i])
            (void)expect_taken(&file);
        else
            expect_refused(&file, "damaged");
    }
    for (size_t count = 0; count <= 8; count += 8) {
        const struct made_item empty = { 1, "grid", "12345678", count, { 1 }, 1, false, NULL };
        struct made_file file = { .items = &empty, .count = 1, .method = 1, .without_idat = true };
        made_ispe(&file.properties, 64, 64);
        expect_refused(&file, "damaged");
    }
    const struct made_item scattered = { 1, "iden", "", 0, { 1 }, 33, false, NULL };
    struct made_file pieces = { .items = &scattered, .count = 1 };
    made_ispe(&pieces.properties, 64, 64);
    expect_refused(&pieces, "damaged");
    struct made_file derived = { .items = &item, .count = 1, .method = 2 };
    expect_refused(&derived, "item construction method 2");
}

/* The numbers that follow an item's are found, or it would have no size. */
static void items_have_numbers_of_two_or_four_bytes(void **state)
{
    (void)state;
    const struct av1_stream stream = av1_frames(800, 600, 1);
    const struct made_item items[] = { { 1, "av01", stream.bytes, stream.count, { 1 }, 1, false, NULL },
                                       { 2, "iden", "1234", 4, { 1 }, 1, false, NULL } };
    for (uint32_t version = 1; version <= 2; version++) {
        struct made_file file = { .items = items, .count = 2, .iloc_version = version, .infe_version = version + 1 };
        made_ispe(&file.properties, 64, 64);
        assert_int_equal(expect_taken(&file).in_all, 800 * 600);
    }
    for (uint32_t version = 0; version <= 1; version++) {
        struct made_file file = { .items = &items[1], .count = 1, .iref_version = version };
        made_ispe(&file.properties, 128, 128);
        const size_t reference = made_open(&file.references, "cdsc");
        made_number(&file.references, version ? 4 : 2, 60000);
        made_number(&file.references, 2, 2);
        made_number(&file.references, version ? 8 : 4, 0);
        made_close(&file.references, reference);
        (void)expect_taken(&file);
    }
}

static void a_box_has_a_size_of_four_or_eight_bytes(void **state)
{
    (void)state;
    static const char ispe[] = "\0\0\0\1ispe\0\0\0\0\0\0\0\34\0\0\0\0\0\0\0\200\0\0\0\200";
    const struct made_item item = { 1, "iden", "1234", 4, { 1 }, 1, false, NULL };
    struct made_file file = { .items = &item, .count = 1 };
    made_bytes(&file.properties, ispe, sizeof(ispe) - 1);
    assert_int_equal(expect_taken(&file).in_all, 128 * 128);
}

static void property_0_is_none(void **state)
{
    (void)state;
    const struct made_item item = { 1, "iden", "1234", 4, { 0x80 }, 1, false, NULL };
    struct made_file file = { .items = &item, .count = 1 };
    assert_int_equal(expect_taken(&file).in_all, 0);
}

/* libheif would read a `uuid`'s numbers 16 bytes later, and others behind a reference. */
static void references_that_libheif_reads_otherwise_are_refused(void **state)
{
    (void)state;
    const struct made_item item = { 1, "iden", "1234", 4, { 1 }, 1, false, NULL };
    struct made_file file = { .items = &item, .count = 1 };
    made_ispe(&file.properties, 64, 64);
    made_reference(&file.references, "uuid", 1, 2, 1);
    expect_refused(&file, "damaged");
    file = (struct made_file){ .items = &item, .count = 1 };
    made_ispe(&file.properties, 64, 64);
    made_box(&file.references, "evir", "\0\1\0\1\0\2more", 10);
    expect_refused(&file, "damaged");
}

static void boxes_are_bounded_even_empty_ones(void **state)
{
    (void)state;
    const struct made_item item = { 1, "iden", "12345678", 8, { 1 }, 1, false, NULL };
    for (int more = 0; more < 2; more++) {
        struct made_file file = { .items = &item, .count = 1 };
        made_ispe(&file.properties, 64, 64);
        struct made boxes = { .count = 0 };
        for (int i = 3; i < 20000 + more; i++) /* behind `ftyp`, `mdat`, `meta` */
            made_box(&boxes, "free", "", 0);
        file.behind = (const char *)boxes.bytes;
        file.behind_count = boxes.count;
        if (more)
            expect_refused(&file, "damaged");
        else
            (void)expect_taken(&file);
        free(boxes.bytes);
    }
}

static void lists_are_within_meta_which_is_bounded(void **state)
{
    (void)state;
    static const char *const lists[] = { "iinf", "iloc", "iprp", "ipco", "ipma", "iref",
                                         "dinf", "dref", "grpl", "hvcC", "vvcC" };
    const struct made_item item = { 1, "iden", "12345678", 8, { 1 }, 1, false, NULL };
    for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
        struct made_file file = { .items = &item, .count = 1 };
        made_ispe(&file.properties, 64, 64);
        struct made list = { .count = 0 };
        made_box(&list, lists[i], "1234", 4);
        file.behind = (const char *)list.bytes;
        file.behind_count = list.count;
        expect_refused(&file, "damaged");
        free(list.bytes);
    }
    enum { MAX = 8 << 20 };
    uint8_t *zeros = calloc(MAX, 1);
    assert_non_null(zeros);
    for (int i = 0; i < 3; i++) {
        struct made_file file = { .items = &item, .count = 1, .without_idat = true };
        made_ispe(&file.properties, 64, 64);
        made_box(&file.in_meta, i == 0 ? "idat" : "dinf", zeros, i == 1 ? MAX - 1024 : MAX);
        if (i == 2)
            expect_refused(&file, "damaged");
        else
            (void)expect_taken(&file);
    }
    free(zeros);
}

static void where_items_lie_that_are_none_is_bounded(void **state)
{
    (void)state;
    const struct made_item item = { 1, "iden", "1234", 4, { 1 }, 1, false, NULL };
    static const struct {
        uint32_t entries, extents;
        bool taken;
    } cases[] = { { 4095, 1, true }, { 4096, 0, false }, { 255, 32, true }, { 256, 32, false } };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct made_file file = { .items = &item, .count = 1 };
        file.foreign = cases[i].entries;
        file.foreign_extents = cases[i].extents;
        made_ispe(&file.properties, 64, 64);
        if (cases[i].taken)
            (void)expect_taken(&file);
        else
            expect_refused(&file, "damaged");
    }
}

static void properties_of_what_is_no_item_are_bounded(void **state)
{
    (void)state;
    const struct made_item item = { 1, "iden", "1234", 4, { 1 }, 1, false, NULL };
    for (uint32_t foreign = 4095; foreign <= 4096; foreign++) {
        struct made_file file = { .items = &item, .count = 1, .foreign_described = foreign };
        made_ispe(&file.properties, 64, 64);
        if (foreign == 4095)
            assert_int_equal(expect_taken(&file).in_all, 128 * 128);
        else
            expect_refused(&file, "damaged");
    }
}

static void an_item_has_the_properties_that_are_listed_first(void **state)
{
    (void)state;
    const struct made_item item = { 60000, "iden", "1234", 4, { 1 }, 1, false, NULL };
    struct made_file file = { .items = &item, .count = 1, .foreign_described = 1 };
    made_ispe(&file.properties, 128, 128);
    assert_int_equal(expect_taken(&file).in_all, 128 * 128);
}

static void references_of_any_type_are_bounded(void **state)
{
    (void)state;
    const struct made_item item = { 1, "iden", "1234", 4, { 1 }, 1, false, NULL };
    for (int times = 0; times <= 1; times++)
        for (int more = 0; more <= 1; more++) {
            struct made_file file = { .items = &item, .count = 1 };
            made_ispe(&file.properties, 64, 64);
            for (int i = 0; i < 16384 / (times + 1) + more; i++)
                made_reference(&file.references, i % 2 ? "cdsc" : "evir", 60000, 60000, times);
            if (more)
                expect_refused(&file, "damaged");
            else
                (void)expect_taken(&file);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_box_that_may_come_once_comes_once),
        cmocka_unit_test(what_is_no_box_ends_the_file),
        cmocka_unit_test(where_the_bytes_lie_has_to_be_in_the_file),
        cmocka_unit_test(items_have_numbers_of_two_or_four_bytes),
        cmocka_unit_test(a_box_has_a_size_of_four_or_eight_bytes),
        cmocka_unit_test(property_0_is_none),
        cmocka_unit_test(references_that_libheif_reads_otherwise_are_refused),
        cmocka_unit_test(boxes_are_bounded_even_empty_ones),
        cmocka_unit_test(lists_are_within_meta_which_is_bounded),
        cmocka_unit_test(where_items_lie_that_are_none_is_bounded),
        cmocka_unit_test(properties_of_what_is_no_item_are_bounded),
        cmocka_unit_test(an_item_has_the_properties_that_are_listed_first),
        cmocka_unit_test(references_of_any_type_are_bounded),
    };
    return cmocka_run_group_tests_name("heif_items", tests, NULL, NULL);
}
