/* A dataset as people look at it: what is told of it, what stays open, and why an image cannot be shown. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <unistd.h>

#include "dataset_files.h"
#include "dcls/nn/dataset_view.h"

/* Seven ants and a cow, of which one more cannot be read. */
static int setup(void **state)
{
    char *dir = folder_make(), name[64];
    for (int i = 0; i < 7; i++) {
        snprintf(name, sizeof name, "train/ant/%d.png", i);
        image_put(dir, name, "rgb.png");
    }
    image_put(dir, "train/cow/1.png", "grey.png");
    file_put(dir, "train/cow/2.png", "no image", 8);
    *state = dir;
    return 0;
}

static int teardown(void **state)
{
    folder_remove(*state);
    return 0;
}

static struct dataset_view *view_of(const char *dir)
{
    struct dataset_view *view = dataset_view_new();
    struct err err = ERR_INIT;
    if (dataset_view_open(view, dir, true, &err))
        fail_msg("%s", err.text);
    return view;
}

static char *description(const struct dataset_view *view)
{
    cJSON *object = cJSON_CreateObject();
    struct err err = ERR_INIT;
    assert_int_equal(dataset_view_describe(view, object, &err), 0);
    cJSON_ReplaceItemInObject(object, "fingerprint", cJSON_CreateString("x"));
    char *text = cJSON_PrintUnformatted(object);
    cJSON_Delete(object);
    return text;
}

static void a_folder_is_told_with_images_that_lie_apart(void **state)
{
    struct dataset_view *view = view_of(*state);
    char *text = description(view);
    const char *wanted =
        "{\"kind\":\"folders\",\"classes\":[\"ant\",\"cow\"],\"splits\":[{\"name\":\"train\",\"images\":8,\"classes\":["
        "{\"name\":\"ant\",\"images\":7,\"samples\":[0,2,3,4,5,6]},{\"name\":\"cow\",\"images\":1,\"samples\":[7]}]}],"
        "\"unreadable\":{\"count\":1,\"first\":[{\"path\":\"train/cow/2.png\",\"reason\":\"";
    if (strncmp(text, wanted, strlen(wanted)))
        fail_msg("%s", text);
    assert_non_null(strstr(text, "\"leftOut\":{\"count\":0,\"first\":[]},\"fingerprint\":\"x\"}"));
    free(text);
    dataset_view_free(view);
}

static int show(const struct dataset_view *view, const char *split, int index, char why[256])
{
    struct thumbnail thumbnail;
    struct err err = ERR_INIT;
    int status = 0, failed = dataset_view_image(view, split, index, 16, &thumbnail, &status, &err);
    if (!failed)
        assert_true(thumbnail.width <= 16 && thumbnail.size > 2 && thumbnail.jpeg[0] == 0xff);
    thumbnail_release(&thumbnail);
    snprintf(why, 256, "%s", err.text);
    return failed ? status : 200;
}

static void an_image_that_cannot_be_shown_says_why_and_not_where_it_lies(void **state)
{
    const char *dir = *state;
    struct dataset_view *view = view_of(dir);
    char why[256], path[512];
    assert_int_equal(show(view, "train", 7, why), 200);
    assert_int_equal(show(view, "train", 8, why), 404);
    assert_string_equal(why, "there are 8 images to train on, and none of index 8");
    assert_int_equal(show(view, "train", -1, why), 404);
    assert_int_equal(show(view, "test", 0, why), 404);
    assert_int_equal(show(view, "../train", 0, why), 404);
    snprintf(path, sizeof path, "%s/train/ant/0.png", dir);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(show(view, "train", 0, why), 404);
    assert_string_equal(why, "'train/ant/0.png' is not there any more");
    file_put(dir, "train/ant/1.png", "no image any more", 17);
    assert_int_equal(show(view, "train", 1, why), 422);
    assert_ptr_equal(strstr(why, "'train/ant/1.png': "), why);
    assert_null(strstr(why, dir));
    dataset_view_free(view);
}

