/* See node_forget.h. */
#include "node_forget.h"

#include <string.h>

#include "broker.h"
#include "dcls/base/log.h"
#include "job_reports.h"
#include "job_table.h"
#include "jobs_shell.h"
#include "models.h"
#include "registry.h"
#include "removals.h"

const char *node_name_bound(const struct broker *broker, const char *name)
{
    const struct job *job = jobs_at(broker->jobs, name);
    return job && job->live && job->live->ranks ? job->live->assignments[0].secret_hash : NULL;
}

static bool is_to_remove(const struct removals *removals, const char *node)
{
    const struct removal *removal = removals_first(removals);
    while (removal && strcmp(removal->node, node))
        removal = TAILQ_NEXT(removal, listed);
    return removal;
}

int node_forget(struct broker *broker, const char *name, const struct job **job, struct refusal *refusal)
{
    *job = jobs_at(broker->jobs, name);
    if (registry_find(broker->registry, name))
        return refuse(refusal, 409, "node '%s' is connected: its name is its own", name);
    if (!*job && !models_have_holder(broker->models, name) && !is_to_remove(broker->removals, name))
        return refuse(refusal, 404, "Node '%.80s' not found", name);
    log_info("node '%s' is forgotten", name);
    job_reports_node_forgotten(broker->jobs, name, clock_moment());
    jobs_shell_drain(broker);
    return 0;
}
