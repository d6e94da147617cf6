/* The answers on the test images: which are kept, how they are written, and what a training leaves of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cjson/cJSON.h>

#include "colours.h"
#include "nn/data/dataset.h"
#include "nn/train/answers.h"

static cJSON *read_json(const struct place *place, const char *file)
{
    char *text = read_text(place, file);
    cJSON *json = cJSON_Parse(text);
    assert_non_null(json);
    free(text);
    return json;
}

static int number(const cJSON *list, int index)
{
    return cJSON_GetArrayItem(list, index)->valueint;
}

static void the_three_most_probable_classes_are_kept_and_the_first_of_equal_ones(void **state)
{
    static const float logits[] = { 0, 1, 1, -1, 2, 0, 0, 0, -1, 3, 3, 3 };
    static const int labels[] = { 3, 0, 1 }, wanted[3][3] = { { 1, 2, 0 }, { 0, 1, 2 }, { 1, 2, 3 } };
    struct answers answers;
    struct err err = ERR_INIT;
    (void)state;
    assert_int_equal(answers_init(&answers, 4, 3, &err), 0);
    answers_add(&answers, logits, labels, 2);
    answers_add(&answers, logits + 8, labels + 2, 1);
    answers_sort(&answers);
    assert_int_equal(answers.count, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(answers.list[i].index, i);
        assert_int_equal(answers.list[i].label, labels[i]);
        assert_memory_equal(answers.list[i].classes, wanted[i], sizeof wanted[i]);
    }
    /* exp(2) / (exp(2) + 3) */
    assert_float_equal(answers.list[1].probabilities[0], 0.711235, 1e-6);
    assert_float_equal(answers.list[1].probabilities[2], 0.096255, 1e-6);
    assert_true(answers_are_valid(&answers));
    answers.list[1].classes[2] = 4;
    assert_false(answers_are_valid(&answers));
    answers_release(&answers);
}

static void two_classes_have_two_answers(void **state)
{
    static const float logits[] = { -3, 3 };
    static const int label = 1;
    struct answers answers;
    (void)state;
    assert_int_equal(answers_init(&answers, 2, 1, NULL), 0);
    answers_add(&answers, logits, &label, 1);
    assert_int_equal(answers.list[0].classes[0], 1);
    assert_int_equal(answers.list[0].classes[1], 0);
    assert_true(answers.list[0].probabilities[2] == 0);
    answers_release(&answers);
}

/* Of two images more than there is room for, one is right and the least sure, one likewise but one. */
static void of_too_many_images_the_least_sure_right_answers_go(void **state)
{
    struct answers answers;
    struct err err = ERR_INIT;
    int images = ANSWERS_MAX + 2, unsure[2] = { 70000, 7 };
    bool found[2] = { false, false };
    (void)state;
    assert_int_equal(answers_init(&answers, 2, (size_t)images, &err), 0);
    for (int i = 0; i < images; i++) {
        int label = i % 3 == 0; /* every third is wrong */
        float sure = i == unsure[0] ? 0.1F : i == unsure[1] ? 0.2F : i % 3 ? 1 + (float)(i * 7919LL % 1000) : 0.01F;
        answers_add(&answers, (float[]){ sure, 0 }, &label, 1);
    }
    assert_int_equal(answers.seen, images);
    assert_int_equal(answers.count, ANSWERS_MAX);
    answers_sort(&answers);
    for (size_t i = 0; i < answers.count; i++) {
        assert_true(!i || answers.list[i].index > answers.list[i - 1].index);
        for (int u = 0; u < 2; u++)
            found[u] = found[u] || answers.list[i].index == unsure[u];
    }
    assert_false(found[0] || found[1]);
    answers_release(&answers);
}

/* Its file agrees with the report, cell by cell; returns the file. */
static cJSON *compare_with_report(const struct place *place)
{
    cJSON *json = read_json(place, "m_answers.json"), *report = read_json(place, "m.json");
    const cJSON *matrix = cJSON_GetObjectItem(report, "confusion_matrix"), *row;
    const cJSON *list = cJSON_GetObjectItem(json, "answers");
    int counts[3][3] = { { 0 } };
    cJSON_ArrayForEach(row, list) counts[number(row, 1)][number(cJSON_GetArrayItem(row, 2), 0)]++;
    for (int label = 0; label < 3; label++)
        for (int answer = 0; answer < 3; answer++)
            assert_int_equal(counts[label][answer], number(cJSON_GetArrayItem(matrix, label), answer));
    assert_int_equal(cJSON_GetObjectItem(json, "count")->valueint, cJSON_GetArraySize(list));
    assert_int_equal(cJSON_GetObjectItem(json, "left_out")->valueint, 0);
    cJSON_Delete(report);
    return json;
}

static struct dataset *open_data(const struct place *place)
{
    struct dataset_options options = { .as_it_is = true };
    struct err err = ERR_INIT;
    struct dataset *dataset = dataset_open(place->data, &options, &err);
    if (!dataset)
        fail_msg("%s", err.text);
    return dataset;
}

