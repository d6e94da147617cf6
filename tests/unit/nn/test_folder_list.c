/* What of a folder of images counts, what is left out of it and told, and when that is too much. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataset_files.h"
#include "dcls/base/sha256.h"
#include "nn/data/dataset.h"

#define NOBODY 65534

/* Twelve images of each of two classes to train on, two to test on. */
static int setup(void **state)
{
    char *dir = folder_make(), name[64];
    for (int i = 0; i < 12; i++)
        for (int c = 0; c < 2; c++) {
            snprintf(name, sizeof name, "train/%s/%02d.png", c ? "cow" : "ant", i);
            image_put(dir, name, "rgb.png");
        }
    image_put(dir, "test/ant/1.png", "rgb.png");
    image_put(dir, "test/cow/1.png", "rgb.png");
    *state = dir;
    return 0;
}

static int teardown(void **state)
{
    folder_remove(*state);
    return 0;
}

static void link_put(const char *dir, const char *name, const char *target)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_int_equal(symlink(target, path), 0);
}

static void folder_put(const char *dir, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_int_equal(mkdir(path, 0700), 0);
}

/* Opens it and expects so many images and, in that order, notices, in which "*" stands for anything. */
static void expect(const char *dir, size_t trained, size_t tested, const char *const *notices)
{
    struct err err = ERR_INIT;
    struct dataset *dataset = dataset_open(dir, NULL, &err);
    if (!dataset)
        fail_msg("%s", err.text);
    assert_int_equal(dataset_classes(dataset), 2);
    assert_string_equal(dataset_class(dataset, 0), "ant");
    assert_string_equal(dataset_class(dataset, 1), "cow");
    assert_int_equal(dataset_count(dataset, SPLIT_TRAIN), trained);
    assert_int_equal(dataset_count(dataset, SPLIT_TEST), tested);
    const struct notices *told = dataset_notices(dataset);
    for (size_t i = 0; i < told->count; i++) {
        if (!notices[i])
            fail_msg("unexpected: %s", told->lines[i]);
        if (fnmatch(notices[i], told->lines[i], FNM_NOESCAPE))
            fail_msg("'%s' instead of '%s'", told->lines[i], notices[i]);
    }
    assert_null(notices[told->count]);
    dataset_close(dataset);
}

#define EXPECT(dir, trained, tested, ...) expect(dir, trained, tested, (const char *const[]){ __VA_ARGS__ })

static void files_that_are_no_images_are_ignored_or_left_out_by_their_endings(void **state)
{
    const char *dir = *state;
    file_put(dir, "train/ant/notes.txt", "", 0);
    file_put(dir, "train/ant/jpg", "", 0);
    file_put(dir, "train/readme.md", "", 0);
    EXPECT(dir, 24, 2, NULL);
    file_put(dir, "train/ant/scan.TIF", "II*\0", 4);
    file_put(dir, "train/cow/broken.jpeg", "", 0);
    EXPECT(dir, 24, 2,
           "2 of 28 images cannot be read and are left out: 'train/ant/scan.TIF' (TIFF images and RAW photos are not "
           "read (*)), 'train/cow/broken.jpeg' (the image is empty)",
           NULL);
}

static void what_an_image_is_its_content_says_and_not_its_ending(void **state)
{
    const char *dir = *state;
    image_put(dir, "train/ant/a.JFIF", "grey.jpg");
    image_put(dir, "train/ant/b.jpe", "grey.jpg");
    image_put(dir, "train/ant/c.jpg", "rgb.png");
    image_put(dir, "train/ant/d.tif", "rgb.bmp");
    EXPECT(dir, 28, 2, NULL);
}

static void hidden_files_and_folders_are_neither_images_nor_classes(void **state)
{
    static const char *const names[] = { "train/ant/._01.png",      "train/.ipynb_checkpoints/1.png",
                                         "train/@eaDir/1.png",      "train/ant/@eaDir/1.png",
                                         "test/__MACOSX/ant/1.png", "train/ant/.cache/1.png" };
    const char *dir = *state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        file_put(dir, names[i], "no image", 8);
    EXPECT(dir, 24, 2, NULL);
}

