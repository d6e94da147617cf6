/* The training loop: batches from the loader through the plans into the optimiser, an evaluation after each epoch, and
 * a finished model folder at the end. */
#include "dcls/nn/train.h"

#include <math.h>

#include "dcls/base/clock.h"
#include "nn/finite.h"
#include "report.h"
#include "step.h"
#include "trainer.h"

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

static bool cancelled(const struct trainer *trainer)
{
    const struct train_observer *observer = trainer->observer;
    return observer && observer->cancelled && observer->cancelled(observer->arg);
}

/* err says what is not finite: what is not stays so, and the training has failed. Adds why that may be and what is
 * left. */
static int diverged(const struct trainer *trainer, struct err *err)
{
    err_set(err, "%s: most likely the learning rate of %g is too high", err->text, trainer->config.learning_rate);
    if (!trainer->kept_model)
        return err_set(err, "%s; there is no checkpoint of an earlier epoch", err->text);
    return err_set(err,
                   "%s; the last good checkpoint is that of epoch %d, 'models/" CHECKPOINTS "/%s/" CHECKPOINT_LAST "'",
                   err->text, trainer->kept_epoch, trainer->kept_model);
}

static int train_batch(struct trainer *trainer, struct tally *tally, struct err *err)
{
    const struct batch *batch = loader_next(trainer->train_loader, err);
    if (!batch)
        return -1;
    struct plan *plan = plan_cache_get(&trainer->train_plans, batch->count, err);
    struct step_result result = { 0 };
    if (!plan)
        return -1;
    plan_set_step(plan, trainer->state.step++);
    batch_normalise(batch, plan_input(plan));
    if (step_train(plan, NULL, batch->labels, &trainer->state.optimiser, trainer->state.weights, trainer->grad, &result,
                   err))
        return isfinite(result.loss) ? -1 : diverged(trainer, err);
    plan_cache_weights_changed(&trainer->train_plans);
    tally_add(tally, result.loss, result.correct, batch->count);
    return 0;
}

/* The whole test split in evaluation mode. */
static enum train_end evaluate(struct trainer *trainer, struct tally *tally, struct err *err)
{
    plan_cache_weights_changed(&trainer->test_plans);
    confusion_clear(&trainer->latest);
    answers_clear(&trainer->answers);
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
        if (!floats_are_finite(plan_logits(plan), (size_t)batch->count * (size_t)trainer->net->classes)) {
            err_set(err, "the loss on the test images is not finite");
            diverged(trainer, err);
            return TRAIN_ERROR;
        }
        int correct;
        double loss = plan_loss(plan, batch->labels, &correct);
        confusion_count(&trainer->latest, plan_logits(plan), batch->labels, batch->count);
        answers_add(&trainer->answers, plan_logits(plan), batch->labels, batch->count);
        tally_add(tally, loss, correct, batch->count);
    }
    return TRAIN_DONE;
}

static enum train_end train_epoch(struct trainer *trainer, int epoch, struct err *err)
{
    const struct train_observer *observer = trainer->observer;
    double start = clock_seconds();
    struct tally train = { 0 }, test = { 0 };
    struct train_progress progress = { .epoch = epoch, .epochs = trainer->config.epochs, .batches = trainer->batches };
    trainer->state.optimiser.spec.learning_rate =
        trainer->config.learning_rate * schedule_factor(&trainer->schedule, epoch);
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
    trainer->state.trained_images += train.images;
    trainer->state.trained_seconds += clock_seconds() - start;
    if (train_state_check(&trainer->state, err)) {
        diverged(trainer, err);
        err_prefix(err, "epoch %d", epoch);
        return TRAIN_ERROR;
    }
    enum train_end end = evaluate(trainer, &test, err);
    if (end != TRAIN_DONE) {
        err_prefix(err, "epoch %d", epoch);
        return end;
    }
    struct epoch_result *result = &trainer->state.results[trainer->state.epochs++];
    *result = (struct epoch_result){ .epoch = epoch,
                                     .train_loss = tally_loss(&train),
                                     .train_accuracy = tally_accuracy(&train),
                                     .test_loss = tally_loss(&test),
                                     .test_accuracy = tally_accuracy(&test),
                                     .seconds = clock_seconds() - start };
    if (report_log_epoch(&trainer->log, result, trainer->config.epochs)) {
        err_set(err, "the log of '%s' is too long", trainer->config.model_name);
        return TRAIN_ERROR;
    }
    if (observer && observer->epoch)
        observer->epoch(observer->arg, &progress, result);
    return TRAIN_DONE;
}

static void keep_answers(struct trainer *trainer)
{
    struct confusion confusion = trainer->latest;
    struct answers answers = trainer->answers;
    trainer->latest = trainer->state.saved;
    trainer->state.saved = confusion;
    trainer->answers = trainer->state.answers;
    trainer->state.answers = answers;
}

/* After an epoch: keeps what is to be saved, which is the last epoch's, or with patience the best one's. Says whether
 * that is the best so far. */
static bool keep(struct trainer *trainer)
{
    struct train_state *state = &trainer->state;
    const struct epoch_result *now = &state->results[state->epochs - 1];
    bool better = !state->best_epoch || now->test_accuracy > state->results[state->best_epoch - 1].test_accuracy;
    if (better)
        state->best_epoch = now->epoch;
    if (better || !state->best)
        keep_answers(trainer);
    if (better && state->best)
        weights_copy(trainer->net, state->best, state->weights);
    return better;
}

/* A training is worth more than its checkpoint: what cannot be written is told, and training goes on. */
static void write_checkpoint(struct trainer *trainer, bool best)
{
    struct err err = ERR_INIT;
    trainer->state.seconds = trainer_seconds(trainer);
    if ((best && checkpoint_write_best(&trainer->config, &trainer->state, &err)) ||
        checkpoint_write(&trainer->config, &trainer->state, trainer->classes_sha256, &err)) {
        err_prefix(&err, "a checkpoint is missing");
        trainer_tell(trainer, err.text);
        return;
    }
    trainer->kept_model = trainer->config.model_name;
    trainer->kept_epoch = trainer->state.epochs;
}

static bool is_patience_over(const struct trainer *trainer)
{
    int patience = trainer->config.patience;
    return patience && trainer->state.epochs - trainer->state.best_epoch >= patience;
}

enum train_end train_run(const struct train_config *config, const struct train_observer *observer, struct err *err)
{
    struct trainer trainer = { 0 };
    enum train_end end = TRAIN_ERROR;
    if (trainer_init(&trainer, config, observer, err)) {
        end = trainer.cancelled ? TRAIN_CANCELLED : TRAIN_ERROR;
        goto out;
    }
    while (trainer.state.epochs < trainer.config.epochs) {
        if ((end = train_epoch(&trainer, trainer.state.epochs + 1, err)) != TRAIN_DONE)
            goto out;
        bool best = keep(&trainer);
        if (trainer.config.checkpoint)
            write_checkpoint(&trainer, best);
        if (is_patience_over(&trainer))
            break;
    }
    end = train_save(&trainer, err) ? TRAIN_ERROR : TRAIN_DONE;
out:
    trainer_release(&trainer);
    return end;
}
