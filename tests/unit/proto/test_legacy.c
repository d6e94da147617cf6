/* What the existing system puts on the wire, byte for byte, and messages cut to what it can read. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/proto/msg.h"
#include "proto/msg_table.h"
#include "samples.h"

static const char *const examples[] = {
    "{\"type\": \"CLIENT CONNECT\", \"name\": \"node0\"}",
    "{\"type\": \"SERVER ACK\"}",
    "{\"type\": \"NODE INFO\", \"name\": \"node0\", \"models\": [\"m1\", \"m2\"]}",
    "{\"type\": \"NODE INFO\"}",
    "{\"type\": \"CLIENT PING\", \"name\": \"node0\"}",
    "{\"type\": \"SERVER PONG\"}",
    "{\"type\": \"SERVER PING\"}",
    "{\"type\": \"CLIENT PONG\", \"name\": \"node0\"}",
    "{\"type\": \"CLIENT DISCONNECT\", \"name\": \"node0\"}",
    "{\"type\": \"SERVER TRAIN\", \"modelName\": \"m1\", \"modelType\": \"resnet\", \"epochs\": 10, \"batchSize\": 32, "
    "\"learningRate\": 0.01, \"train_key\": \"train:1795410898271\"}",
    "{\"type\": \"TRAINING_COMPLETED\", \"name\": \"node0\", \"train_key\": \"train:1795410898271\", \"model_name\": "
    "\"m1\", \"data\": {\"model_path\": \"models/m1/m1.pth\", \"report_path\": \"models/m1/m1.json\", \"output_file\": "
    "\"models/m1/m1.txt\", \"output_contents\": \"Epoch [1/1], Train Loss: 0.5\\n\"}}",
    "{\"type\": \"NEW MODEL ADDED\", \"name\": \"node0\", \"new_model\": \"m2\", \"models\": [\"m1\", \"m2\"]}",
    "{\"type\": \"SERVER INFERENCE\", \"inference_key\": \"inference:1795410967586\", \"image_path\": "
    "\"images/test/cow/3.jpg\", \"model_name\": \"m1\"}",
    "{\"type\": \"JSON_RESPONSE\", \"inference_key\": \"inference:1795410967586\", \"data\": {\"timestamp\": "
    "\"2026-11-23T05:15:46.780463\", \"predicted_class\": \"chicken\", \"output\": [[\"chicken\", 0.3764], [\"dog\", "
    "0.3627], [\"cow\", 0.2611]]}}",
    "{\"type\": \"JSON_RESPONSE\", \"name\": \"node0\", \"json_name\": \"m1\", \"data\": {\"timestamp\": "
    "\"2026-11-23T05:15:46.780463\", \"arguments\": {\"data_dir\": \"./images\", \"learning_rate\": 0.001}, "
    "\"epochs\": 1, \"results\": [{\"epoch\": 1, \"train_loss\": 1.1854, \"train_accuracy\": 32.7957, "
    "\"epoch_time_seconds\": 45.5731}], \"total_training_time\": 45.5734}}",
    "{\"type\": \"GET_JSON\", \"name\": \"node0\", \"json_name\": \"m1\"}",
    "{\"type\": \"ERROR\", \"name\": \"node0\", \"json_name\": \"m1\", \"message\": \"File 'models/m1/m1.json' not "
    "found\"}",
    "{\"type\": \"ERROR\", \"message\": \"Inference report not found\", \"inference_key\": \"inference:1\"}",
};

/* The legacy form; the text is the caller's. */
static char *legacy(const struct msg *msg)
{
    struct buf out;
    struct err err = ERR_INIT;
    buf_init(&out, MSG_MAX);
    if (msg_encode_legacy(msg, &out, &err))
        fail_msg("%s", err.text);
    assert_true(out.len <= MSG_MAX_LEGACY);
    assert_int_equal(out.data[out.len - 1], '\n');
    return buf_detach(&out);
}

static void each_example_of_the_existing_system_is_written_byte_for_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        struct msg msg;
        struct buf out;
        struct err err = ERR_INIT;
        char *line = NULL;
        buf_init(&out, MSG_MAX);
        if (msg_decode(&msg, examples[i], strlen(examples[i]), &err))
            fail_msg("%s: %s", examples[i], err.text);
        assert_true(asprintf(&line, "%s\n", examples[i]) > 0);
        assert_int_equal(msg_encode(&msg, &out, &err), 0);
        assert_string_equal(buf_text(&out), line);
        char *form = legacy(&msg);
        assert_string_equal(form, line);
        free(form);
        free(line);
        buf_release(&out);
        msg_release(&msg);
    }
}

