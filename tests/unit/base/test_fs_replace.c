/* Folders that are replaced and removed: on file systems that cannot do it in one step, and after a crash before any of
 * the steps, which a child of the test's dies of. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <sys/wait.h>

#include "dcls/base/fs_replace.h"
#include "dcls/base/log.h"
#include "folder.h"
#include "tests/shim/faults.h"

static const char *const files[] = { "m.pth", "classes.txt", "below/more" };
enum { FILES = sizeof files / sizeof *files };

/* The file systems that each test is for; the first of them go three different ways. */
static const struct file_system {
    const char *name;
    int exchange;
    bool lower;
    int sync_dir, sync_all, lock;
} file_systems[] = {
    { .name = "ext4" },
    { .name = "an old kernel", .exchange = ENOSYS },
    { .name = "an overlay", .lower = true },
    { .name = "NFS", .exchange = EINVAL, .sync_dir = EINVAL, .lock = ENOLCK },
    { .name = "CIFS", .exchange = EINVAL, .sync_dir = EBADF, .lock = EBADF },
    { .name = "FUSE", .exchange = ENOSYS, .sync_dir = ENOTSUP, .sync_all = ENOSYS, .lock = EOPNOTSUPP },
    { .name = "a filter", .exchange = EPERM, .sync_dir = EPERM, .sync_all = EPERM, .lock = EPERM },
    { .name = "an overlay read from a CD", .lower = true, .sync_dir = EROFS, .sync_all = EROFS, .lock = EINVAL },
};
enum { FILE_SYSTEMS = sizeof file_systems / sizeof *file_systems, WAYS = 3 };

static void reset(void)
{
    memset(&faults, 0, sizeof faults);
    faults.unsynced = true;
}

static void fill(const char *dir, const char *text)
{
    char *below = fs_join(dir, "below");
    assert_int_equal(fs_make_dirs(below, NULL), 0);
    for (int i = 0; i < FILES; i++) {
        char *path = fs_join(dir, files[i]);
        assert_int_equal(fs_write(path, text, strlen(text), NULL), 0);
        free(path);
    }
    free(below);
}

/* A new folder with the old model in it. */
static void start(void **state)
{
    char *self = in(state, "m");
    reset();
    assert_int_equal(fs_remove_tree(*state, NULL), 0);
    fill(self, "old");
    free(self);
}

static void set(void **state, const struct file_system *system)
{
    struct stat info;
    char *self = in(state, "m");
    assert_int_equal(stat(self, &info), 0);
    reset();
    faults.exchange = system->exchange;
    faults.sync_dir = system->sync_dir;
    faults.sync_all = system->sync_all;
    faults.lock = system->lock;
    faults.lower = system->lower ? info.st_ino : 0;
    free(self);
}

static bool has_text(void **state, const char *text)
{
    for (int i = 0; i < FILES; i++) {
        char *dir = in(state, "m"), *path = fs_join(dir, files[i]), *bytes;
        size_t count;
        bool same = !fs_read(path, 100, &bytes, &count, NULL) && !strcmp(bytes, text);
        free(bytes);
        free(path);
        free(dir);
        if (!same)
            return false;
    }
    return true;
}

/* The process dies before the step `crash`, where that is not 0. */
static int replace_until(void **state, long crash, struct err *doubt, struct err *err)
{
    struct fs_replacement replacement;
    int result = fs_replace_init(&replacement, *state, "m", err);
    if (!result) {
        fill(replacement.dir, "new");
        faults.steps = 0;
        faults.crash = crash;
        result = fs_replace_commit(&replacement, doubt, err);
    }
    fs_replace_release(&replacement);
    return result;
}

static int replace(void **state, struct err *doubt, struct err *err)
{
    return replace_until(state, 0, doubt, err);
}

static void a_folder_is_replaced_whatever_its_file_system_cannot_do(void **state)
{
    for (int i = 0; i < FILE_SYSTEMS; i++) {
        struct err doubt = ERR_INIT, err = ERR_INIT;
        start(state);
        set(state, &file_systems[i]);
        if (replace(state, &doubt, &err))
            fail_msg("%s: %s", file_systems[i].name, err.text);
        assert_string_equal(doubt.text, "");
        assert_true(has_text(state, "new"));
        assert_int_equal(entries(state), 1);
    }
}

