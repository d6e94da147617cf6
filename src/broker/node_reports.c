/* What nodes tell of trainings. */
#include "node_reports.h"

#include "broker.h"
#include "dcls/base/clock.h"
#include "dcls/base/log.h"
#include "dcls/proto/json.h"
#include "job_reports.h"
#include "job_send.h"
#include "jobs.h"
#include "jobs_shell.h"
#include "metrics.h"
#include "models.h"
#include "registry.h"
#include "removals.h"

void node_reports_came(struct broker *broker, const struct node *node)
{
    job_reports_node_came(broker->jobs, node);
    jobs_shell_drain(broker);
}

void node_reports_gone(struct broker *broker, const struct node *node)
{
    job_reports_node_gone(broker->jobs, node, clock_moment());
}

void node_reports_train_left(struct broker *broker, const struct node *node, const char *train_key)
{
    job_reports_train_left(broker->jobs, node, train_key);
    jobs_shell_drain(broker);
}

void node_reports_info(struct broker *broker, const struct node *node, const struct msg *msg)
{
    const cJSON *listed = node_is_legacy(node) ? NULL : msg->jobs, *entry;
    job_reports_node_info(broker->jobs, node, listed, clock_moment());
    cJSON_ArrayForEach(entry, listed)
    {
        if (job_reports_is_stale(broker->jobs, node, entry))
            job_send_cancel_entry(entry, node);
    }
    jobs_shell_drain(broker);
}

void node_reports_progress(struct broker *broker, const struct node *node, const struct msg *msg)
{
    if (job_reports_progress(broker->jobs, node, msg, clock_moment()))
        metrics_progress(broker->metrics, jobs_find_key(broker->jobs, msg->train_key));
    else
        log_debug("%s: progress of '%s', which does not run there", node->name, msg->train_key);
    jobs_shell_drain(broker);
}

/* What the node made is there, whatever becomes of the job. In this order: the model's row is written before the job
 * that made it counts as done. */
static void take_model(struct broker *broker, struct node *node, const struct msg *msg, const struct job *job,
                       bool completed)
{
    const cJSON *info = cJSON_GetArrayItem(msg->model_info, 0);
    const char *sha256 = json_text(info, "sha256");
    if (removals_cover(broker->removals, node->name, msg->model_name, sha256, job))
        return;
    if (node_add_model(broker->registry, node, msg->model_name, info))
        log_error("no memory for a model of '%s'", node->name);
    if (completed)
        models_completed(broker->models, msg->model_name, sha256, info, job->id, node->name, clock_wall_ms());
    else
        models_seen(broker->models, node->name, msg->model_info);
}

void node_reports_outcome(struct broker *broker, struct node *node, struct msg *msg)
{
    enum job_outcome outcome = job_reports_outcome(broker->jobs, node, msg, clock_moment());
    const struct job *job = jobs_find_key(broker->jobs, msg->train_key);
    if (msg->type == MSG_TRAINING_COMPLETED)
        take_model(broker, node, msg, job, outcome == JOB_OUTCOME_TAKEN);
    if (outcome == JOB_OUTCOME_UNKNOWN)
        log_warn("%s: outcome of a training that is not known here: '%s'", node->name, msg->train_key);
    else if (outcome == JOB_OUTCOME_DROP && !job_is_over(job))
        log_warn("%s: outcome of job %s, which is not that node's: it does not count", node->name, job->id);
    if (outcome == JOB_OUTCOME_UNKNOWN || outcome == JOB_OUTCOME_DROP)
        job_send_drop(msg, job, node);
    jobs_shell_drain(broker);
}

bool node_reports_error(struct broker *broker, const struct node *node, const struct msg *msg)
{
    if (!job_reports_error(broker->jobs, node, msg, clock_moment()))
        return false;
    jobs_shell_drain(broker);
    return true;
}