static void only_what_the_existing_system_knows_is_sent_to_it(void **state)
{
    (void)state;
    for (int i = 0; i < MSG_TYPE_COUNT; i++) {
        struct msg msg;
        struct buf out;
        struct err err = ERR_INIT;
        buf_init(&out, MSG_MAX);
        assert_int_equal(msg_decode(&msg, samples[i], strlen(samples[i]), &err), 0);
        int status = msg_encode_legacy(&msg, &out, &err);
        if (msg_table[i].since) {
            assert_int_equal(status, -1);
            assert_non_null(strstr(err.text, msg_table[i].name));
            assert_int_equal(out.len, 0);
        } else {
            assert_int_equal(status, 0);
            cJSON *object = cJSON_Parse(buf_text(&out));
            for (size_t j = 0; j < msg_table[i].field_count; j++) {
                const struct field *field = &msg_table[i].fields[j];
                if (field->kind != FIELD_OPTIONS)
                    assert_int_equal(cJSON_HasObjectItem(object, field->name), field->since == 0);
            }
            for (size_t j = 0; i == MSG_SERVER_TRAIN && j < train_option_count; j++)
                assert_int_equal(cJSON_HasObjectItem(object, train_option_table[j].name), train_option_table[j].legacy);
            cJSON_Delete(object);
        }
        buf_release(&out);
        msg_release(&msg);
    }
}

static cJSON *report_of(int epochs, bool with_more)
{
    cJSON *report = cJSON_CreateObject(), *arguments = cJSON_AddObjectToObject(report, "arguments");
    cJSON_AddStringToObject(report, "timestamp", "2026-11-23T05:15:46.780463");
    cJSON_AddStringToObject(arguments, "data_dir", "./images");
    if (with_more) {
        cJSON_AddNumberToObject(report, "image_size", 32);
        cJSON_AddNumberToObject(arguments, "seed", 5);
    }
    cJSON *results = cJSON_AddArrayToObject(report, "results");
    for (int i = 1; i <= epochs; i++) {
        cJSON *epoch = cJSON_CreateObject();
        cJSON_AddNumberToObject(epoch, "epoch", i);
        cJSON_AddNumberToObject(epoch, "train_loss", 1.1854);
        if (with_more)
            cJSON_AddStringToObject(epoch, "remark", "a word or two that the existing system does not know");
        cJSON_AddItemToArray(results, epoch);
    }
    return report;
}

static cJSON *sent_data(struct msg *msg)
{
    char *form = legacy(msg);
    cJSON *object = cJSON_Parse(form);
    cJSON *data = cJSON_DetachItemFromObjectCaseSensitive(object, "data");
    assert_non_null(data);
    cJSON_Delete(object);
    free(form);
    return data;
}

static void a_short_report_is_sent_whole(void **state)
{
    (void)state;
    struct msg msg;
    msg_init(&msg, MSG_JSON_RESPONSE);
    assert_int_equal(msg_set(&msg.json_name, "m"), 0);
    msg.data = report_of(3, true);
    cJSON *data = sent_data(&msg);
    assert_true(cJSON_Compare(data, msg.data, true));
    cJSON_Delete(data);
    msg_release(&msg);
}

static void a_report_that_is_too_long_drops_first_what_is_optional(void **state)
{
    (void)state;
    struct msg msg;
    msg_init(&msg, MSG_JSON_RESPONSE);
    assert_int_equal(msg_set(&msg.json_name, "m"), 0);
    msg.data = report_of(60, true);
    cJSON *data = sent_data(&msg), *whole = report_of(60, false);
    cJSON_AddTrueToObject(whole, "truncated");
    assert_true(cJSON_Compare(data, whole, true));
    assert_int_equal(cJSON_HasObjectItem(msg.data, "truncated"), 0); /* the caller's stays as it was */
    cJSON_Delete(whole);
    cJSON_Delete(data);
    msg_release(&msg);
}

static void a_report_that_is_much_too_long_keeps_its_first_and_last_epochs(void **state)
{
    (void)state;
    for (int epochs = 150; epochs <= 20000; epochs = epochs * 3 + 1) {
        struct msg msg;
        msg_init(&msg, MSG_JSON_RESPONSE);
        assert_int_equal(msg_set(&msg.json_name, "m"), 0);
        msg.data = report_of(epochs, false);
        cJSON *data = sent_data(&msg);
        const cJSON *results = cJSON_GetObjectItem(data, "results");
        int count = cJSON_GetArraySize(results), last = 0, gaps = 0;
        assert_in_range(count, 90, 110);
        assert_true(cJSON_IsTrue(cJSON_GetObjectItem(data, "truncated")));
        for (const cJSON *epoch = results->child; epoch; epoch = epoch->next) {
            int number = cJSON_GetObjectItem(epoch, "epoch")->valueint;
            assert_true(number > last);
            gaps += number != last + 1;
            last = number;
        }
        assert_int_equal(last, epochs);
        assert_int_equal(gaps, 1);
        assert_int_equal(cJSON_GetObjectItem(results->child, "epoch")->valueint, 1);
        cJSON_Delete(data);
        msg_release(&msg);
    }
}