static void where_there_is_none_yet_it_is_put_in_place(void **state)
{
    for (int i = 0; i < FILE_SYSTEMS; i++) {
        struct err doubt = ERR_INIT, err = ERR_INIT;
        start(state);
        set(state, &file_systems[i]);
        char *self = in(state, "m");
        assert_int_equal(fs_remove_tree(self, NULL), 0);
        assert_int_equal(replace(state, &doubt, &err), 0);
        assert_true(has_text(state, "new"));
        assert_int_equal(entries(state), 1);
        free(self);
    }
}

static void a_link_is_replaced_and_what_it_leads_to_is_kept(void **state)
{
    struct err doubt = ERR_INIT, err = ERR_INIT;
    for (int exchange = 0; exchange < 2; exchange++) {
        start(state);
        char *self = in(state, "m"), *away = in(state, "elsewhere"), *kept = fs_join(away, "m.pth");
        assert_int_equal(rename(self, away), 0);
        assert_int_equal(symlink("elsewhere", self), 0);
        faults.exchange = exchange ? EINVAL : 0;
        assert_int_equal(replace(state, &doubt, &err), 0);
        assert_true(has_text(state, "new"));
        assert_int_equal(fs_size(kept), 3);
        assert_int_equal(entries(state), 2);
        free(kept);
        free(away);
        free(self);
    }
}

/* The flush of the folder that holds it fails. */
static int replace_in_doubt(void **state, const struct file_system *system, struct err *doubt, struct err *err)
{
    struct stat info;
    start(state);
    set(state, system);
    assert_int_equal(stat(*state, &info), 0);
    faults.sync_only = info.st_ino;
    faults.sync_dir = EIO;
    return replace(state, doubt, err);
}

static void a_replacement_is_no_failure_where_only_the_last_flush_fails(void **state)
{
    for (int exchange = 0; exchange < 2; exchange++) {
        struct err doubt = ERR_INIT, err = ERR_INIT;
        const struct file_system system = { .exchange = exchange ? EINVAL : 0 };
        assert_int_equal(replace_in_doubt(state, &system, &doubt, &err), 0);
        assert_non_null(strstr(doubt.text, "/m' is in place, but a power cut may undo that"));
        assert_non_null(strstr(doubt.text, strerror(EIO)));
        assert_true(has_text(state, "new"));
        assert_int_equal(entries(state), 2); /* the old one is kept for that */
        assert_false(fs_replace_is_on(*state, "m"));
        assert_int_equal(fs_replace_recover(*state, "m", &err), 0);
        assert_int_equal(entries(state), 2); /* as long as it is not sure */
        reset();
        assert_int_equal(fs_replace_recover(*state, "m", &err), 0);
        assert_true(has_text(state, "new"));
        assert_int_equal(entries(state), 1);
    }
}

static void a_folder_is_not_removed_before_its_copy_is_safe(void **state)
{
    struct err doubt = ERR_INIT, err = ERR_INIT;
    const struct file_system system = { .lower = true };
    struct stat info;
    char *self = in(state, "m");
    assert_int_equal(replace_in_doubt(state, &system, &doubt, &err), -1);
    assert_int_equal(stat(self, &info), 0);
    assert_int_equal(info.st_ino, faults.lower); /* not the copy of it */
    free(self);
    assert_non_null(strstr(err.text, strerror(EIO)));
    assert_true(has_text(state, "old"));
    assert_int_equal(entries(state), 1);
}

static void a_new_folder_whose_files_may_be_lost_replaces_nothing(void **state)
{
    struct fs_replacement replacement;
    struct err doubt = ERR_INIT, err = ERR_INIT;
    start(state);
    assert_int_equal(fs_replace_init(&replacement, *state, "m", &err), 0);
    fill(replacement.dir, "new");
    faults.sync_dir = EIO;
    assert_int_equal(fs_replace_commit(&replacement, &doubt, &err), -1);
    assert_non_null(strstr(err.text, strerror(EIO)));
    fs_replace_release(&replacement);
    assert_true(has_text(state, "old"));
    assert_int_equal(entries(state), 1);
}

static void a_folder_is_removed_whatever_its_file_system_cannot_do(void **state)
{
    for (int i = 0; i < FILE_SYSTEMS; i++) {
        struct err err = ERR_INIT;
        start(state);
        set(state, &file_systems[i]);
        if (fs_replace_remove(*state, "m", &err))
            fail_msg("%s: %s", file_systems[i].name, err.text);
        assert_int_equal(entries(state), 0);
        assert_int_equal(fs_replace_remove(*state, "m", &err), 0);
    }
}

