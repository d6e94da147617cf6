/* The parser of server-sent events, fed the same stream cut in every way. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "src/client/sse_parser.h"

#define STREAM                                                                                                         \
    ": a comment\n\nevent: job\nid: 7\ndata: {\"a\": 1}\n\nid: 8\r\ndata:two\r\ndata: lines\r\n\r\n"                   \
    "event: node\rid: 9\rdata:  x\r\runknown: y\nevent: model\ndata\n\nid: 10\n\n"
#define EVENTS "job|7|{\"a\": 1};message|8|two\nlines;node|9| x;model|9|;"

struct record {
    struct sse_parser *sse_parser;
    char text[1024];
    int stop_after; /* so many events; 0: never */
};

static int remember(void *arg, const char *type, const char *data, size_t size)
{
    struct record *record = arg;
    size_t used = strlen(record->text);
    assert_int_equal(strlen(data), size);
    snprintf(record->text + used, sizeof record->text - used, "%s|%s|%s;", type, record->sse_parser->last_id, data);
    return record->stop_after > 0 && --record->stop_after == 0;
}

static void events_come_out_whole_however_the_stream_is_cut(void **state)
{
    const size_t size = strlen(STREAM);
    (void)state;
    for (size_t first = 0; first <= size; first++) {
        for (size_t second = first; second <= size; second++) {
            struct sse_parser sse_parser;
            struct record record = { .sse_parser = &sse_parser };
            sse_parser_init(&sse_parser);
            assert_int_equal(sse_parser_feed(&sse_parser, STREAM, first, remember, &record), 0);
            assert_int_equal(sse_parser_feed(&sse_parser, STREAM + first, second - first, remember, &record), 0);
            assert_int_equal(sse_parser_feed(&sse_parser, STREAM + second, size - second, remember, &record), 0);
            assert_string_equal(record.text, EVENTS);
            assert_string_equal(sse_parser.last_id, "10");
            sse_parser_release(&sse_parser);
        }
    }
}

static void events_come_out_whole_byte_by_byte(void **state)
{
    struct sse_parser sse_parser;
    struct record record = { .sse_parser = &sse_parser };
    (void)state;
    sse_parser_init(&sse_parser);
    for (const char *c = STREAM; *c; c++)
        assert_int_equal(sse_parser_feed(&sse_parser, c, 1, remember, &record), 0);
    assert_string_equal(record.text, EVENTS);
    sse_parser_release(&sse_parser);
}

static void an_event_that_broke_off_is_forgotten_and_its_id_with_it(void **state)
{
    static const char broken[] = "id: 1\ndata: a\n\nid: 2\ndata: half";
    static const char again[] = "data: b\n\n";
    struct sse_parser sse_parser;
    struct record record = { .sse_parser = &sse_parser };
    (void)state;
    sse_parser_init(&sse_parser);
    assert_int_equal(sse_parser_feed(&sse_parser, broken, strlen(broken), remember, &record), 0);
    assert_string_equal(sse_parser.last_id, "1");
    sse_parser_restart(&sse_parser);
    assert_int_equal(sse_parser_feed(&sse_parser, again, strlen(again), remember, &record), 0);
    assert_string_equal(record.text, "message|1|a;message|1|b;");
    sse_parser_release(&sse_parser);
}

static void the_handler_can_end_the_feeding(void **state)
{
    static const char text[] = "data: a\n\ndata: b\n\ndata: c\n\n";
    struct sse_parser sse_parser;
    struct record record = { .sse_parser = &sse_parser, .stop_after = 2 };
    (void)state;
    sse_parser_init(&sse_parser);
    assert_int_equal(sse_parser_feed(&sse_parser, text, strlen(text), remember, &record), 1);
    assert_string_equal(record.text, "message||a;message||b;");
    sse_parser_release(&sse_parser);
}

static void an_id_that_is_too_long_or_holds_a_nul_is_not_kept(void **state)
{
    static const char nul[] = "id: 5\n\nid: 6\0007\n\n";
    char text[SSE_ID_SIZE + 16];
    struct sse_parser sse_parser;
    struct record record = { .sse_parser = &sse_parser };
    (void)state;
    sse_parser_init(&sse_parser);
    assert_int_equal(sse_parser_feed(&sse_parser, nul, sizeof nul - 1, remember, &record), 0);
    assert_string_equal(sse_parser.last_id, "5");
    snprintf(text, sizeof text, "id: %0*d\n\n", SSE_ID_SIZE, 1);
    assert_int_equal(sse_parser_feed(&sse_parser, text, strlen(text), remember, &record), 0);
    assert_string_equal(sse_parser.last_id, "5");
    sse_parser_release(&sse_parser);
}

static void an_endless_line_is_an_error_and_not_memory(void **state)
{
    static const char piece[65536] = { 'd' };
    struct sse_parser sse_parser;
    struct record record = { .sse_parser = &sse_parser };
    int result = 0;
    (void)state;
    sse_parser_init(&sse_parser);
    for (size_t fed = 0; fed <= SSE_MAX && result == 0; fed += sizeof piece)
        result = sse_parser_feed(&sse_parser, piece, sizeof piece, remember, &record);
    assert_int_equal(result, -1);
    sse_parser_release(&sse_parser);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_come_out_whole_however_the_stream_is_cut),
        cmocka_unit_test(events_come_out_whole_byte_by_byte),
        cmocka_unit_test(an_event_that_broke_off_is_forgotten_and_its_id_with_it),
        cmocka_unit_test(the_handler_can_end_the_feeding),
        cmocka_unit_test(an_id_that_is_too_long_or_holds_a_nul_is_not_kept),
        cmocka_unit_test(an_endless_line_is_an_error_and_not_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
