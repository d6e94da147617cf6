/* The splitting of a byte stream into texts, however it arrives. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/base/clock.h"
#include "dcls/proto/frame.h"

/* Appends what comes out: texts one a line, "!" for one too long. */
static void drain(struct frame *frame, struct buf *log)
{
    for (;;) {
        const char *text;
        size_t len;
        switch (frame_next(frame, &text, &len)) {
        case FRAME_TEXT:
            assert_int_equal(buf_append(log, text, len), 0);
            buf_puts(log, "\n");
            continue;
        case FRAME_TOO_LONG: buf_puts(log, "!\n"); continue;
        default: return;
        }
    }
}

/* Feeds `stream` in pieces that end at the two cuts. */
static void expect(const char *stream, size_t len, size_t first, size_t second, size_t max, const char *wanted)
{
    struct frame frame;
    struct buf log;
    const size_t ends[] = { first, second, len };
    size_t at = 0;
    frame_init(&frame, max);
    buf_init(&log, 1 << 20);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(frame_feed(&frame, stream + at, ends[i] - at), 0);
        at = ends[i];
        drain(&frame, &log);
    }
    assert_string_equal(buf_text(&log), wanted);
    buf_release(&log);
    frame_release(&frame);
}

static void expect_at_every_cut(const char *stream, size_t max, const char *wanted)
{
    size_t len = strlen(stream);
    for (size_t first = 0; first <= len; first++) {
        for (size_t second = first; second <= len; second++)
            expect(stream, len, first, second, max, wanted);
    }
}

static void texts_come_out_alike_wherever_the_stream_is_cut(void **state)
{
    (void)state;
    expect_at_every_cut("{\"a\": 1}\n{\"b\": [{}, {}]}\n", 100, "{\"a\": 1}\n{\"b\": [{}, {}]}\n");
    expect_at_every_cut("{\"a\": \"}\\\"{\\\\\"}{\"b\": 2}\n\r\n \n{\"c\": {}}", 100,
                        "{\"a\": \"}\\\"{\\\\\"}\n{\"b\": 2}\n{\"c\": {}}\n");
    expect_at_every_cut("garbage\n{\"a\": 1}\n[1, {}]\n", 100, "garbage\n{\"a\": 1}\n[1, {}]\n");
}

static void a_text_that_is_not_whole_is_waited_for(void **state)
{
    (void)state;
    expect_at_every_cut("{\"a\": \"x", 100, "");
    expect_at_every_cut("{\"a\": {}", 100, "");
    expect_at_every_cut("hello", 100, "");
}

static void a_text_ends_without_a_newline_where_its_object_closes(void **state)
{
    (void)state;
    expect_at_every_cut("{\"type\": \"CLIENT DISCONNECT\"}", 100, "{\"type\": \"CLIENT DISCONNECT\"}\n");
}

static void a_text_too_long_is_told_once_and_skipped_to_its_newline(void **state)
{
    (void)state;
    expect_at_every_cut("{\"a\": \"xxxxxxxx\"} {\"z\": 1}\n{\"b\": 2}\n", 10, "!\n{\"b\": 2}\n");
    expect_at_every_cut("xxxxxxxxxxx\n{\"b\": 2}\n", 10, "!\n{\"b\": 2}\n");
}

static void a_text_as_long_as_the_maximum_fits(void **state)
{
    (void)state;
    expect_at_every_cut("{\"b\": 234}\n", 10, "{\"b\": 234}\n");
    expect_at_every_cut("xxxxxxxxxx\n", 10, "xxxxxxxxxx\n");
}

static void a_newline_in_a_string_ends_the_text(void **state)
{
    (void)state;
    expect_at_every_cut("{\"a\": \"x\n{\"b\": 2}\n", 100, "{\"a\": \"x\n{\"b\": 2}\n");
}

static void braces_that_close_nothing_are_one_bad_text(void **state)
{
    (void)state;
    expect_at_every_cut("}}]}}\n{\"b\": 2}\n", 100, "}}]}}\n{\"b\": 2}\n");
}

