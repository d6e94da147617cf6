/* One training: its states, what is known of it, and how clients see it. Nothing here is sent, stored or timed. */
#ifndef DCLS_BROKER_JOB_H
#define DCLS_BROKER_JOB_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "dcls/base/notices.h"
#include "dcls/proto/msg.h"
#include "dcls/proto/name.h"

enum job_state { JOB_QUEUED, JOB_RUNNING, JOB_COMPLETED, JOB_FAILED, JOB_CANCELLED };
#define JOB_STATES (JOB_CANCELLED + 1)
extern const char *const job_state_names[];

struct job {
    struct job *next;
    char id[NAME_SIZE];
    enum job_state state; /* changed by job_set_state */
    char model_name[NAME_SIZE], model_type[NAME_SIZE];
    char requested_node[NAME_SIZE]; /* the node it is bound to; empty: any */
    char node[NAME_SIZE];           /* where it runs or ran; empty: nowhere yet */
    char train_key[NAME_SIZE];
    int64_t generation; /* counts its starts */
    struct train_options options;
    cJSON *results;                  /* per-epoch objects, an array */
    cJSON *data;                     /* TRAINING_COMPLETED's */
    char *error;                     /* why it failed */
    char reason[160];                /* why it waits, or what its node does before the first batch */
    struct notices notices;          /* what people should know of it */
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

/* Queued, without results; NULL where memory lacks. */
struct job *job_new(void);
void job_free(struct job *job);

/* Into a state that may follow: of ended jobs a failed one may turn out to run on, and a later outcome may count; a
 * completed one stays completed. */
void job_set_state(struct job *job, enum job_state state);

static inline bool job_is_over(const struct job *job)
{
    return job->state > JOB_RUNNING;
}

/* The state that clients see. */
static inline enum job_state job_shown(const struct job *job)
{
    return job->ending ? job->before : job->state;
}

/* Adds an epoch's object, or replaces the last where it is of the same epoch. Epochs come in order; those that passed
 * while the broker was away come with the report. */
void job_add_result(struct job *job, const cJSON *result);
/* Takes an array in place of what there was; anything else is deleted. */
void job_set_results(struct job *job, cJSON *results);

/* Adds the lines of an array. */
void job_add_notices(struct job *job, const cJSON *lines);
/* Its notices as an array; NULL where memory lacks. */
cJSON *job_notices_json(const struct job *job);

/* The job object of the HTTP interface; NULL where memory lacks. */
cJSON *job_json(const struct job *job);

#endif
