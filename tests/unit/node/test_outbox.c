/* Outcomes on disk. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <unistd.h>

#include <stdlib.h>
#include <string.h>

#include "dcls/base/fs.h"
#include "src/node/outbox.h"

static int setup(void **state)
{
    char pattern[] = "/tmp/dcls-outcomes.XXXXXX";
    *state = mkdtemp(pattern) ? strdup(pattern) : NULL;
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    int failed = fs_remove_tree(*state, NULL);
    free(*state);
    return failed;
}

static void add_failed(struct outbox *outbox, const char *key, const char *why, int cancelled)
{
    struct msg msg;
    struct err err = ERR_INIT;
    msg_init(&msg, MSG_TRAINING_FAILED);
    msg.generation = 2;
    msg.cancelled = cancelled;
    assert_int_equal(msg_set(&msg.name, "node0") | msg_set(&msg.train_key, key) | msg_set(&msg.job, "7") |
                         msg_set(&msg.model_name, "m1") | msg_set(&msg.message, why),
                     0);
    if (outbox_add(outbox, &msg, &err))
        fail_msg("%s", err.text);
    msg_release(&msg);
}

static void an_outcome_survives_a_restart_as_it_was(void **state)
{
    struct outbox *outbox = outbox_open(*state, NULL);
    add_failed(outbox, "train:1", "worker was killed by SIGSEGV: \"ouch\"", 0);
    outbox_close(outbox);

    outbox = outbox_open(*state, NULL);
    assert_int_equal(outbox_count(outbox), 1);
    const struct msg *msg = outbox_get(outbox, 0);
    assert_int_equal(msg->type, MSG_TRAINING_FAILED);
    assert_string_equal(msg->train_key, "train:1");
    assert_string_equal(msg->job, "7");
    assert_int_equal(msg->generation, 2);
    assert_string_equal(msg->message, "worker was killed by SIGSEGV: \"ouch\"");
    outbox_close(outbox);
}

static void an_acknowledged_outcome_is_gone_for_good(void **state)
{
    struct outbox *outbox = outbox_open(*state, NULL);
    add_failed(outbox, "train:1", "a", 0);
    add_failed(outbox, "train:2", "b", 0);
    outbox_drop(outbox, "train:1");
    outbox_drop(outbox, "train:1");
    outbox_drop(outbox, "train:9");
    assert_int_equal(outbox_count(outbox), 1);
    outbox_close(outbox);

    outbox = outbox_open(*state, NULL);
    assert_int_equal(outbox_count(outbox), 1);
    assert_non_null(outbox_find(outbox, "train:2"));
    assert_null(outbox_find(outbox, "train:1"));
    outbox_close(outbox);
}

static void a_second_outcome_of_one_key_replaces_the_first(void **state)
{
    struct outbox *outbox = outbox_open(*state, NULL);
    add_failed(outbox, "train:1", "first", 0);
    add_failed(outbox, "train:1", "second", 0);
    assert_int_equal(outbox_count(outbox), 1);
    assert_string_equal(outbox_get(outbox, 0)->message, "second");
    outbox_close(outbox);
}

static void a_write_leaves_only_whole_files(void **state)
{
    struct outbox *outbox = outbox_open(*state, NULL);
    struct fs_list files = { 0 };
    for (int i = 0; i < 20; i++)
        add_failed(outbox, "train:1", "again", 0);
    assert_int_equal(fs_list_files(*state, 100, &files, NULL), 0);
    assert_int_equal(files.count, 1);
    assert_string_equal(files.paths[0], "train:1.json");
    fs_list_release(&files);
    outbox_close(outbox);
}

static void a_file_that_is_no_outcome_is_passed_over(void **state)
{
    static const char *const texts[] = { "", "{", "{\"type\": \"SERVER PING\"}", "\xff\xfe" };
    char *path = fs_join(*state, "train:1.json");
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_int_equal(fs_write(path, texts[i], strlen(texts[i]), NULL), 0);
        struct outbox *outbox = outbox_open(*state, NULL);
        assert_non_null(outbox);
        assert_int_equal(outbox_count(outbox), 0);
        outbox_close(outbox);
    }
    free(path);
}

static void the_list_tells_each_state(void **state)
{
    struct outbox *outbox = outbox_open(*state, NULL);
    add_failed(outbox, "train:1", "broken", 0);
    add_failed(outbox, "train:2", "cancelled", 1);
    cJSON *jobs = cJSON_CreateArray();
    assert_int_equal(outbox_list(outbox, jobs), 0);
    char *text = cJSON_PrintUnformatted(jobs);
    assert_string_equal(text, "[{\"job\":\"7\",\"generation\":2,\"train_key\":\"train:1\",\"model_name\":\"m1\","
                              "\"state\":\"failed\"},{\"job\":\"7\",\"generation\":2,\"train_key\":\"train:2\","
                              "\"model_name\":\"m1\",\"state\":\"cancelled\"}]");
    free(text);
    cJSON_Delete(jobs);
    outbox_close(outbox);
}

static void what_is_no_outcome_is_not_kept(void **state)
{
    struct outbox *outbox = outbox_open(*state, NULL);
    struct msg msg;
    struct err err = ERR_INIT;
    msg_init(&msg, MSG_SERVER_PING);
    assert_int_equal(outbox_add(outbox, &msg, &err), -1);
    assert_true(err.text[0]);
    msg_release(&msg);
    outbox_close(outbox);
}

int main(void)
{
#define IN_A_FOLDER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        IN_A_FOLDER(an_outcome_survives_a_restart_as_it_was),
        IN_A_FOLDER(an_acknowledged_outcome_is_gone_for_good),
        IN_A_FOLDER(a_second_outcome_of_one_key_replaces_the_first),
        IN_A_FOLDER(a_write_leaves_only_whole_files),
        IN_A_FOLDER(a_file_that_is_no_outcome_is_passed_over),
        IN_A_FOLDER(the_list_tells_each_state),
        IN_A_FOLDER(what_is_no_outcome_is_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
