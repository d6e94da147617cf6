/* The image folder: what is listed, what is served, and that nothing gets out of it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "dcls/base/image_formats.h"
#include "folder.h"
#include "src/broker/images.h"

static char folder[FOLDER_SIZE], root[FOLDER_SIZE + 8];
static struct image_tree tree = { root, false };

static int set_up(void **state)
{
    (void)state;
    char target[FOLDER_SIZE + 32], link[FOLDER_SIZE + 32];
    folder_make(folder);
    snprintf(root, sizeof root, "%s/root", folder);
    folder_put(folder, "secret.png", "secret");
    folder_put(folder, "root/test/cow/3.jpg", "cow");
    folder_put(folder, "root/a.PNG", "png");
    folder_put(folder, "root/notes.txt", "text");
    folder_put(folder, "root/folder.png/x.jpeg", "x");
    folder_put(folder, "root/.hidden/1.jpg", "hidden");
    folder_put(folder, "root/test/cow/._3.jpg", "hidden");
    folder_put(folder, "root/__MACOSX/3.jpg", "hidden");
    folder_put(folder, "root/test/@eaDir/3.jpg", "hidden");
    folder_put(folder, "root/test/a\\b.jpg", "backslash");
    folder_put(folder, "root/store/6b86b273", "stored");
    snprintf(target, sizeof target, "%s/secret.png", folder);
    snprintf(link, sizeof link, "%s/out.png", root);
    assert_int_equal(symlink(target, link), 0);
    snprintf(link, sizeof link, "%s/up", root);
    assert_int_equal(symlink("..", link), 0);
    snprintf(link, sizeof link, "%s/text.png", root);
    assert_int_equal(symlink("notes.txt", link), 0);
    snprintf(link, sizeof link, "%s/stored.Jpe", root);
    assert_int_equal(symlink("store/6b86b273", link), 0);
    snprintf(link, sizeof link, "%s/fifo.png", root);
    assert_int_equal(mkfifo(link, 0600), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    folder_remove(folder);
    return 0;
}

static void images_are_listed_sorted_with_their_virtual_path(void **state)
{
    (void)state;
    cJSON *object = images_list(&tree, NULL);
    assert_non_null(object);
    char *text = cJSON_PrintUnformatted(cJSON_GetObjectItem(object, "images"));
    assert_non_null(strstr(text, "[\"./images/a.PNG\",\"./images/folder.png/x.jpeg\""));
    assert_non_null(strstr(text, "\"./images/test/cow/3.jpg\""));
    assert_non_null(strstr(text, "\"./images/stored.Jpe\""));
    assert_null(strstr(text, "._3"));
    assert_null(strstr(text, "@eaDir"));
    assert_null(strstr(text, "__MACOSX"));
    assert_null(strstr(text, "hidden"));
    assert_null(strstr(text, "b.jpg"));
    assert_null(strstr(text, "notes"));
    assert_null(strstr(text, "up/"));
    assert_null(strstr(text, "out.png"));
    cJSON_free(text);
    cJSON_Delete(object);
}

static void a_missing_folder_has_no_images(void **state)
{
    (void)state;
    cJSON *object = images_list(&(struct image_tree){ "/nonexistent/images", false }, NULL);
    assert_non_null(object);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(object, "images")), 0);
    cJSON_Delete(object);
}

static void an_image_is_opened_by_both_spellings(void **state)
{
    (void)state;
    int64_t size = -1;
    const char *type = NULL;
    folder_assert_open(images_open(&tree, "./images/test/cow/3.jpg", &size, &type), 3, "cow");
    assert_int_equal(size, 3);
    assert_string_equal(type, "image/jpeg");
    folder_assert_open(images_open(&tree, "images/a.PNG", &size, &type), 3, "png");
    assert_string_equal(type, "image/png");
    folder_assert_open(images_open(&tree, "images/stored.Jpe", &size, &type), 6, "stored");
    assert_string_equal(type, "image/jpeg");
}

static void every_format_of_a_dataset_is_listed_and_shown(void **state)
{
    (void)state;
    for (size_t i = 0; image_endings[i]; i++) {
        char name[64], path[80];
        int64_t size;
        const char *type = NULL;
        snprintf(name, sizeof name, "root/all/x%s", image_endings[i]);
        folder_put(folder, name, "x");
        snprintf(path, sizeof path, "./images/all/x%s", image_endings[i]);
        folder_assert_open(images_open(&tree, path, &size, &type), 1, "x");
        assert_string_equal(type, image_content_type(name));
        cJSON *object = images_list(&tree, NULL);
        char *text = cJSON_PrintUnformatted(object);
        assert_non_null(strstr(text, path));
        cJSON_free(text);
        cJSON_Delete(object);
    }
}

static void nothing_but_an_image_below_the_folder_is_opened(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "",
        "images",
        "images/",
        "./images/",
        "a.PNG",
        "./a.PNG",
        "/etc/passwd",
        "images//etc/passwd",
        "images/../secret.png",
        "./images/../secret.png",
        "images/test/../../secret.png",
        "../images/a.PNG",
        "images/./../secret.png",
        "images/up/secret.png",
        "images/out.png",
        "images/notes.txt",
        "images/text.png",
        "images/fifo.png",
        "images/folder.png",
        "images/missing.png",
        "images/.hidden/1.jpg",
        "images/test/cow/._3.jpg",
        "images/__MACOSX/3.jpg",
        "images/test/@eaDir/3.jpg",
        "images/test/a\\b.jpg",
        "images/store/6b86b273",
        "images//a.PNG",
        "images/a.PNG/",
        "images/a.PNG/..",
        "images\\..\\secret.png",
        "images/%2e%2e/secret.png",
        "images/a.PNG\n",
        "././images/a.PNG",
    };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        int64_t size;
        const char *type;
        int fd = images_open(&tree, paths[i], &size, &type);
        if (fd >= 0)
            fail_msg("'%s' is opened", paths[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(images_are_listed_sorted_with_their_virtual_path, set_up, tear_down),
        cmocka_unit_test(a_missing_folder_has_no_images),
        cmocka_unit_test_setup_teardown(an_image_is_opened_by_both_spellings, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_format_of_a_dataset_is_listed_and_shown, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_but_an_image_below_the_folder_is_opened, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
