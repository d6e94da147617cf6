/* One training: its states, what is known of it, and how clients see it. Nothing here is sent, stored or timed.
 *
 * A job has generations: each start is one, with a node a rank (today one). What is durable of it has a version, which
 * each change raises; what clients see (job_shown) and nodes are told is of a version that was committed. Progress, and
 * why it waits, are as they are now.
 *
 * Of an ended job little stays in memory: `live` goes when its end is committed and told, but of one that was given
 * up. */
#ifndef DCLS_BROKER_JOB_H
#define DCLS_BROKER_JOB_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "dcls/base/notices.h"
#include "dcls/base/sha256.h"
#include "dcls/proto/msg.h"
#include "dcls/proto/name.h"

/* In this order: what is at least JOB_COMPLETED is over. JOB_ENDING: how it ends is known and not committed yet; the
 * store never has it. */
enum job_state { JOB_QUEUED, JOB_STARTING, JOB_RUNNING, JOB_ENDING, JOB_COMPLETED, JOB_FAILED, JOB_CANCELLED };
#define JOB_STATES (JOB_CANCELLED + 1)
extern const char *const job_state_names[JOB_STATES];

#define JOB_ID_SIZE 24  /* a number, growing */
#define JOB_KEY_SIZE 32 /* "train:" and a number, growing with the ids */
#define JOB_RANKS_MAX 1

/* A node that was given a rank of the current generation. What is told of the job counts from these alone. */
struct assignment {
    int rank;
    char node[NAME_SIZE];
    char instance[NAME_SIZE];          /* of the node's process; empty: it told none */
    char secret_hash[SHA256_HEX_SIZE]; /* of the node's secret; empty: it told none */
};

/* How it ends, until that is committed. */
struct job_end {
    enum job_state state; /* completed, failed, cancelled */
    bool by_node;         /* the node's outcome; else the node may still be at it */
    char *error;          /* why it failed, until job_end takes it; NULL: nothing is told */
    char *report, *log;   /* of TRAINING_COMPLETED; NULL: none */
    cJSON *data;
};

/* What is known of a job that is not over, or that was given up. */
struct job_live {
    struct train_options options;
    struct assignment assignments[JOB_RANKS_MAX]; /* of the current generation */
    int ranks;                                    /* 0: it is queued, or never started */
    bool cancelling;                              /* a client asked for its end: stored, then its node is told */
    struct job_end end;
    /* not stored: progress */
    int64_t batch, batches;
    double images_per_second, loss, accuracy;
    cJSON *result; /* of the newest epoch; NULL: none was told in this run of the broker */
    /* not stored: the core's */
    bool sent;               /* SERVER TRAIN went out, or may have in an earlier run of the broker */
    bool acknowledge;        /* its outcome, when the end is committed */
    bool silent;             /* the reason says how long nothing was heard */
    int lost_starts;         /* in a row */
    int64_t session;         /* of its node: where it was sent or listed last; 0: in an earlier run */
    int64_t sent_ms;         /* when SERVER TRAIN went out */
    int64_t heard_ms;        /* the last word of its node about it */
    int64_t lost_ms;         /* since when its node is away; 0: it is there */
    int64_t untold_ms;       /* since when its legacy node, which was away, may have lost it; 0: it was not away */
    int64_t cancel_ms;       /* when SERVER CANCEL went out; 0: not yet */
    uint64_t cancel_version; /* the first that has `cancelling` */
    uint64_t explained;      /* the state of the nodes by which its reason, */
    uint64_t tried;          /* and by which its start was looked for last */
    /* not stored: the metrics' */
    int64_t counted_generation, counted_batches; /* of which images were counted; 0: none */
};

struct event_pace;