static void a_folder_that_cannot_be_opened_is_called_images(void **state)
{
    struct dataset_view *view = dataset_view_new();
    char *dir = folder_make();
    struct err err = ERR_INIT;
    (void)state;
    assert_int_equal(dataset_view_open(view, "/nowhere/at/all", true, &err), -1);
    assert_string_equal(err.text, "there is no dataset folder 'images'");
    file_put(dir, "train-images-idx3-ubyte", "no such file", 12);
    assert_int_equal(dataset_view_open(view, dir, true, &err), -1);
    assert_null(strstr(err.text, dir));
    assert_non_null(strstr(err.text, "'images/train-images-idx3-ubyte'"));
    dataset_view_free(view);
    folder_remove(dir);
}

static void what_was_opened_a_moment_ago_is_not_opened_again(void **state)
{
    const char *dir = *state;
    struct dataset_view *view = view_of(dir);
    struct err err = ERR_INIT;
    char before[65];
    snprintf(before, sizeof before, "%s", dataset_view_fingerprint(view));
    image_put(dir, "train/cow/3.png", "grey.png");
    assert_int_equal(dataset_view_open(view, dir, true, &err), 0);
    assert_string_equal(dataset_view_fingerprint(view), before);
    usleep(1100 * 1000);
    assert_int_equal(dataset_view_open(view, dir, false, &err), 0); /* for an image the listing stays */
    assert_string_equal(dataset_view_fingerprint(view), before);
    assert_int_equal(dataset_view_open(view, dir, true, &err), 0);
    assert_string_not_equal(dataset_view_fingerprint(view), before);
    assert_int_equal(dataset_view_open(view, "/nowhere", true, &err), -1);
    assert_int_equal(dataset_view_open(view, dir, false, &err), 0);
    dataset_view_free(view);
}

/* Names are told in three lists, and the whole has to fit a message. */
static void of_too_many_classes_the_first_are_told(void **state)
{
    char *dir = folder_make(), name[300];
    (void)state;
    for (int c = 0; c < 700; c++) {
        snprintf(name, sizeof name, "%0200d/1.png", c);
        image_put(dir, name, "1-bit.png");
    }
    struct dataset_view *view = view_of(dir);
    char *text = description(view);
    assert_true(strlen(text) < 600000);
    assert_non_null(strstr(text, "\"classesLeftOut\":"));
    free(text);
    dataset_view_free(view);
    folder_remove(dir);
}

static void idx_images_are_shown_as_they_are(void **state)
{
    char *dir = folder_make(), why[256];
    uint8_t pixels[3 * 8] = { 0 }, labels[3] = { 0, 1, 1 };
    (void)state;
    idx_put(dir, "train-images-idx3-ubyte.gz", 3, (int[]){ 3, 2, 4 }, pixels, sizeof pixels);
    idx_put(dir, "train-labels-idx1-ubyte", 1, (int[]){ 3 }, labels, sizeof labels);
    struct dataset_view *view = view_of(dir);
    char *text = description(view);
    assert_ptr_equal(strstr(text, "{\"kind\":\"idx\",\"classes\":[\"0\",\"1\"],"), text);
    assert_int_equal(show(view, "train", 2, why), 200);
    assert_int_equal(show(view, "train", 3, why), 404);
    free(text);
    dataset_view_free(view);
    folder_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_folder_is_told_with_images_that_lie_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(an_image_that_cannot_be_shown_says_why_and_not_where_it_lies, setup, teardown),
        cmocka_unit_test(a_folder_that_cannot_be_opened_is_called_images),
        cmocka_unit_test_setup_teardown(what_was_opened_a_moment_ago_is_not_opened_again, setup, teardown),
        cmocka_unit_test(of_too_many_classes_the_first_are_told),
        cmocka_unit_test(idx_images_are_shown_as_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
