/* One training job, from its WORKER TRAIN to its outcome. */
#ifndef DCLS_WORKER_TRAINING_H
#define DCLS_WORKER_TRAINING_H

#include "channel.h"

/* Runs the job and sends its progress and its outcome. -1 where it failed or was cancelled, err says why; the outcome
 * was sent all the same. */
int training_run(struct channel *channel, const struct msg *request, struct err *err);

#endif
