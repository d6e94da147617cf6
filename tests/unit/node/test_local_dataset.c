/* What a node tells of the images it has, without decoding any. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/base/fs.h"
#include "src/node/local_dataset.h"

static int setup(void **state)
{
    char pattern[] = "/tmp/dcls-dataset.XXXXXX";
    *state = mkdtemp(pattern) ? strdup(pattern) : NULL;
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    int failed = fs_remove_tree(*state, NULL);
    free(*state);
    return failed;
}

static void put(const char *dir, const char *path, size_t count)
{
    char *full = fs_join(dir, path), *slash = strrchr(full, '/'), *bytes = calloc(1, count + 1);
    assert_non_null(bytes);
    *slash = 0;
    assert_int_equal(fs_make_dirs(full, NULL), 0);
    *slash = '/';
    assert_int_equal(fs_write(full, bytes, count, NULL), 0);
    free(bytes);
    free(full);
}

static void expect(const char *dir, const char *told)
{
    cJSON *summary = local_dataset_summary(dir);
    char *text = cJSON_PrintUnformatted(summary);
    assert_string_equal(text, told);
    cJSON_free(text);
    cJSON_Delete(summary);
}

static void an_image_folder_has_its_images_and_classes(void **state)
{
    const char *dir = *state;
    put(dir, "train/cats/1.jpg", 1);
    put(dir, "train/cats/2.PNG", 1);
    put(dir, "train/dogs/1.jpeg", 1);
    put(dir, "train/dogs/notes.txt", 1);
    put(dir, "test/cats/3.jpg", 1);
    expect(dir, "{\"images\":4,\"classes\":2}");
}

static void class_folders_alone_are_a_dataset_and_hidden_files_none_of_it(void **state)
{
    const char *dir = *state;
    put(dir, "cats/1.jpg", 1);
    put(dir, "cats/._1.jpg", 1);
    put(dir, "cats/deep/2.JFIF", 1);
    put(dir, "dogs/1.png", 1);
    put(dir, "empty/notes.txt", 1);
    put(dir, ".ipynb_checkpoints/1.jpg", 1);
    put(dir, "3.jpg", 1);
    expect(dir, "{\"images\":3,\"classes\":2}");
    put(dir, "valid/cats/3.jpg", 1); /* a split's folder: there has to be one to train on too */
    assert_null(local_dataset_summary(dir));
    put(dir, "train/cats/4.jpg", 1);
    put(dir, "test/cats/5.jpg", 1); /* after "valid" */
    expect(dir, "{\"images\":2,\"classes\":1}");
}

static void idx_files_have_as_many_images_as_labels(void **state)
{
    const char *dir = *state;
    put(dir, "train-labels-idx1-ubyte", 8 + 60);
    expect(dir, "{\"images\":60}"); /* some may be held out */
    put(dir, "t10k-labels-idx1-ubyte", 8 + 10);
    expect(dir, "{\"images\":70}");
    char *path = fs_join(dir, "classes.txt");
    assert_int_equal(fs_write(path, "shoe\nbag\n", 9, NULL), 0);
    free(path);
    expect(dir, "{\"images\":70,\"classes\":2}");
}

static void a_compressed_idx_file_tells_its_size_at_its_end(void **state)
{
    static const char end[] = { 1, 2, 3, 44, 0, 0, 0 }; /* 44 = 8 + 36, little-endian */
    const char *dir = *state;
    char *path = fs_join(dir, "train-labels-idx1-ubyte.gz");
    assert_int_equal(fs_write(path, end, sizeof end, NULL), 0);
    free(path);
    put(dir, "t10k-labels-idx1-ubyte", 8 + 4);
    expect(dir, "{\"images\":40}");
}

static void a_folder_without_images_has_no_summary(void **state)
{
    const char *dir = *state;
    assert_null(local_dataset_summary(dir));
    put(dir, "train-labels-idx1-ubyte.gz", 3); /* too short to tell */
    assert_null(local_dataset_summary(dir));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(an_image_folder_has_its_images_and_classes),
        TEST(class_folders_alone_are_a_dataset_and_hidden_files_none_of_it),
        TEST(idx_files_have_as_many_images_as_labels),
        TEST(a_compressed_idx_file_tells_its_size_at_its_end),
        TEST(a_folder_without_images_has_no_summary),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
