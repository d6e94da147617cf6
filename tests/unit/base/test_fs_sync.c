/* Locks and flushes on file systems that have none, or not for every file. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "dcls/base/fs_lock.h"
#include "folder.h"
#include "tests/shim/faults.h"

static void reset(void)
{
    memset(&faults, 0, sizeof faults);
    faults.unsynced = true;
}

static void only_who_holds_a_lock_keeps_others_out(void **state)
{
    static const int causes[] = { ENOLCK, EOPNOTSUPP, ENOSYS, EINVAL, EBADF, EPERM, EIO };
    put(state, "lock", "", 0);
    char *path = in(state, "lock");
    int first = open(path, O_RDWR | O_CLOEXEC), second = open(path, O_RDWR | O_CLOEXEC);
    reset();
    assert_int_equal(fs_lock(first), FS_LOCK_OURS);
    assert_int_equal(fs_lock(second), FS_LOCK_TAKEN);
    for (size_t i = 0; i < sizeof causes / sizeof *causes; i++) {
        faults.lock = causes[i];
        assert_int_equal(fs_lock(second), FS_LOCK_MISSING);
        assert_int_equal(errno, causes[i]);
    }
    faults.lock = 0;
    close(first);
    assert_int_equal(fs_lock(second), FS_LOCK_OURS);
    close(second);
    free(path);
}

static void a_file_is_written_where_neither_it_nor_its_folder_can_be_flushed_alone(void **state)
{
    static const int causes[] = { EINVAL, ENOTSUP, EBADF, EROFS, ENOSYS, EPERM };
    struct err err = ERR_INIT;
    char *path = in(state, "file");
    for (size_t i = 0; i < sizeof causes / sizeof *causes; i++) {
        reset();
        faults.sync_file = faults.sync_dir = causes[i];
        faults.sync_all = i % 2 ? causes[i] : 0;
        if (fs_write(path, "text", 4, &err))
            fail_msg("%s: %s", strerror(causes[i]), err.text);
    }
    free(path);
}

static void bytes_that_were_lost_are_a_failure(void **state)
{
    static const int causes[] = { EIO, ENOSPC, EDQUOT };
    char *path = in(state, "lost");
    for (size_t i = 0; i < sizeof causes / sizeof *causes; i++) {
        struct err err = ERR_INIT;
        reset();
        faults.sync_file = causes[i];
        assert_int_equal(fs_write(path, "text", 4, &err), -1);
        assert_non_null(strstr(err.text, strerror(causes[i])));
        faults.sync_file = EINVAL;
        faults.sync_all = causes[i];
        assert_int_equal(fs_write(path, "text", 4, &err), -1);
        assert_false(fs_is_file(path));
    }
    reset();
    free(path);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_new, folder_free)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(only_who_holds_a_lock_keeps_others_out),
        TEST(a_file_is_written_where_neither_it_nor_its_folder_can_be_flushed_alone),
        TEST(bytes_that_were_lost_are_a_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
