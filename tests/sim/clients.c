#include "clients.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "world.h"

#define LIVE_MAX 8 /* jobs at a time */
#define SUBMISSIONS_MAX 150
#define EPOCHS_MAX 3

static int64_t pause_of(struct rng *rng, int64_t mean)
{
    return rng_range(rng, 1, 2 * mean);
}

static void after(struct world *world, int64_t mean, timeline_call *call)
{
    timeline_after(&world->timeline, pause_of(&world->clients.rng, mean), NULL, call, world, NULL);
}

static bool may_submit(const struct world *world)
{
    int live = 0;
    const struct job *job = jobs_first_live(world->broker.jobs);
    for (; job; job = job_next_live(job))
        live++;
    return live < LIVE_MAX && world->clients.submissions < SUBMISSIONS_MAX;
}

static void submit(struct world *world)
{
    struct rng *rng = &world->clients.rng;
    const struct sim_node *node = &world->nodes[rng_range(rng, 0, (int64_t)world->scenario.node_count - 1)];
    char model[NAME_SIZE];
    bool named = world->scenario.models && !rng_one_in(rng, 4), bound = rng_one_in(rng, 4);
    snprintf(model, sizeof model, "m%lld", (long long)rng_range(rng, 0, world->scenario.models));
    bound = bound && registry_find(world->broker.registry, node->name);
    world->clients.submissions++;
    trace_line(&world->trace, "client", "submits '%s'%s%s", named ? model : "a model", bound ? " for " : "",
               bound ? node->name : "");
    sim_broker_submit(&world->broker, named ? model : NULL, bound ? node->name : NULL, rng_range(rng, 1, EPOCHS_MAX));
}

static void on_submit(void *arg, void *detail)
{
    struct world *world = arg;
    (void)detail;
    if (world->heals)
        return;
    if (world->broker.process.up && may_submit(world))
        submit(world);
    after(world, world->scenario.submit_ms, on_submit);
}

/* Mostly one that is not over. */
static const char *pick(struct world *world)
{
    struct rng *rng = &world->clients.rng;
    for (int tries = 0; tries < 20; tries++) {
        const struct ledger_job *job = &world->ledger.jobs[rng_range(rng, 1, world->clients.submissions + 1)];
        if (*job->id && job->acknowledged && (job->shown < JOB_COMPLETED || rng_one_in(rng, 10)))
            return job->id;
    }
    return NULL;
}

static void on_cancel(void *arg, void *detail)
{
    struct world *world = arg;
    const char *id = pick(world);
    (void)detail;
    if (world->heals)
        return;
    if (world->broker.process.up && id) {
        trace_line(&world->trace, "client", "cancels job %s", id);
        cover(world, COVER_CANCELS_ASKED);
        sim_broker_cancel(&world->broker, id);
    }
    after(world, world->scenario.cancel_ms, on_cancel);
}

static void on_forget(void *arg, void *detail)
{
    struct world *world = arg;
    const struct sim_node *node =
        &world->nodes[rng_range(&world->clients.rng, 0, (int64_t)world->scenario.node_count - 1)];
    (void)detail;
    if (world->heals)
        return;
    if (world->broker.process.up) {
        int status = sim_broker_forget(&world->broker, node->name);
        if (status == 200) {
            trace_line(&world->trace, "client", "has '%s' forgotten", node->name);
            cover(world, COVER_FORGOTTEN);
        }
    }
    after(world, world->scenario.forget_ms, on_forget);
}

void clients_start(struct world *world, uint64_t seed)
{
    rng_init(&world->clients.rng, seed, 3);
    after(world, world->scenario.submit_ms, on_submit);
    if (world->scenario.cancel_ms)
        after(world, world->scenario.cancel_ms, on_cancel);
    if (world->scenario.forget_ms)
        after(world, world->scenario.forget_ms, on_forget);
}

void clients_submitted(struct world *world, const struct job *job, int status, const char *why)
{
    cover(world, job ? COVER_SUBMITTED : COVER_REFUSED);
    if (job)
        trace_line(&world->trace, "client", "is answered %d: job %s, model '%s'", status, job->id, job->model_name);
    else
        trace_line(&world->trace, "client", "is answered %d: %s", status, why);
}

void clients_cancelled(struct world *world, const char *id, int status)
{
    trace_line(&world->trace, "client", "is answered %d to the cancel of job %s", status, id);
    if (status == 200)
        cover(world, COVER_CANCELS_200);
    if (status == 202)
        cover(world, COVER_CANCELS_202);
    ledger_cancelled(world, id, status);
}

/* A node that owes no early word may train for ever. */
static bool owes_no_word(const struct world *world, const struct job *job)
{
    for (size_t i = 0; i < world->scenario.node_count; i++)
        if (!strcmp(world->nodes[i].name, job->node))
            return world->nodes[i].kind->kind == NODE_LEGACY ||
                   (world->nodes[i].kind->kind == NODE_ROGUE && !world->nodes[i].kind->heartbeat);
    return false;
}

void clients_heal(struct world *world)
{
    char ids[STORE_JOBS][JOB_ID_SIZE];
    size_t count = 0;
    const struct job *job = world->broker.process.up ? jobs_first_live(world->broker.jobs) : NULL;
    for (; job && count < STORE_JOBS; job = job_next_live(job))
        if (job->state == JOB_RUNNING && owes_no_word(world, job))
            snprintf(ids[count++], JOB_ID_SIZE, "%s", job->id);
    for (size_t i = 0; i < count; i++) {
        trace_line(&world->trace, "client", "cancels job %s, of which nothing is heard", ids[i]);
        sim_broker_cancel(&world->broker, ids[i]);
    }
}
