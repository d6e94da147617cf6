/* Training and serving whole models, on a tiny image folder of plain colours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "colours.h"
#include "dcls/nn/classifier.h"
#include "dcls/nn/models.h"
#include "nn/formats/weight_file.h"

struct heard {
    int batches, epochs;
    double accuracy;
    bool cancel;
};

static void hear_batch(void *arg, const struct train_progress *progress)
{
    struct heard *heard = arg;
    heard->batches++;
    assert_in_range(progress->batch, 1, progress->batches);
    assert_int_equal(progress->batches, 4); /* 15 images by 4 */
    assert_true(progress->images_per_second > 0);
}

static void hear_epoch(void *arg, const struct train_progress *progress, const struct epoch_result *result)
{
    struct heard *heard = arg;
    heard->epochs++;
    assert_int_equal(result->epoch, heard->epochs);
    assert_int_equal(progress->epoch, heard->epochs);
    heard->accuracy = result->test_accuracy;
}

static bool hear_cancel(void *arg)
{
    struct heard *heard = arg;
    return heard->cancel && heard->batches >= 2;
}

static enum train_end run(struct place *place, const struct train_config *config, struct heard *heard)
{
    struct train_observer observer = {
        .arg = heard, .batch = hear_batch, .epoch = hear_epoch, .cancelled = hear_cancel
    };
    return train_run(config, &observer, &place->err);
}

static void training_leaves_the_four_files_and_tells_its_progress(void **state)
{
    struct place *place = *state;
    struct train_config config = config_of(place);
    struct heard heard = { 0 };
    if (run(place, &config, &heard) != TRAIN_DONE)
        fail_msg("%s", place->err.text);
    assert_int_equal(heard.batches, 8);
    assert_int_equal(heard.epochs, 2);
    char *classes = read_text(place, "classes.txt"), *log = read_text(place, "m.txt");
    char *report = read_text(place, "m.json");
    assert_string_equal(classes, "blue\ngreen\nred\n");
    assert_ptr_equal(strstr(log, "Epoch [1/2], Train Loss: "), log);
    assert_non_null(strstr(log, "\nModel saved as models/m/m.pth\nTotal training time: "));
    assert_non_null(strstr(log, " seconds\nReport saved to models/m/m.json\n"));
    assert_non_null(strstr(report, "\"base_model\":\t\"resnet\""));
    assert_non_null(strstr(report, "\"image_size\":\t16"));
    free(classes);
    free(log);
    free(report);
}

static void the_trained_model_is_served_and_tells_the_colours_apart(void **state)
{
    struct place *place = *state;
    struct train_config config = config_of(place);
    struct heard heard = { 0 };
    config.epochs = 32;
    config.image_size = 64;  /* so that the last batch norms have more than four values of a channel */
    config.augment = "none"; /* colour is all that these classes differ by */
    if (run(place, &config, &heard) != TRAIN_DONE)
        fail_msg("%s", place->err.text);
    struct classifier *classifier = classifier_load(place->models, "m", "onednn", 1, &place->err);
    if (!classifier)
        fail_msg("%s", place->err.text);
    assert_int_equal(classifier_classes(classifier), 3);
    int right = 0;
    for (int colour = 0; colour < 3; colour++) {
        char bytes[IMAGE_BYTES];
        float p[3];
        struct encoded_image image = { bytes, make_image(bytes, colour, 77) };
        assert_int_equal(classifier_run(classifier, &image, 1, p, &place->err), 0);
        assert_true(p[0] + p[1] + p[2] > 0.999f && p[0] + p[1] + p[2] < 1.001f);
        int best = p[1] > p[0] ? 1 : 0;
        right += (p[2] > p[best] ? 2 : best) == colour;
    }
    classifier_free(classifier);
    assert_int_equal(right, 3);
}