/* Each row names the image that the dataset's folder has at its index. */
static void compare_with_dataset(const struct place *place, const cJSON *json, enum split split)
{
    struct dataset *dataset = open_data(place);
    const cJSON *row;
    assert_string_equal(cJSON_GetObjectItem(json, "fingerprint")->valuestring, dataset_fingerprint(dataset));
    assert_string_equal(cJSON_GetObjectItem(json, "split")->valuestring, split == SPLIT_TEST ? "test" : "train");
    cJSON_ArrayForEach(row, cJSON_GetObjectItem(json, "answers"))
    {
        char *path = dataset_path(dataset, split, (size_t)number(row, 0));
        assert_string_equal(cJSON_GetArrayItem(row, 4)->valuestring, path);
        assert_int_equal(number(row, 1), dataset_label(dataset, split, (size_t)number(row, 0)));
        free(path);
    }
    dataset_close(dataset);
}

static void train(const struct train_config *config, enum train_end wanted, const struct train_observer *observer)
{
    struct err err = ERR_INIT;
    if (train_run(config, observer, &err) != wanted)
        fail_msg("%s", err.text);
}

/* Of a network that is small on the disk too. */
static struct train_config small_config(const struct place *place)
{
    struct train_config config = config_of(place);
    config.type = "mobilenet";
    config.image_size = SIDE;
    config.threads = 1;
    return config;
}

static void a_training_leaves_its_answers_beside_the_report(void **state)
{
    const struct place *place = *state;
    struct train_config config = small_config(place);
    train(&config, TRAIN_DONE, NULL);
    cJSON *json = compare_with_report(place);
    assert_int_equal(cJSON_GetObjectItem(json, "count")->valueint, 6);
    compare_with_dataset(place, json, SPLIT_TEST);
    cJSON_Delete(json);
}

static void what_was_held_out_is_found_among_the_training_images(void **state)
{
    const struct place *place = *state;
    struct train_config config = small_config(place);
    char path[192];
    snprintf(path, sizeof path, "%s/test", place->data);
    assert_int_equal(fs_remove_tree(path, NULL), 0);
    config.validation_split = 0.4;
    train(&config, TRAIN_DONE, NULL);
    cJSON *json = compare_with_report(place);
    assert_int_equal(cJSON_GetObjectItem(json, "count")->valueint, 6);
    compare_with_dataset(place, json, SPLIT_TRAIN);
    cJSON_Delete(json);
}

static bool is_cancelled(void *arg)
{
    const int *epochs = arg;
    return *epochs >= 1;
}

static void count_epoch(void *arg, const struct train_progress *progress, const struct epoch_result *result)
{
    int *epochs = arg;
    (void)progress;
    *epochs = result->epoch;
}

/* With patience what is saved is the best epoch's: a rate of learning of next to nothing makes that the first. */
static void the_answers_of_the_best_epoch_outlive_a_stop(void **state)
{
    const struct place *place = *state;
    struct train_config config = small_config(place);
    int epochs = 0;
    struct train_observer observer = { .arg = &epochs, .epoch = count_epoch, .cancelled = is_cancelled };
    config.epochs = 2;
    config.patience = 2;
    config.learning_rate = 1e-12;
    config.checkpoint = true;
    train(&config, TRAIN_CANCELLED, &observer);
    config.resume = "m";
    train(&config, TRAIN_DONE, NULL);
    cJSON *json = compare_with_report(place);
    compare_with_dataset(place, json, SPLIT_TEST);
    cJSON_Delete(json);
}

/* The answers of before are on images that are not there any more. */
static void a_training_resumed_on_other_images_has_none_of_the_old_answers(void **state)
{
    const struct place *place = *state;
    struct train_config config = small_config(place);
    int epochs = 0;
    struct train_observer observer = { .arg = &epochs, .epoch = count_epoch, .cancelled = is_cancelled };
    char path[192];
    config.epochs = 2;
    config.patience = 2;
    config.learning_rate = 1e-12;
    config.checkpoint = true;
    train(&config, TRAIN_CANCELLED, &observer);
    snprintf(path, sizeof path, "%s/train/red/4.bmp", place->data);
    assert_int_equal(remove(path), 0);
    config.resume = "m";
    train(&config, TRAIN_DONE, NULL);
    snprintf(path, sizeof path, "%s/m/m_answers.json", place->models);
    char *report = read_text(place, "m.json");
    assert_false(fs_is_file(path));
    free(report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_three_most_probable_classes_are_kept_and_the_first_of_equal_ones),
        cmocka_unit_test(two_classes_have_two_answers),
        cmocka_unit_test(of_too_many_images_the_least_sure_right_answers_go),
        cmocka_unit_test_setup_teardown(a_training_leaves_its_answers_beside_the_report, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_held_out_is_found_among_the_training_images, setup, teardown),
        cmocka_unit_test_setup_teardown(the_answers_of_the_best_epoch_outlive_a_stop, setup, teardown),
        cmocka_unit_test_setup_teardown(a_training_resumed_on_other_images_has_none_of_the_old_answers, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
