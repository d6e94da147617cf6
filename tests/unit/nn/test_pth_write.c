/* PyTorch's weight files, written. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/stat.h>

#include "dataset_files.h"
#include "nn/formats/pth.h"
#include "nn/formats/weight_file.h"
#include "small_net.h"

static void what_is_written_is_read_again(void **state)
{
    (void)state;
    char *dir = folder_make(), path[512];
    struct err err = ERR_INIT;
    struct weights *written = small_weights(), *read = weights_new(&small_net, NULL);
    assert_non_null(read);
    snprintf(path, sizeof(path), "%s/m.pth", dir);
    struct weight_file_notes notes = { .replaced = true, .taken = "x" };
    if (pth_write(path, &small_net, written, &err) || weight_file_read(path, &small_net, read, true, &notes, &err))
        fail_msg("%s", err.text);
    assert_false(notes.replaced);
    assert_string_equal(notes.taken, "");
    assert_memory_equal(read->params, written->params, 15 * sizeof(float));
    assert_memory_equal(read->running_stats, written->running_stats, 2 * sizeof(float));
    assert_int_equal(read->tracked[0], 70000);
    weights_free(written);
    weights_free(read);
    folder_remove(dir);
}

static void equal_weights_give_equal_bytes_under_any_name_zone_and_time(void **state)
{
    (void)state;
    char *dir = folder_make(), path[512], *bytes[2];
    size_t counts[2];
    struct weights *weights = small_weights();
    for (int i = 0; i < 2; i++) {
        assert_int_equal(setenv("TZ", i ? "Pacific/Auckland" : "America/New_York", 1), 0);
        snprintf(path, sizeof(path), "%s/%s", dir, i ? "other-name.pth" : "m.pth");
        assert_int_equal(pth_write(path, &small_net, weights, NULL), 0);
        assert_int_equal(pth_write(path, &small_net, weights, NULL), 0); /* replaces */
        assert_int_equal(fs_read(path, 1 << 20, &bytes[i], &counts[i], NULL), 0);
    }
    assert_int_equal(counts[0], counts[1]);
    assert_memory_equal(bytes[0], bytes[1], counts[0]);
    struct fs_list list = { 0 };
    assert_int_equal(fs_list_files(dir, 100, &list, NULL), 0);
    assert_int_equal(list.count, 2); /* no temporary is left */
    fs_list_release(&list);
    free(bytes[0]);
    free(bytes[1]);
    weights_free(weights);
    folder_remove(dir);
}

static void a_file_that_cannot_be_written_leaves_nothing(void **state)
{
    (void)state;
    char *dir = folder_make(), path[512];
    struct err err = ERR_INIT;
    struct weights *weights = small_weights();
    snprintf(path, sizeof(path), "%s/missing/m.pth", dir);
    assert_int_equal(pth_write(path, &small_net, weights, &err), -1);
    assert_non_null(strstr(err.text, path));
    snprintf(path, sizeof(path), "%s/m.pth", dir);
    assert_int_equal(mkdir(path, 0700), 0); /* a folder cannot be replaced */
    assert_int_equal(pth_write(path, &small_net, weights, &err), -1);
    struct fs_list list = { 0 };
    assert_int_equal(fs_list_files(dir, 100, &list, NULL), 0);
    assert_int_equal(list.count, 0);
    fs_list_release(&list);
    weights_free(weights);
    folder_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(equal_weights_give_equal_bytes_under_any_name_zone_and_time),
        cmocka_unit_test(a_file_that_cannot_be_written_leaves_nothing),
    };
    return cmocka_run_group_tests_name("pth_write", tests, NULL, NULL);
}
