/* The store of models: what is listed, with which digest, and what removal leaves. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <unistd.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/base/fs.h"
#include "dcls/base/sha256.h"
#include "src/node/model_store.h"

static int setup(void **state)
{
    char pattern[] = "/tmp/dcls-models.XXXXXX";
    *state = mkdtemp(pattern) ? strdup(pattern) : NULL;
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    int failed = fs_remove_tree(*state, NULL);
    free(*state);
    return failed;
}

static void put(const char *dir, const char *path, const char *text)
{
    char *full = fs_join(dir, path), *slash = strrchr(full, '/');
    *slash = 0;
    assert_int_equal(fs_make_dirs(full, NULL), 0);
    *slash = '/';
    assert_int_equal(fs_write(full, text, strlen(text), NULL), 0);
    free(full);
}

static bool is_there(const char *dir, const char *path)
{
    char *full = fs_join(dir, path);
    bool there = !access(full, F_OK);
    free(full);
    return there;
}

static char *info_text(const struct model_store *model_store)
{
    cJSON *info = model_store_info(model_store);
    char *text = cJSON_PrintUnformatted(info);
    cJSON_Delete(info);
    return text;
}

static void a_model_is_a_folder_with_weights_of_its_name(void **state)
{
    put(*state, "m1/m1.pth", "weights");
    put(*state, "empty/readme", "none");
    put(*state, "other/another.pth", "weights");
    put(*state, ".m2.x/.m2.x.pth", "staging");
    put(*state, "b d/b d.pth", "no name");
    struct model_store *model_store = model_store_open(*state, NULL);
    struct strings names = { 0 };
    assert_int_equal(model_store_names(model_store, &names), 0);
    assert_int_equal(names.count, 1);
    assert_string_equal(names.items[0], "m1");
    strings_release(&names);
    model_store_close(model_store);
}

static void what_a_crash_left_is_put_right_before_any_model_is_listed(void **state)
{
    static const char temporary[] = ".checkpoints/m1/.0123456789abcdef.tmp";
    put(*state, ".m1.dcls-old/m1.pth", "weights");
    put(*state, ".m1.dcls-tmp-abcdef/m1.pth", "half");
    put(*state, temporary, "half");
    put(*state, ".checkpoints/m1/last.safetensors", "whole");
    struct model_store *model_store = model_store_open(*state, NULL);
    char *left = fs_join(*state, temporary), *rubbish = fs_join(*state, ".m1.dcls-tmp-abcdef");
    char *kept = fs_join(*state, ".checkpoints/m1/last.safetensors");
    assert_non_null(model_store_sha256(model_store, "m1"));
    assert_false(fs_is_file(left));
    assert_false(fs_is_dir(rubbish));
    assert_true(fs_is_file(kept));
    free(kept);
    free(rubbish);
    free(left);
    model_store_close(model_store);
}

static void a_worker_that_died_leaves_nothing_half_written_of_its_own(void **state)
{
    static const char its[] = ".checkpoints/m1/.0123456789abcdef.tmp";
    static const char others[] = ".checkpoints/m10/.0123456789abcdef.tmp";
    struct model_store *model_store = model_store_open(*state, NULL);
    put(*state, its, "half");
    put(*state, others, "half");
    model_store_recover(model_store, "m1");
    char *left = fs_join(*state, its), *kept = fs_join(*state, others);
    assert_false(fs_is_file(left));
    assert_true(fs_is_file(kept));
    free(kept);
    free(left);
    model_store_close(model_store);
}

static void a_model_of_the_python_system_tells_type_and_classes(void **state)
{
    char sha256[SHA256_HEX_SIZE], wanted[512];
    put(*state, "m1/m1.pth", "weights");
    put(*state, "m1/m1.json", "{\"arguments\": {\"base_model\": \"mobilenet\"}, \"epochs\": 1}");
    put(*state, "m1/m1.txt", "Epoch");
    put(*state, "m1/classes.txt", "cow\r\nhen house\n\n");
    sha256_bytes("weights", 7, sha256, NULL);
    struct model_store *model_store = model_store_open(*state, NULL);
    char *text = info_text(model_store);
    snprintf(wanted, sizeof wanted,
             "[{\"name\":\"m1\",\"sha256\":\"%s\",\"type\":\"mobilenet\","
             "\"classes\":[\"cow\",\"hen house\"],\"imageSize\":224,\"bytes\":7}]",
             sha256);
    assert_string_equal(text, wanted);
    free(text);
    model_store_close(model_store);
}

static void the_report_tells_the_image_size(void **state)
{
    put(*state, "m1/m1.pth", "weights");
    put(*state, "m1/m1.json", "{\"arguments\": {\"base_model\": \"resnet\"}, \"image_size\": 32}");
    struct model_store *model_store = model_store_open(*state, NULL);
    char *text = info_text(model_store);
    assert_non_null(strstr(text, "\"type\":\"resnet\",\"classes\":[],\"imageSize\":32"));
    free(text);
    model_store_close(model_store);
}

static void a_replaced_model_has_another_digest_after_a_scan(void **state)
{
    char first[SHA256_HEX_SIZE], second[SHA256_HEX_SIZE];
    put(*state, "m1/m1.pth", "weights");
    struct model_store *model_store = model_store_open(*state, NULL);
    snprintf(first, sizeof first, "%s", model_store_sha256(model_store, "m1"));
    put(*state, "m1/m1.pth", "other weights");
    assert_int_equal(model_store_scan(model_store, NULL), 0);
    snprintf(second, sizeof second, "%s", model_store_sha256(model_store, "m1"));
    assert_string_not_equal(first, second);
    model_store_close(model_store);
}

static void a_digest_that_was_told_is_not_computed_again(void **state)
{
    static const char told[] = "1111111111111111111111111111111111111111111111111111111111111111";
    struct model_store *model_store = model_store_open(*state, NULL);
    cJSON *info = cJSON_CreateObject();
    cJSON_AddStringToObject(info, "name", "m1");
    cJSON_AddStringToObject(info, "sha256", told);
    model_store_learn(model_store, info);
    put(*state, "m1/m1.pth", "weights");
    assert_int_equal(model_store_scan(model_store, NULL), 0);
    assert_string_equal(model_store_sha256(model_store, "m1"), told);
    put(*state, "m1/m1.pth", "new weights"); /* told of the file before, not of this one */
    assert_int_equal(model_store_scan(model_store, NULL), 0);
    assert_string_not_equal(model_store_sha256(model_store, "m1"), told);
    cJSON_Delete(info);
    model_store_close(model_store);
}

