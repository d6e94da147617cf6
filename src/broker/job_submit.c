/* From what a client asks for to a queued job. */
#include "job_submit.h"

#include <stdio.h>

#include "broker.h"
#include "default_name.h"
#include "jobs.h"
#include "registry.h"

/* Whether that node (NULL: some node that was ever here) offers networks of the type. While none was here, one that
 * does may still come. */
static int check_type(const struct registry *registry, const struct node *node, const char *type,
                      struct refusal *refusal)
{
    const struct strings *offered = node ? &node->types : registry_types(registry);
    char list[256] = "none";
    size_t used = 0;
    if (strings_has(offered, type) || (!node && !offered->count))
        return 0;
    for (size_t i = 0; i < offered->count && used < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", offered->items[i]);
    if (node)
        return refuse(refusal, 409, "node '%s' does not offer '%s': it offers %s", node->name, type, list);
    return refuse(refusal, 409, "no node offers '%s': they offer %s", type, list);
}

static int check(const struct broker *broker, const struct job_submission *submission, struct refusal *refusal)
{
    const char *name = submission->model_name;
    const struct node *node = submission->node ? registry_find(broker->registry, submission->node) : NULL;
    const char *lacking = node ? node_lacks_option(node, submission->options) : NULL;
    if (!name_is_valid(submission->model_type))
        return refuse(refusal, 400, "modelType '%s' is no name", submission->model_type);
    if (name && !name_is_valid(name))
        return refuse(refusal, 400, "modelName '%s' is no name: letters, digits and . _ - (at most 64)", name);
    if (submission->node && !node)
        return refuse(refusal, 404, "Node '%s' not found", submission->node);
    if (lacking)
        return refuse(refusal, 409, "node '%s' does not offer '%s'", submission->node, lacking);
    if (name && jobs_train_model(broker->jobs, name))
        return refuse(refusal, 409, "model '%s' is being trained already", name);
    if (jobs_waiting(broker->jobs) >= JOBS_QUEUE_MAX)
        return refuse(refusal, 503, "%d jobs wait already", JOBS_QUEUE_MAX);
    return check_type(broker->registry, node, submission->model_type, refusal);
}

int job_submit(struct broker *broker, const struct job_submission *submission, jobs_added *done, void *arg,
               struct refusal *refusal)
{
    if (check(broker, submission, refusal))
        return -1;
    struct job *job = job_new();
    if (!job)
        return refuse(refusal, 500, "no memory for the job");
    snprintf(job->model_type, sizeof job->model_type, "%s", submission->model_type);
    if (submission->model_name) {
        snprintf(job->model_name, sizeof job->model_name, "%s", submission->model_name);
    } else if (default_name(broker, submission->model_type, job->model_name)) {
        job_free(job);
        return refuse(refusal, 500, "no memory for a name");
    }
    snprintf(job->requested_node, sizeof job->requested_node, "%s", submission->node ? submission->node : "");
    job->live->options = *submission->options;
    return jobs_shell_add(broker, job, done, arg) ? refuse(refusal, 500, "no memory for the job") : 0;
}
