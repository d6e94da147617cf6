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
#include "tests/shim/faults.h"

static int setup(void **state)
{
    char pattern[] = "/tmp/dcls-models.XXXXXX";
    memset(&faults, 0, sizeof faults);
    faults.unsynced = true;
    *state = mkdtemp(pattern) ? strdup(pattern) : NULL;
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    memset(&faults, 0, sizeof faults);
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

/* As a node does it: on a thread, and then on the loop. */
static int remove_model(const char *dir, struct model_store *model_store, const char *name, const char *sha256,
                        bool *changed, struct err *err)
{
    struct model_left left;
    int result = model_folder_remove(dir, name, sha256, model_store_find(model_store, name), NULL, &left, err);
    *changed = left.is_known && model_store_take(model_store, name, left.model);
    return result;
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
    model_folder_recover(*state, "m1");
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
    put(*state, "m1/m1.pth", "weights");
    assert_true(model_store_look(model_store, "m1", told));
    assert_string_equal(model_store_sha256(model_store, "m1"), told);
    assert_int_equal(model_store_scan(model_store, NULL), 0);
    assert_false(model_store_look(model_store, "m1", NULL));
    assert_string_equal(model_store_sha256(model_store, "m1"), told);
    put(*state, "m1/m1.pth", "new weights"); /* told of the file before, not of this one */
    assert_int_equal(model_store_scan(model_store, NULL), 0);
    assert_string_not_equal(model_store_sha256(model_store, "m1"), told);
    model_store_close(model_store);
}

static void what_is_beside_the_weights_is_read_again_where_it_changed(void **state)
{
    put(*state, "m1/m1.pth", "weights");
    put(*state, "m1/classes.txt", "cow\n");
    struct model_store *model_store = model_store_open(*state, NULL);
    put(*state, "m1/m1.json", "{\"arguments\": {\"base_model\": \"resnet\"}, \"image_size\": 32}");
    put(*state, "m1/classes.txt", "hen\n");
    assert_int_equal(model_store_scan(model_store, NULL), 0);
    char *text = info_text(model_store);
    assert_non_null(strstr(text, "\"type\":\"resnet\",\"classes\":[\"hen\"],\"imageSize\":32"));
    free(text);
    model_store_close(model_store);
}

static void names_of(const struct model_store *model_store, struct strings *names)
{
    *names = (struct strings){ 0 };
    assert_int_equal(model_store_names(model_store, names), 0);
}

/* One of thousands: a file that is not replaced is written fast. */
static void put_model(const char *dir, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/%s/%s.pth", dir, name, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, name, strlen(name)), (ssize_t)strlen(name));
    assert_int_equal(close(fd), 0);
}

static void a_folder_may_hold_more_than_a_thousand_models(void **state)
{
    enum { MODELS = 1100 };
    struct err err = ERR_INIT;
    struct strings names;
    char name[65];
    bool changed = false;
    for (int i = 0; i < MODELS; i++) {
        snprintf(name, sizeof name, "m%04d", i);
        put_model(*state, name);
    }
    struct model_store *model_store = model_store_open(*state, &err);
    names_of(model_store, &names);
    assert_int_equal(names.count, MODELS);
    strings_release(&names);
    assert_int_equal(remove_model(*state, model_store, name, model_store_sha256(model_store, name), &changed, &err), 0);
    assert_true(changed);
    assert_false(is_there(*state, name));
    model_store_close(model_store);
}

static void the_newest_are_told_where_not_all_can_be(void **state)
{
    enum { MODELS = 2050 };
    static const struct timespec later[2] = { { .tv_sec = 4000000000 }, { .tv_sec = 4000000000 } };
    struct err err = ERR_INIT;
    struct strings names;
    char name[65], path[160];
    bool changed = false;
    for (int i = 0; i < MODELS; i++) { /* whose names are as long as names may be */
        snprintf(name, sizeof name, "m%063d", i);
        put_model(*state, name);
    }
    snprintf(path, sizeof path, "%s/%s.pth", name, name);
    char *last = fs_join(*state, path); /* by name */
    assert_int_equal(utimensat(AT_FDCWD, last, later, 0), 0);
    free(last);
    struct model_store *model_store = model_store_open(*state, &err);
    names_of(model_store, &names);
    assert_in_range(names.count, 1000, MODELS - 1);
    assert_string_equal(names.items[names.count - 1], name);
    char *text = info_text(model_store);
    assert_in_range(strlen(text), 1, 700000);
    free(text);
    for (int i = 0; i < MODELS; i++) { /* the others are there all the same */
        snprintf(name, sizeof name, "m%063d", i);
        assert_non_null(model_store_require(model_store, name, NULL, "node0", &err));
        if (strings_has(&names, name))
            continue;
        assert_int_equal(remove_model(*state, model_store, name, model_store_sha256(model_store, name), &changed, &err),
                         0);
        assert_false(is_there(*state, name));
    }
    strings_release(&names);
    model_store_close(model_store);
}

static void what_happens_while_a_thread_lists_the_folder_is_not_undone_by_what_it_found(void **state)
{
    struct local_models known, found;
    struct err err = ERR_INIT;
    bool changed = false;
    put(*state, "gone/gone.pth", "weights");
    put(*state, "same/same.pth", "weights");
    put(*state, "trained/trained.pth", "weights");
    struct model_store *model_store = model_store_open(*state, NULL);
    put(*state, "new/new.pth", "weights");
    assert_int_equal(model_store_snapshot(model_store, &known), 0);
    assert_int_equal(model_folder_list(*state, &known, NULL, &found, &err), 0);
    assert_int_equal(remove_model(*state, model_store, "gone", NULL, &changed, &err), 0);
    put(*state, "trained/trained.pth", "new weights");
    assert_true(model_store_look(model_store, "trained", NULL));
    char sha256[SHA256_HEX_SIZE];
    snprintf(sha256, sizeof sha256, "%s", model_store_sha256(model_store, "trained"));
    assert_int_equal(model_store_adopt(model_store, &found, &changed, &err), 0);
    assert_true(changed);
    assert_null(model_store_sha256(model_store, "gone"));
    assert_non_null(model_store_sha256(model_store, "new"));
    assert_string_equal(model_store_sha256(model_store, "trained"), sha256);
    assert_string_not_equal(model_store_sha256(model_store, "same"), sha256);
    local_models_release(&known);
    assert_int_equal(model_store_snapshot(model_store, &known), 0);
    assert_int_equal(model_folder_list(*state, &known, NULL, &found, &err), 0);
    assert_int_equal(model_store_adopt(model_store, &found, &changed, &err), 0);
    assert_false(changed);
    local_models_release(&known);
    model_store_close(model_store);
}

static void a_model_that_was_not_known_and_goes_while_a_thread_lists_the_folder_does_not_come_back(void **state)
{
    struct local_models known, found;
    struct err err = ERR_INIT;
    bool changed = true;
    struct model_store *model_store = model_store_open(*state, NULL);
    put(*state, "new/new.pth", "weights");
    assert_int_equal(model_store_snapshot(model_store, &known), 0);
    assert_int_equal(model_folder_list(*state, &known, NULL, &found, &err), 0);
    assert_int_equal(remove_model(*state, model_store, "new", NULL, &changed, &err), 0);
    assert_false(changed);
    assert_int_equal(model_store_adopt(model_store, &found, &changed, &err), 0);
    assert_false(changed);
    assert_null(model_store_sha256(model_store, "new"));
    local_models_release(&known);
    model_store_close(model_store);
}

static void a_model_is_there_as_it_was_read_until_it_changes_or_goes(void **state)
{
    struct err err = ERR_INIT;
    struct local_model *model;
    put(*state, "m1/m1.pth", "weights");
    assert_int_equal(model_folder_read(*state, "m1", NULL, NULL, NULL, &model, &err), MODEL_FOUND);
    put(*state, "m1/classes.txt", "cow\n");
    assert_true(model_folder_has(*state, model));
    put(*state, "m1/m1.pth", "new weights");
    assert_false(model_folder_has(*state, model));
    local_model_drop(model);
    assert_int_equal(model_folder_read(*state, "m1", NULL, NULL, NULL, &model, &err), MODEL_FOUND);
    struct model_left left;
    assert_int_equal(model_folder_remove(*state, "m1", NULL, model, NULL, &left, &err), 0);
    assert_false(model_folder_has(*state, model));
    local_model_drop(model);
}

static void a_list_that_is_stopped_is_none(void **state)
{
    const atomic_bool stop = true;
    struct local_models known = { 0 }, found;
    struct err err = ERR_INIT;
    put(*state, "m1/m1.pth", "weights");
    assert_int_equal(model_folder_list(*state, &known, &stop, &found, &err), -1);
    assert_string_equal(err.text, "stopped");
    assert_int_equal(found.count, 0);
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

static void names_that_are_no_text_count_as_what_stands_for_them(void **state)
{
    enum { BYTES = 300000 }; /* each is told as three */
    char *name = malloc(BYTES + 1);
    memset(name, 0xff, BYTES);
    name[BYTES] = '\0';
    put(*state, "m1/m1.pth", "weights");
    put(*state, "m1/classes.txt", name);
    free(name);
    struct model_store *model_store = model_store_open(*state, NULL);
    char *text = info_text(model_store);
    assert_non_null(strstr(text, "\"classes\":[]"));
    free(text);
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
    assert_true(model_store_look(model_store, "m1", NULL));
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
    bool changed = false;
    struct model_store *model_store = model_store_open(*state, NULL);
    assert_int_equal(remove_model(*state, model_store, "m1", NULL, &changed, &err), 0);
    assert_true(changed);
    assert_null(model_store_sha256(model_store, "m1"));
    assert_non_null(model_store_sha256(model_store, "m2"));
    assert_int_equal(fs_list_tree(*state, 100, &files, NULL), 0);
    assert_int_equal(files.count, 1);
    fs_list_release(&files);
    assert_int_equal(remove_model(*state, model_store, "m1", NULL, &changed, &err), 0); /* gone is fine */
    assert_false(changed);
    assert_int_equal(remove_model(*state, model_store, "../m2", NULL, &changed, &err), -1);
    model_store_close(model_store);
}

static void a_model_of_another_digest_is_not_removed(void **state)
{
    struct err err = ERR_INIT;
    char first[SHA256_HEX_SIZE];
    bool changed = false;
    put(*state, "m1/m1.pth", "weights");
    struct model_store *model_store = model_store_open(*state, NULL);
    snprintf(first, sizeof first, "%s", model_store_sha256(model_store, "m1"));
    put(*state, "m1/m1.pth", "new weights");
    put(*state, ".checkpoints/m1/last.safetensors", "moments");
    assert_int_equal(remove_model(*state, model_store, "m1", first, &changed, &err), 0);
    assert_true(changed); /* it was read, and is known now */
    assert_non_null(model_store_sha256(model_store, "m1"));
    assert_true(is_there(*state, "m1/m1.pth"));
    assert_true(is_there(*state, ".checkpoints/m1/last.safetensors"));
    assert_string_not_equal(model_store_sha256(model_store, "m1"), first);
    assert_int_equal(remove_model(*state, model_store, "m1", model_store_sha256(model_store, "m1"), &changed, &err), 0);
    assert_false(is_there(*state, "m1"));
    assert_false(is_there(*state, ".checkpoints/m1"));
    model_store_close(model_store);
}

static void a_model_that_cannot_be_removed_comes_back_with_its_checkpoint_and_says_why(void **state)
{
    struct err err = ERR_INIT;
    struct stat info;
    bool changed = true;
    put(*state, "m1/m1.pth", "weights");
    put(*state, ".checkpoints/m1/last.safetensors", "moments");
    struct model_store *model_store = model_store_open(*state, NULL);
    assert_int_equal(stat(*state, &info), 0);
    faults.sync_only = info.st_ino;
    faults.sync_dir = EIO;
    assert_int_equal(remove_model(*state, model_store, "m1", NULL, &changed, &err), -1);
    assert_non_null(strstr(err.text, strerror(EIO)));
    assert_false(changed);
    assert_true(is_there(*state, "m1/m1.pth"));
    assert_true(is_there(*state, ".checkpoints/m1/last.safetensors"));
    model_store_close(model_store);
}

static void a_model_of_which_a_file_cannot_be_deleted_is_removed_all_the_same(void **state)
{
    struct err err = ERR_INIT;
    bool changed = false;
    put(*state, "m1/m1.pth", "weights");
    put(*state, "m1/m1.json", "{}");
    put(*state, ".checkpoints/m1/last.safetensors", "moments");
    struct model_store *model_store = model_store_open(*state, NULL);
    faults.undying = "m1.json";
    assert_int_equal(remove_model(*state, model_store, "m1", NULL, &changed, &err), 0);
    assert_true(changed);
    assert_null(model_store_sha256(model_store, "m1"));
    assert_false(is_there(*state, "m1"));
    assert_false(is_there(*state, ".checkpoints/m1"));
    model_store_close(model_store);
}

static void a_model_that_cannot_be_read_is_removed_only_where_any_is_to_go(void **state)
{
    static const char some[] = "1111111111111111111111111111111111111111111111111111111111111111";
    struct err err = ERR_INIT;
    bool changed = true;
    put(*state, "m1/m1.json", "{}");
    char *path = fs_join(*state, "m1/m1.pth");
    assert_int_equal(symlink("m1.pth", path), 0);
    struct model_store *model_store = model_store_open(*state, NULL);
    assert_null(model_store_sha256(model_store, "m1"));
    assert_int_equal(remove_model(*state, model_store, "m1", some, &changed, &err), -1);
    assert_non_null(strstr(err.text, strerror(ELOOP)));
    assert_true(is_there(*state, "m1"));
    assert_int_equal(remove_model(*state, model_store, "m1", NULL, &changed, &err), 0);
    assert_false(is_there(*state, "m1"));
    assert_false(changed);
    free(path);
    model_store_close(model_store);
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
        IN_A_FOLDER(what_is_beside_the_weights_is_read_again_where_it_changed),
        IN_A_FOLDER(a_folder_may_hold_more_than_a_thousand_models),
        IN_A_FOLDER(the_newest_are_told_where_not_all_can_be),
        IN_A_FOLDER(what_happens_while_a_thread_lists_the_folder_is_not_undone_by_what_it_found),
        IN_A_FOLDER(a_model_that_was_not_known_and_goes_while_a_thread_lists_the_folder_does_not_come_back),
        IN_A_FOLDER(a_model_is_there_as_it_was_read_until_it_changes_or_goes),
        IN_A_FOLDER(a_list_that_is_stopped_is_none),
        IN_A_FOLDER(one_model_is_told_without_classes_that_would_take_too_much),
        IN_A_FOLDER(names_that_are_no_text_count_as_what_stands_for_them),
        IN_A_FOLDER(a_request_names_a_model_that_is_there_with_its_digest),
        IN_A_FOLDER(a_removed_model_leaves_nothing),
        IN_A_FOLDER(a_model_of_another_digest_is_not_removed),
        IN_A_FOLDER(a_model_that_cannot_be_removed_comes_back_with_its_checkpoint_and_says_why),
        IN_A_FOLDER(a_model_of_which_a_file_cannot_be_deleted_is_removed_all_the_same),
        IN_A_FOLDER(a_model_that_cannot_be_read_is_removed_only_where_any_is_to_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
