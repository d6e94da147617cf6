/* Which folders of a dataset are classes, and which files their images. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dcls/base/dataset_tree.h"

static int setup(void **state)
{
    char pattern[] = "/tmp/dcls-tree.XXXXXX";
    *state = mkdtemp(pattern) ? strdup(pattern) : NULL;
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    int failed = fs_remove_tree(*state, NULL);
    free(*state);
    return failed;
}

static void put(const char *dir, const char *path)
{
    char *full = fs_join(dir, path), *slash = strrchr(full, '/');
    *slash = 0;
    assert_int_equal(fs_make_dirs(full, NULL), 0);
    *slash = '/';
    assert_int_equal(fs_write(full, "", 0, NULL), 0);
    free(full);
}

static void expect_list(struct fs_list *list, const char *const *paths, size_t count)
{
    assert_int_equal(list->count, count);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(list->paths[i], paths[i]);
    fs_list_release(list);
}

#define EXPECT(list, ...)                                                                                              \
    expect_list(list, (const char *const[]){ __VA_ARGS__ }, sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *))

static void classes_and_images_are_sorted_by_their_bytes(void **state)
{
    struct dataset_tree tree = { .dir = *state };
    struct left_out left_out = { 0 };
    struct fs_list list;
    struct err err = ERR_INIT;
    put(tree.dir, "train/b/2.JPG");
    put(tree.dir, "train/b/1/3.png");
    put(tree.dir, "train/b/1.jpeg");
    put(tree.dir, "train/b/x.tiff");
    put(tree.dir, "train/b/notes.txt");
    put(tree.dir, "train/b-a/1.gif");
    put(tree.dir, "train/B/1.bmp");
    put(tree.dir, "train/no-class.jpg");
    put(tree.dir, "train/.hidden/1.bmp");
    assert_int_equal(dataset_tree_classes(&tree, "train", &list, &left_out, &err), 0);
    EXPECT(&list, "B", "b", "b-a");
    assert_int_equal(dataset_tree_images(&tree, "train", "b", &list, &left_out, &err), 0);
    EXPECT(&list, "1.jpeg", "1/3.png", "2.JPG", "x.tiff");
    assert_int_equal(left_out.count, 0);
    tree.dir = "/dev/null/none";
    assert_int_equal(dataset_tree_classes(&tree, "", &list, &left_out, &err), -1);
    assert_non_null(strstr(err.text, "'/dev/null/none'"));
    assert_int_equal(list.count, 0);
}

static void expect_layout(const char *dir, const char *train, const char *test)
{
    struct dataset_layout layout;
    assert_int_equal(dataset_layout_find(dir, &layout), train ? 1 : 0);
    if (!train)
        return;
    assert_string_equal(layout.train, train);
    assert_string_equal(layout.test ? layout.test : "none", test);
}

static void images_to_test_on_lie_in_the_first_folder_of_four(void **state)
{
    const char *dir = *state;
    expect_layout(dir, NULL, NULL);
    put(dir, "1.jpg");
    expect_layout(dir, NULL, NULL);
    put(dir, "cow/1.jpg");
    expect_layout(dir, "", "none");
    put(dir, "Validation/cow/1.jpg");
    expect_layout(dir, NULL, NULL);
    put(dir, "train/cow/1.jpg");
    expect_layout(dir, "train", "none");
    static const char *const order[] = { "test", "validation", "valid", "val" };
    for (size_t i = 0; i < 4; i++) {
        char path[64];
        snprintf(path, sizeof path, "%s/cow/1.jpg", order[i]);
        put(dir, path);
        expect_layout(dir, "train", order[i]);
    }
    expect_layout("/dev/null/none", NULL, NULL);
}

static void a_folder_of_no_class_with_images_is_not_tested_on(void **state)
{
    const char *dir = *state;
    struct dataset_layout layout;
    put(dir, "train/cow/1.jpg");
    put(dir, "val/1.jpg");
    put(dir, "valid/cow/notes.txt");
    expect_layout(dir, "train", "none");
    put(dir, "test/ant/notes.txt");
    put(dir, "test/cow/below/1.jpg");
    expect_layout(dir, "train", "test");
    assert_true(dataset_layout_find(dir, &layout));
    assert_string_equal(layout.passed_over, "valid");
    put(dir, "val/cow/1.jpg");
    assert_true(dataset_layout_find(dir, &layout));
    assert_string_equal(layout.test, "val");
    assert_null(layout.passed_over);
}

static void a_tree_without_end_ends(void **state)
{
    struct dataset_tree tree = { .dir = *state };
    struct left_out left_out = { 0 };
    struct fs_list list;
    struct err err = ERR_INIT;
    char path[256] = "cow";
    for (int i = 0; i < 40; i++)
        strncat(path, "/d", sizeof path - strlen(path) - 1);
    strncat(path, "/1.jpg", sizeof path - strlen(path) - 1);
    put(tree.dir, path);
    put(tree.dir, "cow/2.jpg");
    assert_int_equal(dataset_tree_images(&tree, "", "cow", &list, &left_out, &err), 0);
    EXPECT(&list, "2.jpg");
    assert_int_equal(left_out.count, 1);
    assert_string_equal(left_out.first[0].reason, "it is nested too deep");
    left_out_release(&left_out);
}

static bool stops(void *arg)
{
    int *asked = arg;
    return ++*asked == 2;
}

static void a_walk_can_be_stopped(void **state)
{
    int asked = 0;
    struct dataset_tree tree = { .dir = *state, .stop = stops, .arg = &asked };
    struct left_out left_out = { 0 };
    struct fs_list list;
    struct err err = ERR_INIT;
    for (int i = 0; i < 600; i++) {
        char path[32];
        snprintf(path, sizeof path, "cow/%d.jpg", i);
        put(tree.dir, path);
    }
    assert_int_equal(dataset_tree_images(&tree, "", "cow", &list, &left_out, &err), -1);
    assert_string_equal(err.text, "cancelled");
    assert_int_equal(asked, 2);
    assert_int_equal(list.count, 0);
}

/* A phone puts one beside each photo: as images that cannot be read they would be too many. */
static void videos_are_told_and_are_no_images(void **state)
{
    struct dataset_tree tree = { .dir = *state };
    struct left_out left_out = { 0 };
    struct fs_list list;
    struct err err = ERR_INIT;
    put(tree.dir, "cow/1.heic");
    put(tree.dir, "cow/1.MOV");
    assert_int_equal(dataset_tree_images(&tree, "", "cow", &list, &left_out, &err), 0);
    EXPECT(&list, "1.heic");
    assert_int_equal(left_out.count, 1);
    assert_string_equal(left_out.first[0].path, "cow/1.MOV");
    assert_string_equal(left_out.first[0].reason, "a video");
    left_out_release(&left_out);
}

