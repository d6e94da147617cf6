/* The blob store: pieces, hashes, resuming, quota. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "folder.h"
#include "src/broker/blobs.h"

static char folder[FOLDER_SIZE];

static int set_up(void **state)
{
    (void)state;
    folder_make(folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    folder_remove(folder);
    return 0;
}

static struct blobs *open_store(int64_t quota)
{
    struct err err = ERR_INIT;
    struct blobs *blobs = blobs_new(folder, quota, &err);
    assert_non_null(blobs);
    return blobs;
}

static void hash(const char *text, char hex[SHA256_HEX_SIZE])
{
    assert_int_equal(sha256_bytes(text, strlen(text), hex, NULL), 0);
}

static enum blob_result add(struct blobs *blobs, const char *text, const struct strings *in_use)
{
    char hex[SHA256_HEX_SIZE];
    struct blob_state held;
    hash(text, hex);
    return blobs_put(blobs, hex, 0, (int64_t)strlen(text), text, strlen(text), in_use, &held, NULL);
}

static bool holds(struct blobs *blobs, const char *text)
{
    char hex[SHA256_HEX_SIZE];
    struct blob_state state;
    hash(text, hex);
    blobs_stat(blobs, hex, &state);
    return state.complete;
}

/* Puts the file's time back, as if it had been used `seconds` ago. */
static void age(const char *text, int seconds)
{
    char hex[SHA256_HEX_SIZE], path[256];
    hash(text, hex);
    snprintf(path, sizeof path, "%s/%s", folder, hex);
    struct timespec at[2];
    clock_gettime(CLOCK_REALTIME, &at[0]);
    at[0].tv_sec -= seconds;
    at[1] = at[0];
    assert_int_equal(utimensat(AT_FDCWD, path, at, 0), 0);
}

static void a_blob_in_pieces_is_complete_after_the_last(void **state)
{
    (void)state;
    struct blobs *blobs = open_store(1000);
    struct blob_state held;
    struct err err = ERR_INIT;
    char hex[SHA256_HEX_SIZE];
    int64_t size = -1;
    hash("hello world", hex);
    assert_int_equal(blobs_put(blobs, hex, 0, 11, "hello ", 6, NULL, &held, &err), BLOB_DONE);
    assert_int_equal(held.held, 6);
    assert_false(held.complete);
    assert_int_equal(blobs_open(blobs, hex, &size), -1);
    assert_int_equal(blobs_put(blobs, hex, 6, 11, "world", 5, NULL, &held, &err), BLOB_DONE);
    assert_true(held.complete);
    int fd = blobs_open(blobs, hex, &size);
    folder_assert_open(fd, size, "hello world");
    assert_int_equal(blobs_put(blobs, hex, 0, 11, "hello ", 6, NULL, &held, &err), BLOB_DONE); /* again: no matter */
    assert_true(held.complete);
    blobs_free(blobs);
}

static void a_wrong_offset_is_told_where_to_go_on_even_after_a_restart(void **state)
{
    (void)state;
    struct blobs *blobs = open_store(1000);
    struct blob_state held;
    char hex[SHA256_HEX_SIZE];
    hash("hello world", hex);
    assert_int_equal(blobs_put(blobs, hex, 3, 11, "lo", 2, NULL, &held, NULL), BLOB_OFFSET);
    assert_int_equal(held.held, 0);
    assert_int_equal(blobs_put(blobs, hex, 0, 11, "hello ", 6, NULL, &held, NULL), BLOB_DONE);
    blobs_free(blobs);
    blobs = open_store(1000);
    assert_int_equal(blobs_put(blobs, hex, 0, 11, "hello ", 6, NULL, &held, NULL), BLOB_OFFSET);
    assert_int_equal(held.held, 6);
    assert_int_equal(blobs_put(blobs, hex, 6, 11, "world", 5, NULL, &held, NULL), BLOB_DONE);
    assert_true(held.complete);
    blobs_free(blobs);
}

static void bytes_of_another_hash_are_dropped(void **state)
{
    (void)state;
    struct blobs *blobs = open_store(1000);
    struct blob_state held;
    struct err err = ERR_INIT;
    char hex[SHA256_HEX_SIZE];
    hash("right", hex);
    assert_int_equal(blobs_put(blobs, hex, 0, 5, "wrong", 5, NULL, &held, &err), BLOB_BAD);
    assert_non_null(strstr(err.text, hex));
    blobs_stat(blobs, hex, &held);
    assert_int_equal(held.held, 0);
    assert_int_equal(blobs_put(blobs, hex, 0, 5, "right", 5, NULL, &held, &err), BLOB_DONE);
    assert_true(held.complete);
    blobs_free(blobs);
}

