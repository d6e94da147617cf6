/* Which files of the image folder are served: links, what may not be read, names, and that nothing leads out of it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "folder.h"
#include "src/broker/image_tree.h"

#define NOBODY 65534
#define FILES_MAX 10000

static char folder[FOLDER_SIZE], root[FOLDER_SIZE + 8];
static const struct image_tree confined = { root, false }, following = { root, true };

/* As root everything may be read: then the tests are somebody who may not. */
static int set_up(void **state)
{
    (void)state;
    if (!geteuid() && seteuid(NOBODY))
        return -1;
    folder_make(folder);
    snprintf(root, sizeof root, "%s/root", folder);
    folder_put(folder, "root/a/1.jpg", "one");
    folder_put(folder, "outside/2.jpg", "two");
    folder_put(folder, "outside/deep/3.jpg", "three");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    if (!getuid() && seteuid(0))
        return -1;
    folder_remove(folder);
    return 0;
}

static void put_link(const char *target, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", root, name);
    assert_int_equal(symlink(target, path), 0);
}

static void set_mode(const char *name, mode_t mode)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", root, name);
    assert_int_equal(chmod(path, mode), 0);
}

/* Compares what is listed with paths that have a blank behind each, and what is left out with a line a path. */
static void assert_listed(const struct image_tree *tree, const char *wanted, const char *wanted_left_out)
{
    struct fs_list list;
    struct left_out left_out;
    struct err err = ERR_INIT;
    char text[4096] = "", reasons[4096] = "";
    if (image_tree_list(tree, TREE_ALL_FILES, FILES_MAX, &list, &left_out, &err))
        fail_msg("%s", err.text);
    for (size_t i = 0; i < list.count; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s ", list.paths[i]);
    for (size_t i = 0; i < left_out.named; i++)
        snprintf(reasons + strlen(reasons), sizeof reasons - strlen(reasons), "%s: %s\n", left_out.first[i].path,
                 left_out.first[i].reason);
    assert_string_equal(text, wanted);
    assert_string_equal(reasons, wanted_left_out);
    fs_list_release(&list);
    left_out_release(&left_out);
}

static void assert_opened(const struct image_tree *tree, const char *path, const char *text)
{
    struct stat info;
    int fd = image_tree_open(tree, path, &info);
    if (!text && fd >= 0)
        fail_msg("'%s' is opened", path);
    if (text)
        folder_assert_open(fd, info.st_size, text);
}

static void links_within_the_folder_are_followed(void **state)
{
    (void)state;
    char absolute[FOLDER_SIZE + 32];
    snprintf(absolute, sizeof absolute, "%s/a/1.jpg", root);
    put_link("a/1.jpg", "relative.jpg");
    put_link(absolute, "absolute.jpg");
    put_link("a", "b");
    put_link("../root/./a//", "c");
    put_link("b/1.jpg", "twice.jpg");
    assert_listed(&confined, "a/1.jpg absolute.jpg b/1.jpg c/1.jpg relative.jpg twice.jpg ", "");
    assert_listed(&following, "a/1.jpg absolute.jpg b/1.jpg c/1.jpg relative.jpg twice.jpg ", "");
    static const char *const paths[] = { "a/1.jpg", "absolute.jpg", "b/1.jpg", "c/1.jpg", "relative.jpg", "twice.jpg" };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        assert_opened(&confined, paths[i], "one");
        assert_opened(&following, paths[i], "one");
    }
}

static void links_out_of_the_folder_are_followed_only_where_that_is_wanted(void **state)
{
    (void)state;
    put_link("../outside", "out");
    put_link("../../outside/2.jpg", "a/2.jpg");
    put_link("out/deep", "through");
    put_link("/etc/passwd", "passwd");
    assert_listed(&confined, "a/1.jpg ",
                  "a/2.jpg: a link out of the folder\nout: a link out of the folder\n"
                  "passwd: a link out of the folder\nthrough: a link out of the folder\n");
    assert_listed(&following, "a/1.jpg a/2.jpg out/2.jpg out/deep/3.jpg passwd through/3.jpg ", "");
    assert_opened(&following, "out/deep/3.jpg", "three");
    assert_opened(&following, "a/2.jpg", "two");
    static const char *const paths[] = { "out/2.jpg", "out/deep/3.jpg", "a/2.jpg", "through/3.jpg", "passwd" };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        assert_opened(&confined, paths[i], NULL);
}

