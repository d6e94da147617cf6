/* Trainings that were stopped go on as if they had not been, and what cannot be resumed is refused by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "colours.h"
#include "dcls/base/notices.h"
#include "nn/formats/safetensors.h"

#define EPOCHS 4

/* Cancels in the epoch behind `epochs`. */
struct stop {
    int epochs, seen;
};

static void count_epoch(void *arg, const struct train_progress *progress, const struct epoch_result *result)
{
    struct stop *stop = arg;
    stop->seen = result->epoch;
    assert_int_equal(progress->epoch, result->epoch);
}

static bool is_enough(void *arg)
{
    const struct stop *stop = arg;
    return stop->seen >= stop->epochs;
}

static void train_until(const struct train_config *config, int epochs)
{
    struct stop stop = { .epochs = epochs };
    struct train_observer observer = { .arg = &stop, .epoch = count_epoch, .cancelled = is_enough };
    struct err err = ERR_INIT;
    enum train_end wanted = epochs < EPOCHS ? TRAIN_CANCELLED : TRAIN_DONE;
    stop.epochs = epochs < EPOCHS ? epochs : EPOCHS + 1;
    if (train_run(config, &observer, &err) != wanted)
        fail_msg("%s", err.text);
}

static char *model_bytes(const struct place *place, const char *model, size_t *count)
{
    char path[192], *bytes;
    struct err err = ERR_INIT;
    snprintf(path, sizeof path, "%s/%s/%s.pth", place->models, model, model);
    if (fs_read(path, 1 << 27, &bytes, count, &err))
        fail_msg("%s", err.text);
    return bytes;
}

static void assert_same_model(const struct place *place, const char *a, const char *b)
{
    size_t first_count, second_count;
    char *first = model_bytes(place, a, &first_count), *second = model_bytes(place, b, &second_count);
    assert_int_equal(first_count, second_count);
    assert_memory_equal(first, second, first_count);
    free(first);
    free(second);
}

/* Trains "whole" at once, and "m" in two runs of which the second is told nothing but the name. */
static void compare_runs(struct place *place, struct train_config config)
{
    config.epochs = EPOCHS;
    config.model_name = "whole";
    train_until(&config, EPOCHS);
    config.model_name = "m";
    config.checkpoint = true;
    train_until(&config, 2);
    struct train_config rest = config_of(place);
    rest.type = config.type;
    rest.resume = "m";
    rest.epochs = 0;
    rest.seed = 99; /* and other defaults: the checkpoint's hold */
    train_until(&rest, EPOCHS);
    assert_same_model(place, "whole", "m");
    char *log = read_text(place, "m.txt");
    assert_ptr_equal(strstr(log, "Epoch [1/4], "), log);
    assert_non_null(strstr(log, "\nEpoch [4/4], "));
    free(log);
}

static void a_resumed_training_is_bit_for_bit_the_one_that_was_not_stopped(void **state)
{
    struct train_config config = config_of(*state);
    config.type = "mobilenet"; /* which drops at random */
    config.image_size = 32;
    config.optimizer = "sgd";
    config.momentum = 0.9;
    config.weight_decay = 0.01;
    config.scheduler = "cosine";
    config.warmup_epochs = 1;
    config.label_smoothing = 0.1;
    config.class_weights = "balanced";
    config.augment = "strong";
    compare_runs(*state, config);
}

static void so_it_is_with_adam_and_patience(void **state)
{
    struct train_config config = config_of(*state);
    config.patience = 3;
    compare_runs(*state, config);
}

static void so_it_is_with_frozen_layers(void **state)
{
    struct train_config config = config_of(*state);
    config.type = "efficientnet";
    config.image_size = 32;
    config.freeze = true;
    compare_runs(*state, config);
}

static void a_finished_training_goes_on_under_another_name(void **state)
{
    const struct place *place = *state;
    struct train_config config = config_of(place);
    config.epochs = EPOCHS;
    config.model_name = "whole";
    train_until(&config, EPOCHS);
    config.model_name = "m";
    config.epochs = 3;
    config.checkpoint = true;
    struct err err = ERR_INIT;
    assert_int_equal(train_run(&config, NULL, &err), TRAIN_DONE);
    config.model_name = "longer";
    config.resume = "m";
    config.epochs = EPOCHS;
    assert_int_equal(train_run(&config, NULL, &err), TRAIN_DONE);
    assert_same_model(place, "whole", "longer");
}

static void the_weights_of_the_best_epoch_are_a_file_of_their_own(void **state)
{
    const struct place *place = *state;
    struct train_config config = config_of(place);
    struct err err = ERR_INIT;
    char path[192], *bytes;
    size_t count;
    config.checkpoint = true;
    config.epochs = 1;
    assert_int_equal(train_run(&config, NULL, &err), TRAIN_DONE);
    snprintf(path, sizeof path, "%s/.checkpoints/m/best.safetensors", place->models);
    assert_int_equal(fs_read(path, 1 << 27, &bytes, &count, &err), 0);
    assert_true(safetensors_is(bytes, count));
    free(bytes);
    config.weights_file = path;
    config.checkpoint = false;
    config.model_name = "n";
    if (train_run(&config, NULL, &err) != TRAIN_DONE)
        fail_msg("%s", err.text);
}

