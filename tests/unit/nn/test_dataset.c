/* Both kinds of dataset, whole and damaged. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/stat.h>

#include "dataset_files.h"
#include "nn/data/dataset.h"

static void expect_refusal(const char *dir, const char *reason)
{
    struct err err = ERR_INIT;
    struct dataset *dataset = dataset_open(dir, NULL, &err);
    assert_null(dataset);
    if (!strstr(err.text, reason))
        fail_msg("refused with \"%s\" instead of \"%s\"", err.text, reason);
    if (!strstr(err.text, dir))
        fail_msg("\"%s\" does not name the path", err.text);
}

static struct dataset *open_or_fail(const char *dir)
{
    struct err err = ERR_INIT;
    struct dataset *dataset = dataset_open(dir, NULL, &err);
    if (!dataset)
        fail_msg("%s", err.text);
    return dataset;
}

static char *folder_dataset(const char *test)
{
    char *dir = folder_make(), name[64];
    image_put(dir, "train/cow/b.jpg", "grey.jpg");
    image_put(dir, "train/cow/a.PNG", "rgb.png");
    image_put(dir, "train/cow/deeper/c.gif", "grey.gif");
    image_put(dir, "train/ant/1.bmp", "rgb.bmp");
    file_put(dir, "train/ant/readme.txt", "no image", 8);
    snprintf(name, sizeof(name), "%s/cow/t.jpg", test);
    image_put(dir, name, "420.jpg");
    return dir;
}

static void a_folder_gives_its_sorted_classes_and_files(void **state)
{
    (void)state;
    static const char *const tests[] = { "test", "validation", "valid", "val" };
    for (int i = 0; i < 4; i++) {
        char *dir = folder_dataset(tests[i]);
        for (int k = 0; k < i; k++) { /* of several folders the one that comes first */
            char name[64];
            snprintf(name, sizeof(name), "%s/ant/1.png", tests[k]);
            image_put(dir, name, "rgb.png");
        }
        struct dataset *dataset = open_or_fail(dir);
        assert_int_equal(dataset_classes(dataset), 2);
        assert_string_equal(dataset_class(dataset, 0), "ant");
        assert_string_equal(dataset_class(dataset, 1), "cow");
        assert_int_equal(dataset_count(dataset, SPLIT_TRAIN), 4);
        assert_int_equal(dataset_count(dataset, SPLIT_TEST), 1);
        assert_int_equal(dataset_label(dataset, SPLIT_TRAIN, 0), 0);
        assert_int_equal(dataset_label(dataset, SPLIT_TRAIN, 3), 1);
        assert_int_equal(dataset_label(dataset, SPLIT_TEST, 0), 1);
        dataset_close(dataset);
        folder_remove(dir);
    }
}

static void samples_of_a_folder_are_decoded(void **state)
{
    (void)state;
    char *dir = folder_dataset("test");
    struct dataset *dataset = open_or_fail(dir);
    struct sample_reader reader;
    uint8_t pixels[23 * 23 * 3];
    struct err err = ERR_INIT;
    assert_int_equal(sample_reader_init(&reader, 23, DECODING_FULL, &err), 0);
    for (size_t i = 0; i < dataset_count(dataset, SPLIT_TRAIN); i++) {
        memset(pixels, 0, sizeof(pixels));
        if (dataset_read(dataset, SPLIT_TRAIN, i, &reader, pixels, &err))
            fail_msg("%s", err.text);
        assert_true(pixels[0] && pixels[sizeof(pixels) - 1]);
    }
    sample_reader_release(&reader);
    dataset_close(dataset);
    folder_remove(dir);
}

