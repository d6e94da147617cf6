/* Messages in both directions, driven by the table and one full sample of each type. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <stdlib.h>

#include "dcls/proto/msg.h"
#include "proto/msg_table.h"
#include "samples.h"

static char *encoded(const struct msg *msg)
{
    struct buf out;
    struct err err = ERR_INIT;
    buf_init(&out, MSG_MAX);
    if (msg_encode(msg, &out, &err))
        fail_msg("%s", err.text);
    return buf_detach(&out);
}

/* Decodes, encodes; the text without its newline is the caller's. */
static char *there_and_back(const char *text)
{
    struct msg msg;
    struct err err = ERR_INIT;
    if (msg_decode(&msg, text, strlen(text), &err))
        fail_msg("%s: %s", text, err.text);
    char *again = encoded(&msg);
    msg_release(&msg);
    size_t len = strlen(again);
    assert_int_equal(again[len - 1], '\n');
    again[len - 1] = '\0';
    return again;
}

static void expect_same(const char *text)
{
    char *again = there_and_back(text);
    assert_string_equal(again, text);
    free(again);
}

static void expect_refused(const char *text, size_t len, const char *why)
{
    struct msg msg;
    struct err err = ERR_INIT;
    if (!msg_decode(&msg, text, len, &err))
        fail_msg("accepted: %.*s", (int)len, text);
    assert_true(err.text[0]);
    if (why && !strstr(err.text, why))
        fail_msg("'%s' does not say '%s'", err.text, why);
    msg_release(&msg);
}

static void each_type_with_every_field_comes_back_byte_for_byte(void **state)
{
    (void)state;
    for (int i = 0; i < MSG_TYPE_COUNT; i++)
        expect_same(samples[i]);
}

static void each_sample_holds_every_field_of_the_table(void **state)
{
    (void)state;
    for (int i = 0; i < MSG_TYPE_COUNT; i++) {
        cJSON *object = cJSON_Parse(samples[i]);
        int members = 1; /* type */
        for (size_t j = 0; j < msg_table[i].field_count; j++) {
            const struct field *field = &msg_table[i].fields[j];
            members += field->kind == FIELD_OPTIONS ? (int)train_option_count : 1;
            if (field->kind != FIELD_OPTIONS && !cJSON_HasObjectItem(object, field->name))
                fail_msg("the sample of %s has no '%s'", msg_table[i].name, field->name);
        }
        assert_int_equal(cJSON_GetArraySize(object), members);
        cJSON_Delete(object);
    }
}

/* What each refusal must name. */
static void without(enum msg_type type, const char *member)
{
    cJSON *object = cJSON_Parse(samples[type]);
    cJSON_DeleteItemFromObjectCaseSensitive(object, member);
    char *text = cJSON_PrintUnformatted(object), quoted[80];
    snprintf(quoted, sizeof quoted, "%s lacks '%s'", msg_type_name(type), member);
    expect_refused(text, strlen(text), quoted);
    cJSON_free(text);
    /* null is no value either */
    cJSON_AddNullToObject(object, member);
    text = cJSON_PrintUnformatted(object);
    expect_refused(text, strlen(text), quoted);
    cJSON_free(text);
    cJSON_Delete(object);
}

static void a_required_field_that_lacks_is_refused_by_name(void **state)
{
    (void)state;
    int checked = 0;
    for (int i = 0; i < MSG_TYPE_COUNT; i++) {
        for (size_t j = 0; j < msg_table[i].field_count; j++) {
            const struct field *field = &msg_table[i].fields[j];
            if (field->kind == FIELD_OPTIONS || field->presence == FIELD_OPTIONAL || field->presence == FIELD_ANY_OF)
                continue;
            without((enum msg_type)i, field->name);
            checked++;
        }
    }
    assert_true(checked > 30);
}

