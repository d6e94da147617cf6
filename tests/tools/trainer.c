/* What a training starts from and what its first batches lose:
 * trainer TYPE DATA SEED SIZE none|basic|strong WEIGHTS|none INITIAL.pth adam|sgd RATE STEPS BATCH
 * writes the initial weights, trains for STEPS batches, but for one epoch at most, as a worker would, and prints the
 * loss of each, a line each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/nn/train.h"
#include "nn/formats/pth.h"
#include "nn/train/trainer.h"

struct losses {
    int steps, done, batches;  /* the last of an epoch */
    size_t batch_size, images; /* of an epoch */
    double sum;                /* over the images so far */
};

static void print_loss(void *arg, const struct train_progress *progress)
{
    struct losses *losses = arg;
    size_t before = (size_t)losses->done * losses->batch_size, now = before + losses->batch_size;
    now = now < losses->images ? now : losses->images;
    double sum = progress->loss * (double)now;
    printf("%.9g\n", (sum - losses->sum) / (double)(now - before));
    losses->sum = sum;
    losses->done = progress->batch;
    losses->batches = progress->batches;
}

static bool is_done(void *arg)
{
    const struct losses *losses = arg;
    return losses->done >= losses->steps || (losses->done && losses->done == losses->batches);
}

static int write_initial(const struct train_config *config, const char *path, size_t *images, struct err *err)
{
    struct trainer trainer = { 0 };
    int status = trainer_init(&trainer, config, NULL, err);
    if (!status)
        status = pth_write(path, trainer.net, trainer.state.weights, err);
    *images = trainer.dataset ? dataset_count(trainer.dataset, SPLIT_TRAIN) : 0;
    trainer_release(&trainer);
    return status;
}

int main(int argc, char **argv)
{
    if (argc != 12) {
        fprintf(stderr, "usage: trainer TYPE DATA SEED SIZE none|basic|strong WEIGHTS|none INITIAL.pth adam|sgd RATE "
                        "STEPS BATCH\n");
        return 2;
    }
    struct err err = ERR_INIT;
    struct losses losses = { .steps = (int)strtol(argv[10], NULL, 10), .batch_size = strtoul(argv[11], NULL, 10) };
    const struct train_observer observer = { .arg = &losses, .batch = print_loss, .cancelled = is_done };
    const struct train_config config = { .type = argv[1],
                                         .model_name = "m",
                                         .data_dir = argv[2],
                                         .models_dir = "/nonexistent", /* it is cancelled before it saves */
                                         .weights_file = strcmp(argv[6], "none") ? argv[6] : NULL,
                                         .optimizer = argv[8],
                                         .momentum = 0.9,
                                         .scheduler = "none",
                                         .class_weights = "none",
                                         .augment = argv[5],
                                         .backend = "onednn",
                                         .learning_rate = strtod(argv[9], NULL),
                                         .epochs = 1,
                                         .batch_size = (int)losses.batch_size,
                                         .image_size = (int)strtol(argv[4], NULL, 10),
                                         .threads = 2,
                                         .seed = strtoull(argv[3], NULL, 10) };
    if (!write_initial(&config, argv[7], &losses.images, &err) &&
        (!losses.steps || train_run(&config, &observer, &err) == TRAIN_CANCELLED))
        return fflush(stdout) ? 1 : 0;
    fprintf(stderr, "trainer: %s\n", err.text);
    return 1;
}
