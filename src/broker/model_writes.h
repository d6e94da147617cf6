/* Rows of models on their way to the store. Each model has a version; what is newer than its row is written, tried
 * again until it is stored, after pauses from 0.5 s to 30 s. Of thousands that change at once a slice is written at a
 * time, so that the loop turns between. */
#ifndef DCLS_BROKER_MODEL_WRITES_H
#define DCLS_BROKER_MODEL_WRITES_H

#include "model.h"

#define MODEL_WRITES_SLICE 250 /* models in one write */
#define MODEL_WRITES_RETRY_MIN_MS 500
#define MODEL_WRITES_RETRY_MAX_MS 30000

struct broker;
struct model_writes;

/* `stored` is called when a version of a model is committed, which is model->committed then: it may free a model of
 * which nothing newer is to be stored. NULL where memory lacks. */
struct model_writes *model_writes_new(struct broker *broker, void (*stored)(void *arg, struct model *model), void *arg);
void model_writes_free(struct model_writes *writes); /* models may be gone before it */

/* The model is another than before; it is written by one of the next two. */
void model_writes_changed(struct model_writes *writes, struct model *model);
void model_writes_flush(struct model_writes *writes);
/* In the order of what else is stored now, whatever else waits. */
void model_writes_now(struct model_writes *writes, struct model *model);
/* The loop no longer turns: all that waits goes to the store, before the pool is drained. */
void model_writes_stop(struct model_writes *writes);

#endif