static void an_empty_class_folder_is_no_class_and_one_that_is_not_trained_on_no_test(void **state)
{
    const char *dir = *state;
    folder_put(dir, "train/dog");
    file_put(dir, "train/bee/1.txt", "", 0);
    image_put(dir, "test/dog/1.png", "rgb.png");
    file_put(dir, "train/eel/1.png", "no image", 8);
    image_put(dir, "test/eel/1.png", "rgb.png");
    EXPECT(dir, 24, 2, "1 of 28 images cannot be read and is left out: 'train/eel/1.png' (not a * image)",
           "5 entries of the dataset's folder are left out: 'test/dog' (no class that is trained on), 'test/eel' (no "
           "class that is trained on), 'train/bee' (holds no images), 'train/dog' (holds no images), 'train/eel' "
           "(holds no images that can be read)",
           NULL);
}

static void a_folder_to_test_on_that_holds_no_class_is_passed_over_and_told(void **state)
{
    const char *dir = *state;
    image_put(dir, "val/1.png", "rgb.png");
    EXPECT(dir, 24, 2,
           "1 entry of the dataset's folder is left out: 'val' (holds no class folders with images, and is not "
           "tested on)",
           NULL);
}

static void links_are_followed_wherever_they_lead_but_in_circles(void **state)
{
    char *dir = *state, *elsewhere = folder_make(), path[512];
    image_put(elsewhere, "more/deeper/1.png", "rgb.png");
    image_put(elsewhere, "2.png", "rgb.png");
    snprintf(path, sizeof path, "%s/more", elsewhere);
    link_put(dir, "train/ant/more", path);
    snprintf(path, sizeof path, "%s/2.png", elsewhere);
    link_put(dir, "train/cow/more.png", path);
    EXPECT(dir, 26, 2, NULL);
    link_put(dir, "train/ant/loop", "..");
    link_put(elsewhere, "more/back", ".");
    link_put(dir, "train/round", "../train");
    link_put(dir, "train/itself", "itself");
    link_put(dir, "train/ant/gone", "nowhere");
    link_put(dir, "train/cow/gone.png", "nowhere.png");
    EXPECT(dir, 26, 2,
           "1 of 29 images cannot be read and is left out: 'train/cow/gone.png' (No such file or directory)",
           "5 entries of the dataset's folder are left out: 'train/ant/gone' (a link to nothing), "
           "'train/ant/loop' (a loop of links), 'train/ant/more/back' (a loop of links), 'train/itself' (a loop of "
           "links), 'train/round' (a loop of links)",
           NULL);
    folder_remove(elsewhere);
}

static void names_that_are_no_text_are_left_out(void **state)
{
    const char *dir = *state;
    image_put(dir, "train/ant/a\\b.png", "rgb.png");
    image_put(dir, "train/ant/a\nb.png", "rgb.png");
    image_put(dir, "train/ant/caf\xe9.png", "rgb.png");
    image_put(dir, "train/caf\xe9/1.png", "rgb.png");
    image_put(dir, "train/ant/caf\xc3\xa9.png", "rgb.png");
    file_put(dir, "train/ant/a\\b.txt", "", 0);
    EXPECT(dir, 25, 2,
           "4 entries of the dataset's folder are left out: 'train/ant/a\\b.png' (its name has a backslash), "
           "'train/ant/a\\x0ab.png' (its name has a control character), 'train/ant/caf\\xe9.png' (its name is not "
           "UTF-8), 'train/caf\\xe9' (its name is not UTF-8)",
           NULL);
}

static void what_may_not_be_read_or_is_no_file_is_left_out(void **state)
{
    const char *dir = *state;
    char path[512];
    assert_int_equal(chmod(dir, 0755), 0);
    folder_put(dir, "train/lost+found");
    image_put(dir, "train/ant/secret.png", "rgb.png");
    snprintf(path, sizeof path, "%s/train/ant/secret.png", dir);
    assert_int_equal(chmod(path, 0), 0);
    snprintf(path, sizeof path, "%s/train/lost+found", dir);
    assert_int_equal(chmod(path, 0), 0);
    snprintf(path, sizeof path, "%s/train/cow/pipe.png", dir);
    assert_int_equal(mkfifo(path, 0644), 0);
    int before = setfsuid(NOBODY); /* root may read everything */
    EXPECT(dir, 24, 2,
           "2 of 28 images cannot be read and are left out: 'train/ant/secret.png' (Permission denied), "
           "'train/cow/pipe.png' (no regular file)",
           "1 entry of the dataset's folder is left out: 'train/lost+found' (Permission denied)", NULL);
    setfsuid((uid_t)before);
}

