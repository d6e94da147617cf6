/* What a training is made of: made and released by trainer.c, run by train.c, its model written by train_save.c. */
#ifndef DCLS_NN_TRAINER_H
#define DCLS_NN_TRAINER_H

#include "checkpoint.h"
#include "nn/data/loader.h"
#include "dcls/base/buf.h"
#include "dcls/base/notices.h"
#include "dcls/base/sha256.h"
#include "nn/graph/plan_cache.h"
#include "schedule.h"

struct train_observer;

struct trainer {
    struct train_config config; /* as it is in force: a checkpoint's where training is resumed */
    const struct train_observer *observer;
    bool cancelled;               /* while it was made */
    struct checkpoint checkpoint; /* to resume from, until then */
    struct dataset *dataset;
    char classes_sha256[SHA256_HEX_SIZE];
    struct net *net;
    float *grad;
    float *class_weights; /* NULL: each 1 */
    struct arena *arena;  /* training and evaluation take turns in it */
    struct plan_cache train_plans, test_plans;
    struct loader *train_loader, *test_loader;
    int batches; /* of an epoch, that are trained on */
    struct schedule schedule;
    struct train_state state;
    const char *kept_model;  /* whose checkpoint was written or resumed last; NULL: none yet */
    int kept_epoch;          /* behind which that was */
    struct confusion latest; /* of the last epoch, and what was answered in it */
    struct answers answers;
    double start; /* clock_seconds(), less what passed before it was resumed */
    struct notices notices;
    struct buf log;
};

/* Fills a zeroed trainer: reads the weights or the checkpoint, opens images, compiles nothing yet. */
int trainer_init(struct trainer *trainer, const struct train_config *config, const struct train_observer *observer,
                 struct err *err);
/* Also after a failed trainer_init. */
void trainer_release(struct trainer *trainer);

/* Tells people of it: at once, and in the log and the report. */
void trainer_tell(struct trainer *trainer, const char *line);

/* The seconds of the whole training, before it was resumed too. */
double trainer_seconds(const struct trainer *trainer);

/* Writes the finished model and puts it in place of an older one. */
int train_save(struct trainer *trainer, struct err *err);

#endif
