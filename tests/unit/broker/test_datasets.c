/* The manifest of the image folder. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "folder.h"
#include "dcls/base/sha256.h"
#include "src/broker/datasets.h"

static char folder[FOLDER_SIZE];
static const struct image_tree tree = { folder, false };

static int set_up(void **state)
{
    (void)state;
    folder_make(folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    folder_remove(folder);
    return 0;
}

static void refresh(struct manifest *manifest)
{
    assert_int_equal(manifest_scan(manifest, NULL), 0);
    while (manifest_step(manifest, 1000)) {
    }
}

static char *text_of(const struct manifest *manifest)
{
    cJSON *object = manifest_json(manifest);
    assert_non_null(object);
    char *text = cJSON_PrintUnformatted(object);
    cJSON_Delete(object);
    assert_non_null(text);
    return text;
}

static void every_file_is_in_the_manifest_and_opened_by_its_hash(void **state)
{
    (void)state;
    folder_put(folder, "train/b/1.png", "one");
    folder_put(folder, "classes.txt", "a\nb\n");
    struct manifest *manifest = manifest_new(&tree, NULL);
    refresh(manifest);
    char hex[SHA256_HEX_SIZE], other[SHA256_HEX_SIZE], expected[512];
    assert_int_equal(sha256_bytes("one", 3, hex, NULL), 0);
    assert_int_equal(sha256_bytes("a\nb\n", 4, other, NULL), 0);
    snprintf(expected, sizeof expected,
             "{\"files\":[{\"path\":\"classes.txt\",\"size\":4,\"sha256\":\"%s\"},"
             "{\"path\":\"train/b/1.png\",\"size\":3,\"sha256\":\"%s\"}]}",
             other, hex);
    char *text = text_of(manifest);
    assert_string_equal(text, expected);
    cJSON_free(text);
    int64_t size = -1;
    folder_assert_open(manifest_open(manifest, hex, &size), 3, "one");
    assert_int_equal(size, 3);
    manifest_free(manifest);
}

static void the_last_manifest_holds_while_the_next_is_made(void **state)
{
    (void)state;
    folder_put(folder, "a", "one");
    folder_put(folder, "b", "two");
    struct manifest *manifest = manifest_new(&tree, NULL);
    refresh(manifest);
    folder_put(folder, "c", "three");
    assert_int_equal(manifest_scan(manifest, NULL), 0);
    assert_true(manifest_step(manifest, 0)); /* one file of three */
    char *text = text_of(manifest);
    assert_null(strstr(text, "\"c\""));
    assert_non_null(strstr(text, "\"b\""));
    cJSON_free(text);
    while (manifest_step(manifest, 0)) {
    }
    text = text_of(manifest);
    assert_non_null(strstr(text, "\"c\""));
    cJSON_free(text);
    manifest_free(manifest);
}

static void a_file_that_changed_is_hashed_anew_and_not_served_as_it_was(void **state)
{
    (void)state;
    folder_put(folder, "a", "one");
    struct manifest *manifest = manifest_new(&tree, NULL);
    refresh(manifest);
    char before[SHA256_HEX_SIZE], after[SHA256_HEX_SIZE];
    assert_int_equal(sha256_bytes("one", 3, before, NULL), 0);
    assert_int_equal(sha256_bytes("three", 5, after, NULL), 0);
    folder_put(folder, "a", "three");
    int64_t size;
    assert_int_equal(manifest_open(manifest, before, &size), -1);
    refresh(manifest);
    folder_assert_open(manifest_open(manifest, after, &size), 5, "three");
    manifest_free(manifest);
}

static void what_is_left_out_is_told_once_in_the_manifest(void **state)
{
    (void)state;
    char path[FOLDER_SIZE + 32];
    folder_put(folder, "train/a/1.png", "one");
    folder_put(folder, "train/a/._1.png", "hidden");
    folder_put(folder, "train/a/b\\c.png", "backslash");
    snprintf(path, sizeof path, "%s/train/b", folder);
    assert_int_equal(symlink("/tmp", path), 0);
    struct manifest *manifest = manifest_new(&tree, NULL);
    refresh(manifest);
    char *text = text_of(manifest);
    assert_non_null(strstr(text, "[{\"path\":\"train/a/1.png\",\"size\":3,"));
    const char *left_out = strstr(text, "}],\"leftOut\":");
    assert_non_null(left_out);
    assert_string_equal(left_out,
                        "}],\"leftOut\":{\"count\":2,\"first\":["
                        "{\"path\":\"train/a/b\\\\c.png\",\"reason\":\"its name has a backslash\"},"
                        "{\"path\":\"train/b\",\"reason\":\"a link out of the folder\"}],"
                        "\"notice\":\"2 entries of the broker's images are left out: "
                        "'train/a/b\\\\c.png' (its name has a backslash), 'train/b' (a link out of the folder); "
                        "the broker's option --follow-links follows links out of the folder\"}}");
    cJSON_free(text);
    assert_int_equal(unlink(path), 0);
    snprintf(path, sizeof path, "%s/train/a/b\\c.png", folder);
    assert_int_equal(unlink(path), 0);
    refresh(manifest);
    text = text_of(manifest);
    assert_null(strstr(text, "leftOut"));
    cJSON_free(text);
    manifest_free(manifest);
}

static void each_file_of_many_is_opened_by_its_hash(void **state)
{
    (void)state;
    for (int i = 0; i < 300; i++) {
        char name[32], text[16];
        snprintf(name, sizeof name, "%d/%d.png", i % 7, i);
        snprintf(text, sizeof text, "%d", i / 2); /* each twice */
        folder_put(folder, name, text);
    }
    struct manifest *manifest = manifest_new(&tree, NULL);
    refresh(manifest);
    folder_put(folder, "0/0.png", "changed"); /* its copy is still there */
    for (int i = 0; i < 150; i++) {
        char text[16], hex[SHA256_HEX_SIZE];
        int64_t size;
        snprintf(text, sizeof text, "%d", i);
        assert_int_equal(sha256_bytes(text, strlen(text), hex, NULL), 0);
        folder_assert_open(manifest_open(manifest, hex, &size), (int64_t)strlen(text), text);
    }
    char hex[SHA256_HEX_SIZE];
    int64_t size;
    assert_int_equal(sha256_bytes("none", 4, hex, NULL), 0);
    assert_int_equal(manifest_open(manifest, hex, &size), -1);
    manifest_free(manifest);
}

static void a_missing_folder_is_an_empty_dataset(void **state)
{
    (void)state;
    struct manifest *manifest = manifest_new(&(struct image_tree){ "/nonexistent/images", false }, NULL);
    refresh(manifest);
    char *text = text_of(manifest);
    assert_string_equal(text, "{\"files\":[]}");
    cJSON_free(text);
    int64_t size;
    assert_int_equal(manifest_open(manifest, "", &size), -1);
    manifest_free(manifest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_file_is_in_the_manifest_and_opened_by_its_hash, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_last_manifest_holds_while_the_next_is_made, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_changed_is_hashed_anew_and_not_served_as_it_was, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_left_out_is_told_once_in_the_manifest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_file_of_many_is_opened_by_its_hash, set_up, tear_down),
        cmocka_unit_test(a_missing_folder_is_an_empty_dataset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