static void more_than_a_tenth_of_unreadable_images_is_refused_with_their_names(void **state)
{
    const char *dir = *state;
    char name[64];
    struct err err = ERR_INIT;
    for (int i = 0; i < 2; i++) {
        snprintf(name, sizeof name, "train/ant/x%d.png", i);
        file_put(dir, name, "no image", 8);
    }
    image_put(dir, "train/ant/12.png", "rgb.png");
    image_put(dir, "train/ant/13.png", "rgb.png");
    struct dataset *dataset = dataset_open(dir, NULL, &err); /* 2 of 30 */
    assert_non_null(dataset);
    dataset_close(dataset);
    file_put(dir, "test/ant/x.png", "no image", 8);
    dataset = dataset_open(dir, NULL, &err); /* 3 of 31 */
    assert_non_null(dataset);
    dataset_close(dataset);
    file_put(dir, "test/cow/x.png", "", 0);
    assert_null(dataset_open(dir, NULL, &err));
    snprintf(name, sizeof name, "'%s': 4 of 32 images cannot be read, more than a tenth: ", dir);
    assert_ptr_equal(strstr(err.text, name), err.text);
    assert_non_null(strstr(err.text, "'test/ant/x.png' (not a "));
    assert_non_null(strstr(err.text, "'test/cow/x.png' (the image is empty), 'train/ant/x0.png' ("));
}

static void ten_of_what_is_left_out_are_named_and_all_counted(void **state)
{
    const char *dir = *state;
    char name[64];
    for (int i = 0; i < 13; i++) {
        snprintf(name, sizeof name, "train/dog%02d", 12 - i);
        folder_put(dir, name);
    }
    struct err err = ERR_INIT;
    struct dataset *dataset = dataset_open(dir, NULL, &err);
    assert_non_null(dataset);
    const char *told = dataset_notices(dataset)->lines[0];
    assert_ptr_equal(strstr(told, "13 entries of the dataset's folder are left out: 'train/dog00' ("), told);
    assert_non_null(strstr(told, "'train/dog09' (holds no images), ..."));
    assert_null(strstr(told, "dog10"));
    dataset_close(dataset);
}

static void a_path_that_is_too_long_is_left_out(void **state)
{
    const char *dir = *state;
    char folder[256], name[512], path[PATH_MAX];
    struct err err = ERR_INIT;
    memset(folder, 'd', 250);
    folder[250] = '\0';
    /* Deeper than a path may be long: made step by step. */
    int before = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    snprintf(path, sizeof path, "%s/train/ant", dir);
    assert_int_equal(chdir(path), 0);
    for (int i = 0; i < 18; i++) {
        assert_int_equal(mkdir(folder, 0700), 0);
        assert_int_equal(chdir(folder), 0);
    }
    for (int i = 0; i < 2; i++) {
        snprintf(name, sizeof name, "%d%.240s.png", i, folder);
        int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        close(fd);
    }
    assert_int_equal(fchdir(before), 0);
    close(before);
    struct dataset *dataset = dataset_open(dir, NULL, &err);
    if (!dataset)
        fail_msg("%s", err.text);
    const char *told = dataset_notices(dataset)->lines[0];
    assert_ptr_equal(strstr(told, "2 of 28 images cannot be read and are left out: '..."), told);
    assert_non_null(strstr(told, ".png' (its path is too long), '..."));
    dataset_close(dataset);
}

struct watch {
    int calls, last;
    bool cancel;
};

static void on_progress(void *arg, const char *what, size_t done, size_t total)
{
    struct watch *watch = arg;
    assert_string_equal(what, "checked");
    assert_int_equal(total, 26);
    assert_in_range(done, 1, total);
    watch->last = (int)done;
    watch->calls++;
}

static bool is_cancelled(void *arg)
{
    const struct watch *watch = arg;
    return watch->cancel;
}

static void opening_tells_how_far_it_is_and_can_be_cancelled(void **state)
{
    struct watch watch = { 0 };
    struct err err = ERR_INIT;
    struct dataset_options options = { .arg = &watch, .progress = on_progress, .cancelled = is_cancelled };
    struct dataset *dataset = dataset_open(*state, &options, &err);
    assert_non_null(dataset);
    dataset_close(dataset);
    assert_int_equal(watch.last, 26);
    watch.cancel = true;
    assert_null(dataset_open(*state, &options, &err));
    assert_string_equal(err.text, "cancelled");
}

static void fingerprint(const char *dir, double held_out, char hex[SHA256_HEX_SIZE])
{
    struct dataset_options options = { .validation_split = held_out, .as_it_is = held_out == 0 };
    struct err err = ERR_INIT;
    struct dataset *dataset = dataset_open(dir, &options, &err);
    if (!dataset)
        fail_msg("%s", err.text);
    snprintf(hex, SHA256_HEX_SIZE, "%s", dataset_fingerprint(dataset));
    assert_true(sha256_is_hex(hex));
    dataset_close(dataset);
}