static void a_sample_that_cannot_be_read_is_named(void **state)
{
    (void)state;
    char *dir = folder_dataset("test"), path[512];
    file_put(dir, "train/ant/0.png", "\x89PNG\r\n\x1a\n", 8);
    struct dataset *dataset = open_or_fail(dir);
    struct sample_reader reader;
    uint8_t pixels[8 * 8 * 3];
    struct err err = ERR_INIT;
    assert_int_equal(sample_reader_init(&reader, 8, DECODING_FULL, &err), 0);
    snprintf(path, sizeof(path), "'%s/train/ant/0.png': ", dir);
    assert_int_equal(dataset_read(dataset, SPLIT_TRAIN, 0, &reader, pixels, &err), -1);
    assert_ptr_equal(strstr(err.text, path), err.text);
    /* One that became unreadable after the dataset was opened. */
    snprintf(path, sizeof(path), "%s/train/ant/1.bmp", dir);
    assert_int_equal(remove(path), 0);
    assert_int_equal(dataset_read(dataset, SPLIT_TRAIN, 1, &reader, pixels, &err), -1);
    assert_non_null(strstr(err.text, path));
    /* A pipe in a file's place must not block. */
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(dataset_read(dataset, SPLIT_TRAIN, 1, &reader, pixels, &err), -1);
    assert_non_null(strstr(err.text, "is no regular file"));
    sample_reader_release(&reader);
    dataset_close(dataset);
    folder_remove(dir);
}

static void a_folder_without_what_it_needs_is_refused(void **state)
{
    (void)state;
    expect_refusal("/dev/null/none", "there is no dataset folder");
    char *dir = folder_make(), path[512];
    expect_refusal(dir, "holds neither a folder 'train', nor class folders, nor 'train-images-idx3-ubyte'");
    image_put(dir, "Train/cow/a.png", "rgb.png"); /* no class */
    image_put(dir, "cow/a.png", "rgb.png");
    expect_refusal(dir, "holds neither a folder 'train', nor class folders");
    image_put(dir, "train/cow/a.png", "rgb.png");
    expect_refusal(dir, "no images to test on: '--validation-split 0.2' holds a fifth of those out");
    snprintf(path, sizeof(path), "%s/test", dir);
    assert_int_equal(mkdir(path, 0700), 0);
    expect_refusal(dir, "no images to test on: '--validation-split 0.2' holds a fifth of those out");
    image_put(dir, "test/dog/a.png", "rgb.png");
    expect_refusal(dir, "/test' holds no images of the classes that are trained on");
    folder_remove(dir);
    dir = folder_make();
    file_put(dir, "train/empty/notes.txt", "", 0);
    image_put(dir, "train/no-class.png", "rgb.png");
    expect_refusal(dir, "holds no class folders with images: 'train/empty' (holds no images)");
    folder_remove(dir);
    dir = folder_make();
    image_put(dir, "cow/a.png", "rgb.png");
    expect_refusal(dir, "no images to test on: '--validation-split 0.2'");
    folder_remove(dir);
}

static void expect_idx(const char *dir)
{
    struct dataset *dataset = open_or_fail(dir);
    struct sample_reader reader;
    uint8_t pixels[IDX_SIDE * IDX_SIDE * 3];
    assert_int_equal(sample_reader_init(&reader, IDX_SIDE, DECODING_FULL, NULL), 0);
    assert_int_equal(dataset_classes(dataset), 3);
    assert_string_equal(dataset_class(dataset, 2), "2");
    assert_int_equal(dataset_count(dataset, SPLIT_TRAIN), IDX_TRAIN);
    assert_int_equal(dataset_count(dataset, SPLIT_TEST), IDX_TEST);
    assert_int_equal(dataset_label(dataset, SPLIT_TRAIN, 5), 2);
    assert_int_equal(dataset_read(dataset, SPLIT_TEST, 3, &reader, pixels, NULL), 0);
    for (int i = 0; i < IDX_SIDE * IDX_SIDE * 3; i++)
        assert_int_equal(pixels[i], 230 + i / 3 % IDX_SIDE);
    sample_reader_release(&reader);
    dataset_close(dataset);
}

static void idx_files_are_read_packed_or_not(void **state)
{
    (void)state;
    static const char *const endings[] = { "", ".gz" };
    for (int i = 0; i < 2; i++) {
        char *dir = folder_make();
        idx_dataset_put(dir, endings[i]);
        expect_idx(dir);
        folder_remove(dir);
    }
}

