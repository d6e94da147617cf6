/* Thumbnails on disk: found by their key alone, within their quota, and never one for another. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "folder.h"
#include "src/broker/thumbnail_cache.h"
#include "tests/shim/memory.h"

#define QUOTA (20 * 4096)

static int folder_new(void **state)
{
    *state = malloc(FOLDER_SIZE);
    assert_non_null(*state);
    folder_make(*state);
    return 0;
}

static int folder_free(void **state)
{
    folder_remove(*state);
    free(*state);
    return 0;
}

static char *dir_of(void **state)
{
    return fs_join(*state, "thumbnails");
}

static struct thumbnail_cache *open_cache(void **state)
{
    char *dir = dir_of(state);
    struct thumbnail_cache *cache = thumbnail_cache_new(dir, QUOTA);
    assert_non_null(cache);
    thumbnail_cache_scan(cache);
    free(dir);
    return cache;
}

static void key_of(int number, char key[SHA256_HEX_SIZE])
{
    const struct stat info = { .st_size = number };
    assert_int_equal(thumbnail_key("images/a.jpg", &info, 160, key, NULL), 0);
}

static void put_number(struct thumbnail_cache *cache, int number)
{
    char key[SHA256_HEX_SIZE], text[32];
    key_of(number, key);
    snprintf(text, sizeof text, "picture %d", number);
    thumbnail_cache_put(cache, key, text, strlen(text));
}

/* Whether it is there; what is there must be its own. */
static bool has(struct thumbnail_cache *cache, int number)
{
    char key[SHA256_HEX_SIZE], text[32];
    size_t count;
    key_of(number, key);
    snprintf(text, sizeof text, "picture %d", number);
    char *bytes = thumbnail_cache_get(cache, key, &count);
    if (bytes) {
        assert_int_equal(count, strlen(text));
        assert_memory_equal(bytes, text, count);
    }
    free(bytes);
    return bytes;
}

/* The path of one, the caller's to free. */
static char *path_of(void **state, int number)
{
    char key[SHA256_HEX_SIZE], *path = NULL;
    key_of(number, key);
    assert_true(asprintf(&path, "%s/thumbnails/%s", (char *)*state, key) > 0);
    return path;
}

static void age(void **state, int number, int seconds)
{
    char *path = path_of(state, number);
    struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = 1000000000 - seconds } };
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    free(path);
}

static void a_key_is_of_the_path_the_file_and_the_width(void **state)
{
    struct stat info = { .st_size = 5, .st_ino = 7 }, other;
    char key[SHA256_HEX_SIZE], again[SHA256_HEX_SIZE];
    (void)state;
    assert_int_equal(thumbnail_key("images/a.jpg", &info, 160, key, NULL), 0);
    assert_int_equal(thumbnail_key("images/a.jpg", &info, 160, again, NULL), 0);
    assert_string_equal(key, again);
    for (int i = 0; i < 5; i++) {
        other = info;
        other.st_size += i == 0;
        other.st_ino += i == 1;
        other.st_mtim.tv_nsec += i == 2;
        assert_int_equal(
            thumbnail_key(i == 3 ? "images/b.jpg" : "images/a.jpg", &other, i == 4 ? 161 : 160, again, NULL), 0);
        assert_string_not_equal(key, again);
    }
}

static void what_was_kept_is_there_after_a_restart(void **state)
{
    struct thumbnail_cache *cache = open_cache(state);
    assert_false(has(cache, 1));
    put_number(cache, 1);
    assert_true(has(cache, 1));
    assert_false(has(cache, 2));
    thumbnail_cache_free(cache);
    cache = open_cache(state);
    assert_true(has(cache, 1));
    thumbnail_cache_free(cache);
}

static void what_was_not_asked_for_for_the_longest_time_goes_first(void **state)
{
    struct thumbnail_cache *cache = open_cache(state);
    for (int i = 0; i < 20; i++) {
        put_number(cache, i);
        age(state, i, 1000 - i);
    }
    assert_true(has(cache, 0)); /* which makes it the newest */
    put_number(cache, 20);
    int left = 0;
    for (int i = 0; i <= 20; i++)
        left += has(cache, i);
    assert_int_equal(left, 18); /* nine tenths of the quota */
    assert_true(has(cache, 0));
    assert_false(has(cache, 1));
    assert_false(has(cache, 2));
    assert_false(has(cache, 3));
    assert_true(has(cache, 4));
    assert_true(has(cache, 20));
    thumbnail_cache_free(cache);
}

static void a_restart_counts_what_is_there(void **state)
{
    struct thumbnail_cache *cache = open_cache(state);
    for (int i = 0; i < 20; i++)
        put_number(cache, i);
    thumbnail_cache_free(cache);
    cache = open_cache(state);
    put_number(cache, 20);
    int left = 0;
    for (int i = 0; i <= 20; i++)
        left += has(cache, i);
    assert_int_equal(left, 18);
    thumbnail_cache_free(cache);
}

