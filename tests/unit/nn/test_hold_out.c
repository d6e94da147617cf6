/* Which images are held out where there are none to test on. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "dataset_files.h"
#include "nn/data/dataset.h"

#define CONTENTS 32 /* at most */

/* What lies on each side: how many files have each content. */
struct sides {
    int classes, count[2], of[2][CONTENTS];
};

/* A PNG as far as its first bytes go, which are all that is read here; its content is a number. */
static void photo_put(const char *dir, const char *name, int content)
{
    char bytes[40] = "\x89PNG\r\n\x1a\n";
    bytes[36] = (char)content;
    file_put(dir, name, bytes, sizeof bytes);
}

static struct dataset *open_split(const char *dir, double share, struct err *err)
{
    struct dataset_options options = { .validation_split = share };
    return dataset_open(dir, &options, err);
}

/* The contents in order of their digests are not known here; what is compared are the sides as dataset_read's errors
 * name the files. */
static int content_of(const char *dir, const struct dataset *dataset, enum split split, size_t index)
{
    struct sample_reader reader;
    struct err err = ERR_INIT;
    uint8_t pixels[3];
    assert_int_equal(sample_reader_init(&reader, 1, DECODING_FULL, &err), 0);
    assert_int_equal(dataset_read(dataset, split, index, &reader, pixels, &err), -1);
    sample_reader_release(&reader);
    char *path = strchr(err.text, '\'') + 1, *bytes;
    *strchr(path, '\'') = '\0';
    assert_ptr_equal(strstr(path, dir), path);
    size_t count;
    assert_int_equal(fs_read(path, 100, &bytes, &count, &err), 0);
    int content = bytes[36];
    free(bytes);
    return content;
}

static struct sides split(const char *dir, double share)
{
    struct err err = ERR_INIT;
    struct sides sides = { 0 };
    struct dataset *dataset = open_split(dir, share, &err);
    if (!dataset)
        fail_msg("%s", err.text);
    sides.classes = dataset_classes(dataset);
    for (enum split side = SPLIT_TRAIN; side <= SPLIT_TEST; side++) {
        sides.count[side] = (int)dataset_count(dataset, side);
        for (int i = 0; i < sides.count[side]; i++)
            sides.of[side][content_of(dir, dataset, side, (size_t)i)]++;
    }
    dataset_close(dataset);
    return sides;
}

/* Contents 0 to 9 are of one class and 10 to 14 of another, in files that are called after `order`. */
static char *make(const char *below, int order)
{
    char *dir = folder_make(), name[64];
    for (int i = 0; i < 15; i++) {
        snprintf(name, sizeof name, "%s%s/%d.png", below, i < 10 ? "ant" : "cow", order ? 99 - i : i);
        photo_put(dir, name, i);
    }
    return dir;
}

static void a_share_of_each_class_is_held_out_by_its_content_alone(void **state)
{
    (void)state;
    char *dir = make("train/", 0), *other = make("", 1); /* class folders alone, other names */
    struct sides sides = split(dir, 0.2), others = split(other, 0.2);
    assert_int_equal(sides.classes, 2);
    assert_int_equal(sides.count[SPLIT_TEST], 3);
    assert_int_equal(sides.count[SPLIT_TRAIN], 12);
    int ants = 0;
    for (int i = 0; i < 15; i++) {
        assert_int_equal(sides.of[SPLIT_TEST][i], others.of[SPLIT_TEST][i]);
        assert_int_equal(sides.of[SPLIT_TEST][i] + sides.of[SPLIT_TRAIN][i], 1);
        ants += i < 10 && sides.of[SPLIT_TEST][i];
    }
    assert_int_equal(ants, 2);
    sides = split(dir, 0.5);
    assert_int_equal(sides.count[SPLIT_TEST], 8); /* 5 of 10 and, of 2.5, 3 */
    folder_remove(dir);
    folder_remove(other);
}

