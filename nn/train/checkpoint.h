/* Where a training stands after an epoch, kept so that it can go on from there as if it had never stopped.
 *
 * Below models_dir/.checkpoints/MODEL lie last.safetensors, which holds all of struct train_state and the
 * configuration, and best.safetensors, the network's weights alone as they were after the epoch of the highest test
 * accuracy. The dot keeps them out of every listing of models. */
#ifndef DCLS_NN_CHECKPOINT_H
#define DCLS_NN_CHECKPOINT_H

#include <cjson/cJSON.h>

#include "answers.h"
#include "confusion.h"
#include "dcls/nn/train_config.h"
#include "nn/formats/tensors.h"
#include "optimiser.h"

#define CHECKPOINTS ".checkpoints"
#define CHECKPOINT_LAST "last.safetensors"

struct train_state {
    const struct net *net;
    struct weights *weights;
    struct weights *best; /* with patience: those of the best epoch so far; NULL otherwise */
    struct optimiser optimiser;
    const char *fingerprint; /* of the dataset */
    struct confusion saved;  /* of the weights that would be saved, and what they answered */
    struct answers answers;
    struct epoch_result *results;    /* config->epochs of them, the first `epochs` filled */
    int epochs, best_epoch;          /* finished; that of the highest test accuracy, 0: none yet */
    uint64_t step;                   /* batches trained on so far */
    int64_t trained_images;          /* in all epochs, and the seconds that they took without the test images */
    double trained_seconds, seconds; /* the latter of the whole training */
};

/* An error that names what of it is not finite: its training has diverged. */
int train_state_check(const struct train_state *state, struct err *err);

/* Durable. `classes_sha256` stands for the names of the classes. */
int checkpoint_write(const struct train_config *config, const struct train_state *state, const char *classes_sha256,
                     struct err *err);
int checkpoint_write_best(const struct train_config *config, const struct train_state *state, struct err *err);

/* One that was read. Zeroed it is empty, and closing it is fine. */
struct checkpoint {
    cJSON *json;
    struct tensors tensors;
};
/* Reads config->resume's. */
int checkpoint_open(struct checkpoint *checkpoint, const struct train_config *config, struct err *err);
void checkpoint_close(struct checkpoint *checkpoint);

/* Has `config` as the training was begun, but for name, places, threads and cache, and for `epochs` unless they are 0.
 * Its texts are the checkpoint's. An error where the type differs or the epochs are done already. */
int checkpoint_configure(const struct checkpoint *checkpoint, struct train_config *config, struct err *err);
/* Fills what `state`, made for that configuration, points to. Answers on other images than the dataset's are dropped.
 */
int checkpoint_restore(const struct checkpoint *checkpoint, struct train_state *state, const char *classes_sha256,
                       struct err *err);

#endif
