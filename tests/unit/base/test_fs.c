/* Files and folders: limits, atomic writes, and paths that try to leave their root. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "folder.h"

static void a_file_comes_back_as_it_was_written(void **state)
{
    char *path = in(state, "a"), *bytes = NULL;
    size_t count = 0;
    struct err err = ERR_INIT;
    assert_int_equal(fs_write(path, "x\0y\n", 4, &err), 0);
    assert_int_equal(fs_read(path, 4, &bytes, &count, &err), 0);
    assert_int_equal(count, 4);
    assert_memory_equal(bytes, "x\0y\n", 5); /* and a NUL behind */
    free(bytes);
    assert_int_equal(fs_write(path, "", 0, &err), 0);
    assert_int_equal(fs_read(path, 4, &bytes, &count, &err), 0);
    assert_int_equal(count, 0);
    assert_string_equal(bytes, "");
    assert_int_equal(entries(state), 1);
    free(bytes);
    free(path);
}

static void a_file_larger_than_allowed_is_not_read(void **state)
{
    char *path = in(state, "a"), *bytes = NULL;
    size_t count = 0;
    struct err err = ERR_INIT;
    put(state, "a", "12345", 5);
    assert_int_equal(fs_read(path, 4, &bytes, &count, &err), -1);
    assert_null(bytes);
    assert_non_null(strstr(err.text, "larger than 4 bytes"));
    assert_int_equal(fs_read(path, 5, &bytes, &count, &err), 0);
    free(bytes);
    free(path);
}

static void an_open_file_is_read_from_its_beginning_within_its_bound(void **state)
{
    char *path = in(state, "a"), *bytes = NULL;
    size_t count = 0;
    struct err err = ERR_INIT;
    put(state, "a", "12345", 5);
    int fd = open(path, O_RDONLY | O_CLOEXEC), folder = open(*state, O_RDONLY | O_CLOEXEC);
    assert_int_equal(lseek(fd, 2, SEEK_SET), 2);
    assert_int_equal(fs_read_open(fd, "the image", 5, &bytes, &count, &err), 0);
    assert_int_equal(count, 5);
    assert_string_equal(bytes, "12345");
    free(bytes);
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 2);
    assert_int_equal(fs_read_open(fd, "the image", 4, &bytes, &count, &err), -1);
    assert_null(bytes);
    assert_string_equal(err.text, "the image is larger than 4 bytes");
    assert_int_equal(fs_read_open(folder, "the image", 5, &bytes, &count, &err), -1);
    assert_string_equal(err.text, "the image is no regular file");
    close(fd);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(fs_read_open(fd, "the image", 5, &bytes, &count, &err), -1);
    assert_string_equal(err.text, "cannot read the image: Bad file descriptor");
    close(fd);
    close(folder);
    free(path);
}

static void a_file_that_does_not_tell_its_size_is_read_whole(void **state)
{
    (void)state;
    char *bytes = NULL;
    size_t count = 0;
    struct err err = ERR_INIT;
    assert_int_equal(fs_read("/proc/self/status", 65536, &bytes, &count, &err), 0);
    assert_true(count > 100);
    free(bytes);
    assert_int_equal(fs_read("/proc/self/status", 100, &bytes, &count, &err), -1);
    assert_null(bytes);
}

static void what_is_no_regular_file_is_refused_without_waiting(void **state)
{
    char *fifo = in(state, "fifo"), *bytes = NULL;
    size_t count = 0;
    struct err err = ERR_INIT;
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_int_equal(fs_read(fifo, 100, &bytes, &count, &err), -1);
    assert_non_null(strstr(err.text, "no regular file"));
    assert_int_equal(fs_read(*state, 100, &bytes, &count, &err), -1);
    assert_int_equal(fs_read("/dev/zero", 100, &bytes, &count, &err), -1);
    assert_int_equal(fs_size(fifo), -1);
    assert_false(fs_is_file(fifo));
    assert_false(fs_is_dir(fifo));
    assert_int_equal(fs_read("/none/such", 100, &bytes, &count, &err), -1);
    assert_non_null(strstr(err.text, "'/none/such'"));
    free(fifo);
}