static void several_images_are_answered_as_one_by_one_and_a_bad_one_is_named(void **state)
{
    struct place *place = *state;
    struct train_config config = config_of(place);
    struct heard heard = { 0 };
    config.epochs = 1;
    assert_int_equal(run(place, &config, &heard), TRAIN_DONE);
    struct classifier *classifier = classifier_load(place->models, "m", "onednn", 1, &place->err);
    if (!classifier)
        fail_msg("%s", place->err.text);
    char bytes[3][IMAGE_BYTES];
    struct encoded_image images[] = { { bytes[0], make_image(bytes[0], 0, 1) },
                                      { bytes[1], make_image(bytes[1], 1, 2) },
                                      { "no image", 8 },
                                      { bytes[2], make_image(bytes[2], 2, 3) },
                                      { NULL, 0 } };
    struct err errs[5], err;
    float rows[5][3], alone[3];
    assert_int_equal(classifier_run(classifier, images, 5, rows[0], errs), 2);
    for (int i = 0; i < 5; i++) {
        bool answered = !classifier_run(classifier, &images[i], 1, alone, &err);
        assert_int_equal(answered, i != 2 && i != 4);
        assert_string_equal(errs[i].text, err.text);
        if (answered)
            assert_memory_equal(rows[i], alone, sizeof alone);
    }
    assert_string_equal(errs[1].text, "");
    assert_ptr_equal(strstr(errs[2].text, "not a JPEG, PNG, "), errs[2].text);
    assert_string_equal(errs[4].text, "the image is empty");
    assert_int_equal(classifier_run(classifier, NULL, 0, NULL, NULL), 0);
    classifier_free(classifier);
}

static void the_same_seed_gives_the_same_weights(void **state)
{
    struct place *place = *state;
    struct train_config config = config_of(place);
    struct heard heard = { 0 };
    char path[192], *first = NULL, *second = NULL;
    size_t first_count, second_count;
    snprintf(path, sizeof path, "%s/m/m.pth", place->models);
    assert_int_equal(run(place, &config, &heard), TRAIN_DONE);
    assert_int_equal(fs_read(path, 1 << 27, &first, &first_count, &place->err), 0);
    memset(&heard, 0, sizeof heard);
    assert_int_equal(run(place, &config, &heard), TRAIN_DONE);
    assert_int_equal(fs_read(path, 1 << 27, &second, &second_count, &place->err), 0);
    assert_int_equal(first_count, second_count);
    assert_memory_equal(first, second, first_count);
    free(first);
    free(second);
}

static void a_cancelled_or_failed_training_leaves_the_old_model(void **state)
{
    struct place *place = *state;
    struct train_config config = config_of(place);
    struct heard heard = { 0 };
    assert_int_equal(run(place, &config, &heard), TRAIN_DONE);
    char *before = read_text(place, "m.txt");
    heard = (struct heard){ .cancel = true };
    assert_int_equal(run(place, &config, &heard), TRAIN_CANCELLED);
    assert_int_equal(heard.batches, 2);
    assert_int_equal(run(place, &config, &heard), TRAIN_CANCELLED); /* while the dataset is opened */
    assert_int_equal(heard.batches, 2);
    heard = (struct heard){ 0 };
    config.type = "alexnet";
    assert_int_equal(run(place, &config, &heard), TRAIN_ERROR);
    assert_non_null(strstr(place->err.text, "alexnet"));
    config = config_of(place);
    config.data_dir = "/none";
    assert_int_equal(run(place, &config, &heard), TRAIN_ERROR);
    assert_non_null(strstr(place->err.text, "/none"));
    config = config_of(place);
    config.learning_rate = 1e30;
    heard = (struct heard){ 0 };
    assert_int_equal(run(place, &config, &heard), TRAIN_ERROR);
    assert_non_null(strstr(place->err.text, "finite"));
    char *after = read_text(place, "m.txt");
    assert_string_equal(before, after);
    free(before);
    free(after);
    struct fs_list list = { 0 };
    assert_int_equal(fs_list_dirs(place->models, 100, &list, &place->err), 0);
    assert_int_equal(list.count, 1);
    fs_list_release(&list);
}

static int results_in(const struct place *place)
{
    int count = 0;
    char *text = read_text(place, "m.json");
    for (const char *at = text; (at = strstr(at, "test_accuracy")); at++)
        count++;
    free(text);
    return count;
}

/* A learning rate too small to change anything: no epoch is better than the first. */
static void patience_ends_a_training_that_gets_no_better(void **state)
{
    const struct place *place = *state;
    struct train_config config = config_of(place);
    struct err err = ERR_INIT;
    config.learning_rate = 1e-12;
    config.epochs = 9;
    config.patience = 2;
    config.augment = "none";
    if (train_run(&config, NULL, &err) != TRAIN_DONE)
        fail_msg("%s", err.text);
    int stopped = results_in(place);
    assert_in_range(stopped, 3, 8);
    config.patience = 0;
    assert_int_equal(train_run(&config, NULL, &err), TRAIN_DONE);
    assert_int_equal(results_in(place), 9);
}

