/* What is counted for GET /metrics as it happens: ends of jobs, training images, inferences,
 * thumbnails. What can be looked at when
 * it is asked for is not here. Pure: it sends, stores and times nothing.
 *
 * Names of models and nodes are labels, and clients make models: METRICS_PAIRS_MAX pairs of a model and a node have
 * their own counts, whichever come first; those of any further are counted for the model "other". */
#ifndef DCLS_BROKER_METRICS_H
#define DCLS_BROKER_METRICS_H

#include <stdint.h>

#include "dcls/base/buf.h"
#include "job.h"

#define METRICS_PAIRS_MAX 1000

enum inference_outcome {
    INFERENCE_ANSWERED,
    INFERENCE_FAILED,  /* its node said so */
    INFERENCE_LATE,    /* no answer in time */
    INFERENCE_LOST,    /* its node went */
    INFERENCE_REFUSED, /* no node was asked: model and node are "" */
    INFERENCE_OUTCOMES
};

enum thumbnail_outcome { THUMBNAIL_CACHED, THUMBNAIL_MADE, THUMBNAIL_FAILED, THUMBNAIL_OUTCOMES };

struct metrics;
struct metrics *metrics_new(void); /* NULL where memory lacks */
void metrics_free(struct metrics *metrics);

/* `seconds` until its outcome. */
void metrics_inference(struct metrics *metrics, const char *model, const char *node, enum inference_outcome outcome,
                       double seconds);
/* Its end is committed. A job that was given up and came back ends once more. */
void metrics_job_ended(struct metrics *metrics, const struct job *job);
/* Its node told how far it is: images that are new are counted, in whole batches. */
void metrics_progress(struct metrics *metrics, struct job *job);

/* One was found, or was made or not for all who asked for it meanwhile. */
void metrics_thumbnail(struct metrics *metrics, enum thumbnail_outcome outcome);

/* Their families, in Prometheus' text format. -1 where `out` has no room. */
int metrics_write(const struct metrics *metrics, struct buf *out);

#endif
