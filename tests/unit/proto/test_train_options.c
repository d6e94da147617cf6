/* The table of training options: its bounds, from a command line's text and from JSON, and what travels. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/proto/train_options.h"

static bool is_number(const struct train_option *option)
{
    return option->type == OPTION_INT || option->type == OPTION_NUMBER;
}

static double value_of(const struct train_options *options, const struct train_option *option)
{
    const char *member = (const char *)options + option->offset;
    return option->type == OPTION_INT ? (double)*(const int64_t *)member : *(const double *)member;
}

/* Both ways in must agree. */
static void expect(const struct train_option *option, double value, bool taken)
{
    struct train_options options;
    struct err err = ERR_INIT;
    char text[64];
    snprintf(text, sizeof text, "%.17g", value);
    train_options_init(&options);
    assert_int_equal(train_option_parse(&options, option, text, &err), taken ? 0 : -1);
    assert_int_equal(train_option_is_set(&options, option), taken);
    if (taken)
        assert_true(value_of(&options, option) == value);
    else
        assert_non_null(strstr(err.text, option->flag));

    cJSON *object = cJSON_CreateObject();
    cJSON_AddNumberToObject(object, option->name, value);
    train_options_init(&options);
    assert_int_equal(train_options_from_json(&options, object, &err), taken ? 0 : -1);
    if (!taken)
        assert_non_null(strstr(err.text, option->name));
    cJSON_Delete(object);
}

static void numbers_are_taken_up_to_their_bounds_and_no_further(void **state)
{
    (void)state;
    for (size_t i = 0; i < train_option_count; i++) {
        const struct train_option *option = &train_option_table[i];
        if (!is_number(option))
            continue;
        expect(option, option->min, true);
        expect(option, option->max, true);
        expect(option, option->min - 1, false);
        expect(option, option->max * 2 + 1, false);
        expect(option, -1e300, false);
        expect(option, 1e300, false);
        if (option->type == OPTION_INT)
            expect(option, option->min + 0.5, false);
    }
}

static void text_that_is_no_number_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", " ", "x", "1x", "nan", "inf", "0x10", " 5", "5 ", "1e999", "--5", "1,5", "."
    };
    for (size_t i = 0; i < train_option_count; i++) {
        for (size_t j = 0; is_number(&train_option_table[i]) && j < sizeof bad / sizeof *bad; j++) {
            struct train_options options;
            struct err err = ERR_INIT;
            train_options_init(&options);
            assert_int_equal(train_option_parse(&options, &train_option_table[i], bad[j], &err), -1);
            assert_non_null(strstr(err.text, train_option_table[i].flag));
            assert_int_equal(options.is_set, 0);
        }
    }
}

static void a_choice_is_one_of_the_listed(void **state)
{
    (void)state;
    static const char *const bad[] = { "", "ada", "adamw", "adam|sgd", "|", "ADAM", "none|basic" };
    int choices = 0;
    for (size_t i = 0; i < train_option_count; i++) {
        const struct train_option *option = &train_option_table[i];
        struct train_options options;
        struct err err = ERR_INIT;
        if (option->type != OPTION_CHOICE)
            continue;
        char *list = strdup(option->choices), *rest = list, *choice;
        while ((choice = strsep(&rest, "|"))) {
            train_options_init(&options);
            assert_int_equal(train_option_parse(&options, option, choice, &err), 0);
            assert_string_equal((const char *)&options + option->offset, choice);
            choices++;
        }
        free(list);
        for (size_t j = 0; j < sizeof bad / sizeof *bad; j++) {
            train_options_init(&options);
            assert_int_equal(train_option_parse(&options, option, bad[j], &err), -1);
            assert_non_null(strstr(err.text, option->choices));
        }
    }
    assert_true(choices >= 6);
}

static void a_text_is_bounded_and_has_no_control_characters(void **state)
{
    (void)state;
    struct train_options options;
    struct err err = ERR_INIT;
    const struct train_option *weights = train_option_by_name("weights");
    char text[OPTION_TEXT_SIZE + 1];
    memset(text, 'x', sizeof text);
    text[OPTION_TEXT_SIZE] = '\0';
    train_options_init(&options);
    assert_int_equal(train_option_parse(&options, weights, text, &err), -1);
    assert_string_equal(options.weights, "imagenet");
    text[OPTION_TEXT_SIZE - 1] = '\0';
    assert_int_equal(train_option_parse(&options, weights, text, &err), 0);
    assert_string_equal(options.weights, text);
    assert_int_equal(train_option_parse(&options, weights, "a\nb", &err), -1);
    assert_int_equal(train_option_parse(&options, weights, "", &err), -1);
}

