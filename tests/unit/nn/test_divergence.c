/* Trainings that leave the finite numbers fail by name and save nothing, and nothing that is not finite is begun with.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "colours.h"
#include "dcls/nn/classifier.h"
#include "dcls/nn/models.h"
#include "nn/formats/pth.h"
#include "nn/formats/weight_file.h"
#include "nn/train/trainer.h"

/* The weights of its last layer grow ten thousand times at each of the four steps of an epoch. */
static struct train_config growing(const struct place *place)
{
    struct train_config config = config_of(place);
    config.optimizer = "sgd";
    config.weight_decay = 1;
    config.learning_rate = 1e4;
    config.freeze = true;
    config.epochs = 4;
    return config;
}

static void assert_fails(struct place *place, const struct train_config *config, const char *why)
{
    struct fs_list list = { 0 };
    assert_int_equal(train_run(config, NULL, &place->err), TRAIN_ERROR);
    if (!strstr(place->err.text, why))
        fail_msg("'%s' does not say '%s'", place->err.text, why);
    assert_int_equal(fs_make_dirs(place->models, NULL), 0);
    assert_int_equal(fs_list_dirs(place->models, 100, &list, &place->err), 0);
    for (size_t i = 0; i < list.count; i++)
        assert_string_not_equal(list.paths[i], config->model_name);
    fs_list_release(&list);
}

static void path_of(const struct place *place, const char *file, char path[192])
{
    snprintf(path, 192, "%s/%s", place->models, file);
}

static void a_loss_that_is_not_finite_names_epoch_batch_and_learning_rate(void **state)
{
    struct train_config config = config_of(*state);
    config.learning_rate = 1e30;
    assert_fails(*state, &config,
                 "epoch 1, batch 2: the loss is not finite: most likely the learning rate of 1e+30 is too high; there "
                 "is no checkpoint of an earlier epoch");
}

static void an_evaluation_that_is_not_finite_fails_too(void **state)
{
    struct train_config config = config_of(*state);
    config.learning_rate = 1e30;
    config.type = "efficientnet"; /* SiLU passes on what ReLU would make 0 of */
    config.image_size = 32;
    config.batch_size = 15; /* one step, of which no other batch tells */
    assert_fails(*state, &config, "epoch 1: the loss on the test images is not finite: ");
}

static void whatever_of_the_state_is_not_finite_is_named(void **state)
{
    struct place *place = *state;
    struct train_config config = config_of(place);
    struct trainer trainer = { 0 };
    config.patience = 1;
    if (trainer_init(&trainer, &config, NULL, &place->err))
        fail_msg("%s", place->err.text);
    struct train_state *kept = &trainer.state;
    const struct {
        float *value;
        const char *name;
    } places[] = { { kept->weights->params, "'conv1.weight'" },
                   { kept->weights->running_stats + 64, "'bn1.running_var'" }, /* behind as many means */
                   { kept->best->params + kept->net->trainable_count - 1, "'fc.bias'" },
                   { kept->optimiser.first + kept->optimiser.count - 1, "a moment of the optimizer" },
                   { kept->optimiser.second, "a moment of the optimizer" } };
    assert_int_equal(train_state_check(kept, &place->err), 0);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        for (int k = 0; k < 3; k++) {
            float before = *places[i].value;
            *places[i].value = (float[]){ NAN, INFINITY, -INFINITY }[k];
            assert_int_equal(train_state_check(kept, &place->err), -1);
            assert_non_null(strstr(place->err.text, places[i].name));
            *places[i].value = before;
        }
    trainer_release(&trainer);
}

static void the_last_good_checkpoint_is_named_and_is_one(void **state)
{
    static const char named[] =
        "; the last good checkpoint is that of epoch 2, 'models/.checkpoints/m/last.safetensors'";
    struct place *place = *state;
    struct train_config config = growing(place);
    config.checkpoint = true;
    assert_fails(place, &config, named);
    config.resume = "m";
    config.model_name = "n";
    assert_fails(place, &config, named);
    config.epochs = 3;
    config.learning_rate = 0; /* what it was begun with holds */
    assert_fails(place, &config, "the learning rate of 10000 is too high");
}

static void an_older_checkpoint_of_the_model_is_none_of_this_training(void **state)
{
    struct place *place = *state;
    struct train_config config = growing(place);
    config.checkpoint = true;
    assert_fails(place, &config, "epoch 2, 'models/.checkpoints/m/last.safetensors'");
    config.learning_rate = 1e30;
    assert_fails(place, &config, "; there is no checkpoint of an earlier epoch");
}

/* Overwrites the tensor's first number in a .safetensors file. */
static void put_number(struct place *place, const char *path, const char *tensor, const void *number, size_t size)
{
    static const char before[] = "\"data_offsets\":[";
    char *bytes, name[64];
    size_t count;
    uint64_t header;
    if (fs_read(path, 1 << 28, &bytes, &count, &place->err))
        fail_msg("%s", place->err.text);
    memcpy(&header, bytes, sizeof header);
    snprintf(name, sizeof name, "\"%s\":", tensor);
    const char *at = memmem(bytes, count, name, strlen(name));
    assert_non_null(at);
    at = strstr(at, before);
    assert_non_null(at);
    memcpy(bytes + sizeof header + header + strtoull(at + strlen(before), NULL, 10), number, size);
    assert_int_equal(fs_write(path, bytes, count, &place->err), 0);
    free(bytes);
}

