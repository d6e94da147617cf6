/* The training loop: batches from the loader through the plans into the optimiser, an evaluation after each epoch, and
 * a finished model folder at the end. */
#include "dcls/nn/train.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/cache.h"
#include "data/loader.h"
#include "dcls/base/clock.h"
#include "dcls/base/log.h"
#include "formats/pth.h"
#include "formats/weight_file.h"
#include "model_dir.h"
#include "plan_cache.h"
#include "report.h"
#include "schedule.h"
#include "step.h"

#define BATCHES_AHEAD 3

struct trainer {
    const struct train_config *config;
    const struct train_observer *observer;
    struct dataset *dataset;
    struct net *net;
    struct weights *weights;
    float *grad;
    struct arena *arena; /* training and evaluation take turns in it */
    struct plan_cache train_plans, test_plans;
    struct loader *train_loader, *test_loader;
    struct optimiser optimiser;
    uint64_t step; /* batches trained on so far */
    struct schedule schedule;
    struct confusion latest, saved; /* of the last epoch, and of the weights that would be saved */
    int64_t trained_images;         /* in all epochs, and the seconds that they took without the test images */
    double trained_seconds;
    struct weights *best; /* with patience: those of the best epoch so far; NULL otherwise */
    int best_epoch;
    struct epoch_result *results;
    int results_count;
    struct buf log;
};

/* Sums over the images of an epoch so far. */
struct tally {
    double loss;
    int64_t images, correct;
};

static void tally_add(struct tally *tally, double mean_loss, int correct, int count)
{
    tally->loss += mean_loss * count;
    tally->correct += correct;
    tally->images += count;
}

static double tally_loss(const struct tally *tally)
{
    return tally->images ? tally->loss / (double)tally->images : 0;
}

static double tally_accuracy(const struct tally *tally)
{
    return tally->images ? 100.0 * (double)tally->correct / (double)tally->images : 0;
}

static int load_weights(struct trainer *trainer, struct err *err)
{
    const struct train_config *config = trainer->config;
    weights_init(trainer->net, trainer->weights, config->seed);
    if (!config->weights_file)
        return 0;
    bool replaced;
    if (weight_file_read(config->weights_file, trainer->net, trainer->weights, true, &replaced, err))
        return err_prefix(err, "weights");
    if (replaced)
        log_info("the last layer starts from random weights: %d classes", trainer->net->classes);
    return 0;
}

