/* The broker's core of jobs: a pure state machine. Events go in, each with its time; actions come out by jobs_next. It
 * sends nothing, stores nothing, reads no clock and no file. It reads the nodes (registry.h), and says what each is
 * busy with (node_set_job): exactly the job that is assigned to it in `starting` or `running`.
 *
 *     queued   -> starting   a node is idle and can do it; committed before SERVER TRAIN goes out
 *     starting -> queued     its start is lost: it cannot be stored, or the node goes, or comes back, without a
 *                            word of it. JOBS_LOST_STARTS in a row that had gone out fail the job
 *     starting -> running    the first word of its node; of a legacy node, when SERVER TRAIN has left. A node that does
 *                            not offer "heartbeat" owes no early word: it counts as running after JOBS_BEGIN_MS
 *     running  -> ending     an outcome; or its node stays away, has it no longer, is silent, does not cancel it. A
 *                            legacy node tells nothing: where it was away it has JOBS_UNTOLD_MS for the outcome
 *     any      -> ending     it is cancelled; at once where nobody has to be told before
 *     ending   -> completed, failed, cancelled      that is committed: it is tried for as long as it takes
 *     ending, failed -> running, ending             it was given up, and its node brings it or its outcome back
 *
 * Each state has a deadline (job_transitions.h) and a way out that needs nobody's co-operation.
 *
 * The shell (jobs_shell.h) does after each event, and when jobs_due says so:
 *
 *     jobs_tick(jobs, now);
 *     while (jobs_next(jobs, now, &action))
 *         ... does it; the store's results come back, at once or later, by jobs_stored ...
 *
 * Actions are level-triggered: that one is due is a bit in the job itself, so that none needs memory, and none is lost.
 * Within an action any event may be told, but not jobs_next. action.job is valid until the next call of jobs_next.
 *
 * job_reports.h has the events of nodes, job_table.h how jobs are found, job_transitions.h the actions. */
#ifndef DCLS_BROKER_JOBS_H
#define DCLS_BROKER_JOBS_H

#include "dcls/base/clock.h"
#include "job.h"
#include "job_storing.h"
#include "job_table.h"
#include "job_transitions.h"
#include "refusal.h"

#define JOBS_QUEUE_MAX 10000 /* that wait */

struct jobs;
struct node;
struct registry;

struct job_action {
    enum job_action_what what;
    struct job *job;
    const struct node *node; /* of JOB_SEND_*: connected */
    uint64_t version;        /* of JOB_STORE */
    int status;              /* of JOB_ADDED and JOB_ANSWER_CANCEL */
};

/* `registry` outlives it. NULL where memory lacks. */
struct jobs *jobs_new(struct registry *registry);
void jobs_free(struct jobs *jobs);
/* Takes what was stored, linked by next, oldest first; before any event. What was starting or running waits for its
 * node from now on. -1 where memory lacks: what is left is freed. */
int jobs_restore(struct jobs *jobs, struct job *stored, struct moment now);
/* Nothing starts any more; a start that did not go out waits for the next run; what cannot be stored is tried once
 * more. */
void jobs_stop(struct jobs *jobs, struct moment now);

/* What is due: true, and the action. */
bool jobs_next(struct jobs *jobs, struct moment now, struct job_action *action);
/* When jobs_tick may have something to do (moment.ms), and not later; INT64_MAX: never. */
int64_t jobs_due(const struct jobs *jobs);
void jobs_tick(struct jobs *jobs, struct moment now);

/* Takes a new job and numbers it: JOB_ADDED comes. -1 where memory lacks: it is freed. */
int jobs_add(struct jobs *jobs, struct job *job, struct moment now);
/* A client asks for its end. -1: refused, 409. Else JOB_ANSWER_CANCEL comes. */
int jobs_cancel(struct jobs *jobs, struct job *job, struct moment now, struct refusal *refusal);
/* Before it, in the state `starting`: SERVER TRAIN waited for a legacy node to answer what came before, and was
 * withdrawn. */
void jobs_train_withdrawn(struct job *job);
/* Within JOB_SEND_TRAIN. Not `ok`: it cannot be sent, and the node's connection ends. */
void jobs_train_sent(struct jobs *jobs, struct job *job, bool ok, struct moment now);

/* Where more than `keep` are over: forgets the oldest of those about which nothing is left to do, frees it and gives
 * its id. False: none. */
bool jobs_forget_oldest(struct jobs *jobs, size_t keep, char id[JOB_ID_SIZE]);

#endif
