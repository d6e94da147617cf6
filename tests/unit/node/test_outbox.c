/* The folder of outcomes: what is written, removed, and found again. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dcls/base/fs.h"
#include "src/node/outbox.h"

#define FOUND_MAX 8

struct folder {
    char dir[64];
    struct event_base *base;
    struct thread_pool *pool;
    struct outbox *outbox;
    char found[FOUND_MAX][64]; /* "KEY GENERATION MESSAGE" */
    int found_count, kept, not_kept;
    char failure[256];
};

static int on_found(void *arg, struct msg *msg)
{
    struct folder *folder = arg;
    assert_true(folder->found_count < FOUND_MAX);
    snprintf(folder->found[folder->found_count++], sizeof folder->found[0], "%s %d %s", msg->train_key,
             (int)msg->generation, msg->message);
    return 0;
}

static void on_kept(void *arg, struct outcome *outcome, const char *failure)
{
    struct folder *folder = arg;
    assert_non_null(outcome);
    if (failure)
        snprintf(folder->failure, sizeof folder->failure, "%s", failure);
    folder->kept += !failure;
    folder->not_kept += !!failure;
}

static void open_outbox(struct folder *folder)
{
    static const struct outbox_events events = { .found = on_found, .kept = on_kept };
    struct err err = ERR_INIT;
    folder->found_count = 0;
    folder->pool = thread_pool_new(folder->base, 1, 10, &err);
    folder->outbox = outbox_open(folder->dir, folder->pool, &events, folder, &err);
    if (!folder->outbox)
        fail_msg("%s", err.text);
}

static void close_outbox(struct folder *folder)
{
    thread_pool_drain(folder->pool);
    thread_pool_free(folder->pool);
    outbox_close(folder->outbox);
}

static void reopen(struct folder *folder)
{
    close_outbox(folder);
    open_outbox(folder);
}

static int setup(void **state)
{
    struct folder *folder = calloc(1, sizeof *folder);
    snprintf(folder->dir, sizeof folder->dir, "/tmp/dcls-outcomes.XXXXXX");
    *state = folder;
    if (!mkdtemp(folder->dir))
        return -1;
    folder->base = event_base_new();
    open_outbox(folder);
    return 0;
}

static int teardown(void **state)
{
    struct folder *folder = *state;
    close_outbox(folder);
    event_base_free(folder->base);
    int failed = fs_remove_tree(folder->dir, NULL);
    free(folder);
    return failed;
}

static struct outcome *failure_of(const char *key, int64_t generation, const char *why)
{
    struct msg about;
    msg_init(&about, MSG_SERVER_TRAIN);
    about.generation = generation;
    assert_int_equal(msg_set(&about.train_key, key), 0);
    struct outcome *outcome = outcome_new(&about, "node0", "a1");
    assert_non_null(outcome);
    assert_int_equal(msg_set(&outcome->msg.message, why), 0);
    msg_release(&about);
    return outcome;
}

static void keep(struct folder *folder, const char *key, int64_t generation, const char *why)
{
    struct outcome *outcome = failure_of(key, generation, why);
    outbox_keep(folder->outbox, outcome);
    thread_pool_drain(folder->pool);
    outcome_free(outcome);
}

static void an_outcome_is_found_again_as_it_was(void **state)
{
    struct folder *folder = *state;
    keep(folder, "train:1", 2, "worker was killed by SIGSEGV: \"ouch\"");
    assert_int_equal(folder->kept, 1);
    reopen(folder);
    assert_int_equal(folder->found_count, 1);
    assert_string_equal(folder->found[0], "train:1 2 worker was killed by SIGSEGV: \"ouch\"");
}

static void each_attempt_has_a_file_of_its_own(void **state)
{
    struct folder *folder = *state;
    struct fs_list files = { 0 };
    keep(folder, "t", -1, "a");
    keep(folder, "t", 1, "b");
    keep(folder, "t", 2, "c");
    keep(folder, "t", 2, "d");
    assert_int_equal(fs_list_files(folder->dir, 100, &files, NULL), 0);
    assert_int_equal(files.count, 3);
    assert_string_equal(files.paths[0], "t.json");
    assert_string_equal(files.paths[1], "t@1.json");
    assert_string_equal(files.paths[2], "t@2.json");
    fs_list_release(&files);
    outbox_drop(folder->outbox, "t@1");
    outbox_drop(folder->outbox, "t@1");
    outbox_drop(folder->outbox, "t@9");
    reopen(folder);
    assert_int_equal(folder->found_count, 2);
    assert_string_equal(folder->found[0], "t -1 a");
    assert_string_equal(folder->found[1], "t 2 d");
}

