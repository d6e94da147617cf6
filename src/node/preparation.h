/* What a training needs on this machine before its worker starts: a dataset and, where asked for, weights. */
#ifndef DCLS_NODE_PREPARATION_H
#define DCLS_NODE_PREPARATION_H

#include <stdatomic.h>
#include <stdbool.h>

#include "dcls/base/err.h"
#include "dcls/base/notices.h"
#include "dcls/proto/train_options.h"

struct daemon;
struct network;

struct preparation {
    char *data_dir;                   /* where the worker finds the images */
    char *weights_file;               /* NULL: none */
    const struct network *pretrained; /* weights_file is to hold these; NULL: it is a blob, or none */
    bool asked_for;                   /* the weights: not only the default */
    char *part;                       /* of what may be downloaded, for who wants to see it grow; NULL: nothing may */
    const char *file;                 /* its name */
    struct notices notices;           /* what people should know once it has run */
    char *api;                        /* the broker's; NULL: it has none */
    bool fetches_dataset;
    const struct daemon *daemon; /* of which only the paths are read */
};

/* Decides what is to be had from where. Released whether or not this fails. */
int preparation_init(struct preparation *preparation, const struct daemon *daemon, const char *type,
                     const struct train_options *options, struct err *err);
void preparation_release(struct preparation *preparation);

/* Fetches what is not here. Pretrained weights that cannot be had are a failure where they were asked for; where they
 * are but the default there are none then, and a notice says so. On one of the pool's threads. */
int preparation_run(struct preparation *preparation, const atomic_bool *stop, struct err *err);

#endif