static void classes_of_idx_files_may_be_named(void **state)
{
    (void)state;
    char *dir = folder_make();
    idx_dataset_put(dir, ".gz");
    file_put(dir, "classes.txt", "shirt\r\nankle boot\nbag", 21);
    struct dataset *dataset = open_or_fail(dir);
    assert_int_equal(dataset_classes(dataset), 3);
    assert_string_equal(dataset_class(dataset, 0), "shirt");
    assert_string_equal(dataset_class(dataset, 1), "ankle boot");
    assert_string_equal(dataset_class(dataset, 2), "bag");
    dataset_close(dataset);
    file_put(dir, "classes.txt", "shirt\nbag\n", 10);
    expect_refusal(dir, "has a label 2, but 2 classes");
    file_put(dir, "classes.txt", "a\n\nb\n", 5);
    expect_refusal(dir, "a class has an empty name");
    file_put(dir, "classes.txt", "a\ncaf\xe9\nb\n", 9);
    expect_refusal(dir, "the class name 'caf?' is not UTF-8");
    folder_remove(dir);
}

static void damaged_idx_files_are_refused(void **state)
{
    (void)state;
    char *dir = folder_make(), path[512], *bytes;
    uint8_t pixels[64] = { 0 };
    size_t count;
    idx_dataset_put(dir, "");
    snprintf(path, sizeof(path), "%s/train-images-idx3-ubyte", dir);
    assert_int_equal(fs_read(path, 1 << 20, &bytes, &count, NULL), 0);
    for (size_t length = 0; length < count; length++) {
        file_put(dir, "train-images-idx3-ubyte", bytes, length);
        expect_refusal(dir, "train-images-idx3-ubyte' ");
    }
    free(bytes);
    /* One byte too many, another magic number, sizes that lie. */
    idx_put(dir, "train-images-idx3-ubyte", 3, (int[]){ 2, 4, 4 }, pixels, 33);
    expect_refusal(dir, "does not end where its header says");
    idx_put(dir, "train-images-idx3-ubyte", 3, (int[]){ 2, 4, 4 }, pixels, 32);
    expect_refusal(dir, "has 2 images, but 'train-labels-idx1-ubyte' has 23 labels");
    idx_put(dir, "train-images-idx3-ubyte", 1, (int[]){ 32 }, pixels, 32);
    expect_refusal(dir, "is no IDX file of bytes in 3 dimensions");
    idx_put(dir, "train-images-idx3-ubyte", 3, (int[]){ -1, 4, 4 }, pixels, 32);
    expect_refusal(dir, "impossible size");
    idx_put(dir, "train-images-idx3-ubyte", 3, (int[]){ 9000000, 16000, 16000 }, pixels, 32);
    expect_refusal(dir, "cannot hold");
    idx_put(dir, "train-images-idx3-ubyte", 3, (int[]){ 2, 0, 4 }, pixels, 0);
    expect_refusal(dir, "impossible size");
    folder_remove(dir);
    dir = folder_make();
    idx_dataset_put(dir, ".gz");
    snprintf(path, sizeof(path), "%s/t10k-labels-idx1-ubyte.gz", dir);
    assert_int_equal(remove(path), 0);
    expect_refusal(dir, "lacks 't10k-labels-idx1-ubyte'");
    snprintf(path, sizeof(path), "%s/t10k-images-idx3-ubyte.gz", dir);
    assert_int_equal(remove(path), 0);
    expect_refusal(dir, "no images to test on: '--validation-split 0.2'");
    folder_remove(dir);
}

static void a_packed_file_that_unpacks_to_more_than_it_says_is_refused(void **state)
{
    (void)state;
    char *dir = folder_make();
    size_t count = 8 * 1024 * 1024;
    uint8_t *zeros = calloc(count, 1);
    assert_non_null(zeros);
    idx_dataset_put(dir, ".gz");
    idx_put(dir, "train-images-idx3-ubyte.gz", 3, (int[]){ IDX_TRAIN, 4, 4 }, zeros, count);
    expect_refusal(dir, "does not end where its header says");
    free(zeros);
    folder_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_folder_gives_its_sorted_classes_and_files),
        cmocka_unit_test(samples_of_a_folder_are_decoded),
        cmocka_unit_test(a_sample_that_cannot_be_read_is_named),
        cmocka_unit_test(a_folder_without_what_it_needs_is_refused),
        cmocka_unit_test(idx_files_are_read_packed_or_not),
        cmocka_unit_test(classes_of_idx_files_may_be_named),
        cmocka_unit_test(damaged_idx_files_are_refused),
        cmocka_unit_test(a_packed_file_that_unpacks_to_more_than_it_says_is_refused),
    };
    return cmocka_run_group_tests_name("dataset", tests, NULL, NULL);
}