static void a_file_of_an_earlier_version_gets_its_name(void **state)
{
    struct folder *folder = *state;
    static const char text[] = "{\"type\": \"TRAINING FAILED\", \"train_key\": \"train:1\", \"generation\": 3, "
                               "\"message\": \"old\"}";
    char *path = fs_join(folder->dir, "train:1.json"), *proper = fs_join(folder->dir, "train:1@3.json");
    assert_int_equal(fs_write(path, text, strlen(text), NULL), 0);
    reopen(folder);
    assert_int_equal(folder->found_count, 1);
    assert_string_equal(folder->found[0], "train:1 3 old");
    assert_false(fs_is_file(path));
    assert_true(fs_is_file(proper));
    outbox_drop(folder->outbox, "train:1@3");
    reopen(folder);
    assert_int_equal(folder->found_count, 0);
    free(path);
    free(proper);
}

static void what_is_no_outcome_is_passed_over(void **state)
{
    struct folder *folder = *state;
    static const char *const texts[] = { "", "{", "{\"type\": \"SERVER PING\"}", "\xff\xfe" };
    char *path = fs_join(folder->dir, "train:1.json");
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_int_equal(fs_write(path, texts[i], strlen(texts[i]), NULL), 0);
        reopen(folder);
        assert_int_equal(folder->found_count, 0);
        assert_true(fs_is_file(path));
    }
    free(path);
}

static void what_cannot_be_written_is_told_with_the_reason(void **state)
{
    struct folder *folder = *state;
    char *path = fs_join(folder->dir, "t@1.json");
    assert_int_equal(fs_make_dirs(path, NULL), 0); /* in its place */
    keep(folder, "t", 1, "a");
    assert_int_equal(folder->not_kept, 1);
    assert_non_null(strstr(folder->failure, "t@1.json"));
    outbox_hurry(folder->outbox);
    struct outcome *outcome = failure_of("t", 1, "a");
    outbox_keep(folder->outbox, outcome);
    assert_int_equal(folder->not_kept, 2);
    outcome_free(outcome);
    free(path);
}

static void in_a_hurry_it_is_on_disk_at_once(void **state)
{
    struct folder *folder = *state;
    struct outcome *outcome = failure_of("t", 1, "a");
    char *path = fs_join(folder->dir, "t@1.json");
    outbox_hurry(folder->outbox);
    outbox_keep(folder->outbox, outcome);
    assert_int_equal(folder->kept, 1);
    assert_true(fs_is_file(path));
    outbox_drop(folder->outbox, "t@1");
    assert_false(fs_is_file(path));
    outcome_free(outcome);
    free(path);
}

static void what_was_on_its_way_when_the_node_ends_is_on_disk(void **state)
{
    struct folder *folder = *state;
    struct outcome *outcomes[8];
    for (int i = 0; i < 8; i++) {
        outcomes[i] = failure_of("t", i, "a");
        outbox_keep(folder->outbox, outcomes[i]);
    }
    outbox_hurry(folder->outbox);
    thread_pool_free(folder->pool);
    assert_int_equal(folder->kept, 8);
    outbox_close(folder->outbox);
    open_outbox(folder);
    assert_int_equal(folder->found_count, 8);
    for (int i = 0; i < 8; i++)
        outcome_free(outcomes[i]);
}

int main(void)
{
#define IN_A_FOLDER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        IN_A_FOLDER(an_outcome_is_found_again_as_it_was),
        IN_A_FOLDER(each_attempt_has_a_file_of_its_own),
        IN_A_FOLDER(a_file_of_an_earlier_version_gets_its_name),
        IN_A_FOLDER(what_is_no_outcome_is_passed_over),
        IN_A_FOLDER(what_cannot_be_written_is_told_with_the_reason),
        IN_A_FOLDER(in_a_hurry_it_is_on_disk_at_once),
        IN_A_FOLDER(what_was_on_its_way_when_the_node_ends_is_on_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