static void a_write_that_fails_leaves_nothing_behind_and_the_old_file_whole(void **state)
{
    char *path = in(state, "a"), *bytes = NULL;
    size_t count = 0;
    struct err err = ERR_INIT;
    char large[65536] = { 0 };
    struct rlimit old, small;
    assert_int_equal(fs_write(path, "old", 3, &err), 0);
    /* A disk that is full half-way: no file may pass this size. */
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 10000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    int status = fs_write(path, large, sizeof large, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(status, -1);
    assert_non_null(strstr(err.text, "cannot write"));
    assert_int_equal(entries(state), 1);
    assert_int_equal(fs_read(path, 100, &bytes, &count, &err), 0);
    assert_string_equal(bytes, "old");
    free(bytes);
    free(path);
}

static void a_write_over_a_folder_fails_and_leaves_nothing_behind(void **state)
{
    char *path = in(state, "d"), *below = in(state, "none/a");
    struct err err = ERR_INIT;
    assert_int_equal(mkdir(path, 0755), 0);
    assert_int_equal(fs_write(path, "x", 1, &err), -1);
    assert_int_equal(entries(state), 1);
    assert_int_equal(fs_write(below, "x", 1, &err), -1);
    free(below);
    free(path);
}

static void a_write_over_a_link_replaces_the_link_not_its_target(void **state)
{
    char *target = in(state, "target"), *link = in(state, "link"), *bytes = NULL;
    size_t count = 0;
    struct err err = ERR_INIT;
    put(state, "target", "old", 3);
    assert_int_equal(symlink(target, link), 0);
    assert_int_equal(fs_write(link, "new", 3, &err), 0);
    assert_int_equal(fs_read(target, 100, &bytes, &count, &err), 0);
    assert_string_equal(bytes, "old");
    free(bytes);
    free(link);
    free(target);
}

static void *write_many(void *arg)
{
    char text[5000];
    for (int i = 0; i < 50; i++) {
        memset(text, 'a' + i % 20, sizeof text);
        if (fs_write(arg, text, sizeof text, NULL))
            return arg;
    }
    return NULL;
}

static void writers_of_one_file_do_not_mix(void **state)
{
    char *path = in(state, "a"), *bytes = NULL;
    size_t count = 0;
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, path), 0);
    for (int i = 0; i < 4; i++) {
        void *failed;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    assert_int_equal(fs_read(path, 10000, &bytes, &count, NULL), 0);
    assert_int_equal(count, 5000);
    for (size_t i = 1; i < count; i++)
        assert_int_equal(bytes[i], bytes[0]);
    assert_int_equal(entries(state), 1);
    free(bytes);
    free(path);
}

static void committing_moves_a_finished_file_into_place(void **state)
{
    char *temporary = in(state, "t"), *path = in(state, "a"), *folder = in(state, "d");
    struct err err = ERR_INIT;
    put(state, "t", "new", 3);
    put(state, "a", "old", 3);
    assert_int_equal(fs_commit(temporary, path, &err), 0);
    assert_int_equal(fs_size(path), 3);
    assert_int_equal(entries(state), 1);
    put(state, "t", "new", 3);
    assert_int_equal(mkdir(folder, 0755), 0);
    assert_int_equal(fs_commit(temporary, folder, &err), -1);
    assert_false(fs_is_file(temporary));
    assert_int_equal(fs_commit(temporary, path, &err), -1);
    free(folder);
    free(path);
    free(temporary);
}

static void a_file_that_was_replaced_or_changed_has_another_stamp(void **state)
{
    char *path = in(state, "file");
    struct fs_stamp first, second;
    assert_int_equal(fs_stamp(path, &first), -1);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(fs_stamp(*state, &first), -1);
    assert_int_equal(fs_write(path, "one", 3, NULL), 0);
    assert_int_equal(fs_stamp(path, &first), 0);
    assert_int_equal(fs_stamp(path, &second), 0);
    assert_true(fs_stamp_same(&first, &second));
    assert_int_equal(fs_write(path, "two", 3, NULL), 0); /* as long, but another file */
    assert_int_equal(fs_stamp(path, &second), 0);
    assert_false(fs_stamp_same(&first, &second));
    first = second;
    FILE *file = fopen(path, "ab");
    assert_non_null(file);
    assert_int_equal(fputc('3', file), '3');
    assert_int_equal(fclose(file), 0);
    assert_int_equal(fs_stamp(path, &second), 0);
    assert_false(fs_stamp_same(&first, &second));
    free(path);
}

