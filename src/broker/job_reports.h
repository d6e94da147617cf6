/* What nodes tell the core of jobs, and what it means that they come and go. Pure, as jobs.h says. Outcomes and
 * progress count from the assigned node, instance and generation alone.
 *
 * A process of a node that told no `instance` in the message is that of its connection; but an outcome of a node that
 * does not offer "generations" may be of an earlier process of it, which it does not tell. */
#ifndef DCLS_BROKER_JOB_REPORTS_H
#define DCLS_BROKER_JOB_REPORTS_H

#include <cjson/cJSON.h>

#include "dcls/base/clock.h"
#include "dcls/proto/msg.h"

struct job;
struct jobs;
struct node;

/* A node was registered. */
void job_reports_node_came(struct jobs *jobs, const struct node *node);
/* It is about to leave: it is still in the registry, and not `ready` any more. */
void job_reports_node_gone(struct jobs *jobs, const struct node *node, struct moment now);
/* SERVER TRAIN has left for a legacy node, which waited behind what that was asked before. It runs: such a node tells
 * nothing but the outcome. */
void job_reports_train_left(struct jobs *jobs, const struct node *node, const char *train_key);
/* `listed`: the jobs of its NODE INFO; NULL: none, or a legacy node. It is `ready`. */
void job_reports_node_info(struct jobs *jobs, const struct node *node, const cJSON *listed, struct moment now);
/* The generation that an entry of NODE INFO's jobs tells; -1: none. False where no generation is so large: such an
 * entry is of nothing. */
bool job_reports_generation(const cJSON *entry, int64_t *generation);
/* Of each entry after that: it runs there and must not, for it was cancelled, has failed, or is of a generation that is
 * over. The shell sends SERVER CANCEL, with the entry's generation. */
bool job_reports_is_stale(const struct jobs *jobs, const struct node *node, const cJSON *entry);

/* TRAINING PROGRESS. False: it does not count. */
bool job_reports_progress(struct jobs *jobs, const struct node *node, const struct msg *msg, struct moment now);

enum job_outcome {
    JOB_OUTCOME_TAKEN, /* the job ends with it; JOB_SEND_ACK comes when that is committed */
    JOB_OUTCOME_WAITS, /* it was told before, or the job ends otherwise: the same. Or memory lacks to keep it: the node
                        * tells it again */
    JOB_OUTCOME_DROP,  /* nobody needs it: SERVER JOB ACK at once, with the message's generation */
    JOB_OUTCOME_UNKNOWN, /* no such job is known: the same */
};
/* TRAINING_COMPLETED, whose `data` is moved out where it is TAKEN; TRAINING FAILED. */
enum job_outcome job_reports_outcome(struct jobs *jobs, const struct node *node, struct msg *msg, struct moment now);

/* An ERROR of a legacy node that answers nothing else. False: it trains nothing, or the ERROR names an inference or a
 * report, whose asker no longer waits. Else what it trains has failed. */
bool job_reports_error(struct jobs *jobs, const struct node *node, const struct msg *msg, struct moment now);
/* What is assigned to that name, which is not connected, ends. */
void job_reports_node_forgotten(struct jobs *jobs, const char *node, struct moment now);

#endif
