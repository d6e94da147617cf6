/* A finished training is not lost at its very end, whatever the file system of the models cannot do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "colours.h"
#include "dcls/base/notices.h"
#include "dcls/base/sha256.h"
#include "tests/shim/faults.h"

static void keep_notice(void *arg, const char *line)
{
    notices_add(arg, "%s", line);
}

static enum train_end train(const struct place *place, uint64_t seed, struct notices *notices, struct err *err)
{
    struct train_config config = config_of(place);
    struct train_observer observer = { .arg = notices, .notice = keep_notice };
    config.type = "mobilenet";
    config.image_size = 32;
    config.epochs = 1;
    config.seed = seed;
    return train_run(&config, &observer, err);
}

static void digest(const struct place *place, char hex[SHA256_HEX_SIZE])
{
    char path[192];
    snprintf(path, sizeof path, "%s/m/m.pth", place->models);
    assert_int_equal(sha256_file(path, hex, NULL), 0);
}

static void assert_nothing_beside(const struct place *place)
{
    struct fs_list list = { 0 };
    assert_int_equal(fs_list_hidden_dirs(place->models, 100, &list, NULL), 0);
    assert_int_equal(list.count, 0);
    fs_list_release(&list);
}

static void a_model_is_replaced_whatever_its_file_system_cannot_do(void **state)
{
    static const struct {
        int exchange, sync_dir, sync_all;
        bool lower;
    } cases[] = { { EINVAL, EINVAL, 0, false },
                  { ENOSYS, EBADF, ENOSYS, false },
                  { EPERM, EROFS, EPERM, false },
                  { 0, ENOTSUP, 0, true } };
    const struct place *place = *state;
    struct notices notices = { 0 };
    struct err err = ERR_INIT;
    char before[SHA256_HEX_SIZE], after[SHA256_HEX_SIZE];
    assert_int_equal(train(place, 1, &notices, &err), TRAIN_DONE);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[192];
        struct stat info;
        digest(place, before);
        snprintf(path, sizeof path, "%s/m", place->models);
        assert_int_equal(stat(path, &info), 0);
        faults.exchange = cases[i].exchange;
        faults.sync_dir = cases[i].sync_dir;
        faults.sync_all = cases[i].sync_all;
        faults.lower = cases[i].lower ? info.st_ino : 0;
        if (train(place, 2 + i, &notices, &err) != TRAIN_DONE)
            fail_msg("%s", err.text);
        memset(&faults, 0, sizeof faults);
        digest(place, after);
        assert_string_not_equal(before, after);
        assert_nothing_beside(place);
    }
    assert_int_equal(notices.count, 0);
    notices_release(&notices);
}

static void a_model_in_place_whose_last_flush_fails_is_trained_and_the_doubt_is_told(void **state)
{
    const struct place *place = *state;
    struct notices notices = { 0 };
    struct err err = ERR_INIT;
    struct stat info;
    char before[SHA256_HEX_SIZE], after[SHA256_HEX_SIZE];
    assert_int_equal(train(place, 1, &notices, &err), TRAIN_DONE);
    digest(place, before);
    assert_int_equal(stat(place->models, &info), 0);
    faults.sync_only = info.st_ino;
    faults.sync_dir = EIO;
    assert_int_equal(train(place, 2, &notices, &err), TRAIN_DONE);
    digest(place, after);
    assert_string_not_equal(before, after);
    assert_int_equal(notices.count, 1);
    assert_non_null(strstr(notices.lines[0], "/m' is in place, but a power cut may undo that"));
    memset(&faults, 0, sizeof faults);
    notices_release(&notices);
}

static void a_checkpoint_is_kept_where_its_folder_cannot_be_flushed_alone(void **state)
{
    const struct place *place = *state;
    struct notices notices = { 0 };
    struct train_observer observer = { .arg = &notices, .notice = keep_notice };
    struct train_config config = config_of(place);
    struct err err = ERR_INIT;
    char path[192];
    config.type = "mobilenet";
    config.image_size = 32;
    config.checkpoint = true;
    faults.sync_dir = ENOTSUP;
    assert_int_equal(train_run(&config, &observer, &err), TRAIN_DONE);
    assert_int_equal(notices.count, 0);
    snprintf(path, sizeof path, "%s/.checkpoints/m/last.safetensors", place->models);
    assert_true(fs_is_file(path));
    memset(&faults, 0, sizeof faults);
    notices_release(&notices);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_model_is_replaced_whatever_its_file_system_cannot_do, setup, teardown),
        cmocka_unit_test_setup_teardown(a_model_in_place_whose_last_flush_fails_is_trained_and_the_doubt_is_told, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_checkpoint_is_kept_where_its_folder_cannot_be_flushed_alone, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
