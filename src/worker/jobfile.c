/* From a WORKER TRAIN object to the engine's configuration. */
#include "jobfile.h"

#include <stdlib.h>
#include <string.h>

#include "dcls/base/cpus.h"
#include "dcls/base/fs.h"
#include "dcls/base/log.h"
#include "dcls/proto/name.h"

#define DATA_DIR_SHOWN "./images" /* what reports call the image root, wherever it lies */

int jobfile_read(const char *path, struct msg *msg, struct err *err)
{
    char *text = NULL;
    size_t count;
    msg_init(msg, MSG_WORKER_TRAIN);
    if (fs_read(path, MSG_MAX, &text, &count, err))
        return -1;
    int result = msg_decode(msg, text, count, err);
    free(text);
    if (result)
        return err_prefix(err, "job '%s'", path);
    if (msg->type != MSG_WORKER_TRAIN)
        return err_set(err, "job '%s' is a %s, not a %s", path, msg_type_name(msg->type),
                       msg_type_name(MSG_WORKER_TRAIN));
    return 0;
}

int jobfile_config(const struct msg *msg, struct train_config *config, struct err *err)
{
    static const char *const without_weights[] = { "no file of ImageNet weights was given: training starts at random" };
    const struct train_options *options = &msg->options;
    if (!msg->model_name || !name_is_valid(msg->model_name))
        return err_set(err, "'%s' is no name for a model", msg->model_name ? msg->model_name : "");
    if (!msg->model_type || !msg->data_dir || !msg->models_dir)
        return err_set(err, "a job needs modelType, dataDir and modelsDir");
    if (train_options_check(options, err))
        return -1;
    bool resumes = *options->resume, imagenet = !strcmp(options->weights, "imagenet") && !resumes;
    bool all_epochs = resumes && !train_option_is_set(options, train_option_by_name("epochs"));
    if (train_option_is_set(options, train_option_by_name("weights")) && strcmp(options->weights, "none") &&
        !msg->weights_file)
        return err_set(err, "the weights '%s' need a weightsFile", options->weights);
    /* A node that could not get them says why. */
    bool untold = imagenet && !msg->weights_file && !msg->notices.count;
    const char *const *notices = untold ? without_weights : (const char *const *)msg->notices.items;
    size_t notice_count = untold ? 1 : msg->notices.count;
    for (size_t i = 0; i < notice_count; i++)
        log_warn("%s", notices[i]);
    *config = (struct train_config){
        .type = msg->model_type,
        .model_name = msg->model_name,
        .data_dir = msg->data_dir,
        .models_dir = msg->models_dir,
        .data_dir_shown = DATA_DIR_SHOWN,
        .weights_file = msg->weights_file,
        .notices = notices,
        .notice_count = notice_count,
        .optimizer = options->optimizer,
        .scheduler = options->scheduler,
        .augment = options->augment,
        .backend = options->backend,
        .learning_rate = options->learning_rate,
        .momentum = options->momentum,
        .weight_decay = options->weight_decay,
        .label_smoothing = options->label_smoothing,
        .validation_split = options->validation_split,
        .warmup_epochs = (int)options->warmup_epochs,
        .patience = (int)options->patience,
        .freeze = options->freeze,
        .class_weights = options->class_weights,
        .resume = resumes ? options->resume : NULL,
        .checkpoint = !options->no_checkpoint,
        .epochs = all_epochs ? 0 : (int)options->epochs,
        .batch_size = (int)options->batch_size,
        .image_size = (int)options->image_size,
        .threads = msg->threads > 0 ? (int)msg->threads : cpus_usable(),
        .seed = (uint64_t)options->seed,
        .fast_decode = options->fast_decode,
        .cache_bytes = (size_t)options->cache << 20,
    };
    return 0;
}