static void no_spelling_leads_out_even_where_links_are_followed(void **state)
{
    (void)state;
    put_link("../outside/deep", "deep");
    put_link("..", "a/up");
    folder_put(folder, "root/.hidden/4.jpg", "four");
    char absolute[FOLDER_SIZE + 32];
    snprintf(absolute, sizeof absolute, "%s/a/1.jpg", root);
    const char *const paths[] = { "",
                                  ".",
                                  "..",
                                  "/",
                                  "a",
                                  "a/",
                                  "a/1.jpg/",
                                  "a//1.jpg",
                                  "/a/1.jpg",
                                  "./a/1.jpg",
                                  "a/../a/1.jpg",
                                  "../outside/2.jpg",
                                  "deep/../2.jpg",
                                  "deep/..",
                                  "a/1.jpg/../1.jpg",
                                  ".hidden/4.jpg",
                                  "a/up/.hidden/4.jpg",
                                  "a\\1.jpg",
                                  "a/1.jpg\n",
                                  "a/\xff",
                                  absolute };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        assert_opened(&confined, paths[i], NULL);
        assert_opened(&following, paths[i], NULL);
    }
}

static void loops_and_links_to_nothing_end_the_way(void **state)
{
    (void)state;
    put_link("..", "a/up");
    put_link(".", "a/same");
    put_link("ring", "ring");
    put_link("missing.jpg", "nothing.jpg");
    put_link("../outside", "out");
    char path[512], back[FOLDER_SIZE + 16];
    snprintf(back, sizeof back, "%s/a", root);
    snprintf(path, sizeof path, "%s/outside/back", folder);
    assert_int_equal(symlink(back, path), 0);
    snprintf(path, sizeof path, "%s/outside/round", folder);
    assert_int_equal(symlink("../outside", path), 0);
    assert_listed(&confined, "a/1.jpg ",
                  "a/same: a loop of links\na/up: a loop of links\nnothing.jpg: a link to nothing\n"
                  "out: a link out of the folder\nring: a loop of links\n");
    assert_listed(&following, "a/1.jpg out/2.jpg out/back/1.jpg out/deep/3.jpg ",
                  "a/same: a loop of links\na/up: a loop of links\nnothing.jpg: a link to nothing\n"
                  "out/back/same: a loop of links\nout/back/up: a loop of links\nout/round: a loop of links\n"
                  "ring: a loop of links\n");
    assert_opened(&following, "ring", NULL);
    assert_opened(&confined, "nothing.jpg", NULL);
}

static void what_may_not_be_read_is_left_out_and_affects_nothing_else(void **state)
{
    (void)state;
    folder_put(folder, "root/lost+found/5.jpg", "five");
    folder_put(folder, "root/a/6.jpg", "six");
    folder_put(folder, "root/listed/7.jpg", "seven");
    folder_put(folder, "root/z/8.jpg", "eight");
    set_mode("lost+found", 0);
    set_mode("a/6.jpg", 0);
    set_mode("listed", 0444);
    put_link("lost+found/5.jpg", "link.jpg");
    put_link("a/6.jpg", "six.jpg");
    assert_listed(&confined, "a/1.jpg z/8.jpg ",
                  "a/6.jpg: Permission denied\nlink.jpg: Permission denied\nlisted/7.jpg: Permission denied\n"
                  "lost+found: Permission denied\nsix.jpg: Permission denied\n");
    assert_opened(&confined, "a/6.jpg", NULL);
    assert_opened(&confined, "z/8.jpg", "eight");
    set_mode("lost+found", 0755);
    set_mode("listed", 0755);
    assert_int_equal(chmod(root, 0), 0);
    struct fs_list list;
    struct left_out left_out;
    struct err err = ERR_INIT;
    assert_int_equal(image_tree_list(&confined, TREE_ALL_FILES, FILES_MAX, &list, &left_out, &err), -1);
    assert_string_equal(err.text, "cannot read the folder 'images': Permission denied");
    left_out_release(&left_out);
    assert_int_equal(chmod(root, 0755), 0);
}