static void of_what_is_left_out_the_first_ten_are_named_printably(void **state)
{
    struct left_out left_out = { 0 };
    struct buf text;
    char name[16];
    (void)state;
    buf_init(&text, 4096);
    assert_int_equal(left_out_list(&left_out, &text), 0);
    assert_string_equal(buf_text(&text), "");
    left_out_add(&left_out, "caf\xe9\n", "why");
    assert_int_equal(left_out_list(&left_out, &text), 0);
    assert_string_equal(buf_text(&text), "'caf\\xe9\\x0a' (why)");
    for (int i = 12; i > 0; i--) {
        snprintf(name, sizeof name, "%02d", i);
        left_out_add(&left_out, name, "because");
    }
    assert_int_equal(left_out.count, 13);
    assert_int_equal(left_out.named, LEFT_OUT_NAMED);
    assert_string_equal(left_out.first[0].path, "01");
    assert_string_equal(left_out.first[9].path, "10");
    buf_clear(&text);
    assert_int_equal(left_out_list(&left_out, &text), 0);
    assert_ptr_equal(strstr(buf_text(&text), "'01' (because), '02' (because), "), buf_text(&text));
    assert_non_null(strstr(buf_text(&text), "'10' (because), ..."));
    left_out_release(&left_out);
    assert_int_equal(left_out.count, 0);
    buf_release(&text);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(classes_and_images_are_sorted_by_their_bytes),
        TEST(images_to_test_on_lie_in_the_first_folder_of_four),
        TEST(a_folder_of_no_class_with_images_is_not_tested_on),
        TEST(a_tree_without_end_ends),
        TEST(a_walk_can_be_stopped),
        TEST(videos_are_told_and_are_no_images),
        cmocka_unit_test(of_what_is_left_out_the_first_ten_are_named_printably),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
