/* Job files: what is accepted, and that what is wrong is named. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <unistd.h>

#include <stdlib.h>
#include <string.h>

#include "dcls/base/cpus.h"
#include "dcls/base/fs.h"
#include "src/worker/jobfile.h"

#define START                                                                                                          \
    "{\"type\": \"WORKER TRAIN\", \"modelName\": \"m1\", \"modelType\": \"resnet\", "                                  \
    "\"train_key\": \"train:1\""
#define PLACES ", \"dataDir\": \"images\", \"modelsDir\": \"models\""

static int setup(void **state)
{
    char pattern[] = "/tmp/dcls-job.XXXXXX";
    *state = mkdtemp(pattern) ? strdup(pattern) : NULL;
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    int failed = fs_remove_tree(*state, NULL);
    free(*state);
    return failed;
}

static char *write_job(const char *dir, const char *text)
{
    char *path = fs_join(dir, "job.json");
    assert_int_equal(fs_write(path, text, strlen(text), NULL), 0);
    return path;
}

/* Reads `text` as a job file and configures from it; 0 where both are fine. */
static int try_job(const char *dir, const char *text, struct train_config *config, struct err *err)
{
    struct msg msg;
    char *path = write_job(dir, text);
    int result = jobfile_read(path, &msg, err);
    if (!result)
        result = jobfile_config(&msg, config, err);
    if (!result) { /* the strings are the message's: look at them before it goes */
        assert_string_equal(config->type, "resnet");
        assert_string_equal(config->model_name, "m1");
        assert_string_equal(config->data_dir, "images");
        assert_string_equal(config->models_dir, "models");
        assert_string_equal(config->data_dir_shown, "./images");
        assert_null(config->weights_file);
    }
    msg_release(&msg);
    free(path);
    return result;
}

static void a_job_carries_its_options_and_places(void **state)
{
    struct train_config config;
    struct err err = ERR_INIT;
    assert_int_equal(try_job(*state,
                             START PLACES ", \"epochs\": 3, \"batchSize\": 16, \"learningRate\": 0.01, "
                                          "\"imageSize\": 64, \"seed\": 7, \"fastDecode\": true, \"cache\": 3, "
                                          "\"validationSplit\": 0.25, \"threads\": 2, \"notices\": [\"a\", \"b\"]}\n",
                             &config, &err),
                     0);
    assert_int_equal(config.epochs, 3);
    assert_int_equal(config.batch_size, 16);
    assert_int_equal(config.image_size, 64);
    assert_int_equal(config.seed, 7);
    assert_true(config.fast_decode);
    assert_int_equal(config.cache_bytes, 3 << 20);
    assert_true(config.validation_split == 0.25);
    assert_int_equal(config.notice_count, 2);
    assert_int_equal(config.threads, 2);
    assert_true(config.learning_rate > 0.0099 && config.learning_rate < 0.0101);
}

static void what_a_job_does_not_say_has_its_default(void **state)
{
    struct train_config config;
    struct err err = ERR_INIT;
    assert_int_equal(try_job(*state, START PLACES "}", &config, &err), 0);
    assert_int_equal(config.epochs, 10);
    assert_int_equal(config.batch_size, 32);
    assert_int_equal(config.image_size, 224);
    assert_int_equal(config.threads, cpus_usable());
}

static void a_resumed_job_takes_from_its_checkpoint_what_it_does_not_say(void **state)
{
    struct train_config config;
    struct err err = ERR_INIT;
    assert_int_equal(try_job(*state, START PLACES ", \"resume\": \"m0\"}", &config, &err), 0);
    assert_int_equal(config.epochs, 0);
    assert_int_equal(config.notice_count, 0); /* the ImageNet weights are not missed */
    assert_true(config.checkpoint);
    assert_int_equal(
        try_job(*state, START PLACES ", \"resume\": \"m0\", \"epochs\": 7, \"noCheckpoint\": true}", &config, &err), 0);
    assert_int_equal(config.epochs, 7);
    assert_false(config.checkpoint);
}

static void a_wrong_job_is_refused_and_the_fault_is_named(void **state)
{
    static const struct {
        const char *text, *named;
    } wrong[] = {
        { "", "job" },
        { "{\"type\": \"WORKER TRAIN\"", "job" },
        { "[]", "job" },
        { "{\"type\": \"SERVER PING\"}", "SERVER PING" },
        { START "}", "Dir" },
        { START PLACES ", \"epochs\": 0}", "epochs" },
        { START PLACES ", \"batchSize\": \"many\"}", "batchSize" },
        { START PLACES ", \"threads\": 500000}", "threads" },
        { START PLACES ", \"freeze\": \"on\"}", "freeze" },
        { START PLACES ", \"resume\": \"../m\"}", "../m" },
        { START PLACES ", \"resume\": \"m0\", \"seed\": 3}", "seed" },
        { START PLACES ", \"weights\": \"imagenet\"}", "'imagenet'" },
        { START PLACES ", \"weights\": "
                       "\"sha256:0000000000000000000000000000000000000000000000000000000000000000\"}",
          "weights" },
        { "{\"type\": \"WORKER TRAIN\", \"modelName\": \"../m\", \"modelType\": \"resnet\", \"train_key\": "
          "\"train:1\"" PLACES "}",
          "../m" },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct train_config config;
        struct err err = ERR_INIT;
        assert_int_equal(try_job(*state, wrong[i].text, &config, &err), -1);
        if (!strstr(err.text, wrong[i].named))
            fail_msg("'%s' names no '%s': %s", wrong[i].text, wrong[i].named, err.text);
    }
}

static void a_job_file_that_is_not_there_is_an_error_with_its_name(void **state)
{
    struct msg msg;
    struct err err = ERR_INIT;
    (void)state;
    assert_int_equal(jobfile_read("/nowhere/job.json", &msg, &err), -1);
    assert_non_null(strstr(err.text, "/nowhere/job.json"));
    msg_release(&msg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_carries_its_options_and_places),
        cmocka_unit_test(what_a_job_does_not_say_has_its_default),
        cmocka_unit_test(a_resumed_job_takes_from_its_checkpoint_what_it_does_not_say),
        cmocka_unit_test(a_wrong_job_is_refused_and_the_fault_is_named),
        cmocka_unit_test(a_job_file_that_is_not_there_is_an_error_with_its_name),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