static void a_nul_is_part_of_its_text(void **state)
{
    (void)state;
    struct frame frame;
    const char *text;
    size_t len;
    frame_init(&frame, 100);
    assert_int_equal(frame_feed(&frame, "{\"a\0b\": 1}\n", 11), 0);
    assert_int_equal(frame_next(&frame, &text, &len), FRAME_TEXT);
    assert_int_equal(len, 10);
    assert_memory_equal(text, "{\"a\0b\": 1}", 10);
    assert_int_equal(frame_next(&frame, &text, &len), FRAME_MORE);
    frame_release(&frame);
}

static void many_texts_in_one_read_all_come_out(void **state)
{
    (void)state;
    struct frame frame;
    struct buf stream;
    buf_init(&stream, 1 << 20);
    for (int i = 0; i < 40000; i++)
        buf_printf(&stream, "{\"a\": %d}%s", i, i % 2 ? "\n" : "");
    frame_init(&frame, 100);
    assert_int_equal(frame_feed(&frame, stream.data, stream.len), 0);
    const char *text;
    size_t len;
    for (int i = 0; i < 40000; i++) {
        char wanted[32];
        int size = snprintf(wanted, sizeof wanted, "{\"a\": %d}", i);
        assert_int_equal(frame_next(&frame, &text, &len), FRAME_TEXT);
        assert_int_equal(len, size);
        assert_memory_equal(text, wanted, len);
    }
    assert_int_equal(frame_next(&frame, &text, &len), FRAME_MORE);
    frame_release(&frame);
    buf_release(&stream);
}

static void a_long_text_byte_by_byte_costs_no_more_than_its_length(void **state)
{
    (void)state;
    struct frame frame;
    const char *text;
    size_t len, size = 4 << 20;
    frame_init(&frame, 2 * size);
    int64_t start = clock_ms();
    assert_int_equal(frame_feed(&frame, "{\"a\": \"", 7), 0);
    for (size_t i = 0; i < size; i++) {
        assert_int_equal(frame_feed(&frame, "x", 1), 0);
        assert_int_equal(frame_next(&frame, &text, &len), FRAME_MORE);
    }
    assert_int_equal(frame_feed(&frame, "\"}", 2), 0);
    assert_int_equal(frame_next(&frame, &text, &len), FRAME_TEXT);
    assert_int_equal(len, size + 9);
    /* Looking at all of it again for each byte would take hours. */
    assert_true(clock_ms() - start < 20000);
    frame_release(&frame);
}

static void an_endless_text_takes_bounded_memory(void **state)
{
    (void)state;
    struct frame frame;
    const char *text;
    size_t len;
    char piece[4096];
    int told = 0;
    memset(piece, 'x', sizeof piece);
    frame_init(&frame, 10000);
    for (int i = 0; i < 10000; i++) {
        assert_int_equal(frame_feed(&frame, piece, sizeof piece), 0);
        while (frame_next(&frame, &text, &len) == FRAME_TOO_LONG)
            told++;
        assert_true(frame.buf.cap < 100000);
    }
    assert_int_equal(told, 1);
    frame_release(&frame);
}

static void a_reader_that_never_asks_is_stopped(void **state)
{
    (void)state;
    struct frame frame;
    char piece[65536];
    memset(piece, 'x', sizeof piece);
    frame_init(&frame, 1000);
    int fed = 0;
    while (!frame_feed(&frame, piece, sizeof piece))
        assert_true(++fed < 1000);
    frame_release(&frame);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_come_out_alike_wherever_the_stream_is_cut),
        cmocka_unit_test(a_text_that_is_not_whole_is_waited_for),
        cmocka_unit_test(a_text_ends_without_a_newline_where_its_object_closes),
        cmocka_unit_test(a_text_too_long_is_told_once_and_skipped_to_its_newline),
        cmocka_unit_test(a_text_as_long_as_the_maximum_fits),
        cmocka_unit_test(a_newline_in_a_string_ends_the_text),
        cmocka_unit_test(braces_that_close_nothing_are_one_bad_text),
        cmocka_unit_test(a_nul_is_part_of_its_text),
        cmocka_unit_test(many_texts_in_one_read_all_come_out),
        cmocka_unit_test(a_long_text_byte_by_byte_costs_no_more_than_its_length),
        cmocka_unit_test(an_endless_text_takes_bounded_memory),
        cmocka_unit_test(a_reader_that_never_asks_is_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
