/* Trainings: submitted, queued, running, ended. A job's generation counts its starts.
 *
 * A job is acknowledged when it is committed; an outcome is acknowledged to its node when it is committed, and shown
 * then or when it turns out that it cannot be. A node that goes away keeps its job for JOBS_GRACE_MS; an outcome that
 * arrives later still counts. */
#ifndef DCLS_BROKER_JOBS_H
#define DCLS_BROKER_JOBS_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "dcls/proto/msg.h"
#include "dcls/proto/name.h"

#define JOBS_GRACE_MS 60000

struct broker;
struct node;

enum job_state { JOB_QUEUED, JOB_RUNNING, JOB_COMPLETED, JOB_FAILED, JOB_CANCELLED };
extern const char *const job_state_names[];

struct job {
    struct job *next;
    char id[NAME_SIZE];
    enum job_state state;
    char model_name[NAME_SIZE], model_type[NAME_SIZE];
    char requested_node[NAME_SIZE]; /* the node it is bound to; empty: any */
    char node[NAME_SIZE];           /* where it runs or ran; empty: nowhere yet */
    char train_key[NAME_SIZE];
    int64_t generation;
    struct train_options options;
    cJSON *results;                  /* per-epoch objects, an array */
    cJSON *data;                     /* TRAINING_COMPLETED's */
    char *error;                     /* why it failed */
    char reason[160];                /* why it waits, or what its node does before the first batch */
    char notice[512];                /* what people should know of it; not stored */
    int64_t created, started, ended; /* wall clock, ms; 0: not yet */
    /* not stored */
    bool sent; /* SERVER TRAIN went out in this run of the broker, or the node said that it runs */
    bool cancelling;
    bool committed; /* its end is in the store */
    bool ending;    /* its end is on its way to the store: until then clients see `before` */
    enum job_state before;
    bool cleaned;    /* what it left on its node was removed */
    unsigned ends;   /* counts them: an outcome may come after the job was given up */
    int64_t lost_ms; /* clock_ms() since when its node is gone; 0: it is there */
    int64_t epoch, batch, batches;
    double images_per_second, loss, accuracy;
};

/* The state that clients see. */
static inline enum job_state job_shown(const struct job *job)
{
    return job->ending ? job->before : job->state;
}

struct jobs;
struct jobs *jobs_new(struct broker *broker);
/* The broker is about to stop: nothing starts any more. */
void jobs_stop(struct jobs *jobs);
void jobs_free(struct jobs *jobs); /* callbacks that wait are dropped */
/* For the store: a job as it was stored; taken. */
void jobs_restore(struct jobs *jobs, struct job *job);
/* After the restore, with the loop about to turn. */
int jobs_start(struct jobs *jobs, struct err *err);

struct job_request {
    const char *model_type; /* any name: whether a node knows it shows when it trains */
    const char *model_name; /* NULL: TYPE-N */
    const char *node;       /* NULL: any */
    const struct train_options *options;
};
/* Called once, after the commit: `job` NULL and an HTTP status (400, 404, 409, 500) with the reason, else 202. */
typedef void jobs_submitted(void *arg, const struct job *job, int status, const char *error);
void jobs_submit(struct jobs *jobs, const struct job_request *request, jobs_submitted *done, void *arg);

/* Calls back once when the job's end is shown (at once where it is). The job may be gone only when the broker stops. */
typedef void job_ended(void *arg, const struct job *job);
int jobs_wait(struct jobs *jobs, const struct job *job, job_ended *ended, void *arg);
void jobs_stop_waiting(struct jobs *jobs, void *arg);

/* Called once with 200 (its end is committed), 202 (its node was told), or 404, 409, 500 and the reason. */
typedef void jobs_cancelled(void *arg, int status, const char *error);
void jobs_cancel(struct jobs *jobs, const char *id, jobs_cancelled *done, void *arg);

const struct job *jobs_find(const struct jobs *jobs, const char *id);
const struct job *jobs_last_started(const struct jobs *jobs, const char *model); /* that model's; NULL: none was */
/* Whether a training of that model failed or was cancelled on that node (NULL: on any), and may have left a checkpoint.
 */
bool jobs_left(const struct jobs *jobs, const char *model, const char *node);
/* It has been removed there. */
void jobs_sweep(struct jobs *jobs, const char *model, const char *node);
const struct job *jobs_first(const struct jobs *jobs); /* oldest first, linked by next */
/* A queued or running job trains that model. */
bool jobs_train_model(const struct jobs *jobs, const char *model);
cJSON *job_json(const struct job *job); /* DESIGN's job object; NULL where memory lacks */
cJSON *jobs_json(const struct jobs *jobs);

/* From dispatch: what nodes tell. */
void jobs_node_info(struct jobs *jobs, struct node *node, const cJSON *listed); /* NULL: a legacy peer */
void jobs_node_gone(struct jobs *jobs, const char *node);
void jobs_progress(struct jobs *jobs, struct node *node, struct msg *msg);
void jobs_completed(struct jobs *jobs, struct node *node, struct msg *msg);
void jobs_failed(struct jobs *jobs, struct node *node, const struct msg *msg);
/* Starts what can start. */
void jobs_schedule(struct jobs *jobs);

#endif
