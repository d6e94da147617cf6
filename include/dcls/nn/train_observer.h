/* What a training tells while it runs, and what it asks. */
#ifndef DCLS_NN_TRAIN_OBSERVER_H
#define DCLS_NN_TRAIN_OBSERVER_H

#include <stdbool.h>
#include <stddef.h>

struct epoch_result;

struct train_progress {
    int epoch, epochs, batch, batches;
    double images_per_second, loss, accuracy; /* so far in this epoch; accuracy in percent */
};

/* Any member may be NULL. Called on the training thread. */
struct train_observer {
    void *arg;
    /* Before the first batch: "checked" or "compared" so many of so many images. */
    void (*opening)(void *arg, const char *what, size_t done, size_t total);
    void (*batch)(void *arg, const struct train_progress *progress);
    void (*epoch)(void *arg, const struct train_progress *progress, const struct epoch_result *result);
    bool (*cancelled)(void *arg);                /* asked before each batch, and while the dataset is opened */
    void (*notice)(void *arg, const char *line); /* what people should know; not what config has */
};

#endif