static void what_cannot_be_deleted_of_a_removed_folder_is_rubbish(void **state)
{
    static const char *const names[] = { "m.pth", "classes.txt", "more" };
    for (int i = 0; i < FILES; i++) { /* whichever comes first: something is deleted before one of them */
        struct err err = ERR_INIT;
        start(state);
        char *self = in(state, "m");
        faults.undying = names[i];
        assert_int_equal(fs_replace_remove(*state, "m", &err), 0);
        assert_false(fs_is_dir(self));
        assert_false(fs_replace_is_on(*state, "m"));
        assert_int_equal(entries(state), 1);
        assert_int_equal(fs_replace_recover(*state, "m", &err), 0);
        assert_false(fs_is_dir(self));
        reset();
        assert_int_equal(fs_replace_recover(*state, "m", &err), 0);
        assert_int_equal(entries(state), 0);
        free(self);
    }
}

static void what_cannot_be_deleted_of_a_folder_that_cannot_be_renamed_is_said_to_be_on_its_way(void **state)
{
    const struct file_system system = { .lower = true };
    struct err err = ERR_INIT;
    start(state);
    set(state, &system);
    faults.undying = "m.pth";
    assert_int_equal(fs_replace_remove(*state, "m", &err), -1);
    assert_non_null(strstr(err.text, strerror(EIO)));
    assert_true(fs_replace_is_on(*state, "m"));
    reset();
    assert_int_equal(fs_replace_recover(*state, "m", &err), 0);
    assert_int_equal(entries(state), 0);
}

static void a_folder_whose_removal_is_not_flushed_comes_back(void **state)
{
    struct err err = ERR_INIT;
    start(state);
    faults.sync_dir = EIO;
    assert_int_equal(fs_replace_remove(*state, "m", &err), -1);
    assert_non_null(strstr(err.text, strerror(EIO)));
    assert_true(has_text(state, "old"));
    assert_int_equal(entries(state), 1);
}

/* In a child that dies before the step `crash` of what changes the folder itself. Whether there are fewer. */
static bool run_until(void **state, const struct file_system *system, bool removes, long crash)
{
    struct err doubt = ERR_INIT, err = ERR_INIT;
    int status;
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        set(state, system);
        faults.crash = removes ? crash : 0;
        _exit(removes ? fs_replace_remove(*state, "m", &err) : replace_until(state, crash, &doubt, &err));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status))
        assert_int_equal(WEXITSTATUS(status), 0);
    else
        assert_int_equal(WTERMSIG(status), SIGKILL);
    return WIFEXITED(status);
}

/* What a crash before each step leaves is brought to an end, also where that itself is cut off at each of its steps. */
static void crash_everywhere(void **state, bool removes)
{
    struct err err = ERR_INIT;
    for (int i = 0; i < WAYS; i++) {
        bool before = false, after = false, ended = false;
        for (long crash = 1; !ended; crash++) {
            start(state);
            ended = run_until(state, &file_systems[i], removes, crash);
            if (fs_replace_recover(*state, "m", &err))
                fail_msg("%s, step %ld: %s", file_systems[i].name, crash, err.text);
            bool is_old = has_text(state, "old");
            bool is_done = removes ? entries(state) == 0 : has_text(state, "new");
            if (is_old == is_done || entries(state) != (is_old || !removes))
                fail_msg("%s, step %ld: neither old nor new, or something is left", file_systems[i].name, crash);
            assert_false(after && is_old); /* what was done is not undone by a later crash */
            before |= is_old;
            after |= is_done;
        }
        assert_true(before && after);
    }
}

static void a_crash_before_any_step_of_a_replacement_leaves_the_old_or_the_new(void **state)
{
    crash_everywhere(state, false);
}

static void a_crash_before_any_step_of_a_removal_leaves_all_or_nothing(void **state)
{
    crash_everywhere(state, true);
}

