/* The broker's decisions. */
#include "scheduler.h"

#include <string.h>

static bool better_for_training(const struct schedule_node *a, const struct schedule_node *b)
{
    if (a->pending != b->pending)
        return a->pending < b->pending;
    return a->cores > b->cores;
}

bool schedule_training(const struct schedule_job *jobs, size_t job_count, const struct schedule_node *nodes,
                       size_t node_count, schedule_capable *capable, void *arg, size_t *job, size_t *node)
{
    for (size_t j = 0; j < job_count; j++) {
        bool found = false;
        for (size_t n = 0; n < node_count; n++) {
            if (nodes[n].trains || (jobs[j].requested_node && strcmp(jobs[j].requested_node, nodes[n].name)) ||
                !capable(arg, j, n) || (found && !better_for_training(&nodes[n], &nodes[*node])))
                continue;
            *job = j;
            *node = n;
            found = true;
        }
        if (found)
            return true;
    }
    return false;
}

static bool better_for_inference(const struct schedule_holder *a, const struct schedule_holder *b)
{
    if (a->pending != b->pending)
        return a->pending < b->pending;
    return b->trains && !a->trains;
}

enum schedule_inference schedule_inference(const struct schedule_holder *holders, size_t count, size_t *found)
{
    if (!count)
        return SCHEDULE_NONE;
    const char *digest = NULL;
    *found = 0;
    for (size_t i = 0; i < count; i++) {
        if (holders[i].sha256 && digest && strcmp(digest, holders[i].sha256))
            return SCHEDULE_AMBIGUOUS;
        digest = holders[i].sha256 ? holders[i].sha256 : digest;
        if (better_for_inference(&holders[i], &holders[*found]))
            *found = i;
    }
    return SCHEDULE_FOUND;
}