static void one_model_is_told_without_classes_that_would_take_too_much(void **state)
{
    put(*state, "m1/m1.pth", "weights");
    put(*state, "m1/classes.txt", "cow\nhen\n");
    struct model_store *model_store = model_store_open(*state, NULL);
    for (size_t max = 0; max <= 100; max += 100) {
        cJSON *info = model_store_entry(model_store, "m1", max);
        assert_string_equal(cJSON_GetObjectItem(info, "name")->valuestring, "m1");
        assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(info, "classes")), max ? 2 : 0);
        cJSON_Delete(info);
    }
    assert_null(model_store_entry(model_store, "m2", 100));
    model_store_close(model_store);
}

static void a_request_names_a_model_that_is_there_with_its_digest(void **state)
{
    static const char other[] = "1111111111111111111111111111111111111111111111111111111111111111";
    struct err err = ERR_INIT;
    struct model_store *model_store = model_store_open(*state, NULL);
    assert_null(model_store_require(model_store, "m1", NULL, "node0", &err));
    assert_string_equal(err.text, "model 'm1' not found on node 'node0'");
    put(*state, "m1/m1.pth", "weights"); /* by hand, behind the node's back */
    const char *sha256 = model_store_require(model_store, "m1", NULL, "node0", &err);
    assert_non_null(sha256);
    assert_string_equal(model_store_require(model_store, "m1", sha256, "node0", &err), sha256);
    assert_null(model_store_require(model_store, "m1", other, "node0", &err));
    assert_string_equal(err.text, "node 'node0' has another model 'm1'");
    model_store_close(model_store);
}