static void a_warm_up_that_leaves_no_epoch_is_refused(void **state)
{
    struct train_config config = config_of(*state);
    struct err err = ERR_INIT;
    config.warmup_epochs = config.epochs;
    assert_int_equal(train_run(&config, NULL, &err), TRAIN_ERROR);
    assert_string_equal(err.text, "a warm-up of 2 epochs leaves none of 2 to train in");
}

static void a_file_that_is_no_image_fails_the_training_by_name(void **state)
{
    struct place *place = *state;
    struct train_config config = config_of(place);
    struct heard heard = { 0 };
    char path[192];
    snprintf(path, sizeof path, "%s/train/red/broken.jpg", place->data);
    assert_int_equal(fs_write(path, "\xff\xd8\xff", 3, &place->err), 0);
    config.batch_size = 16;
    struct train_observer none = { 0 };
    assert_int_equal(train_run(&config, &none, &place->err), TRAIN_ERROR);
    assert_non_null(strstr(place->err.text, "broken.jpg"));
    assert_int_equal(heard.epochs, 0);
}

static void a_model_folder_that_is_not_whole_is_refused_by_name(void **state)
{
    struct place *place = *state;
    static const char *const files[] = { "m.json", "classes.txt", "m.pth" };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct train_config config = config_of(place);
        struct heard heard = { 0 };
        char path[192];
        config.epochs = 1;
        assert_int_equal(run(place, &config, &heard), TRAIN_DONE);
        snprintf(path, sizeof path, "%s/m/%s", place->models, files[i]);
        assert_int_equal(unlink(path), 0);
        assert_null(classifier_load(place->models, "m", "onednn", 1, &place->err));
        assert_non_null(strstr(place->err.text, files[i]));
    }
    assert_null(classifier_load(place->models, "none", "onednn", 1, &place->err));
    assert_non_null(strstr(place->err.text, "none"));
}

/* How many batches an epoch has, and how many steps of training the model's file counts. */
static void count_batch(void *arg, const struct train_progress *progress)
{
    int *batches = arg;
    ++*batches;
    assert_int_equal(progress->batch, *batches);
}

static int64_t steps_of(struct place *place, const struct train_config *config, int *batches)
{
    const struct train_observer observer = { .arg = batches, .batch = count_batch };
    char path[192];
    *batches = 0;
    if (train_run(config, &observer, &place->err) != TRAIN_DONE)
        fail_msg("%s", place->err.text);
    struct net *net = network_new(config->type, 3, &place->err);
    struct weights *weights = net ? weights_new(net, &place->err) : NULL;
    snprintf(path, sizeof path, "%s/m/m.pth", place->models);
    if (!weights || weight_file_read(path, net, weights, false, NULL, &place->err))
        fail_msg("%s", place->err.text);
    int64_t steps = weights->tracked[0];
    weights_free(weights);
    net_free(net);
    return steps;
}

static void batches_of_one_image_are_trained_on(void **state)
{
    struct place *place = *state;
    struct train_config config = config_of(place);
    int batches;
    config.epochs = 1;
    config.image_size = 33; /* the least at which ResNet's last planes are 2x2 */
    config.batch_size = 1;
    assert_int_equal(steps_of(place, &config, &batches), 15);
    assert_int_equal(batches, 15);
    config.batch_size = 7; /* 15 images: 7, 7 and 1 */
    assert_int_equal(steps_of(place, &config, &batches), 3);
    assert_int_equal(batches, 3);
    char *log = read_text(place, "m.txt");
    assert_null(strstr(log, "Notice"));
    free(log);
}