static void folders_are_made_with_those_above(void **state)
{
    char *deep = in(state, "a/b//c/"), *through = in(state, "file/x");
    struct err err = ERR_INIT;
    assert_int_equal(fs_make_dirs(deep, &err), 0);
    assert_true(fs_is_dir(deep));
    assert_int_equal(fs_make_dirs(deep, &err), 0);
    put(state, "file", "", 0);
    assert_int_equal(fs_make_dirs(through, &err), -1);
    assert_non_null(strstr(err.text, "Not a directory"));
    assert_int_equal(fs_make_dirs("", &err), -1);
    assert_int_equal(fs_make_dirs("/", &err), 0);
    free(through);
    free(deep);
}

static void removing_a_tree_does_not_follow_links(void **state)
{
    char *tree = in(state, "tree/below"), *top = in(state, "tree"), *link = in(state, "tree/below/link");
    char *kept = in(state, "kept"), *file = in(state, "kept/file"), *direct = in(state, "direct");
    struct err err = ERR_INIT;
    assert_int_equal(fs_make_dirs(tree, &err), 0);
    assert_int_equal(fs_make_dirs(kept, &err), 0);
    put(state, "kept/file", "x", 1);
    put(state, "tree/below/file", "x", 1);
    assert_int_equal(symlink(kept, link), 0);
    assert_int_equal(symlink(kept, direct), 0);
    assert_int_equal(fs_remove_tree(top, &err), 0);
    assert_false(fs_is_dir(top));
    assert_int_equal(fs_remove_tree(direct, &err), 0);
    assert_true(fs_is_file(file));
    assert_int_equal(fs_remove_tree(top, &err), 0); /* gone is fine */
    free(direct);
    free(file);
    free(kept);
    free(link);
    free(top);
    free(tree);
}

/* root/a/file, root/link -> a, root/out -> ../secret, root/up -> .., root/fifo; secret/file beside root */
static void make_root(void **state)
{
    struct err err = ERR_INIT;
    static const char *const folders[] = { "root/a", "secret", "rootless" };
    static const char *const links[][2] = { { "a", "root/link" },        { "../secret", "root/out" },
                                            { "..", "root/up" },         { "../secret/file", "root/outfile" },
                                            { "a/file", "root/infile" }, { "/etc", "root/etc" },
                                            { "loop", "root/loop" } };
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        char *path = in(state, folders[i]);
        assert_int_equal(fs_make_dirs(path, &err), 0);
        free(path);
    }
    put(state, "root/a/file", "x", 1);
    put(state, "root/..odd", "x", 1);
    put(state, "secret/file", "x", 1);
    put(state, "rootless/file", "x", 1);
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
        char *path = in(state, links[i][1]);
        assert_int_equal(symlink(links[i][0], path), 0);
        free(path);
    }
    char *fifo = in(state, "root/fifo");
    assert_int_equal(mkfifo(fifo, 0600), 0);
    free(fifo);
}

static void no_path_leads_out_of_its_root(void **state)
{
    make_root(state);
    char *root = in(state, "root"), *absolute = in(state, "root/a/file");
    const char *const bad[] = { "",
                                "/",
                                "/etc/passwd",
                                "..",
                                "../secret/file",
                                "a/../../secret/file",
                                "a/../a/file",
                                "./../secret/file",
                                "out",
                                "out/file",
                                "outfile",
                                "up/secret/file",
                                "up",
                                "etc/passwd",
                                "a/..",
                                "../rootless/file",
                                "..%2fsecret/file",
                                "%2e%2e/secret/file",
                                "a/file\n",
                                "\x01",
                                "a\\..\\..",
                                "fifo",
                                "loop",
                                "none",
                                "a/file/",
                                "a/file/x",
                                absolute,
                                "\xc0\xae\xc0\xae/secret/file" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct err err = ERR_INIT;
        char *path = fs_resolve(root, bad[i], &err);
        if (path)
            fail_msg("'%s' leads to '%s'", bad[i], path);
        assert_true(err.text[0]);
    }
    free(absolute);
    free(root);
}

static void paths_below_their_root_are_found(void **state)
{
    make_root(state);
    char *root = in(state, "root"), *wanted_path = in(state, "root/a/file"), *wanted = realpath(wanted_path, NULL);
    static const char *const good[] = { "a/file", "./a/file", "a//file", "a/./file", "link/file", "infile" };
    struct err err = ERR_INIT;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        char *path = fs_resolve(root, good[i], &err);
        if (!path)
            fail_msg("%s", err.text);
        assert_string_equal(path, wanted);
        free(path);
    }
    char *odd = fs_resolve(root, "..odd", &err), *folder = fs_resolve(root, "a", &err);
    assert_non_null(odd);
    assert_non_null(folder);
    assert_null(fs_resolve("/none/such", "a", &err));
    free(folder);
    free(odd);
    free(wanted);
    free(wanted_path);
    free(root);
}