static void a_recovery_may_be_cut_off_too(void **state)
{
    struct err err = ERR_INIT;
    static const char *const asides[] = { ".m.dcls-old", ".m.dcls-copy", ".m.dcls-remove", ".m.dcls-tmp-abcdef" };
    /* Every combination of what may lie there, with and without the folder itself. */
    for (int what = 0; what < 32; what++) {
        long crash = 1;
        for (bool ended = false; !ended; crash++) {
            int status;
            start(state);
            char *self = in(state, "m");
            for (int i = 0; i < 4; i++) {
                char *aside = in(state, asides[i]);
                if (what & (1 << i))
                    fill(aside, "old");
                free(aside);
            }
            if (what & 16)
                assert_int_equal(fs_remove_tree(self, NULL), 0);
            fflush(NULL);
            pid_t child = fork();
            assert_true(child >= 0);
            if (!child) {
                log_set_level(LOG_ERROR);
                faults.steps = 0;
                faults.crash = crash;
                _exit(fs_replace_recover(*state, NULL, &err));
            }
            assert_int_equal(waitpid(child, &status, 0), child);
            ended = WIFEXITED(status);
            if (ended)
                assert_int_equal(WEXITSTATUS(status), 0);
            assert_int_equal(fs_replace_recover(*state, NULL, &err), 0);
            /* "remove" takes the folder, a copy or an old one brings it back. */
            bool there = what & 3 || !(what & 4 || what & 16);
            assert_int_equal(entries(state), there);
            assert_int_equal(has_text(state, "old"), there);
            free(self);
        }
    }
}

static void what_another_is_making_and_what_is_not_ours_is_left_alone(void **state)
{
    struct fs_replacement replacement;
    struct err doubt = ERR_INIT, err = ERR_INIT;
    static const char *const others[] = { ".m.old",       ".m.copy", ".m.backup", ".m.dcls-tmp-long",
                                          ".checkpoints", ".m",      ".dcls-old", "..dcls-old" };
    start(state);
    assert_int_equal(fs_replace_init(&replacement, *state, "m", &err), 0);
    fill(replacement.dir, "new");
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        char *path = in(state, others[i]);
        assert_int_equal(fs_make_dirs(path, &err), 0);
        free(path);
    }
    int before = entries(state);
    assert_int_equal(fs_replace_recover(*state, NULL, &err), 0);
    assert_int_equal(entries(state), before);
    assert_int_equal(fs_replace_commit(&replacement, &doubt, &err), 0);
    fs_replace_release(&replacement);
    assert_true(has_text(state, "new"));
    assert_int_equal(entries(state), before - 1);
}

static void a_folder_is_said_to_be_on_its_way_only_while_it_is(void **state)
{
    static const struct {
        const char *aside;
        bool without_self, is_on;
    } cases[] = {
        { ".m.dcls-tmp-abcdef", false, false }, { ".m.dcls-old", false, false },   { ".m.dcls-old", true, true },
        { ".m.dcls-copy", false, true },        { ".m.dcls-remove", false, true },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        start(state);
        char *self = in(state, "m"), *aside = in(state, cases[i].aside);
        assert_int_equal(fs_make_dirs(aside, NULL), 0);
        if (cases[i].without_self)
            assert_int_equal(fs_remove_tree(self, NULL), 0);
        assert_int_equal(fs_replace_is_on(*state, "m"), cases[i].is_on);
        free(aside);
        free(self);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_new, folder_free)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_folder_is_replaced_whatever_its_file_system_cannot_do),
        TEST(where_there_is_none_yet_it_is_put_in_place),
        TEST(a_link_is_replaced_and_what_it_leads_to_is_kept),
        TEST(a_replacement_is_no_failure_where_only_the_last_flush_fails),
        TEST(a_folder_is_not_removed_before_its_copy_is_safe),
        TEST(a_new_folder_whose_files_may_be_lost_replaces_nothing),
        TEST(a_folder_is_removed_whatever_its_file_system_cannot_do),
        TEST(what_cannot_be_deleted_of_a_removed_folder_is_rubbish),
        TEST(what_cannot_be_deleted_of_a_folder_that_cannot_be_renamed_is_said_to_be_on_its_way),
        TEST(a_folder_whose_removal_is_not_flushed_comes_back),
        TEST(a_crash_before_any_step_of_a_replacement_leaves_the_old_or_the_new),
        TEST(a_crash_before_any_step_of_a_removal_leaves_all_or_nothing),
        TEST(a_recovery_may_be_cut_off_too),
        TEST(what_another_is_making_and_what_is_not_ours_is_left_alone),
        TEST(a_folder_is_said_to_be_on_its_way_only_while_it_is),
    };
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