static void a_removed_model_leaves_nothing(void **state)
{
    struct fs_list files = { 0 };
    struct err err = ERR_INIT;
    put(*state, "m1/m1.pth", "weights");
    put(*state, "m2/m2.pth", "weights");
    put(*state, ".checkpoints/m1/last.safetensors", "moments");
    struct model_store *model_store = model_store_open(*state, NULL);
    assert_int_equal(model_store_remove(model_store, "m1", NULL, &err), 0);
    assert_null(model_store_sha256(model_store, "m1"));
    assert_non_null(model_store_sha256(model_store, "m2"));
    assert_int_equal(fs_list_tree(*state, 100, &files, NULL), 0);
    assert_int_equal(files.count, 1);
    fs_list_release(&files);
    assert_int_equal(model_store_remove(model_store, "m1", NULL, &err), 0); /* gone is fine */
    assert_int_equal(model_store_remove(model_store, "../m2", NULL, &err), -1);
    model_store_close(model_store);
}

static void a_model_of_another_digest_is_not_removed(void **state)
{
    struct err err = ERR_INIT;
    char first[SHA256_HEX_SIZE];
    put(*state, "m1/m1.pth", "weights");
    struct model_store *model_store = model_store_open(*state, NULL);
    snprintf(first, sizeof first, "%s", model_store_sha256(model_store, "m1"));
    put(*state, "m1/m1.pth", "new weights");
    put(*state, ".checkpoints/m1/last.safetensors", "moments");
    assert_int_equal(model_store_remove(model_store, "m1", first, &err), 0);
    assert_non_null(model_store_sha256(model_store, "m1"));
    assert_true(is_there(*state, "m1/m1.pth"));
    assert_true(is_there(*state, ".checkpoints/m1/last.safetensors"));
    assert_string_not_equal(model_store_sha256(model_store, "m1"), first);
    assert_int_equal(model_store_remove(model_store, "m1", model_store_sha256(model_store, "m1"), &err), 0);
    assert_false(is_there(*state, "m1"));
    assert_false(is_there(*state, ".checkpoints/m1"));
    model_store_close(model_store);
}

static void a_model_that_cannot_be_removed_comes_back_and_says_why(void **state)
{
    struct err err = ERR_INIT;
    char deep[300] = "m1", half[300] = "";
    put(*state, "m1/m1.pth", "weights");
    for (int i = 0; i < 70; i++) {
        strncat(deep, "/d", sizeof deep - strlen(deep) - 1);
        if (i == 35)
            snprintf(half, sizeof half, "%s", deep);
    }
    strncat(deep, "/f", sizeof deep - strlen(deep) - 1);
    put(*state, deep, "");
    struct model_store *model_store = model_store_open(*state, NULL);
    assert_int_equal(model_store_remove(model_store, "m1", NULL, &err), -1);
    assert_non_null(strstr(err.text, "nested too deep"));
    assert_true(is_there(*state, "m1"));
    model_store_close(model_store);
    /* For the teardown. */
    char *from = fs_join(*state, half), *to = fs_join(*state, "rest");
    assert_int_equal(rename(from, to), 0);
    free(from);
    free(to);
}

int main(void)
{
#define IN_A_FOLDER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        IN_A_FOLDER(a_model_is_a_folder_with_weights_of_its_name),
        IN_A_FOLDER(what_a_crash_left_is_put_right_before_any_model_is_listed),
        IN_A_FOLDER(a_worker_that_died_leaves_nothing_half_written_of_its_own),
        IN_A_FOLDER(a_model_of_the_python_system_tells_type_and_classes),
        IN_A_FOLDER(the_report_tells_the_image_size),
        IN_A_FOLDER(a_replaced_model_has_another_digest_after_a_scan),
        IN_A_FOLDER(a_digest_that_was_told_is_not_computed_again),
        IN_A_FOLDER(one_model_is_told_without_classes_that_would_take_too_much),
        IN_A_FOLDER(a_request_names_a_model_that_is_there_with_its_digest),
        IN_A_FOLDER(a_removed_model_leaves_nothing),
        IN_A_FOLDER(a_model_of_another_digest_is_not_removed),
        IN_A_FOLDER(a_model_that_cannot_be_removed_comes_back_and_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