static void defaults_are_the_documented_ones_and_count_as_not_given(void **state)
{
    (void)state;
    struct train_options options;
    train_options_init(&options);
    assert_int_equal(options.epochs, 10);
    assert_int_equal(options.batch_size, 32);
    assert_true(options.learning_rate == 0.001);
    assert_string_equal(options.optimizer, "adam");
    assert_true(options.momentum == 0.9);
    assert_true(options.weight_decay == 0);
    assert_int_equal(options.image_size, 224);
    assert_int_equal(options.seed, 0);
    assert_string_equal(options.augment, "basic");
    assert_string_equal(options.backend, "onednn");
    assert_string_equal(options.weights, "imagenet");
    assert_int_equal(options.is_set, 0);
}

static void rows_are_found_by_name_and_by_flag(void **state)
{
    (void)state;
    for (size_t i = 0; i < train_option_count; i++) {
        const struct train_option *option = &train_option_table[i];
        assert_ptr_equal(train_option_by_name(option->name), option);
        assert_ptr_equal(train_option_by_flag(option->flag), option);
        assert_non_null(option->help);
        /* The flag is the name with dashes. */
        char flag[64], *out = flag;
        for (const char *c = option->name; *c; c++) {
            if (*c >= 'A' && *c <= 'Z') {
                *out++ = '-';
                *out++ = (char)(*c - 'A' + 'a');
            } else {
                *out++ = *c;
            }
        }
        *out = '\0';
        assert_string_equal(flag, option->flag);
    }
    assert_null(train_option_by_name("batch-size"));
    assert_null(train_option_by_flag("batchSize"));
}

static void every_option_belongs_to_a_group(void **state)
{
    (void)state;
    for (size_t i = 0; i < train_option_count; i++)
        assert_in_range(train_option_table[i].group, TRAIN_GROUP_FIRST, TRAIN_GROUP_START);
    assert_int_equal(train_option_by_name("epochs")->group, TRAIN_GROUP_FIRST);
    assert_int_equal(train_option_by_name("momentum")->group, TRAIN_GROUP_OPTIMISER);
    assert_int_equal(train_option_by_name("augment")->group, TRAIN_GROUP_DATA);
    assert_int_equal(train_option_by_name("weights")->group, TRAIN_GROUP_START);
}

static void json_carries_the_three_that_all_know_and_what_was_given(void **state)
{
    (void)state;
    struct train_options options, back;
    struct err err = ERR_INIT;
    cJSON *object = cJSON_CreateObject();
    train_options_init(&options);
    assert_int_equal(train_options_to_json(&options, object), 0);
    assert_int_equal(cJSON_GetArraySize(object), 3);
    cJSON_Delete(object);

    object = cJSON_CreateObject();
    assert_int_equal(train_option_parse(&options, train_option_by_flag("image-size"), "224", &err), 0);
    assert_int_equal(train_option_parse(&options, train_option_by_flag("optimizer"), "sgd", &err), 0);
    assert_int_equal(train_options_to_json(&options, object), 0);
    assert_int_equal(cJSON_GetArraySize(object), 5);
    train_options_init(&back);
    assert_int_equal(train_options_from_json(&back, object, &err), 0);
    assert_string_equal(back.optimizer, "sgd");
    assert_true(train_option_is_set(&back, train_option_by_name("imageSize")));
    assert_true(train_option_is_set(&back, train_option_by_name("epochs")));
    assert_false(train_option_is_set(&back, train_option_by_name("seed")));
    cJSON_Delete(object);
}