static void an_optional_field_may_lack_or_be_null(void **state)
{
    (void)state;
    for (int i = 0; i < MSG_TYPE_COUNT; i++) {
        for (size_t j = 0; j < msg_table[i].field_count; j++) {
            const struct field *field = &msg_table[i].fields[j];
            if (field->kind == FIELD_OPTIONS || field->presence == FIELD_REQUIRED ||
                field->presence == FIELD_WITH_NAME || !strcmp(field->name, "name"))
                continue;
            for (int null = 0; null < 2; null++) {
                cJSON *object = cJSON_Parse(samples[i]);
                cJSON_DeleteItemFromObjectCaseSensitive(object, field->name);
                if (null)
                    cJSON_AddNullToObject(object, field->name);
                char *text = cJSON_PrintUnformatted(object), *again = there_and_back(text), member[64];
                snprintf(member, sizeof member, "\"%s\": ", field->name);
                assert_null(strstr(again, member));
                free(again);
                cJSON_free(text);
                cJSON_Delete(object);
            }
        }
    }
}

static void a_field_of_another_kind_is_refused_by_name(void **state)
{
    (void)state;
    for (int i = 0; i < MSG_TYPE_COUNT; i++) {
        for (size_t j = 0; j < msg_table[i].field_count; j++) {
            const struct field *field = &msg_table[i].fields[j];
            if (field->kind == FIELD_OPTIONS)
                continue;
            bool number = field->kind == FIELD_INT || field->kind == FIELD_NUMBER;
            cJSON *object = cJSON_Parse(samples[i]);
            cJSON_ReplaceItemInObjectCaseSensitive(object, field->name,
                                                   number ? cJSON_CreateString("1") : cJSON_CreateNumber(1));
            char *text = cJSON_PrintUnformatted(object), quoted[80];
            snprintf(quoted, sizeof quoted, "'%s' must be", field->name);
            expect_refused(text, strlen(text), quoted);
            cJSON_free(text);
            cJSON_Delete(object);
        }
    }
}

static void a_number_out_of_bounds_is_refused_by_name(void **state)
{
    (void)state;
    for (int i = 0; i < MSG_TYPE_COUNT; i++) {
        for (size_t j = 0; j < msg_table[i].field_count; j++) {
            const struct field *field = &msg_table[i].fields[j];
            if (field->kind != FIELD_INT && field->kind != FIELD_NUMBER)
                continue;
            const double bad[] = { field->min - fmax(1, fabs(field->min)), field->max * 2 + 1, 1.5 };
            for (int k = 0; k < (field->kind == FIELD_INT ? 3 : 2); k++) {
                cJSON *object = cJSON_Parse(samples[i]);
                cJSON_ReplaceItemInObjectCaseSensitive(object, field->name, cJSON_CreateNumber(bad[k]));
                char *text = cJSON_PrintUnformatted(object), quoted[80];
                snprintf(quoted, sizeof quoted, "'%s'", field->name);
                expect_refused(text, strlen(text), quoted);
                cJSON_free(text);
                cJSON_Delete(object);
            }
        }
    }
}

static void names_keys_and_digests_are_checked(void **state)
{
    (void)state;
    const char *bad = "../x";
    for (int i = 0; i < MSG_TYPE_COUNT; i++) {
        for (size_t j = 0; j < msg_table[i].field_count; j++) {
            const struct field *field = &msg_table[i].fields[j];
            if (field->kind != FIELD_NAME && field->kind != FIELD_KEY && field->kind != FIELD_SHA256)
                continue;
            cJSON *object = cJSON_Parse(samples[i]);
            cJSON_ReplaceItemInObjectCaseSensitive(object, field->name, cJSON_CreateString(bad));
            char *text = cJSON_PrintUnformatted(object), quoted[80];
            snprintf(quoted, sizeof quoted, "'%s'", field->name);
            expect_refused(text, strlen(text), quoted);
            cJSON_free(text);
            cJSON_Delete(object);
        }
    }
}

static void a_secret_is_64_digits_and_a_refusal_does_not_show_it(void **state)
{
    (void)state;
    static const char *const bad[] = { "", SHA "0", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85",
                                       "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[256];
        struct msg msg;
        struct err err = ERR_INIT;
        snprintf(text, sizeof text, "{\"type\": \"CLIENT CONNECT\", \"name\": \"n\", \"secret\": \"%s\"}", bad[i]);
        assert_int_equal(msg_decode(&msg, text, strlen(text), &err), -1);
        assert_string_equal(err.text, "CLIENT CONNECT: 'secret' must be 64 hexadecimal digits");
        msg_release(&msg);
    }
}

