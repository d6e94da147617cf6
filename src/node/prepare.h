/* What a training needs on this machine before its worker starts: a dataset and, where asked for, weights. */
#ifndef DCLS_NODE_PREPARE_H
#define DCLS_NODE_PREPARE_H

#include <stdbool.h>

#include "dcls/base/err.h"
#include "dcls/proto/train_options.h"

struct node;

struct preparation {
    char *data_dir;     /* where the worker finds the images */
    char *weights_file; /* NULL: none */
    char *api;          /* the broker's; NULL: it has none */
    bool fetches_dataset;
    const struct node *node; /* of which only the paths are read */
};

/* Decides what is to be had from where. Released whether or not this fails. */
int preparation_init(struct preparation *preparation, const struct node *node, const struct train_options *options,
                     struct err *err);
void preparation_release(struct preparation *preparation);

/* Fetches what is not here. On one of the crew's threads. */
int preparation_run(struct preparation *preparation, const volatile bool *stop, struct err *err);

#endif