static void an_inference_report_keeps_the_most_probable_classes(void **state)
{
    (void)state;
    struct msg msg;
    msg_init(&msg, MSG_JSON_RESPONSE);
    assert_int_equal(msg_set(&msg.inference_key, "inference:1"), 0);
    msg.data = cJSON_CreateObject();
    cJSON_AddStringToObject(msg.data, "predicted_class", "class 0");
    cJSON *output = cJSON_AddArrayToObject(msg.data, "output");
    for (int i = 0; i < 1000; i++) {
        char name[32];
        snprintf(name, sizeof name, "class %d", i);
        cJSON *pair = cJSON_CreateArray();
        cJSON_AddItemToArray(pair, cJSON_CreateString(name));
        cJSON_AddItemToArray(pair, cJSON_CreateNumber(0.25));
        cJSON_AddItemToArray(output, pair);
    }
    cJSON *data = sent_data(&msg);
    const cJSON *sent = cJSON_GetObjectItem(data, "output");
    int count = cJSON_GetArraySize(sent);
    assert_in_range(count, 150, 250);
    for (int i = 0; i < count; i++)
        assert_true(cJSON_Compare(cJSON_GetArrayItem(sent, i), cJSON_GetArrayItem(output, i), true));
    cJSON_Delete(data);
    msg_release(&msg);
}

static void a_log_that_is_too_long_keeps_its_last_lines(void **state)
{
    (void)state;
    struct msg msg;
    struct buf log;
    buf_init(&log, MSG_MAX);
    for (int i = 1; i <= 1000; i++)
        buf_printf(&log, "Epoch [%d/1000], \"quoted\"\n", i);
    buf_puts(&log, "Model saved as m.pth\n");
    msg_init(&msg, MSG_TRAINING_COMPLETED);
    assert_int_equal(msg_set(&msg.name, "n") | msg_set(&msg.train_key, "t") | msg_set(&msg.model_name, "m"), 0);
    msg.data = cJSON_CreateObject();
    cJSON_AddStringToObject(msg.data, "model_path", "models/m/m.pth");
    cJSON_AddStringToObject(msg.data, "output_contents", buf_text(&log));
    cJSON *data = sent_data(&msg);
    const char *kept = cJSON_GetStringValue(cJSON_GetObjectItem(data, "output_contents"));
    assert_true(strlen(kept) > 2500);
    assert_string_equal(kept, buf_text(&log) + log.len - strlen(kept));
    assert_memory_equal(kept, "Epoch [", 7); /* whole lines only */
    cJSON_Delete(data);
    msg_release(&msg);
    buf_release(&log);
}

static void a_message_for_people_fits_however_it_is_escaped(void **state)
{
    (void)state;
    struct msg msg;
    char text[3000];
    memset(text, 1, sizeof text);
    text[sizeof text - 1] = '\0';
    msg_init(&msg, MSG_ERROR);
    assert_int_equal(msg_set(&msg.message, text), 0);
    free(legacy(&msg));
    msg_release(&msg);
}

static void what_cannot_be_shortened_is_refused(void **state)
{
    (void)state;
    struct msg msg;
    struct buf out;
    struct err err = ERR_INIT;
    char text[8000];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    buf_init(&out, MSG_MAX);
    msg_init(&msg, MSG_JSON_RESPONSE);
    assert_int_equal(msg_set(&msg.json_name, "m"), 0);
    msg.data = cJSON_CreateObject();
    cJSON_AddStringToObject(msg.data, "timestamp", text);
    assert_int_equal(msg_encode_legacy(&msg, &out, &err), -1);
    assert_non_null(strstr(err.text, "JSON_RESPONSE is longer than the 4095 bytes"));
    assert_int_equal(out.len, 0);
    msg_release(&msg);

    msg_init(&msg, MSG_NODE_INFO);
    assert_int_equal(msg_set(&msg.name, "n"), 0);
    for (int i = 0; i < 200; i++) {
        snprintf(text, sizeof text, "a-model-of-a-rather-long-name-%d", i);
        assert_int_equal(strings_add(&msg.models, text), 0);
    }
    assert_int_equal(msg_encode_legacy(&msg, &out, &err), -1);
    assert_non_null(strstr(err.text, "NODE INFO is longer"));
    msg_release(&msg);
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_example_of_the_existing_system_is_written_byte_for_byte),
        cmocka_unit_test(only_what_the_existing_system_knows_is_sent_to_it),
        cmocka_unit_test(a_short_report_is_sent_whole),
        cmocka_unit_test(a_report_that_is_too_long_drops_first_what_is_optional),
        cmocka_unit_test(a_report_that_is_much_too_long_keeps_its_first_and_last_epochs),
        cmocka_unit_test(an_inference_report_keeps_the_most_probable_classes),
        cmocka_unit_test(a_log_that_is_too_long_keeps_its_last_lines),
        cmocka_unit_test(a_message_for_people_fits_however_it_is_escaped),
        cmocka_unit_test(what_cannot_be_shortened_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