static void a_text_that_is_too_long_is_refused(void **state)
{
    (void)state;
    char *text = NULL;
    assert_true(asprintf(&text,
                         "{\"type\": \"SERVER TRAIN\", \"modelName\": \"m\", "
                         "\"modelType\": \"%0*d\", \"epochs\": 1, "
                         "\"batchSize\": 1, \"learningRate\": 0.1, \"train_key\": \"t\"}",
                         4097, 0) > 0);
    expect_refused(text, strlen(text), "'modelType' is too long");
    free(text);
}

static void what_is_malformed_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why;
    } bad[] = {
        { "", "JSON" },
        { " ", "JSON" },
        { "hello", "JSON" },
        { "null", "object" },
        { "[]", "object" },
        { "\"SERVER PING\"", "object" },
        { "{}", "lacks 'type'" },
        { "{\"type\": null}", "lacks 'type'" },
        { "{\"type\": 5}", "lacks 'type'" },
        { "{\"type\": \"server ping\"}", "unknown message type 'server ping'" },
        { "{\"TYPE\": \"SERVER PING\"}", "lacks 'type'" },
        { "{\"type\": \"SERVER PING\"", "JSON" },
        { "{\"type\": \"SERVER PING\"}}", "JSON" },
        { "{\"type\": \"SERVER PING\"} x", "JSON" },
        { "{\"type\": \"SERVER PING\"}{\"type\": \"SERVER PING\"}", "JSON" },
        { "{'type': 'SERVER PING'}", "JSON" },
        { "{\"type\": \"SERVER PING\", }", "JSON" },
        { "{\"type\": \"SERVER PING\",", "JSON" },
        { "{\"type\": \"SERVER PING\", \"x\": nan}", "JSON" },
        { "{\"type\": \"SERVER PING\", \"x\": \"\xff\"}", "UTF-8" },
        { "{\"type\": \"SERVER PING\", \"x\": \"\xc0\xaf\"}", "UTF-8" },
        { "{\"type\": \"SERVER PING\", \"x\": \"\xed\xa0\x80\"}", "UTF-8" },
        { "{\"type\": \"SERVER PING\", \"x\": \"\xf4\x90\x80\x80\"}", "UTF-8" },
        { "{\"type\": \"SERVER PING\", \"x\": \"\\ud800\"}", "JSON" },
        { "{\"type\": \"SERVER PING\", \"x\": \"a\tb\"}", "control character" },
        { "{\"type\": \"SERVER PING\\u0000\"}", "NUL" },
        { "{\"type\": \"CLIENT PING\", \"name\": \"node0\\u0000evil\"}", "NUL" },
        { "{\"type\": \"CLIENT PING\", \"name\": \"\"}", "name" },
        { "{\"type\": \"CLIENT PING\", \"name\": \"a:b\"}", "name" },
        { "{\"type\": \"CLIENT PING\", \"name\": \"a/b\"}", "name" },
        { "{\"type\": \"CLIENT PING\", \"name\": [\"a\"]}", "'name' must be a string" },
        { "{\"type\": \"NODE INFO\", \"name\": \"a\", \"models\": [1]}", "list of strings" },
        { "{\"type\": \"NODE INFO\", \"name\": \"a\", \"models\": {}}", "list of strings" },
        { "{\"type\": \"NODE INFO\", \"name\": \"a\"}", "lacks 'models'" },
        { "{\"type\": \"NODE INFO\", \"name\": \"a\", \"models\": [], \"jobs\": [1]}", "list of objects" },
        { "{\"type\": \"JSON_RESPONSE\", \"data\": {}}", "lacks 'inference_key'" },
        { "{\"type\": \"CLIENT CONNECT\", \"name\": \"a\", \"protocol\": 1e999}", "'protocol'" },
        { "{\"type\": \"CLIENT CONNECT\", \"name\": \"a\", \"protocol\": -1}", "'protocol'" },
        { "{\"type\": \"SERVER TRAIN\", \"modelName\": \"m\", \"modelType\": \"resnet\", \"batchSize\": 1, "
          "\"learningRate\": 0.1, \"train_key\": \"t\"}",
          "lacks 'epochs'" },
        { "{\"type\": \"SERVER TRAIN\", \"modelName\": \"m\", \"modelType\": \"resnet\", \"epochs\": 0, "
          "\"batchSize\": 1, "
          "\"learningRate\": 0.1, \"train_key\": \"t\"}",
          "'epochs' is 0" },
        { "{\"type\": \"SERVER TRAIN\", \"modelName\": \"m\", \"modelType\": \"resnet\", \"epochs\": 1, "
          "\"batchSize\": 1, "
          "\"learningRate\": 0.1, \"train_key\": \"t\", \"optimizer\": \"lion\"}",
          "adam|sgd" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect_refused(bad[i].text, strlen(bad[i].text), bad[i].why);
    expect_refused("{\"type\": \"SERVER\0PING\"}", 23, "NUL");
}

static void a_message_cut_at_any_byte_is_refused(void **state)
{
    (void)state;
    for (int i = 0; i < MSG_TYPE_COUNT; i++) {
        size_t len = strlen(samples[i]);
        for (size_t cut = 0; cut < len; cut++) {
            char *piece = malloc(cut ? cut : 1); /* no NUL behind: a byte too far shows under the sanitizer */
            assert_non_null(piece);
            memcpy(piece, samples[i], cut);
            expect_refused(piece, cut, NULL);
            free(piece);
        }
    }
}

static void deep_nesting_is_refused_and_little_is_not(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, MSG_MAX);
    static const int deep[] = { 1, 62, 63, 100000 };
    for (size_t k = 0; k < sizeof deep / sizeof *deep; k++) {
        int levels = deep[k];
        buf_clear(&text);
        buf_puts(&text, "{\"type\": \"JSON_RESPONSE\", \"json_name\": \"m\", \"data\": {\"x\": ");
        for (int i = 0; i < levels; i++)
            buf_puts(&text, "[");
        for (int i = 0; i < levels; i++)
            buf_puts(&text, "]");
        buf_puts(&text, "}}");
        if (levels <= 62) /* the message and its data are two more */
            expect_same(buf_text(&text));
        else
            expect_refused(text.data, text.len, "nested deeper");
    }
    buf_release(&text);
}