static void weights_that_are_not_finite_are_refused_by_file_and_tensor(void **state)
{
    struct place *place = *state;
    struct train_config config = config_of(place);
    char path[192];
    const float nan = NAN;
    config.epochs = 1;
    config.checkpoint = true;
    assert_int_equal(train_run(&config, NULL, &place->err), TRAIN_DONE);
    path_of(place, ".checkpoints/m/best.safetensors", path);
    put_number(place, path, "fc.weight", &nan, sizeof nan);
    config.weights_file = path;
    config.model_name = "n";
    assert_fails(place, &config, ".checkpoints/m/best.safetensors': 'fc.weight' has a value that is not finite");
}

static void a_checkpoint_that_diverged_is_refused(void **state)
{
    struct place *place = *state;
    struct train_config config = config_of(place);
    char path[192];
    const double infinite = INFINITY;
    const float nan = NAN;
    config.epochs = 1;
    config.checkpoint = true;
    assert_int_equal(train_run(&config, NULL, &place->err), TRAIN_DONE);
    path_of(place, ".checkpoints/m/last.safetensors", path);
    config.resume = "m";
    config.model_name = "n";
    config.epochs = 2;
    put_number(place, path, "results", &infinite, sizeof infinite);
    assert_fails(place, &config, "'m' cannot be resumed: the training diverged: the result of epoch 1 is not finite");
    put_number(place, path, "moments2", &nan, sizeof nan);
    assert_fails(place, &config,
                 "'m' cannot be resumed: the training diverged: a moment of the optimizer is not finite");
    put_number(place, path, "trained", &nan, sizeof nan);
    assert_fails(place, &config, "'m' cannot be resumed: the training diverged: 'conv1.weight' has a value that is");
}

/* A model all of whose running variances are that. */
static void write_model(struct place *place, float variance)
{
    struct train_config config = config_of(place);
    char path[192];
    config.type = "efficientnet"; /* SiLU passes on what ReLU would make 0 of */
    config.image_size = 32;
    config.epochs = 1;
    assert_int_equal(train_run(&config, NULL, &place->err), TRAIN_DONE);
    path_of(place, "m/m.pth", path);
    struct net *net = network_new(config.type, 3, &place->err);
    struct weights *weights = net ? weights_new(net, &place->err) : NULL;
    if (!weights || weight_file_read(path, net, weights, false, NULL, &place->err))
        fail_msg("%s", place->err.text);
    for (int i = 0; i < net->param_count; i++)
        for (size_t k = 0; k < net->params[i].count && net->params[i].kind == PARAM_RUNNING_VAR; k++)
            weights_at(net, weights, i)[k] = variance;
    assert_int_equal(pth_write(path, net, weights, &place->err), 0);
    weights_free(weights);
    net_free(net);
}

static void a_model_of_weights_that_are_not_finite_is_not_served(void **state)
{
    struct place *place = *state;
    write_model(place, NAN);
    assert_null(classifier_load(place->models, "m", "onednn", 1, &place->err));
    assert_string_equal(place->err.text, "model 'm': 'features.0.1.running_var' has a value that is not finite");
}

static void an_answer_that_is_not_finite_is_none(void **state)
{
    struct place *place = *state;
    char bytes[IMAGE_BYTES];
    float p[3];
    write_model(place, -1); /* whose root is no number */
    struct classifier *classifier = classifier_load(place->models, "m", "onednn", 1, &place->err);
    if (!classifier)
        fail_msg("%s", place->err.text);
    struct encoded_image image = { bytes, make_image(bytes, 0, 77) };
    assert_int_equal(classifier_run(classifier, &image, 1, p, &place->err), 1);
    assert_string_equal(place->err.text, "the model's answer is not finite");
    classifier_free(classifier);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_loss_that_is_not_finite_names_epoch_batch_and_learning_rate, setup, teardown),
        cmocka_unit_test_setup_teardown(an_evaluation_that_is_not_finite_fails_too, setup, teardown),
        cmocka_unit_test_setup_teardown(whatever_of_the_state_is_not_finite_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(the_last_good_checkpoint_is_named_and_is_one, setup, teardown),
        cmocka_unit_test_setup_teardown(an_older_checkpoint_of_the_model_is_none_of_this_training, setup, teardown),
        cmocka_unit_test_setup_teardown(weights_that_are_not_finite_are_refused_by_file_and_tensor, setup, teardown),
        cmocka_unit_test_setup_teardown(a_checkpoint_that_diverged_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_model_of_weights_that_are_not_finite_is_not_served, setup, teardown),
        cmocka_unit_test_setup_teardown(an_answer_that_is_not_finite_is_none, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
