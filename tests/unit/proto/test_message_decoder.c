/* Bytes into messages: what is none, and what finds no memory. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/proto/message_decoder.h"

static long allocations_left;

static void *allocate(size_t size)
{
    if (allocations_left-- > 0)
        return malloc(size);
    errno = ENOMEM;
    return NULL;
}

static enum message_event decode(const char *line)
{
    struct frame frame;
    struct msg msg;
    struct err why = ERR_INIT;
    const char *text;
    size_t len;
    frame_init(&frame, MSG_MAX);
    assert_int_equal(frame_feed(&frame, line, strlen(line)), 0);
    enum message_event event = message_decoder_next(&frame, &msg, &text, &len, &why);
    msg_release(&msg);
    frame_release(&frame);
    return event;
}

static void a_message_is_whole_once_it_has_ended(void **state)
{
    (void)state;
    assert_int_equal(decode("{\"type\": \"SERVER PING\""), MESSAGE_MORE);
    assert_int_equal(decode("{\"type\": \"SERVER PING\"}\n"), MESSAGE_WHOLE);
}

static void what_is_no_message_is_refused_whatever_failed_before(void **state)
{
    (void)state;
    errno = ENOMEM;
    assert_int_equal(decode("no json\n"), MESSAGE_REFUSED);
    errno = ENOMEM;
    assert_int_equal(decode("{\"type\": \"SERVER NOTHING\"}\n"), MESSAGE_REFUSED);
}

static void a_message_that_finds_no_memory_is_told_apart_from_one_that_is_none(void **state)
{
    const char *line = "{\"type\": \"CLIENT CONNECT\", \"name\": \"n\", \"features\": [\"train\", \"infer\"]}\n";
    cJSON_Hooks hooks = { .malloc_fn = allocate, .free_fn = free };
    enum message_event event = MESSAGE_NO_MEMORY;
    long count = 0;
    (void)state;
    cJSON_InitHooks(&hooks);
    for (; event == MESSAGE_NO_MEMORY; count++) {
        allocations_left = count;
        event = decode(line);
    }
    cJSON_InitHooks(NULL);
    assert_int_equal(event, MESSAGE_WHOLE);
    assert_true(count > 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_whole_once_it_has_ended),
        cmocka_unit_test(what_is_no_message_is_refused_whatever_failed_before),
        cmocka_unit_test(a_message_that_finds_no_memory_is_told_apart_from_one_that_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
