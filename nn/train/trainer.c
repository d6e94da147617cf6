/* See trainer.h. */
#include "trainer.h"

#include <stdlib.h>
#include <string.h>

#include "dcls/nn/models.h"
#include "dcls/nn/train_observer.h"
#include "nn/backends.h"
#include "nn/data/cache.h"
#include "dcls/base/clock.h"
#include "dcls/base/log.h"
#include "nn/formats/weight_file.h"
#include "report.h"

#define PREFETCHED_BATCHES 3

static int load_weights(struct trainer *trainer, struct err *err)
{
    const struct train_config *config = &trainer->config;
    weights_init(trainer->net, trainer->state.weights, config->seed);
    if (!config->weights_file)
        return 0;
    struct weight_file_notes notes;
    if (weight_file_read(config->weights_file, trainer->net, trainer->state.weights, true, &notes, err))
        return err_prefix(err, "weights");
    if (weights_check_finite(trainer->net, trainer->state.weights, err))
        return err_prefix(err, "weights: '%s'", config->weights_file);
    if (*notes.taken)
        trainer_tell(trainer, notes.taken);
    if (notes.replaced) {
        weights_init_last(trainer->net, trainer->state.weights, config->seed);
        log_info("the last layer starts from random weights: %d classes", trainer->net->classes);
    }
    return 0;
}

static struct loader *open_loader(struct trainer *trainer, enum split split, size_t cache, struct err *err)
{
    const struct train_config *config = &trainer->config;
    bool training = split == SPLIT_TRAIN;
    struct loader_spec spec = {
        .split = split,
        .batch_size = config->batch_size,
        .image_size = config->image_size,
        .threads = config->threads,
        .prefetch = PREFETCHED_BATCHES,
        .shuffle = training,
        .seed = config->seed,
        .decoding = training && config->fast_decode ? DECODING_FAST : DECODING_FULL,
        .cache_bytes = cache,
    };
    if (training && augment_parse(config->augment, &spec.augment, err))
        return NULL;
    return loader_new(trainer->dataset, &spec, err);
}

/* What the training images leave of the cache is for the test images. */
static int open_loaders(struct trainer *trainer, struct err *err)
{
    size_t cache = cache_limit(trainer->config.cache_bytes);
    if (!(trainer->train_loader = open_loader(trainer, SPLIT_TRAIN, cache, err)))
        return -1;
    cache -= loader_cache_bytes(trainer->train_loader);
    trainer->test_loader = open_loader(trainer, SPLIT_TEST, cache, err);
    return trainer->test_loader ? 0 : -1;
}

static void on_opening(void *arg, const char *what, size_t done, size_t total)
{
    const struct trainer *trainer = arg;
    const struct train_observer *observer = trainer->observer;
    if (observer && observer->opening)
        observer->opening(observer->arg, what, done, total);
}

static bool is_cancelled(void *arg)
{
    struct trainer *trainer = arg;
    const struct train_observer *observer = trainer->observer;
    trainer->cancelled = observer && observer->cancelled && observer->cancelled(observer->arg);
    return trainer->cancelled;
}

static int open_dataset(struct trainer *trainer, struct err *err)
{
    const struct train_config *config = &trainer->config;
    struct dataset_options options = {
        .validation_split = config->validation_split, .arg = trainer, .progress = on_opening, .cancelled = is_cancelled
    };
    if (!(trainer->dataset = dataset_open(config->data_dir, &options, err)))
        return -1;
    const struct notices *notices = dataset_notices(trainer->dataset);
    for (size_t i = 0; i < notices->count; i++)
        trainer_tell(trainer, notices->lines[i]);
    return 0;
}

/* The SHA-256 of the classes' names. */
static int digest_classes(const struct dataset *dataset, char hex[SHA256_HEX_SIZE], struct err *err)
{
    struct sha256 *sha = sha256_new();
    int failed = !sha;
    for (int c = 0; c < dataset_classes(dataset) && !failed; c++) {
        const char *name = dataset_class(dataset, c);
        failed = sha256_update(sha, name, strlen(name) + 1);
    }
    if (failed)
        sha256_free(sha);
    if (failed || sha256_finish(sha, hex))
        return err_set(err, "no memory for the names of the classes");
    return 0;
}

