/* The states of a training and the steps between them, for the files of the core of jobs. See jobs.h for the whole. */
#ifndef DCLS_BROKER_JOB_TRANSITIONS_H
#define DCLS_BROKER_JOB_TRANSITIONS_H

#include "dcls/base/clock.h"
#include "job.h"

#define JOBS_BEGIN_MS 30000     /* from SERVER TRAIN to the first word */
#define JOBS_CANCEL_MS 30000    /* from SERVER CANCEL to the outcome */
#define JOBS_GRACE_MS 60000     /* a node may be away */
#define JOBS_SILENT_MS 30000    /* without a word: said as the reason, and at each further such time */
#define JOBS_DEAD_MS 120000     /* without a word, of a node that offers "heartbeat" */
#define JOBS_UNTOLD_MS 21600000 /* for the outcome, of a legacy node that was away: it may have lost it */
#define JOBS_LOST_STARTS 3      /* in a row fail the job */

/* Ordered as they are handed out, of one job. */
enum job_action_what {
    JOB_STORE,         /* write job_copy_stored(job); then jobs_stored with `version` */
    JOB_ADDED,         /* what jobs_add took: `status` 202, it is committed; 500, it could not be, and is freed then */
    JOB_SEND_TRAIN,    /* SERVER TRAIN to `node`; then jobs_train_sent */
    JOB_SEND_CANCEL,   /* SERVER CANCEL to `node` */
    JOB_SEND_ACK,      /* SERVER JOB ACK to `node`: its outcome is committed */
    JOB_ANSWER_CANCEL, /* to all who asked for its end so far: `status` 200, it is cancelled; 202, it is to be; 409, it
                        * ended otherwise; 500, that could not be stored yet */
    JOB_ENDED,         /* its end is committed: to all who wait for that. `live` is still there */
    JOB_PUBLISH,       /* what clients see of it changed */
    JOB_ACTIONS,
};

struct jobs;
struct node;

/* An action is due. */
void job_mark(struct jobs *jobs, struct job *job, enum job_action_what what);
void job_answer(struct jobs *jobs, struct job *job, int status);
/* What is durable of it changed. */
void job_change(struct jobs *jobs, struct job *job);
/* jobs_tick is to be called then. */
void jobs_due_at(struct jobs *jobs, int64_t ms);
/* node->job is what is assigned to it. */
void jobs_set_busy(struct jobs *jobs, const char *node);
/* Something may start, or have another reason to wait: `nodes`, because a node came or went. */
void jobs_reschedule(struct jobs *jobs, bool nodes);
void job_set_reason(struct jobs *jobs, struct job *job, const char *format, ...)
    __attribute__((format(printf, 3, 4))); /* NULL: none */

/* The steps. */

/* A new job, already in the table: waits, and is to be stored. */
void job_enqueue(struct jobs *jobs, struct job *job);
/* A job of an earlier run, in whatever state. */
void job_restore(struct jobs *jobs, struct job *job, struct moment now);
/* queued -> starting. */
void job_start(struct jobs *jobs, struct job *job, struct node *node, struct moment now);
/* starting, or given up -> running. */
void job_run(struct jobs *jobs, struct job *job);
/* starting -> queued; or it ends, where it was to be cancelled, or `lost` starts are too many. */
void job_put_back(struct jobs *jobs, struct job *job, bool lost, struct moment now);
/* -> ending, or ending otherwise. Takes what `end` owns. `reason` may be NULL. */
void job_end(struct jobs *jobs, struct job *job, struct job_end *end, const char *reason, struct moment now);
void job_cancel(struct jobs *jobs, struct job *job, const char *reason, struct moment now);
/* Failed: "node 'n' WHY"; or cancelled, where that was asked for. `given_up`: its node may bring it back. */
void job_give_up(struct jobs *jobs, struct job *job, bool given_up, struct moment now, const char *why);
/* ending -> completed, failed, cancelled: that is committed. */
void job_finish(struct jobs *jobs, struct job *job);

#endif