static void a_fingerprint_tells_that_files_came_went_or_have_another_size(void **state)
{
    const char *dir = *state;
    char name[512], before[SHA256_HEX_SIZE], after[SHA256_HEX_SIZE];
    fingerprint(dir, 0, before);
    file_put(dir, "train/cow/note.txt", "no image", 8);
    fingerprint(dir, 0, after);
    assert_string_equal(before, after);
    image_put(dir, "train/cow/11.png", "grey.png");
    fingerprint(dir, 0, after);
    assert_string_not_equal(before, after);
    image_put(dir, "train/cow/11.png", "rgb.png");
    fingerprint(dir, 0, after);
    assert_string_equal(before, after);
    image_put(dir, "train/cow/12.png", "rgb.png");
    fingerprint(dir, 0, after);
    assert_string_not_equal(before, after);
    snprintf(name, sizeof name, "%s/train/cow/12.png", dir);
    assert_int_equal(unlink(name), 0);
    snprintf(name, sizeof name, "%s/test", dir);
    assert_int_equal(fs_remove_tree(name, NULL), 0);
    fingerprint(dir, 0, before);
    image_put(dir, "train/cow/13.png", "grey.png"); /* one that differs, to be held out */
    image_put(dir, "train/ant/13.png", "palette.png");
    fingerprint(dir, 0, before);
    fingerprint(dir, 0.5, after);
    assert_string_equal(before, after);
}

static void a_fingerprint_is_the_same_however_the_folder_is_spelled(void **state)
{
    static const char *const endings[] = { "/", "//", "/.", "/train/.." };
    char dir[512], plain[SHA256_HEX_SIZE], other[SHA256_HEX_SIZE];
    fingerprint(*state, 0, plain);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        snprintf(dir, sizeof dir, "%s%s", (const char *)*state, endings[i]);
        fingerprint(dir, 0, other);
        assert_string_equal(other, plain);
    }
}

/* More than a tenth cannot be read: that is for who looks to see. */
static void what_is_looked_at_as_it_is_needs_not_be_fit_to_train_on(void **state)
{
    const char *dir = *state;
    struct dataset_options options = { .as_it_is = true };
    struct err err = ERR_INIT;
    char name[64], path[512];
    for (int i = 0; i < 6; i++) {
        snprintf(name, sizeof name, "train/cow/%02d.png", i);
        file_put(dir, name, "no image", 8);
    }
    snprintf(path, sizeof path, "%s/test", dir);
    assert_int_equal(fs_remove_tree(path, NULL), 0);
    assert_null(dataset_open(dir, NULL, &err));
    struct dataset *dataset = dataset_open(dir, &options, &err);
    assert_non_null(dataset);
    assert_int_equal(dataset_count(dataset, SPLIT_TRAIN), 18);
    assert_int_equal(dataset_count(dataset, SPLIT_TEST), 0);
    assert_int_equal(dataset_unreadable(dataset)->count, 6);
    assert_string_equal(dataset_unreadable(dataset)->first[5].path, "train/cow/05.png");
    char *seventh = dataset_path(dataset, SPLIT_TRAIN, 12);
    assert_string_equal(seventh, "train/cow/06.png");
    free(seventh);
    dataset_close(dataset);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(files_that_are_no_images_are_ignored_or_left_out_by_their_endings),
        TEST(what_an_image_is_its_content_says_and_not_its_ending),
        TEST(hidden_files_and_folders_are_neither_images_nor_classes),
        TEST(an_empty_class_folder_is_no_class_and_one_that_is_not_trained_on_no_test),
        TEST(a_folder_to_test_on_that_holds_no_class_is_passed_over_and_told),
        TEST(links_are_followed_wherever_they_lead_but_in_circles),
        TEST(names_that_are_no_text_are_left_out),
        TEST(what_may_not_be_read_or_is_no_file_is_left_out),
        TEST(more_than_a_tenth_of_unreadable_images_is_refused_with_their_names),
        TEST(ten_of_what_is_left_out_are_named_and_all_counted),
        TEST(a_path_that_is_too_long_is_left_out),
        TEST(opening_tells_how_far_it_is_and_can_be_cancelled),
        TEST(a_fingerprint_tells_that_files_came_went_or_have_another_size),
        TEST(a_fingerprint_is_the_same_however_the_folder_is_spelled),
        TEST(what_is_looked_at_as_it_is_needs_not_be_fit_to_train_on),
    };
    return cmocka_run_group_tests_name("folder_list", tests, NULL, NULL);
}
