/* What a node takes as a request to train, and whom it answers where it is none. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "src/node/train_request.h"

static void every_option_of_the_table_is_taken(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct buf text;
    buf_init(&text, MSG_MAX);
    assert_int_equal(buf_puts(&text, "{\"type\": \"SERVER TRAIN\", \"name\": \"node0\", \"modelName\": \"cats\", "
                                     "\"modelType\": \"resnet\", \"train_key\": \"t\", \"job\": \"1\", "
                                     "\"generation\": 1"),
                     0);
    for (size_t i = 0; i < train_option_count; i++)
        assert_int_equal(buf_printf(&text, ", \"%s\": 1", train_option_table[i].name), 0);
    assert_int_equal(buf_puts(&text, "}"), 0);
    assert_int_equal(train_request_check(text.data, text.len, &err), 0);
    buf_release(&text);
}

static void an_option_that_nobody_knows_is_refused_by_name(void **state)
{
    (void)state;
    const char text[] = "{\"type\": \"SERVER TRAIN\", \"epochs\": 1, \"mixUp\": 0.2, \"cutMix\": 1}";
    struct err err = ERR_INIT;
    assert_int_equal(train_request_check(text, strlen(text), &err), -1);
    assert_string_equal(err.text, "the option 'mixUp' is not offered");
}

static void who_asked_is_known_by_the_keys_that_can_be_read(void **state)
{
    (void)state;
    const char text[] = "{\"type\": \"SERVER TRAIN\", \"train_key\": \"t:1\", \"job\": \"j 1\", \"generation\": 2, "
                        "\"modelName\": \"../cats\", \"epochs\": -1}";
    struct msg request;
    assert_true(train_request_keys(text, strlen(text), &request));
    assert_string_equal(request.train_key, "t:1");
    assert_int_equal(request.generation, 2);
    assert_null(request.job); /* no key, and no name: they become names of files */
    assert_null(request.model_name);
    msg_release(&request);
}

static void what_is_no_request_to_train_is_not_answered_as_one(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "{",
        "[]",
        "{\"type\": \"SERVER TRAIN\"}",
        "{\"type\": \"SERVER TRAIN\", \"train_key\": \"no key\"}",
        "{\"type\": \"SERVER CANCEL\", \"train_key\": \"t:1\"}",
        "{\"type\": 1, \"train_key\": \"t:1\"}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct msg request;
        assert_false(train_request_keys(texts[i], strlen(texts[i]), &request));
        msg_release(&request);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_option_of_the_table_is_taken),
        cmocka_unit_test(an_option_that_nobody_knows_is_refused_by_name),
        cmocka_unit_test(who_asked_is_known_by_the_keys_that_can_be_read),
        cmocka_unit_test(what_is_no_request_to_train_is_not_answered_as_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