static void the_first_of_equal_members_counts(void **state)
{
    (void)state;
    char *again = there_and_back("{\"type\": \"CLIENT PING\", \"name\": \"a\", \"type\": \"SERVER PING\", "
                                 "\"name\": \"b\"}");
    assert_string_equal(again, "{\"type\": \"CLIENT PING\", \"name\": \"a\"}");
    free(again);
}

static void unknown_members_are_ignored(void **state)
{
    (void)state;
    char *again = there_and_back(" {\"new\": {\"a\": [1]}, \"type\":\"SERVER PING\"}\r ");
    assert_string_equal(again, "{\"type\": \"SERVER PING\"}");
    free(again);
}

static void training_completed_is_understood_with_a_space(void **state)
{
    (void)state;
    char *again = there_and_back("{\"type\": \"TRAINING COMPLETED\", \"name\": \"n\", \"train_key\": \"t:1\", "
                                 "\"model_name\": \"m\", \"data\": {}}");
    assert_string_equal(again, "{\"type\": \"TRAINING_COMPLETED\", \"name\": \"n\", \"train_key\": \"t:1\", "
                               "\"model_name\": \"m\", \"data\": {}}");
    free(again);
}

static void models_that_cannot_be_named_here_are_passed_over(void **state)
{
    (void)state;
    char *again = there_and_back("{\"type\": \"NODE INFO\", \"name\": \"n\", \"models\": [\"a b\", \"m\", "
                                 "\"../x\", \"\"]}");
    assert_string_equal(again, "{\"type\": \"NODE INFO\", \"name\": \"n\", \"models\": [\"m\"]}");
    free(again);
}

static void a_node_without_models_says_so(void **state)
{
    (void)state;
    expect_same("{\"type\": \"NODE INFO\", \"name\": \"n\", \"models\": []}");
    expect_same("{\"type\": \"NODE INFO\"}");
}