static void copies_of_an_image_never_lie_on_both_sides(void **state)
{
    (void)state;
    char *dir = make("train/", 0), name[64];
    for (int i = 0; i < 10; i++)
        for (int copy = 0; copy <= i; copy++) {
            snprintf(name, sizeof name, "train/ant/copy-%d-%d.png", i, copy);
            photo_put(dir, name, i);
        }
    for (int share = 1; share <= 9; share++) {
        struct sides sides = split(dir, share / 10.0);
        int held = 0;
        for (int i = 0; i < 10; i++) {
            assert_true(!sides.of[SPLIT_TEST][i] || !sides.of[SPLIT_TRAIN][i]);
            held += sides.of[SPLIT_TEST][i] > 0;
        }
        assert_int_equal(held, share);
    }
    /* Copies that have another label: a class whose images are all of another one too, and some of a third. */
    for (int i = 0; i < 10; i++) {
        snprintf(name, sizeof name, "train/insect/%d.png", i);
        photo_put(dir, name, i);
        snprintf(name, sizeof name, "train/cow/ant-%d.png", i);
        if (i < 4)
            photo_put(dir, name, i);
    }
    struct sides sides = split(dir, 0.3);
    int held = 0;
    for (int i = 0; i < 15; i++) {
        assert_true(!sides.of[SPLIT_TEST][i] || !sides.of[SPLIT_TRAIN][i]);
        held += i < 10 && sides.of[SPLIT_TEST][i];
    }
    assert_int_equal(held, 3);
    folder_remove(dir);
}

static void each_class_of_two_images_has_one_on_each_side(void **state)
{
    (void)state;
    char *dir = folder_make();
    photo_put(dir, "one/1.png", 1);
    photo_put(dir, "one/2.png", 1);
    photo_put(dir, "two/1.png", 2);
    photo_put(dir, "two/2.png", 3);
    struct err err = ERR_INIT;
    static const double shares[] = { 0.001, 0.2, 0.9 };
    for (int i = 0; i < 3; i++) {
        struct sides sides = split(dir, shares[i]);
        assert_int_equal(sides.of[SPLIT_TRAIN][1], 2);
        assert_int_equal(sides.count[SPLIT_TRAIN], 3);
        assert_int_equal(sides.count[SPLIT_TEST], 1);
    }
    photo_put(dir, "two/2.png", 2);
    assert_null(open_split(dir, 0.2, &err));
    assert_non_null(strstr(err.text, "no class has two that differ"));
    folder_remove(dir);
}

static void idx_files_are_split_too(void **state)
{
    (void)state;
    char *dir = folder_make(), path[512];
    static const char *const tests[] = { "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte" };
    struct err err = ERR_INIT;
    uint8_t pixels[IDX_SIDE * IDX_SIDE * 3];
    idx_dataset_put(dir, "");
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, tests[i]);
        assert_int_equal(remove(path), 0);
    }
    struct dataset *dataset = open_split(dir, 0.25, &err);
    if (!dataset)
        fail_msg("%s", err.text);
    assert_int_equal(dataset_count(dataset, SPLIT_TEST), 6); /* 2 of each 8, 8 and 7 */
    assert_int_equal(dataset_count(dataset, SPLIT_TRAIN), IDX_TRAIN - 6);
    struct sample_reader reader;
    bool seen[IDX_TRAIN] = { false };
    assert_int_equal(sample_reader_init(&reader, IDX_SIDE, DECODING_FULL, &err), 0);
    for (enum split side = SPLIT_TRAIN; side <= SPLIT_TEST; side++)
        for (size_t i = 0; i < dataset_count(dataset, side); i++) {
            assert_int_equal(dataset_read(dataset, side, i, &reader, pixels, &err), 0);
            int sample = pixels[0] / 10;
            assert_false(seen[sample]);
            seen[sample] = true;
            assert_int_equal(dataset_label(dataset, side, i), sample % 3);
        }
    sample_reader_release(&reader);
    dataset_close(dataset);
    folder_remove(dir);
}

static void what_is_there_to_test_on_is_taken_and_that_is_told(void **state)
{
    (void)state;
    char *dir = make("train/", 0);
    struct err err = ERR_INIT;
    photo_put(dir, "test/ant/1.png", 20);
    struct dataset *dataset = open_split(dir, 0.2, &err);
    assert_non_null(dataset);
    assert_int_equal(dataset_count(dataset, SPLIT_TRAIN), 15);
    assert_int_equal(dataset_notices(dataset)->count, 1);
    assert_non_null(strstr(dataset_notices(dataset)->lines[0], "'validation-split'"));
    dataset_close(dataset);
    folder_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_share_of_each_class_is_held_out_by_its_content_alone),
        cmocka_unit_test(copies_of_an_image_never_lie_on_both_sides),
        cmocka_unit_test(each_class_of_two_images_has_one_on_each_side),
        cmocka_unit_test(idx_files_are_split_too),
        cmocka_unit_test(what_is_there_to_test_on_is_taken_and_that_is_told),
    };
    return cmocka_run_group_tests_name("hold_out", tests, NULL, NULL);
}
