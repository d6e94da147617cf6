/* What blocks of the folder of models, as work of the thread pool. Two lanes keep its order: one of what changes the
 * folder, one of looking through all of it, which may take minutes where models were copied in. */
#ifndef DCLS_NODE_MODEL_WORK_H
#define DCLS_NODE_MODEL_WORK_H

#include <stdbool.h>

#include "dcls/base/err.h"
#include "dcls/net/thread_pool.h"

struct daemon;

enum { LANE_MODELS = 1, LANE_MODEL_SCANS }; /* 0 is the outbox's */

/* Removals at a time. The lane has room for them, and for the few things that trainings want of it. */
#define MODEL_REMOVALS_MAX 1024
#define MODEL_WORK_MAX (MODEL_REMOVALS_MAX + 64)

struct model_work;

/* Before anything is submitted to the pool. `tell` sends NODE INFO. NULL with err. */
struct model_work *model_work_new(struct daemon *daemon, void (*tell)(struct daemon *daemon), struct err *err);
void model_work_free(struct model_work *work); /* after the thread pool */

/* Looks through the folder again. The broker is told where something changed. */
void model_work_scan(struct model_work *work);

/* Ends what a worker that died had begun to replace under that name, and removes what it left half written among that
 * name's checkpoints. */
void model_work_recover(struct model_work *work, const char *name);

#endif