static void decoding_fills_the_struct(void **state)
{
    (void)state;
    struct msg msg;
    assert_int_equal(msg_decode(&msg, samples[MSG_SERVER_TRAIN], strlen(samples[MSG_SERVER_TRAIN]), NULL), 0);
    assert_int_equal(msg.type, MSG_SERVER_TRAIN);
    assert_string_equal(msg.model_name, "m1");
    assert_int_equal(msg.options.epochs, 3);
    assert_int_equal(msg.options.image_size, 32);
    assert_true(msg.options.learning_rate == 0.01);
    assert_string_equal(msg.options.weights, "sha256:" SHA);
    assert_true(train_option_is_set(&msg.options, train_option_by_name("augment")));
    assert_int_equal(msg.generation, 1);
    assert_null(msg.name);
    assert_int_equal(msg.threads, -1);
    assert_int_equal(msg.cancelled, -1);
    assert_true(isnan(msg.loss));
    msg_release(&msg);
    assert_null(msg.model_name);
}

static void a_message_about_a_training_has_its_keys_and_no_more(void **state)
{
    (void)state;
    struct msg request, msg;
    msg_init(&request, MSG_SERVER_TRAIN);
    request.generation = 3;
    request.options.epochs = 7;
    assert_int_equal(msg_set(&request.train_key, "train:1") | msg_set(&request.job, "job-1"), 0);
    assert_int_equal(msg_set(&request.model_name, "cats") | msg_set(&request.model_type, "resnet"), 0);
    assert_int_equal(msg_init_about(&msg, MSG_SERVER_CANCEL, &request), 0);
    msg_release(&request);
    char *text = encoded(&msg);
    assert_string_equal(
        text, "{\"type\": \"SERVER CANCEL\", \"train_key\": \"train:1\", \"job\": \"job-1\", \"generation\": 3}\n");
    assert_string_equal(msg.model_name, "cats");
    assert_null(msg.model_type);
    assert_int_equal(msg.options.epochs, 0); /* it has no options */
    free(text);
    msg_release(&msg);
}

static void who_carries_options_begins_with_their_defaults(void **state)
{
    (void)state;
    for (int i = 0; i < MSG_TYPE_COUNT; i++) {
        bool carries = false;
        struct msg msg;
        for (size_t j = 0; j < msg_table[i].field_count; j++)
            carries = carries || msg_table[i].fields[j].kind == FIELD_OPTIONS;
        msg_init(&msg, (enum msg_type)i);
        assert_int_equal(msg.options.epochs, carries ? 10 : 0);
        msg_release(&msg);
    }
}

static void what_a_training_was_not_asked_for_is_decoded_as_its_default(void **state)
{
    (void)state;
    struct msg msg;
    struct err err = ERR_INIT;
    static const char text[] = "{\"type\": \"SERVER TRAIN\", \"modelName\": \"m\", \"modelType\": \"resnet\","
                               " \"epochs\": 3, \"batchSize\": 4, \"learningRate\": 0.1, \"train_key\": \"train:1\"}";
    assert_int_equal(msg_decode(&msg, text, sizeof text - 1, &err), 0);
    assert_int_equal(msg.options.epochs, 3);
    assert_int_equal(msg.options.image_size, 224);
    assert_string_equal(msg.options.class_weights, "none");
    msg_release(&msg);
}

static void what_was_not_asked_for_does_not_travel(void **state)
{
    (void)state;
    char *again = there_and_back("{\"type\": \"SERVER TRAIN\", \"modelName\": \"m\", \"modelType\": \"resnet\", "
                                 "\"epochs\": 10, \"batchSize\": 32, \"learningRate\": 0.001, \"seed\": 5, "
                                 "\"train_key\": \"t\"}");
    assert_non_null(strstr(again, "\"learningRate\": 0.001, \"seed\": 5, \"train_key\""));
    assert_null(strstr(again, "optimizer"));
    free(again);
}

