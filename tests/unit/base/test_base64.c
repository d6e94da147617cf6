/* Bytes to text and back: the examples of RFC 4648, and what is no such text. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "dcls/base/base64.h"

static void the_examples_of_the_specification_go_there_and_back(void **state)
{
    static const char *const pairs[][2] = { { "", "" },
                                            { "f", "Zg==" },
                                            { "fo", "Zm8=" },
                                            { "foo", "Zm9v" },
                                            { "foob", "Zm9vYg==" },
                                            { "fooba", "Zm9vYmE=" },
                                            { "foobar", "Zm9vYmFy" } };
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        size_t count = 99;
        char *text = base64_encode(pairs[i][0], strlen(pairs[i][0])), *bytes = base64_decode(pairs[i][1], &count);
        assert_string_equal(text, pairs[i][1]);
        assert_int_equal(strlen(text), base64_size(strlen(pairs[i][0])));
        assert_non_null(bytes);
        assert_int_equal(count, strlen(pairs[i][0]));
        assert_memory_equal(bytes, pairs[i][0], count);
        free(text);
        free(bytes);
    }
}

static void every_byte_goes_there_and_back(void **state)
{
    uint8_t bytes[256];
    size_t count;
    (void)state;
    for (int i = 0; i < 256; i++)
        bytes[i] = (uint8_t)i;
    char *text = base64_encode(bytes, sizeof bytes);
    uint8_t *again = base64_decode(text, &count);
    assert_int_equal(count, sizeof bytes);
    assert_memory_equal(again, bytes, sizeof bytes);
    free(again);
    free(text);
}

static void what_is_no_such_text_is_refused(void **state)
{
    static const char *const bad[] = { "Z", "Zg", "Zg=", "Zg==Zg==", "====", "Zm9v\n", "Zm 9", "Zm9\xc3", "Z===" };
    size_t count;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_null(base64_decode(bad[i], &count));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_the_specification_go_there_and_back),
        cmocka_unit_test(every_byte_goes_there_and_back),
        cmocka_unit_test(what_is_no_such_text_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