/* N / (K n): what each class adds up to is then the same. */
static int balance_classes(struct trainer *trainer, struct err *err)
{
    const struct dataset *dataset = trainer->dataset;
    int classes = dataset_classes(dataset);
    size_t count = dataset_count(dataset, SPLIT_TRAIN);
    if (!strcmp(trainer->config.class_weights, "none"))
        return 0;
    if (strcmp(trainer->config.class_weights, "balanced"))
        return err_set(err, "unknown class weights '%s'", trainer->config.class_weights);
    if (!(trainer->class_weights = calloc((size_t)classes, sizeof *trainer->class_weights)))
        return err_set(err, "no memory for the weights of %d classes", classes);
    for (size_t i = 0; i < count; i++)
        trainer->class_weights[dataset_label(dataset, SPLIT_TRAIN, i)]++;
    for (int c = 0; c < classes; c++)
        if (trainer->class_weights[c] > 0)
            trainer->class_weights[c] = (float)((double)count / classes / (double)trainer->class_weights[c]);
    return 0;
}

static int init_state(struct trainer *trainer, struct err *err)
{
    const struct train_config *config = &trainer->config;
    const struct net *net = trainer->net;
    struct train_state *state = &trainer->state;
    size_t images = dataset_count(trainer->dataset, SPLIT_TEST);
    const struct optimiser_spec optimiser = { .kind = config->optimizer,
                                              .learning_rate = config->learning_rate,
                                              .momentum = config->momentum,
                                              .weight_decay = config->weight_decay };
    size_t first = config->freeze ? net->params[net->last_weight].offset : 0;
    state->net = net;
    state->fingerprint = dataset_fingerprint(trainer->dataset);
    state->results = calloc((size_t)config->epochs, sizeof *state->results);
    if (!state->results)
        return err_set(err, "no memory to train '%s'", config->model_name);
    if (!(state->weights = weights_new(net, err)) || (config->patience && !(state->best = weights_new(net, err))) ||
        confusion_init(&state->saved, net->classes, err) || answers_init(&state->answers, net->classes, images, err) ||
        answers_init(&trainer->answers, net->classes, images, err) ||
        optimiser_init(&state->optimiser, &optimiser, first, net->trainable_count - first, err))
        return -1;
    if (!config->resume)
        return load_weights(trainer, err);
    if (checkpoint_restore(&trainer->checkpoint, state, trainer->classes_sha256, err))
        return err_prefix(err, "'%s' cannot be resumed", config->resume);
    trainer->kept_model = config->resume;
    trainer->kept_epoch = state->epochs;
    log_info("resumed '%s' after epoch %d", config->resume, state->epochs);
    return 0;
}

static int init_plans(struct trainer *trainer, struct err *err)
{
    const struct train_config *config = &trainer->config;
    const struct backend *backend = backend_find(config->backend, err);
    if (!backend)
        return -1;
    struct weights *weights = trainer->state.weights;
    struct plan_spec spec = { .mode = config->freeze ? PLAN_TRAIN_LAST : PLAN_TRAIN,
                              .image_size = config->image_size,
                              .threads = config->threads,
                              .backend = backend,
                              .label_smoothing = config->label_smoothing,
                              .class_weights = trainer->class_weights,
                              .seed = config->seed };
    plan_cache_init(&trainer->train_plans, trainer->net, weights, trainer->grad, &spec, trainer->arena);
    spec = (struct plan_spec){
        .mode = PLAN_EVAL, .image_size = config->image_size, .threads = config->threads, .backend = backend
    };
    plan_cache_init(&trainer->test_plans, trainer->net, weights, NULL, &spec, trainer->arena);
    return 0;
}

/* Batch norm has no variance of one value, which is all that one small image leaves it in the end. Such a last batch is
 * left out of each epoch, as by PyTorch's drop_last; another order brings its image in. */