static void what_the_decoder_would_refuse_is_not_sent(void **state)
{
    (void)state;
    struct msg msg;
    struct buf out;
    struct err err = ERR_INIT;
    buf_init(&out, MSG_MAX);
    buf_puts(&out, "before");

    msg_init(&msg, MSG_CLIENT_PING);
    assert_int_equal(msg_encode(&msg, &out, &err), -1);
    assert_non_null(strstr(err.text, "lacks 'name'"));
    assert_int_equal(msg_set(&msg.name, "a b"), 0);
    assert_int_equal(msg_encode(&msg, &out, &err), -1);
    assert_non_null(strstr(err.text, "'a b'"));
    msg_release(&msg);

    msg_init(&msg, MSG_JSON_RESPONSE);
    assert_int_equal(msg_set(&msg.json_name, "m"), 0);
    msg.data = cJSON_CreateArray();
    assert_int_equal(msg_encode(&msg, &out, &err), -1);
    assert_non_null(strstr(err.text, "'data' must be an object"));
    cJSON_Delete(msg.data);
    msg.data = cJSON_CreateObject();
    char *large = calloc(1, MSG_MAX + 1);
    memset(large, 'x', MSG_MAX);
    cJSON_AddStringToObject(msg.data, "x", large);
    free(large);
    assert_int_equal(msg_encode(&msg, &out, &err), -1);
    assert_non_null(strstr(err.text, "too long"));
    msg_release(&msg);

    msg_init(&msg, MSG_SERVER_TRAIN);
    assert_int_equal(msg_set(&msg.model_name, "m") | msg_set(&msg.model_type, "resnet") | msg_set(&msg.train_key, "t"),
                     0);
    msg.options.epochs = 0;
    assert_int_equal(msg_encode(&msg, &out, &err), -1);
    assert_non_null(strstr(err.text, "'epochs' is 0"));
    msg_release(&msg);

    assert_string_equal(buf_text(&out), "before");
    buf_release(&out);
}

static void the_longest_line_fits_and_one_byte_more_does_not(void **state)
{
    (void)state;
    for (int over = 0; over < 2; over++) {
        struct msg msg;
        struct buf out;
        buf_init(&out, 2 * MSG_MAX);
        msg_init(&msg, MSG_JSON_RESPONSE);
        assert_int_equal(msg_set(&msg.json_name, "m"), 0);
        size_t frame = strlen("{\"type\": \"JSON_RESPONSE\", \"json_name\": \"m\", \"data\": {\"x\": \"\"}}\n");
        size_t size = MSG_MAX - frame + (size_t)over;
        char *text = malloc(size + 1);
        memset(text, 'x', size);
        text[size] = '\0';
        msg.data = cJSON_CreateObject();
        cJSON_AddStringToObject(msg.data, "x", text);
        assert_int_equal(msg_encode(&msg, &out, NULL), over ? -1 : 0);
        assert_int_equal(out.len, over ? 0 : MSG_MAX);
        free(text);
        msg_release(&msg);
        buf_release(&out);
    }
}

static void a_long_message_for_people_is_cut_between_characters(void **state)
{
    (void)state;
    struct msg msg, back;
    char text[5000];
    for (size_t i = 0; i + 1 < sizeof text; i += 2)
        memcpy(text + i, "\xc3\xa9", 2);
    text[sizeof text - 2] = '\0';
    msg_init(&msg, MSG_ERROR);
    msg.message = malloc(sizeof text + 1);
    msg.message[0] = 'x'; /* so that the cut falls into a character */
    memcpy(msg.message + 1, text, sizeof text);
    char *line = encoded(&msg);
    assert_int_equal(msg_decode(&back, line, strlen(line), NULL), 0);
    assert_int_equal(strlen(back.message), 4095);
    free(line);
    msg_release(&back);
    msg_release(&msg);
}

static void bytes_that_are_no_text_still_make_a_valid_message(void **state)
{
    (void)state;
    struct msg msg, back;
    msg_init(&msg, MSG_ERROR);
    assert_int_equal(msg_set(&msg.message, "a\xff\x01\x80z\xe2\x82"), 0);
    char *line = encoded(&msg);
    assert_int_equal(msg_decode(&back, line, strlen(line), NULL), 0);
    assert_string_equal(back.message, "a\xef\xbf\xbd\x01\xef\xbf\xbdz\xef\xbf\xbd\xef\xbf\xbd");
    free(line);
    msg_release(&back);
    msg_release(&msg);
}

