/* What a finished training tells: TRAINING_COMPLETED, read from the files that it left. */
#ifndef DCLS_WORKER_RESULT_H
#define DCLS_WORKER_RESULT_H

#include "dcls/base/err.h"
#include "dcls/nn/train.h"
#include "dcls/proto/msg.h"

/* Fills data, report and model_info of `msg` from models_dir/MODEL. Long logs keep their last lines, long reports
 * lose middle epochs and say "truncated": true, so that the message stays below MSG_MAX. */
int result_fill(struct msg *msg, const char *models_dir, const char *model, struct err *err);

#endif
