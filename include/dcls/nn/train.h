/* Training of one classifier, from an image folder to saved files. Knows no sockets, no protocol, no processes. */
#ifndef DCLS_NN_TRAIN_H
#define DCLS_NN_TRAIN_H

#include <stdbool.h>

#include "dcls/base/err.h"
#include "dcls/nn/train_config.h"

struct train_progress {
    int epoch, epochs, batch, batches;
    double images_per_second, loss, accuracy; /* so far in this epoch; accuracy in percent */
};

/* Any member may be NULL. Called on the training thread. */
struct train_observer {
    void *arg;
    void (*batch)(void *arg, const struct train_progress *progress);
    void (*epoch)(void *arg, const struct train_progress *progress, const struct epoch_result *result);
    bool (*cancelled)(void *arg); /* asked before each batch */
};

enum train_end { TRAIN_DONE, TRAIN_CANCELLED, TRAIN_ERROR };

/* Trains, evaluates after each epoch on the test split, saves. TRAIN_ERROR fills err. Nothing is replaced in models_dir
 * unless it returns TRAIN_DONE. */
enum train_end train_run(const struct train_config *config, const struct train_observer *observer, struct err *err);

#endif
