/* Deleting a model, and what trainings without a model left. */
#include "model_remove.h"

#include <string.h>

#include "broker.h"
#include "dcls/base/log.h"
#include "jobs.h"
#include "link.h"
#include "models.h"
#include "registry.h"

/* It ended without a model on that node (NULL: any), and may have left a checkpoint there. */
static bool has_left(const struct job *job, const char *model, const char *node)
{
    return (job->state == JOB_FAILED || job->state == JOB_CANCELLED) && !job->cleaned && *job->node &&
           !strcmp(job->model_name, model) && (!node || !strcmp(job->node, node));
}

static bool any_has_left(const struct broker *broker, const char *model, const char *node)
{
    for (const struct job *job = jobs_first(broker->jobs); job; job = job->next)
        if (has_left(job, model, node))
            return true;
    return false;
}

static bool keeps_checkpoint(const struct broker *broker, const struct node *node, const char *model)
{
    return node_offers(node, "remove") && any_has_left(broker, model, node->name);
}

static int check(const struct broker *broker, const char *model, struct refusal *refusal)
{
    bool found = models_know(broker->models, model), trained_here = false;
    for (const struct node *node = registry_first(broker->registry); node; node = node->next) {
        if (node_has_model(node, model) && !node_offers(node, "remove"))
            return refuse(refusal, 409, "node '%s' cannot remove model '%s'", node->name, model);
        found |= keeps_checkpoint(broker, node, model);
        trained_here |= any_has_left(broker, model, node->name); /* by a node that keeps none, too */
    }
    if (jobs_train_model(broker->jobs, model))
        return refuse(refusal, 409, "model '%s' is being trained", model);
    if (found)
        return 0;
    if (!trained_here && any_has_left(broker, model, NULL))
        return refuse(refusal, 409, "the node where model '%s' was trained is away", model);
    return refuse(refusal, 404, "model '%s' not found", model);
}

static void remove_from(struct broker *broker, struct node *node, const char *model)
{
    struct msg msg;
    msg_init(&msg, MSG_SERVER_REMOVE);
    if (msg_set(&msg.model_name, model) || link_send(node->link, &msg))
        log_error("%s: no memory to have model '%s' removed", node->name, model);
    msg_release(&msg);
    for (struct job *job = jobs_first(broker->jobs); job; job = job->next)
        job->cleaned |= has_left(job, model, node->name);
    if (node_has_model(node, model))
        node_drop_model(broker->registry, node, model);
}

int model_remove(struct broker *broker, const char *model, struct refusal *refusal)
{
    if (check(broker, model, refusal))
        return -1;
    for (struct node *node = registry_first(broker->registry); node; node = node->next)
        if (node_has_model(node, model) || keeps_checkpoint(broker, node, model))
            remove_from(broker, node, model);
    models_forget(broker->models, model);
    return 0;
}