static void names_that_a_node_may_not_have_are_left_out(void **state)
{
    (void)state;
    char deep[512] = "root";
    folder_put(folder, "root/a/new\nline.jpg", "x");
    folder_put(folder, "root/back\\slash/1.jpg", "x");
    folder_put(folder, "root/latin\xe9.jpg", "x");
    folder_put(folder, "root/.hidden\n/1.jpg", "x");
    for (int i = 0; i < 33; i++)
        strncat(deep, "/d", sizeof deep - strlen(deep) - 1);
    strncat(deep, "/1.jpg", sizeof deep - strlen(deep) - 1);
    folder_put(folder, deep, "x");
    assert_listed(&confined, "a/1.jpg ",
                  "a/new\\x0aline.jpg: its name has a control character\nback\\slash: its name has a backslash\n"
                  "d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d: it is nested too deep\n"
                  "latin\\xe9.jpg: its name is not UTF-8\n");
}

static void of_many_left_out_the_first_by_name_are_told(void **state)
{
    (void)state;
    struct left_out left_out = { 0 };
    char text[LEFT_OUT_TEXT_SIZE], name[400];
    left_out_describe(&left_out, text);
    assert_string_equal(text, "");
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "%03d", i * 7 % 1000);
        left_out_add(&left_out, name, "why");
    }
    left_out_describe(&left_out, text);
    assert_string_equal(text,
                        "1000 entries of the broker's images are left out: '000' (why), '001' (why), '002' (why), "
                        "'003' (why), '004' (why), '005' (why), '006' (why), '007' (why), '008' (why), "
                        "'009' (why), ...");
    left_out_release(&left_out);
    /* However long names are, the text has its end. */
    for (int i = 0; i < 12; i++) {
        for (int k = 0; k < 130; k++)
            memcpy(name + 3 * k, "\xe7\x8c\xab", 4);
        snprintf(name + 390, sizeof name - 390, "%d", i);
        left_out_add(&left_out, name, "Permission denied");
    }
    left_out.has_links = true;
    left_out_describe(&left_out, text);
    assert_non_null(strstr(text, "'...\xe7\x8c\xab\xe7\x8c\xab"));
    assert_non_null(strstr(text, "...; the broker's option --follow-links"));
    left_out_release(&left_out);
}

/* Swaps the file and the folder for links out of the tree and back, as fast as it can. */
static atomic_bool stop;
static atomic_int swaps;

static void *swap(void *arg)
{
    char names[2][FOLDER_SIZE + 32], *root_path = arg;
    snprintf(names[0], sizeof names[0], "%s/swapped", root_path);
    snprintf(names[1], sizeof names[1], "%s/other", root_path);
    while (!atomic_load(&stop))
        if (!renameat2(AT_FDCWD, names[0], AT_FDCWD, names[1], RENAME_EXCHANGE))
            atomic_fetch_add(&swaps, 1);
    return NULL;
}

static void no_race_leads_out_of_the_folder(void **state)
{
    (void)state;
    pthread_t thread;
    folder_put(folder, "root/swapped/2.jpg", "within");
    put_link("../outside", "other");
    atomic_store(&stop, false);
    assert_int_equal(pthread_create(&thread, NULL, swap, root), 0);
    int opened = 0;
    for (int i = 0; i < 20000; i++) {
        struct stat info;
        char text[16] = "";
        int fd = image_tree_open(&confined, i % 2 ? "swapped/2.jpg" : "other/2.jpg", &info);
        if (fd < 0)
            continue;
        opened++;
        assert_true(read(fd, text, sizeof text - 1) > 0);
        close(fd);
        if (strcmp(text, "within"))
            fail_msg("'%s' from outside was read", text);
    }
    atomic_store(&stop, true);
    pthread_join(thread, NULL);
    assert_true(opened > 0);
    assert_true(atomic_load(&swaps) > 100);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(links_within_the_folder_are_followed),
        TEST(links_out_of_the_folder_are_followed_only_where_that_is_wanted),
        TEST(no_spelling_leads_out_even_where_links_are_followed),
        TEST(loops_and_links_to_nothing_end_the_way),
        TEST(what_may_not_be_read_is_left_out_and_affects_nothing_else),
        TEST(names_that_a_node_may_not_have_are_left_out),
        TEST(of_many_left_out_the_first_by_name_are_told),
        TEST(no_race_leads_out_of_the_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
