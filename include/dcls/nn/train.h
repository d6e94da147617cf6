/* Training of one classifier, from an image folder to saved files. Knows no sockets, no protocol, no processes. */
#ifndef DCLS_NN_TRAIN_H
#define DCLS_NN_TRAIN_H

#include "dcls/base/err.h"
#include "dcls/nn/train_config.h"
#include "dcls/nn/train_observer.h"

enum train_end { TRAIN_DONE, TRAIN_CANCELLED, TRAIN_ERROR };

/* Trains, evaluates after each epoch on the test split, saves. TRAIN_ERROR fills err. Nothing is replaced in models_dir
 * unless it returns TRAIN_DONE. */
enum train_end train_run(const struct train_config *config, const struct train_observer *observer, struct err *err);

#endif
