/* What a training is asked for, and what comes of an epoch. */
#ifndef DCLS_NN_TRAIN_CONFIG_H
#define DCLS_NN_TRAIN_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct train_config {
    const char *type; /* "resnet", … (dcls/nn/models.h) */
    const char *model_name;
    const char *data_dir;       /* real: ImageFolder or IDX files */
    const char *models_dir;     /* real: MODEL/MODEL.pth, .json, .txt, classes.txt are written below */
    const char *data_dir_shown; /* virtual, for the report: "./images" */
    const char *weights_file;   /* .pth or .safetensors to start from; NULL: random */
    const char *const *notices; /* lines for people, told already, that are to be in the log and the report too */
    size_t notice_count;
    const char *optimizer; /* "adam" | "sgd" */
    const char *scheduler; /* of the learning rate: "none" | "cosine" | "step"; see train/schedule.c */
    const char
        *class_weights;  /* in the loss: "none" | "balanced", N / (K n) for a class of n of the N images, K classes */
    const char *augment; /* "none" | "basic" | "strong" */
    const char *backend; /* "onednn" | "reference" */
    const char *resume;  /* a model whose training goes on from its checkpoint, as it was begun: of the options
                            only epochs, threads, checkpoint and cache_bytes count. NULL: none */
    double learning_rate, momentum, weight_decay, label_smoothing;
    double validation_split; /* the share of the images held out to test on where none are there for that; 0: none */
    int warmup_epochs;       /* below epochs */
    int patience; /* ends after so many epochs without a better test accuracy, and saves the best; 0: never */
    int epochs;   /* in all; 0 with `resume`: as many as it was begun with */
    int batch_size, image_size, threads;
    uint64_t seed;
    bool freeze;        /* trains the last layer alone; below, batch norm keeps its statistics */
    bool checkpoint;    /* after each epoch; see train/checkpoint.h */
    bool fast_decode;   /* training images alone */
    size_t cache_bytes; /* for decoded images; within a quarter of the free memory */
};

struct epoch_result {
    int epoch;                         /* from 1 */
    double train_loss, train_accuracy; /* accuracies in percent */
    double test_loss, test_accuracy;
    double seconds;
};

/* As reports have it, numbers to four decimals; the caller's to delete. */
struct cJSON *epoch_result_json(const struct epoch_result *result);

#endif