static void json_of_the_wrong_kind_is_refused_and_other_members_left_alone(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    for (size_t i = 0; i < train_option_count; i++) {
        struct train_options options;
        cJSON *object = cJSON_CreateObject();
        if (train_option_table[i].legacy)
            cJSON_AddTrueToObject(object, train_option_table[i].name);
        else if (is_number(&train_option_table[i]))
            cJSON_AddStringToObject(object, train_option_table[i].name, "1");
        else
            cJSON_AddNumberToObject(object, train_option_table[i].name, 1);
        train_options_init(&options);
        assert_int_equal(train_options_from_json(&options, object, &err), -1);
        assert_non_null(strstr(err.text, train_option_table[i].name));
        cJSON_Delete(object);
    }
    struct train_options options;
    cJSON *object = cJSON_Parse("{\"node\": \"n\", \"batch_size\": \"x\"}");
    train_options_init(&options);
    assert_int_equal(train_options_from_json(&options, object, &err), 0);
    assert_int_equal(options.is_set, 0);
    cJSON_Delete(object);
}

/* 0 where the member is taken as such a text. */
static int take_text(struct train_options *options, const char *name, const char *text, struct err *err)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, name, text);
    train_options_init(options);
    int status = train_options_from_json(options, object, err);
    cJSON_Delete(object);
    return status;
}

static void the_options_that_all_know_may_be_numbers_as_texts(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t number;
    } good[] = {
        { "2", 2 }, { " 12\t", 12 }, { "\n7\r\n", 7 }, { "3.0", 3 }, { "1e1", 10 }, { "007", 7 }, { "+5", 5 }
    };
    struct train_options options;
    struct err err = ERR_INIT;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(take_text(&options, "epochs", good[i].text, &err), 0);
        assert_int_equal(options.epochs, good[i].number);
        assert_true(train_option_is_set(&options, train_option_by_name("epochs")));
        assert_int_equal(take_text(&options, "batchSize", good[i].text, &err), 0);
        assert_int_equal(options.batch_size, good[i].number);
    }
    assert_int_equal(take_text(&options, "learningRate", " 0.0005 ", &err), 0);
    assert_true(options.learning_rate == 0.0005);
    assert_int_equal(take_text(&options, "learningRate", "1e-4", &err), 0);
    assert_true(options.learning_rate == 1e-4);
}

static void a_text_that_is_no_number_within_bounds_is_refused_by_its_name(void **state)
{
    (void)state;
    static const char *const bad[] = { "",
                                       " ",
                                       "abc",
                                       "2x",
                                       "2 3",
                                       "nan",
                                       "inf",
                                       "-1",
                                       "0x2",
                                       "1e999",
                                       "-1e999",
                                       "infinity",
                                       "1,5",
                                       ".",
                                       "--2",
                                       "\xc2\xa0"
                                       "2",
                                       "true",
                                       "null",
                                       "[2]" };
    static const char *const names[] = { "epochs", "batchSize", "learningRate" };
    struct train_options options;
    char text[100];
    for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
            struct err err = ERR_INIT;
            assert_int_equal(take_text(&options, names[n], bad[i], &err), -1);
            assert_non_null(strstr(err.text, names[n]));
            assert_int_equal(options.is_set, 0);
        }
        struct err err = ERR_INIT;
        memset(text, '1', sizeof text);
        text[sizeof text - 1] = '\0';
        assert_int_equal(take_text(&options, names[n], text, &err), -1);
        assert_non_null(strstr(err.text, names[n]));
    }
    struct err err = ERR_INIT;
    assert_int_equal(take_text(&options, "epochs", "2.5", &err), -1);
    assert_string_equal(err.text, "'epochs' is 2.5: it must be a whole number from 1 to 100000");
    assert_int_equal(take_text(&options, "batchSize", "0", &err), -1);
    assert_string_equal(err.text, "'batchSize' is 0: it must be a whole number from 1 to 4096");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_taken_up_to_their_bounds_and_no_further),
        cmocka_unit_test(text_that_is_no_number_is_refused),
        cmocka_unit_test(a_choice_is_one_of_the_listed),
        cmocka_unit_test(a_text_is_bounded_and_has_no_control_characters),
        cmocka_unit_test(defaults_are_the_documented_ones_and_count_as_not_given),
        cmocka_unit_test(rows_are_found_by_name_and_by_flag),
        cmocka_unit_test(every_option_belongs_to_a_group),
        cmocka_unit_test(json_carries_the_three_that_all_know_and_what_was_given),
        cmocka_unit_test(json_of_the_wrong_kind_is_refused_and_other_members_left_alone),
        cmocka_unit_test(the_options_that_all_know_may_be_numbers_as_texts),
        cmocka_unit_test(a_text_that_is_no_number_within_bounds_is_refused_by_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