static void a_damaged_file_counts_as_absent_and_goes(void **state)
{
    struct thumbnail_cache *cache = open_cache(state);
    char *path = path_of(state, 1), *bytes;
    size_t count;
    put_number(cache, 1);
    assert_int_equal(fs_read(path, 1 << 20, &bytes, &count, NULL), 0);
    for (size_t at = 0; at < count; at += 13) {
        bytes[at] ^= 1;
        assert_int_equal(fs_write(path, bytes, count, NULL), 0);
        bytes[at] ^= 1;
        assert_false(has(cache, 1));
        assert_false(fs_is_file(path));
        assert_int_equal(fs_write(path, bytes, at, NULL), 0); /* cut */
        assert_false(has(cache, 1));
    }
    assert_int_equal(fs_write(path, bytes, count, NULL), 0);
    assert_true(has(cache, 1));
    free(bytes);
    free(path);
    thumbnail_cache_free(cache);
}

static void a_file_under_anothers_name_is_not_shown(void **state)
{
    struct thumbnail_cache *cache = open_cache(state);
    char *one = path_of(state, 1), *two = path_of(state, 2);
    put_number(cache, 1);
    assert_int_equal(rename(one, two), 0);
    assert_false(has(cache, 2));
    assert_int_equal(symlink("/etc/passwd", two), 0);
    assert_false(has(cache, 2));
    put_number(cache, 2);
    assert_true(has(cache, 2));
    free(one);
    free(two);
    thumbnail_cache_free(cache);
}

static void what_is_left_of_a_write_goes_and_what_is_not_ours_stays(void **state)
{
    struct thumbnail_cache *cache = open_cache(state);
    char *one = path_of(state, 1), *part = NULL, *other = NULL;
    put_number(cache, 1);
    assert_true(asprintf(&part, "%s.part", one) > 0);
    assert_true(asprintf(&other, "%s/thumbnails/holiday.jpg", (char *)*state) > 0);
    assert_int_equal(fs_write(part, "half", 4, NULL), 0);
    assert_int_equal(fs_write(other, "mine", 4, NULL), 0);
    thumbnail_cache_free(cache);
    cache = open_cache(state);
    assert_false(fs_is_file(part));
    for (int i = 0; i < 50; i++)
        put_number(cache, i);
    assert_true(fs_is_file(other));
    free(one);
    free(part);
    free(other);
    thumbnail_cache_free(cache);
}

static void a_folder_that_cannot_be_written_is_no_harm(void **state)
{
    char *dir = dir_of(state);
    assert_int_equal(fs_write(dir, "a file", 6, NULL), 0);
    struct thumbnail_cache *cache = open_cache(state);
    put_number(cache, 1);
    assert_false(has(cache, 1));
    assert_int_equal(unlink(dir), 0);
    put_number(cache, 1);
    assert_true(has(cache, 1));
    free(dir);
    thumbnail_cache_free(cache);
}

static void what_there_is_no_memory_to_read_stays(void **state)
{
    struct thumbnail_cache *cache = open_cache(state);
    char key[SHA256_HEX_SIZE], *path = path_of(state, 1);
    size_t count;
    int failures = 0;
    put_number(cache, 1);
    key_of(1, key);
    for (bool failed = true; failed;) {
        memory_fail_at(++failures);
        char *bytes = thumbnail_cache_get(cache, key, &count);
        failed = memory_failed();
        assert_true(failed || bytes);
        assert_int_equal(access(path, F_OK), 0);
        free(bytes);
    }
    assert_true(failures > 2);
    assert_true(has(cache, 1));
    free(path);
    thumbnail_cache_free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_of_the_path_the_file_and_the_width),
        cmocka_unit_test_setup_teardown(what_was_kept_is_there_after_a_restart, folder_new, folder_free),
        cmocka_unit_test_setup_teardown(what_was_not_asked_for_for_the_longest_time_goes_first, folder_new,
                                        folder_free),
        cmocka_unit_test_setup_teardown(a_restart_counts_what_is_there, folder_new, folder_free),
        cmocka_unit_test_setup_teardown(a_damaged_file_counts_as_absent_and_goes, folder_new, folder_free),
        cmocka_unit_test_setup_teardown(a_file_under_anothers_name_is_not_shown, folder_new, folder_free),
        cmocka_unit_test_setup_teardown(what_there_is_no_memory_to_read_stays, folder_new, folder_free),
        cmocka_unit_test_setup_teardown(what_is_left_of_a_write_goes_and_what_is_not_ours_stays, folder_new,
                                        folder_free),
        cmocka_unit_test_setup_teardown(a_folder_that_cannot_be_written_is_no_harm, folder_new, folder_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
