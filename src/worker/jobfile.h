/* A job's description: the WORKER TRAIN object, from a file or from the node, checked before anything starts. */
#ifndef DCLS_WORKER_JOBFILE_H
#define DCLS_WORKER_JOBFILE_H

#include "dcls/base/err.h"
#include "dcls/nn/train.h"
#include "dcls/proto/msg.h"

/* Reads a file that holds one WORKER TRAIN object. `msg` is initialised always and must be released. */
int jobfile_read(const char *path, struct msg *msg, struct err *err);

/* The engine's configuration of a WORKER TRAIN; its strings stay the message's. */
int jobfile_config(const struct msg *msg, struct train_config *config, struct err *err);

#endif