static struct loader *open_loader(struct trainer *trainer, enum split split, size_t cache, struct err *err)
{
    const struct train_config *config = trainer->config;
    bool training = split == SPLIT_TRAIN;
    struct loader_spec spec = {
        .split = split,
        .batch_size = config->batch_size,
        .image_size = config->image_size,
        .threads = config->threads,
        .ahead = BATCHES_AHEAD,
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
    size_t cache = cache_limit(trainer->config->cache_bytes);
    if (!(trainer->train_loader = open_loader(trainer, SPLIT_TRAIN, cache, err)))
        return -1;
    cache -= loader_cache_bytes(trainer->train_loader);
    return (trainer->test_loader = open_loader(trainer, SPLIT_TEST, cache, err)) ? 0 : -1;
}

static int trainer_init(struct trainer *trainer, struct err *err)
{
    const struct train_config *config = trainer->config;
    buf_init(&trainer->log, LOG_MAX);
    if (!(trainer->dataset = dataset_open(config->data_dir, err)))
        return -1;
    if (!(trainer->net = net_new(config->type, dataset_classes(trainer->dataset), err)))
        return -1;
    const struct net *net = trainer->net;
    if (!(trainer->weights = weights_new(net, err)) || load_weights(trainer, err))
        return -1;
    trainer->grad = aligned_alloc(64, (net->trained_count * sizeof(float) + 63) / 64 * 64);
    trainer->arena = arena_new();
    trainer->results = calloc((size_t)config->epochs, sizeof *trainer->results);
    if (confusion_init(&trainer->latest, net->classes, err) || confusion_init(&trainer->saved, net->classes, err))
        return -1;
    if (!trainer->grad || !trainer->arena || !trainer->results)
        return err_set(err, "no memory to train '%s'", config->model_name);
    struct plan_spec spec = { .mode = PLAN_TRAIN,
                              .image_size = config->image_size,
                              .threads = config->threads,
                              .backend = config->backend,
                              .label_smoothing = config->label_smoothing,
                              .seed = config->seed };
    plan_cache_init(&trainer->train_plans, net, trainer->weights, trainer->grad, &spec, trainer->arena);
    spec.mode = PLAN_EVAL;
    spec.label_smoothing = 0;
    plan_cache_init(&trainer->test_plans, net, trainer->weights, NULL, &spec, trainer->arena);
    trainer->schedule = (struct schedule){ config->scheduler, config->epochs, config->warmup_epochs };
    if (schedule_check(&trainer->schedule, err))
        return -1;
    if (config->patience && !(trainer->best = weights_new(net, err)))
        return -1;
    struct optimiser_spec optimiser = { .kind = config->optimizer,
                                        .learning_rate = config->learning_rate,
                                        .momentum = config->momentum,
                                        .weight_decay = config->weight_decay };
    if (optimiser_init(&trainer->optimiser, &optimiser, net->trained_count, err))
        return -1;
    return open_loaders(trainer, err);
}

static void trainer_release(struct trainer *trainer)
{
    loader_free(trainer->train_loader);
    loader_free(trainer->test_loader);
    optimiser_release(&trainer->optimiser);
    plan_cache_release(&trainer->train_plans);
    plan_cache_release(&trainer->test_plans);
    arena_free(trainer->arena);
    free(trainer->results);
    free(trainer->grad);
    weights_free(trainer->weights);
    weights_free(trainer->best);
    confusion_release(&trainer->latest);
    confusion_release(&trainer->saved);
    net_free(trainer->net);
    dataset_close(trainer->dataset);
    buf_release(&trainer->log);
}

static bool cancelled(const struct trainer *trainer)
{
    const struct train_observer *observer = trainer->observer;
    return observer && observer->cancelled && observer->cancelled(observer->arg);
}

static int train_batch(struct trainer *trainer, struct tally *tally, struct err *err)
{
    const struct batch *batch = loader_next(trainer->train_loader, err);
    if (!batch)
        return -1;
    /* Batch norm has no variance of one value: a remainder of one image is left out, another order brings it in. */
    if (batch->count == 1 && loader_batches(trainer->train_loader) > 1)
        return 0;
    struct plan *plan = plan_cache_get(&trainer->train_plans, batch->count, err);
    struct step_result result;
    if (!plan)
        return -1;
    plan_set_step(plan, trainer->step++);
    batch_normalise(batch, plan_input(plan));
    if (step_train(plan, NULL, batch->labels, &trainer->optimiser, trainer->weights, trainer->grad, &result, err))
        return -1;
    plan_cache_weights_changed(&trainer->train_plans);
    tally_add(tally, result.loss, result.correct, batch->count);
    return 0;
}

/* The whole test split in evaluation mode. */
static enum train_end evaluate(struct trainer *trainer, struct tally *tally, struct err *err)
{
    plan_cache_weights_changed(&trainer->test_plans);
    confusion_clear(&trainer->latest);
    loader_start(trainer->test_loader, 1);
    int batches = loader_batches(trainer->test_loader);
    for (int i = 0; i < batches; i++) {
        if (cancelled(trainer))
            return TRAIN_CANCELLED;
        const struct batch *batch = loader_next(trainer->test_loader, err);
        struct plan *plan = batch ? plan_cache_get(&trainer->test_plans, batch->count, err) : NULL;
        if (!plan)
            return TRAIN_ERROR;
        batch_normalise(batch, plan_input(plan));
        if (step_forward(plan, NULL, err))
            return TRAIN_ERROR;
        int correct;
        double loss = plan_loss(plan, batch->labels, &correct);
        confusion_count(&trainer->latest, plan_logits(plan), batch->labels, batch->count);
        tally_add(tally, loss, correct, batch->count);
    }
    return TRAIN_DONE;
}

static enum train_end train_epoch(struct trainer *trainer, int epoch, struct err *err)
{
    const struct train_observer *observer = trainer->observer;
    double start = clock_seconds();
    struct tally train = { 0 }, test = { 0 };
    struct train_progress progress = { .epoch = epoch,
                                       .epochs = trainer->config->epochs,
                                       .batches = loader_batches(trainer->train_loader) };
    trainer->optimiser.spec.learning_rate =
        trainer->config->learning_rate * schedule_factor(&trainer->schedule, epoch);
    loader_start(trainer->train_loader, epoch);
    for (int i = 0; i < progress.batches; i++) {
        if (cancelled(trainer))
            return TRAIN_CANCELLED;
        if (train_batch(trainer, &train, err)) {
            err_prefix(err, "epoch %d, batch %d", epoch, i + 1);
            return TRAIN_ERROR;
        }
        progress.batch = i + 1;
        progress.images_per_second = (double)train.images / (clock_seconds() - start);
        progress.loss = tally_loss(&train);
        progress.accuracy = tally_accuracy(&train);
        if (observer && observer->batch)
            observer->batch(observer->arg, &progress);
    }
    trainer->trained_images += train.images;
    trainer->trained_seconds += clock_seconds() - start;
    enum train_end end = evaluate(trainer, &test, err);
    if (end != TRAIN_DONE)
        return end;
    struct epoch_result *result = &trainer->results[trainer->results_count++];
    *result = (struct epoch_result){ .epoch = epoch,
                                     .train_loss = tally_loss(&train),
                                     .train_accuracy = tally_accuracy(&train),
                                     .test_loss = tally_loss(&test),
                                     .test_accuracy = tally_accuracy(&test),
                                     .seconds = clock_seconds() - start };
    if (report_log_epoch(&trainer->log, result, trainer->config->epochs)) {
        err_set(err, "the log of '%s' is too long", trainer->config->model_name);
        return TRAIN_ERROR;
    }
    if (observer && observer->epoch)
        observer->epoch(observer->arg, &progress, result);
    return TRAIN_DONE;
}

static void keep_confusion(struct trainer *trainer)
{
    struct confusion kept = trainer->latest;
    trainer->latest = trainer->saved;
    trainer->saved = kept;
}

/* After an epoch: whether training has gone on for long enough without a better test accuracy. Keeps what is to be
 * saved: the last epoch's, or with patience the best one's. */
static bool is_patience_over(struct trainer *trainer)
{
    if (!trainer->best) {
        keep_confusion(trainer);
        return false;
    }
    const struct epoch_result *now = &trainer->results[trainer->results_count - 1];
    const struct epoch_result *best = trainer->best_epoch ? &trainer->results[trainer->best_epoch - 1] : NULL;
    if (best && now->test_accuracy <= best->test_accuracy)
        return now->epoch - best->epoch >= trainer->config->patience;
    trainer->best_epoch = now->epoch;
    keep_confusion(trainer);
    weights_copy(trainer->net, trainer->best, trainer->weights);
    return false;
}

static int write_file(const struct model_draft *draft, const char *file, const char *ending, const struct buf *text,
                      struct err *err)
{
    char *path = model_draft_path(draft, file, ending);
    int result = path ? fs_write(path, buf_text(text), text->len, err) : err_set(err, "no memory for '%s'", file);
    free(path);
    return result;
}

static int write_classes(const struct trainer *trainer, const struct model_draft *draft, struct err *err)
{
    struct buf text;
    int result = -1;
    buf_init(&text, LOG_MAX);
    for (int i = 0; i < dataset_classes(trainer->dataset); i++)
        if (buf_printf(&text, "%s\n", dataset_class(trainer->dataset, i))) {
            err_set(err, "no memory for the classes of '%s'", draft->name);
            goto out;
        }
    result = write_file(draft, "classes.txt", NULL, &text, err);
out:
    buf_release(&text);
    return result;
}

/* The report's model_save_path: absolute, where the model will lie once the draft is in place. */
static char *save_path(const struct train_config *config)
{
    char *root = realpath(config->models_dir, NULL), *path = NULL;
    if (root && asprintf(&path, "%s/%s/%s.pth", root, config->model_name, config->model_name) < 0)
        path = NULL;
    free(root);
    return path;
}

static int save(struct trainer *trainer, double seconds, struct err *err)
{
    const struct train_config *config = trainer->config;
    const char *name = config->model_name;
    struct model_draft draft;
    struct buf report;
    char *weights = NULL, *path = NULL;
    const char **classes = calloc((size_t)trainer->net->classes, sizeof *classes);
    int result = -1;

    buf_init(&report, REPORT_MAX);
    if (model_draft_init(&draft, config->models_dir, name, err))
        goto out;
    weights = model_draft_path(&draft, name, "pth");
    path = save_path(config);
    /* Behind the epochs, as who reads logs of the existing system expects those first. */
    if (!weights || !path || !classes || (config->notice && buf_printf(&trainer->log, "Notice: %s\n", config->notice)) ||
        report_log_end(&trainer->log, name, seconds)) {
        err_set(err, "no memory to save '%s'", name);
        goto out;
    }
    const struct weights *saved = trainer->best ? trainer->best : trainer->weights;
    const struct report contents = { .config = config,
                                     .results = trainer->results,
                                     .count = trainer->results_count,
                                     .model_save_path = path,
                                     .classes = classes,
                                     .confusion = &trainer->saved,
                                     .seconds = seconds,
                                     .images_per_second =
                                         (double)trainer->trained_images / fmax(trainer->trained_seconds, 1e-9) };
    for (int c = 0; c < trainer->net->classes; c++)
        classes[c] = dataset_class(trainer->dataset, c);
    if (report_write(&report, &contents, err) ||
        pth_write(weights, trainer->net, saved, err) || write_classes(trainer, &draft, err) ||
        write_file(&draft, name, "txt", &trainer->log, err) || write_file(&draft, name, "json", &report, err))
        goto out;
    result = model_draft_commit(&draft, err);
out:
    free(weights);
    free(path);
    free(classes);
    buf_release(&report);
    model_draft_release(&draft);
    return result;
}

enum train_end train_run(const struct train_config *config, const struct train_observer *observer, struct err *err)
{
    struct trainer trainer = { .config = config, .observer = observer };
    double start = clock_seconds();
    enum train_end end = TRAIN_ERROR;
    if (config->epochs < 1 || config->batch_size < 1 || config->image_size < 1 || config->threads < 1) {
        err_set(err, "epochs, batch size, image size and threads must be 1 or more");
        return TRAIN_ERROR;
    }
    if (trainer_init(&trainer, err))
        goto out;
    for (int epoch = 1; epoch <= config->epochs; epoch++) {
        if ((end = train_epoch(&trainer, epoch, err)) != TRAIN_DONE)
            goto out;
        if (is_patience_over(&trainer))
            break;
    }
    end = save(&trainer, clock_seconds() - start, err) ? TRAIN_ERROR : TRAIN_DONE;
out:
    trainer_release(&trainer);
    return end;
}