static void assert_refused(const struct train_config *config, const char *why)
{
    struct err err = ERR_INIT;
    assert_int_equal(train_run(config, NULL, &err), TRAIN_ERROR);
    if (!strstr(err.text, why))
        fail_msg("'%s' does not say '%s'", err.text, why);
}

static void what_cannot_be_resumed_is_refused_by_name(void **state)
{
    const struct place *place = *state;
    struct train_config config = config_of(place);
    struct err err = ERR_INIT;
    config.resume = "m";
    assert_refused(&config, "there is no checkpoint of 'm' to resume from");
    config.resume = NULL;
    config.checkpoint = true;
    assert_int_equal(train_run(&config, NULL, &err), TRAIN_DONE);
    config.resume = "m";
    assert_refused(&config, "'m' has been trained for 2 epochs: to go on it needs more than that");
    config.epochs = 3;
    config.type = "mobilenet";
    assert_refused(&config, "'m' is a resnet, not a mobilenet");
    config.type = "resnet";
    char from[192], to[192];
    snprintf(from, sizeof from, "%s/train/red", place->data);
    snprintf(to, sizeof to, "%s/train/rose", place->data);
    assert_int_equal(rename(from, to), 0);
    snprintf(from, sizeof from, "%s/test/red", place->data);
    snprintf(to, sizeof to, "%s/test/rose", place->data);
    assert_int_equal(rename(from, to), 0);
    assert_refused(&config, "other classes");
}

/* A checkpoint of which the last byte, or everything behind some byte, lacks; or of which one piece is renamed. */
static void a_damaged_checkpoint_is_refused(void **state)
{
    const struct place *place = *state;
    struct train_config config = config_of(place);
    struct err err = ERR_INIT;
    char path[192], *bytes;
    size_t count;
    config.type = "mobilenet";
    config.image_size = 32;
    config.checkpoint = true;
    assert_int_equal(train_run(&config, NULL, &err), TRAIN_DONE);
    config.resume = "m";
    config.epochs = 3;
    snprintf(path, sizeof path, "%s/.checkpoints/m/last.safetensors", place->models);
    assert_int_equal(fs_read(path, 1 << 28, &bytes, &count, &err), 0);
    const size_t cuts[] = { 0, 1, 8, 100, 1000, count / 2, count - 1 };
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        assert_int_equal(fs_write(path, bytes, cuts[i], &err), 0);
        assert_refused(&config, "safetensors");
    }
    static const char *const words[] = { "\"moments2\"",       "\"results\"",  "\"trained\"",           "\\\"seed\\\"",
                                         "\\\"batch_size\\\"", "\\\"step\\\"", "\\\"trained_images\\\"" };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        char *at = memmem(bytes, count, words[i], strlen(words[i]));
        assert_non_null(at);
        at[3] = (char)(at[3] + 1);
        assert_int_equal(fs_write(path, bytes, count, &err), 0);
        assert_refused(&config, "");
        at[3] = (char)(at[3] - 1);
    }
    /* What an earlier version did not write may lack. */
    char *at = memmem(bytes, count, "validation_split", strlen("validation_split"));
    assert_non_null(at);
    *at = 'V';
    assert_int_equal(fs_write(path, bytes, count, &err), 0);
    free(bytes);
    if (train_run(&config, NULL, &err) != TRAIN_DONE)
        fail_msg("%s", err.text);
}

/* Each is told once. */
static void hear_notice(void *arg, const char *line)
{
    assert_true(notices_add(arg, "%s", line));
}

static void a_checkpoint_that_cannot_be_written_does_not_end_the_training(void **state)
{
    const struct place *place = *state;
    struct train_config config = config_of(place);
    struct err err = ERR_INIT;
    char path[192];
    config.checkpoint = true;
    assert_int_equal(fs_make_dirs(place->models, &err), 0);
    snprintf(path, sizeof path, "%s/.checkpoints", place->models);
    assert_int_equal(fs_write(path, "", 0, &err), 0); /* a file where the folder would be */
    const char *const given[] = { "it starts at random" };
    struct notices heard = { 0 };
    struct train_observer observer = { .arg = &heard, .notice = hear_notice };
    config.notices = given;
    config.notice_count = 1;
    assert_int_equal(train_run(&config, &observer, &err), TRAIN_DONE);
    assert_int_equal(heard.count, 1);
    char *log = read_text(place, "m.txt"), *report = read_text(place, "m.json");
    assert_non_null(strstr(log, "\nNotice: it starts at random\nNotice: a checkpoint is missing: "));
    assert_non_null(strstr(report, "\"notices\":\t[\"it starts at random\", \"a checkpoint is missing: "));
    assert_non_null(strstr(log, heard.lines[0]));
    free(log);
    free(report);
    notices_release(&heard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_resumed_training_is_bit_for_bit_the_one_that_was_not_stopped, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(so_it_is_with_adam_and_patience, setup, teardown),
        cmocka_unit_test_setup_teardown(so_it_is_with_frozen_layers, setup, teardown),
        cmocka_unit_test_setup_teardown(a_finished_training_goes_on_under_another_name, setup, teardown),
        cmocka_unit_test_setup_teardown(the_weights_of_the_best_epoch_are_a_file_of_their_own, setup, teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_resumed_is_refused_by_name, setup, teardown),
        cmocka_unit_test_setup_teardown(a_damaged_checkpoint_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_checkpoint_that_cannot_be_written_does_not_end_the_training, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