static void what_makes_no_sense_is_refused_before_anything_is_written(void **state)
{
    (void)state;
    struct blobs *blobs = open_store(1000);
    struct blob_state held;
    char hex[SHA256_HEX_SIZE];
    hash("x", hex);
    assert_int_equal(blobs_put(blobs, "../../etc/passwd", 0, 1, "x", 1, NULL, &held, NULL), BLOB_BAD);
    assert_int_equal(blobs_put(blobs, hex, -1, 1, "x", 1, NULL, &held, NULL), BLOB_BAD);
    assert_int_equal(blobs_put(blobs, hex, 0, -1, "x", 1, NULL, &held, NULL), BLOB_BAD);
    assert_int_equal(blobs_put(blobs, hex, 0, 1, "xx", 2, NULL, &held, NULL), BLOB_BAD);
    assert_int_equal(blobs_put(blobs, hex, 2, 1, "", 0, NULL, &held, NULL), BLOB_BAD);
    assert_int_equal(blobs_put(blobs, hex, 0, BLOB_MAX + 1, "x", 1, NULL, &held, NULL), BLOB_BAD);
    assert_int_equal(blobs_put(blobs, hex, INT64_MAX, INT64_MAX, "x", 1, NULL, &held, NULL), BLOB_BAD);
    struct fs_list list;
    assert_int_equal(fs_list_files(folder, 100, &list, NULL), 0);
    assert_int_equal(list.count, 0);
    fs_list_release(&list);
    blobs_free(blobs);
}

static void an_empty_blob_is_a_blob(void **state)
{
    (void)state;
    struct blobs *blobs = open_store(1000);
    assert_int_equal(add(blobs, "", NULL), BLOB_DONE);
    assert_true(holds(blobs, ""));
    blobs_free(blobs);
}

static void the_blob_untouched_for_longest_makes_room(void **state)
{
    (void)state;
    struct blobs *blobs = open_store(30);
    assert_int_equal(add(blobs, "aaaaaaaaaa", NULL), BLOB_DONE);
    assert_int_equal(add(blobs, "bbbbbbbbbb", NULL), BLOB_DONE);
    assert_int_equal(add(blobs, "cccccccccc", NULL), BLOB_DONE);
    age("aaaaaaaaaa", 300);
    age("bbbbbbbbbb", 200);
    age("cccccccccc", 100);
    /* Reading is using: a goes to the end of the queue. */
    char hex[SHA256_HEX_SIZE];
    int64_t size;
    hash("aaaaaaaaaa", hex);
    folder_assert_open(blobs_open(blobs, hex, &size), 10, "aaaaaaaaaa");
    assert_int_equal(add(blobs, "dddddddddd", NULL), BLOB_DONE);
    assert_true(holds(blobs, "aaaaaaaaaa"));
    assert_false(holds(blobs, "bbbbbbbbbb"));
    assert_true(holds(blobs, "cccccccccc"));
    blobs_free(blobs);
}

static void a_blob_in_use_is_never_evicted(void **state)
{
    (void)state;
    struct blobs *blobs = open_store(20);
    char hex[SHA256_HEX_SIZE];
    hash("aaaaaaaaaa", hex);
    char *names[] = { hex };
    const struct strings in_use = { names, 1 };
    assert_int_equal(add(blobs, "aaaaaaaaaa", NULL), BLOB_DONE);
    age("aaaaaaaaaa", 300);
    assert_int_equal(add(blobs, "bbbbbbbbbb", NULL), BLOB_DONE);
    assert_int_equal(add(blobs, "cccccccccc", &in_use), BLOB_DONE);
    assert_true(holds(blobs, "aaaaaaaaaa"));
    assert_false(holds(blobs, "bbbbbbbbbb"));
    assert_int_equal(add(blobs, "dddddddddddddddddddd", &in_use), BLOB_FULL);
    assert_true(holds(blobs, "aaaaaaaaaa"));
    blobs_free(blobs);
}

static void what_cannot_be_written_is_told_without_where_it_lies(void **state)
{
    (void)state;
    struct blobs *blobs = open_store(1 << 20);
    struct blob_state held;
    struct err err = ERR_INIT;
    char hex[SHA256_HEX_SIZE], wanted[128];
    hash("text", hex);
    folder_remove(folder);
    assert_int_equal(blobs_put(blobs, hex, 0, 4, "text", 4, NULL, &held, &err), BLOB_ERROR);
    snprintf(wanted, sizeof wanted, "cannot write 'blobs/%s.part': No such file or directory", hex);
    assert_string_equal(err.text, wanted);
    blobs_free(blobs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_blob_in_pieces_is_complete_after_the_last, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_wrong_offset_is_told_where_to_go_on_even_after_a_restart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bytes_of_another_hash_are_dropped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_makes_no_sense_is_refused_before_anything_is_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_empty_blob_is_a_blob, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_blob_untouched_for_longest_makes_room, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_blob_in_use_is_never_evicted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_written_is_told_without_where_it_lies, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