static int count_batches(struct trainer *trainer, struct err *err)
{
    const struct train_config *config = &trainer->config;
    size_t images = dataset_count(trainer->dataset, SPLIT_TRAIN), last = (images - 1) % (size_t)config->batch_size + 1;
    trainer->batches = loader_batches(trainer->train_loader);
    if (config->freeze || last > 1 || net_norm_side(trainer->net, config->image_size) != 1)
        return 0;
    if (trainer->batches > 1 && config->batch_size > 1) {
        trainer->batches--;
        trainer_tell(trainer,
                     "the last batch of each epoch is left out: batch norm has no variance of one small image");
        return 0;
    }
    int enough = config->image_size;
    while (net_norm_side(trainer->net, enough) == 1)
        enough++;
    return err_set(err,
                   "one image of %d pixels leaves batch norm one value a channel, which has no variance to train with: "
                   "it takes %s, or images of at least %d pixels",
                   config->image_size, images > 1 ? "a batch size of at least 2" : "a second training image", enough);
}

int trainer_init(struct trainer *trainer, const struct train_config *given, const struct train_observer *observer,
                 struct err *err)
{
    struct train_config *config = &trainer->config;
    *config = *given;
    trainer->observer = observer;
    trainer->start = clock_seconds();
    buf_init(&trainer->log, LOG_MAX);
    for (size_t i = 0; i < given->notice_count; i++)
        notices_add(&trainer->notices, "%s", given->notices[i]);
    if (config->resume &&
        (checkpoint_open(&trainer->checkpoint, config, err) || checkpoint_configure(&trainer->checkpoint, config, err)))
        return -1;
    if (config->epochs < 1 || config->batch_size < 1 || config->image_size < 1 || config->threads < 1)
        return err_set(err, "epochs, batch size, image size and threads must be 1 or more");
    if (open_dataset(trainer, err) || digest_classes(trainer->dataset, trainer->classes_sha256, err) ||
        balance_classes(trainer, err) ||
        !(trainer->net = network_new(config->type, dataset_classes(trainer->dataset), err)))
        return -1;
    const struct net *net = trainer->net;
    trainer->schedule = (struct schedule){ config->scheduler, config->epochs, config->warmup_epochs };
    if (schedule_check(&trainer->schedule, err) || confusion_init(&trainer->latest, net->classes, err) ||
        init_state(trainer, err))
        return -1;
    trainer->start -= trainer->state.seconds;
    tensors_release(&trainer->checkpoint.tensors);
    if (!(trainer->grad = grad_new(net, err)))
        return -1;
    if (!(trainer->arena = arena_new()))
        return err_set(err, "no memory to train '%s'", config->model_name);
    if (init_plans(trainer, err))
        return -1;
    for (int i = 0; i < trainer->state.epochs; i++)
        if (report_log_epoch(&trainer->log, &trainer->state.results[i], config->epochs))
            return err_set(err, "the log of '%s' is too long", config->model_name);
    if (open_loaders(trainer, err))
        return -1;
    return count_batches(trainer, err);
}

void trainer_tell(struct trainer *trainer, const char *line)
{
    const struct train_observer *observer = trainer->observer;
    if (!notices_add(&trainer->notices, "%s", line))
        return;
    log_warn("%s", line);
    if (observer && observer->notice)
        observer->notice(observer->arg, line);
}

double trainer_seconds(const struct trainer *trainer)
{
    return clock_seconds() - trainer->start;
}

void trainer_release(struct trainer *trainer)
{
    loader_free(trainer->train_loader);
    loader_free(trainer->test_loader);
    optimiser_release(&trainer->state.optimiser);
    plan_cache_release(&trainer->train_plans);
    plan_cache_release(&trainer->test_plans);
    arena_free(trainer->arena);
    free(trainer->state.results);
    grad_free(trainer->net, trainer->grad);
    free(trainer->class_weights);
    checkpoint_close(&trainer->checkpoint);
    weights_free(trainer->state.weights);
    weights_free(trainer->state.best);
    confusion_release(&trainer->latest);
    confusion_release(&trainer->state.saved);
    answers_release(&trainer->answers);
    answers_release(&trainer->state.answers);
    net_free(trainer->net);
    dataset_close(trainer->dataset);
    buf_release(&trainer->log);
    notices_release(&trainer->notices);
}