struct job {
    char id[JOB_ID_SIZE], train_key[JOB_KEY_SIZE];
    char model_name[NAME_SIZE], model_type[NAME_SIZE];
    char requested_node[NAME_SIZE]; /* the node it is bound to; empty: any */
    char node[NAME_SIZE];           /* where it runs or ran, of rank 0; empty: nowhere yet */
    enum job_state state;           /* as the core sees it; clients: job_shown */
    bool given_up;         /* failed by the broker's own judgement: its node may bring it or its outcome back */
    bool cleaned;          /* not stored: what it left on its node was removed */
    int64_t generation;    /* counts its starts */
    int64_t epoch, epochs; /* epoch is not stored */
    int64_t created, started, ended; /* wall clock, ms; 0: not yet */
    char *error;                     /* why it failed; NULL */
    char *reason;            /* why it waits, what its node does; of an end, which alone is stored, how it came to it */
    struct notices *notices; /* what people should know of it; NULL: nothing */
    int64_t epochs_done;     /* the newest epoch that has a result */
    cJSON *results;          /* of epochs, those that are not committed yet, an array; NULL: none */
    struct job_live *live;   /* NULL: it is over */
    uint64_t version;        /* of what is to be stored */
    uint64_t committed;      /* 0: not even that it is queued */
    uint64_t writing;        /* on its way to the store; 0: nothing is */
    enum job_state committed_state, writing_state;
    int failures;     /* writes that failed, in a row */
    int64_t retry_ms; /* when the next may be tried */
    /* the core's */
    unsigned todo; /* actions that are due, as bits */
    int answer;    /* JOB_ANSWER_CANCEL's status */
    bool refused;  /* it could not be stored and is about to be freed */
    bool is_listed_live, is_active, is_in_work, is_in_retry;
    TAILQ_ENTRY(job) live_link, active_link, work_link, retry_link;
    struct event_pace *pace; /* the events': when it was told last */
    struct job *next;        /* of a list that is handed over */
};
TAILQ_HEAD(job_list, job);

/* Queued, with every option's default; NULL where memory lacks. */
struct job *job_new(void);
void job_free(struct job *job); /* NULL is fine */
void job_release_end(struct job_end *end);
/* Frees what an ended job does not need. */
void job_slim(struct job *job);

/* A copy of exactly what the store keeps of it now: `ending` as the state that it ends in, with report, log and data in
 * live->end; nothing that is "not stored". The store writes from such a copy, and jobs_restore takes what was written
 * of them. The caller's; NULL where memory lacks. */
struct job *job_copy_stored(const struct job *job);

static inline bool job_is_over(const struct job *job)
{
    return job->state >= JOB_COMPLETED;
}

/* The state that clients see: the committed one, or `ending`. */
static inline enum job_state job_shown(const struct job *job)
{
    return job->state == JOB_ENDING ? JOB_ENDING : job->committed_state;
}

/* The job object of the HTTP interface, without `results`: while it runs it has the newest of them as `result`. NULL
 * where memory lacks. */
cJSON *job_json(const struct job *job);
/* The results that are stored, an array, which it takes, with those that are not committed yet: the caller's. NULL
 * where memory lacks. */
cJSON *job_results_json(const struct job *job, cJSON *stored);
/* Its notices as an array; NULL where memory lacks. */
cJSON *job_notices_json(const struct job *job);
/* Its assignments as an array of {"rank", "node", "instance", "secret"}, as stored; NULL where memory lacks. */
cJSON *job_assignments_json(const struct job *job);
/* The other way; what is not understood is left out. Of a job that has none its node, whatever process that was: such
 * were stored once. */
void job_set_assignments(struct job *job, const cJSON *list);

/* Of `error` and `reason`: a copy; NULL for NULL, and where memory lacks. */
void job_set_text(char **member, const char *text);
/* Adds an epoch's object, or replaces the last where it is of the same epoch: they come in order; those that passed
 * while the broker was away come with the report. True where it was taken. */
bool job_add_result(struct job *job, const cJSON *result);
/* Takes the results of all epochs, as a report has them, in place of what there was; false where memory lacks: then all
 * is as it was. What is no object is left out, and an object without an epoch has its place as that. */
bool job_set_results(struct job *job, const cJSON *results);
/* They are committed. */
void job_drop_results(struct job *job);
/* Adds a line, or those of an array. True where there was anything new. */
bool job_add_notice(struct job *job, const char *line);
bool job_add_notices(struct job *job, const cJSON *lines);

#endif