static void a_tree_is_listed_in_order_without_what_leaves_it(void **state)
{
    make_root(state);
    char *root = in(state, "root"), *back = in(state, "root/a/back");
    struct fs_list list;
    struct err err = ERR_INIT;
    assert_int_equal(symlink("..", back), 0); /* to the root itself: no endless walk */
    put(state, "root/b.JPG", "x", 1);
    put(state, "root/a/c.png", "x", 1);
    put(state, "root/a/d.txt", "x", 1);
    assert_int_equal(fs_list_tree(root, 100, &list, &err), 0);
    static const char *const wanted[] = { "..odd",  "a/c.png",    "a/d.txt",    "a/file",   "b.JPG",
                                          "infile", "link/c.png", "link/d.txt", "link/file" };
    assert_int_equal(list.count, sizeof wanted / sizeof *wanted);
    for (size_t i = 0; i < list.count; i++)
        assert_string_equal(list.paths[i], wanted[i]);
    fs_list_release(&list);
    free(back);
    free(root);
}

static void a_listing_stops_at_its_maximum(void **state)
{
    char *root = in(state, "."), name[16];
    struct fs_list list;
    struct err err = ERR_INIT;
    for (int i = 0; i < 10; i++) {
        snprintf(name, sizeof name, "%d", i);
        put(state, name, "", 0);
    }
    assert_int_equal(fs_list_tree(root, 10, &list, &err), 0);
    fs_list_release(&list);
    assert_int_equal(fs_list_tree(root, 9, &list, &err), -1);
    assert_non_null(strstr(err.text, "more than 9"));
    assert_int_equal(list.count, 0);
    assert_int_equal(fs_list_files(root, 9, &list, &err), -1);
    assert_int_equal(fs_list_files(root, 10, &list, &err), 0);
    fs_list_release(&list);
    assert_int_equal(fs_list_tree("/none/such", 9, &list, &err), -1);
    free(root);
}

static void folders_and_files_are_listed_apart_without_dot_names(void **state)
{
    make_root(state);
    char *root = in(state, "root");
    struct fs_list list;
    struct err err = ERR_INIT;
    put(state, "root/z", "", 0);
    assert_int_equal(fs_list_dirs(root, 100, &list, &err), 0);
    assert_string_equal(list.paths[0], "a");
    for (size_t i = 0; i < list.count; i++)
        assert_string_not_equal(list.paths[i], "z");
    fs_list_release(&list);
    assert_int_equal(fs_list_files(root, 100, &list, &err), 0);
    for (size_t i = 0; i < list.count; i++)
        assert_true(list.paths[i][0] != '.' && strcmp(list.paths[i], "a") && strcmp(list.paths[i], "fifo"));
    assert_string_equal(list.paths[list.count - 1], "z");
    fs_list_release(&list);
    free(root);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_new, folder_free)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_comes_back_as_it_was_written),
        TEST(a_file_larger_than_allowed_is_not_read),
        TEST(an_open_file_is_read_from_its_beginning_within_its_bound),
        TEST(a_file_that_does_not_tell_its_size_is_read_whole),
        TEST(what_is_no_regular_file_is_refused_without_waiting),
        TEST(a_write_that_fails_leaves_nothing_behind_and_the_old_file_whole),
        TEST(a_write_over_a_folder_fails_and_leaves_nothing_behind),
        TEST(a_write_over_a_link_replaces_the_link_not_its_target),
        TEST(writers_of_one_file_do_not_mix),
        TEST(committing_moves_a_finished_file_into_place),
        TEST(a_file_that_was_replaced_or_changed_has_another_stamp),
        TEST(folders_are_made_with_those_above),
        TEST(removing_a_tree_does_not_follow_links),
        TEST(no_path_leads_out_of_its_root),
        TEST(paths_below_their_root_are_found),
        TEST(a_tree_is_listed_in_order_without_what_leaves_it),
        TEST(a_listing_stops_at_its_maximum),
        TEST(folders_and_files_are_listed_apart_without_dot_names),
    };
    signal(SIGXFSZ, SIG_IGN); /* a write beyond the limit fails with EFBIG */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