static void a_last_batch_of_one_value_a_channel_is_left_out_and_the_log_says_so(void **state)
{
    struct place *place = *state;
    struct train_config config = config_of(place);
    int batches;
    config.epochs = 1;
    config.image_size = 32;
    config.batch_size = 7;
    assert_int_equal(steps_of(place, &config, &batches), 2);
    assert_int_equal(batches, 2);
    char *log = read_text(place, "m.txt");
    assert_non_null(strstr(log, "\nNotice: the last batch of each epoch is left out: "));
    free(log);
    config.freeze = true; /* then it is evaluated with the running statistics */
    assert_int_equal(steps_of(place, &config, &batches), 0);
    assert_int_equal(batches, 3);
    config.batch_size = 1;
    steps_of(place, &config, &batches);
    assert_int_equal(batches, 15);
    log = read_text(place, "m.txt");
    assert_null(strstr(log, "Notice"));
    free(log);
}

static void a_batch_size_that_leaves_batch_norm_one_value_is_refused_with_what_would_do(void **state)
{
    struct place *place = *state;
    struct train_config config = config_of(place);
    int batches = 0;
    const struct train_observer observer = { .arg = &batches, .batch = count_batch };
    config.image_size = 32;
    config.batch_size = 1;
    assert_int_equal(train_run(&config, &observer, &place->err), TRAIN_ERROR);
    assert_string_equal(place->err.text,
                        "one image of 32 pixels leaves batch norm one value a channel, which has no variance to train "
                        "with: it takes a batch size of at least 2, or images of at least 33 pixels");
    assert_int_equal(batches, 0);
}

static void a_single_small_image_is_refused_with_what_would_do(void **state)
{
    struct place *place = *state;
    struct train_config config = config_of(place);
    char path[192];
    for (int colour = 1; colour < 3; colour++)
        for (int test = 0; test < 2; test++) {
            snprintf(path, sizeof path, "%s/%s/%s", place->data, test ? "test" : "train", colours[colour].name);
            assert_int_equal(fs_remove_tree(path, &place->err), 0);
        }
    for (int i = 1; i < 5; i++) {
        snprintf(path, sizeof path, "%s/train/%s/%d.bmp", place->data, colours[0].name, i);
        assert_int_equal(unlink(path), 0);
    }
    config.image_size = 32;
    assert_int_equal(train_run(&config, NULL, &place->err), TRAIN_ERROR);
    assert_non_null(strstr(place->err.text, ": it takes a second training image, or images of at least 33 pixels"));
    config.image_size = 33;
    if (train_run(&config, NULL, &place->err) != TRAIN_DONE)
        fail_msg("%s", place->err.text);
}

static void balanced_classes_and_a_frozen_network_train(void **state)
{
    struct place *place = *state;
    struct train_config config = config_of(place);
    config.class_weights = "balanced";
    config.freeze = true;
    if (train_run(&config, NULL, &place->err) != TRAIN_DONE)
        fail_msg("%s", place->err.text);
    char *report = read_text(place, "m.json");
    assert_non_null(strstr(report, "\"class_weights\":\t\"balanced\""));
    assert_non_null(strstr(report, "\"freeze\":\ttrue"));
    free(report);
    config.class_weights = "fair";
    assert_int_equal(train_run(&config, NULL, &place->err), TRAIN_ERROR);
    assert_string_equal(place->err.text, "unknown class weights 'fair'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(training_leaves_the_four_files_and_tells_its_progress, setup, teardown),
        cmocka_unit_test_setup_teardown(the_trained_model_is_served_and_tells_the_colours_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(several_images_are_answered_as_one_by_one_and_a_bad_one_is_named, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_same_seed_gives_the_same_weights, setup, teardown),
        cmocka_unit_test_setup_teardown(a_cancelled_or_failed_training_leaves_the_old_model, setup, teardown),
        cmocka_unit_test_setup_teardown(patience_ends_a_training_that_gets_no_better, setup, teardown),
        cmocka_unit_test_setup_teardown(balanced_classes_and_a_frozen_network_train, setup, teardown),
        cmocka_unit_test_setup_teardown(a_warm_up_that_leaves_no_epoch_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_that_is_no_image_fails_the_training_by_name, setup, teardown),
        cmocka_unit_test_setup_teardown(batches_of_one_image_are_trained_on, setup, teardown),
        cmocka_unit_test_setup_teardown(a_last_batch_of_one_value_a_channel_is_left_out_and_the_log_says_so, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_batch_size_that_leaves_batch_norm_one_value_is_refused_with_what_would_do,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_single_small_image_is_refused_with_what_would_do, setup, teardown),
        cmocka_unit_test_setup_teardown(a_model_folder_that_is_not_whole_is_refused_by_name, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
