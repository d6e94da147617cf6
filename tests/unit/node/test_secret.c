/* The node's secret: made once, kept for good, read by nobody else. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dcls/base/fs.h"
#include "dcls/base/sha256.h"
#include "src/node/secret.h"

static int setup(void **state)
{
    char pattern[] = "/tmp/dcls-secret.XXXXXX";
    *state = mkdtemp(pattern) ? strdup(pattern) : NULL;
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    int failed = fs_remove_tree(*state, NULL);
    free(*state);
    return failed;
}

static void load(const char *dir, char secret[SECRET_SIZE])
{
    struct err err = ERR_INIT;
    memset(secret, 0, SECRET_SIZE);
    if (secret_load(dir, secret, &err))
        fail_msg("%s", err.text);
    assert_true(sha256_is_hex(secret));
}

static void a_secret_is_made_once_and_kept(void **state)
{
    char first[SECRET_SIZE], second[SECRET_SIZE], other[SECRET_SIZE];
    load(*state, first);
    load(*state, second);
    assert_string_equal(first, second);
    char *path = fs_join(*state, "secret");
    assert_int_equal(unlink(path), 0);
    load(*state, other);
    assert_string_not_equal(first, other);
    free(path);
}

static void only_its_owner_may_read_it(void **state)
{
    char secret[SECRET_SIZE];
    struct stat info;
    struct fs_list files = { 0 };
    mode_t mask = umask(0);
    load(*state, secret);
    umask(mask);
    char *path = fs_join(*state, "secret");
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0600);
    assert_int_equal(fs_list_files(*state, 10, &files, NULL), 0);
    assert_int_equal(files.count, 1);
    fs_list_release(&files);
    free(path);
}

static void a_damaged_one_is_replaced(void **state)
{
    static const char *const bad[] = { "",
                                       "\n",
                                       "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85",
                                       "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855\n",
                                       "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\nx",
                                       "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 \n" };
    char *path = fs_join(*state, "secret"), secret[SECRET_SIZE], again[SECRET_SIZE];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(fs_write(path, bad[i], strlen(bad[i]), NULL), 0);
        load(*state, secret);
        assert_int_not_equal(strncmp(secret, "e3b0c442", 8), 0);
        load(*state, again);
        assert_string_equal(secret, again);
    }
    free(path);
}

static void one_without_its_newline_is_good(void **state)
{
    const char *text = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    char *path = fs_join(*state, "secret"), secret[SECRET_SIZE];
    assert_int_equal(fs_write(path, text, strlen(text), NULL), 0);
    load(*state, secret);
    assert_string_equal(secret, text);
    free(path);
}

static void what_a_process_that_died_left_is_no_hindrance(void **state)
{
    char *path = fs_join(*state, "secret.new"), secret[SECRET_SIZE], again[SECRET_SIZE];
    assert_int_equal(fs_write(path, "half", 4, NULL), 0);
    load(*state, secret);
    load(*state, again);
    assert_string_equal(secret, again);
    assert_false(fs_is_file(path));
    free(path);
}

static void a_folder_that_takes_no_file_does_not_stop_the_node(void **state)
{
    char *missing = fs_join(*state, "missing"), secret[SECRET_SIZE], again[SECRET_SIZE];
    load(missing, secret);
    load(missing, again);
    assert_string_not_equal(secret, again);
    free(missing);
}

int main(void)
{
#define IN_A_FOLDER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        IN_A_FOLDER(a_secret_is_made_once_and_kept),
        IN_A_FOLDER(only_its_owner_may_read_it),
        IN_A_FOLDER(a_damaged_one_is_replaced),
        IN_A_FOLDER(one_without_its_newline_is_good),
        IN_A_FOLDER(what_a_process_that_died_left_is_no_hindrance),
        IN_A_FOLDER(a_folder_that_takes_no_file_does_not_stop_the_node),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