static void a_number_that_is_not_finite_is_left_out(void **state)
{
    (void)state;
    struct msg msg;
    msg_init(&msg, MSG_TRAINING_PROGRESS);
    msg.epoch = msg.epochs = 1;
    msg.loss = INFINITY;
    msg.accuracy = NAN;
    assert_int_equal(msg_set(&msg.train_key, "t"), 0);
    char *line = encoded(&msg);
    assert_string_equal(line, "{\"type\": \"TRAINING PROGRESS\", \"train_key\": \"t\", \"epoch\": 1, \"epochs\": 1}\n");
    free(line);
    msg_release(&msg);
}

static void lists_of_strings_grow_and_are_searched(void **state)
{
    (void)state;
    struct strings list = { 0 };
    char text[16];
    for (int i = 0; i < 100; i++) {
        snprintf(text, sizeof text, "%d", i);
        assert_int_equal(strings_add(&list, text), 0);
    }
    assert_int_equal(list.count, 100);
    assert_true(strings_has(&list, "99"));
    assert_false(strings_has(&list, "100"));
    strings_release(&list);
    assert_int_equal(list.count, 0);
}

static void only_a_node_and_its_worker_say_what_is_between_them(void **state)
{
    (void)state;
    assert_int_equal(msg_senders(MSG_WORKER_ALIVE), MSG_BY_WORKER);
    assert_int_equal(msg_senders(MSG_WORKER_TRAIN), MSG_TO_WORKER);
    assert_int_equal(msg_senders(MSG_WORKER_INFERENCE), MSG_TO_WORKER);
    for (int i = 0; i < MSG_TYPE_COUNT; i++)
        assert_true(msg_senders((enum msg_type)i));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_type_with_every_field_comes_back_byte_for_byte),
        cmocka_unit_test(each_sample_holds_every_field_of_the_table),
        cmocka_unit_test(a_required_field_that_lacks_is_refused_by_name),
        cmocka_unit_test(an_optional_field_may_lack_or_be_null),
        cmocka_unit_test(a_field_of_another_kind_is_refused_by_name),
        cmocka_unit_test(a_number_out_of_bounds_is_refused_by_name),
        cmocka_unit_test(names_keys_and_digests_are_checked),
        cmocka_unit_test(a_secret_is_64_digits_and_a_refusal_does_not_show_it),
        cmocka_unit_test(a_text_that_is_too_long_is_refused),
        cmocka_unit_test(what_is_malformed_is_refused),
        cmocka_unit_test(a_message_cut_at_any_byte_is_refused),
        cmocka_unit_test(deep_nesting_is_refused_and_little_is_not),
        cmocka_unit_test(the_first_of_equal_members_counts),
        cmocka_unit_test(unknown_members_are_ignored),
        cmocka_unit_test(training_completed_is_understood_with_a_space),
        cmocka_unit_test(models_that_cannot_be_named_here_are_passed_over),
        cmocka_unit_test(a_node_without_models_says_so),
        cmocka_unit_test(decoding_fills_the_struct),
        cmocka_unit_test(a_message_about_a_training_has_its_keys_and_no_more),
        cmocka_unit_test(who_carries_options_begins_with_their_defaults),
        cmocka_unit_test(what_a_training_was_not_asked_for_is_decoded_as_its_default),
        cmocka_unit_test(what_was_not_asked_for_does_not_travel),
        cmocka_unit_test(what_the_decoder_would_refuse_is_not_sent),
        cmocka_unit_test(the_longest_line_fits_and_one_byte_more_does_not),
        cmocka_unit_test(a_long_message_for_people_is_cut_between_characters),
        cmocka_unit_test(bytes_that_are_no_text_still_make_a_valid_message),
        cmocka_unit_test(a_number_that_is_not_finite_is_left_out),
        cmocka_unit_test(lists_of_strings_grow_and_are_searched),
        cmocka_unit_test(only_a_node_and_its_worker_say_what_is_between_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
