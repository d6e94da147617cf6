/* The rules that are checked after each step. */
#include "oracle.h"

#include <stdio.h>
#include <string.h>

#include "world.h"

#define CANCEL_MS                                                                                                      \
    130000                /* a cancel that was answered 202: 60 s away, 30 s to obey, 30 s between two tries to store  \
                           */
#define AWAY_MS 100000    /* a job whose node is away: 60 s, and 30 s between two tries to store that */
#define NOTED_MS 12000    /* who asks for the end of a job that runs, is answered 202: a commit */
#define ANSWER_MS 40000   /* who asks for the end of a job, is answered */
#define UNWANTED_MS 60000 /* a worker that trains what nobody waits for, at a node that is connected */
#define IDLE_MS 70000     /* a job that waits beside a node that could take it */

static bool may_follow(enum job_state from, enum job_state to, bool restarted)
{
    enum { OVER = 1 << JOB_COMPLETED | 1 << JOB_FAILED | 1 << JOB_CANCELLED };
    static const unsigned follow[JOB_STATES] = {
        [JOB_QUEUED] = 1 << JOB_STARTING | 1 << JOB_ENDING,
        [JOB_STARTING] = 1 << JOB_QUEUED | 1 << JOB_RUNNING | 1 << JOB_ENDING,
        [JOB_RUNNING] = 1 << JOB_ENDING,
        /* Back to what is committed where it was given up and its node is back with it. */
        [JOB_ENDING] = OVER | 1 << JOB_RUNNING | 1 << JOB_STARTING,
        [JOB_FAILED] = 1 << JOB_RUNNING | 1 << JOB_ENDING,
    };
    /* What was not committed is forgotten with the broker that knew it. */
    static const unsigned behind_restart = 1 << JOB_QUEUED | 1 << JOB_STARTING | 1 << JOB_RUNNING | 1 << JOB_FAILED;
    if (follow[from] & 1u << to)
        return true;
    return restarted && from == JOB_ENDING && behind_restart & 1u << to;
}

static void check_result(struct world *world, const struct ledger_job *entry)
{
    const struct stored_job *stored = sim_store_find(&world->broker.store, entry->id);
    long long number = -2;
    if (sscanf(stored->log, "run %lld", &number) != 1) {
        world_broken(world, "a completed job has its own result", "job %s has the log '%s'", entry->id, stored->log);
        return;
    }
    /* Of what it was given its own node may tell what it likes. */
    bool lies = !strncmp(stored->job->node, "rogue", 5);
    if (number < 0 && lies)
        return;
    const struct ledger_run *run =
        number >= 0 && (size_t)number < world->ledger.run_count ? &world->ledger.runs[number] : NULL;
    if (!run || strcmp(run->train_key, entry->train_key) || strcmp(run->node, stored->job->node) ||
        (run->generation >= 0 && run->generation != stored->job->generation && !lies))
        world_broken(world, "a completed job has its own result",
                     "job %s, generation %lld at '%s', has that of run %lld (%s, generation %lld, at '%s')", entry->id,
                     (long long)stored->job->generation, stored->job->node, number, run ? run->train_key : "",
                     run ? (long long)run->generation : -1LL, run ? run->node : "");
}

static void check_json(struct world *world, const struct job *job)
{
    cJSON *object = job_json(job);
    const cJSON *state = cJSON_GetObjectItemCaseSensitive(object, "state");
    if (!cJSON_IsString(state) || strcmp(state->valuestring, job_state_names[job_shown(job)]))
        world_broken(world, "clients see the committed state", "job %s is %s, and JSON has '%s'", job->id,
                     job_state_names[job_shown(job)], cJSON_IsString(state) ? state->valuestring : "none");
    cJSON_Delete(object);
}

static void cover_step(struct world *world, enum job_state from, enum job_state to)
{
    if (from == JOB_STARTING && to == JOB_QUEUED)
        cover(world, COVER_BACK_IN_QUEUE);
    if (from == JOB_FAILED && to == JOB_RUNNING)
        cover(world, COVER_TAKEN_UP);
    if (from == JOB_FAILED && to == JOB_ENDING)
        cover(world, COVER_LATE_OUTCOMES);
}

static void check_shown(struct world *world, struct ledger_job *entry, const struct job *job)
{
    enum job_state shown = job_shown(job), before = entry->shown;
    bool changed = !entry->seen || before != shown;
    if (changed) {
        trace_line(&world->trace, "ORACLE", "job %s is shown as %s%s%s", job->id, job_state_names[shown],
                   job->error ? ": " : "", job->error ? job->error : "");
        check_json(world, job);
        if (entry->seen)
            cover_step(world, before, shown);
    }
    /* An end that was on its way to the store when its node came back with the training. */
    bool overtaken = shown == JOB_FAILED && job->state == JOB_RUNNING;
    if (entry->seen && changed && !overtaken && !may_follow(before, shown, world->ledger.restarted))
        world_broken(world, "states move only as allowed", "job %s was shown as %s and then as %s", job->id,
                     job_state_names[before], job_state_names[shown]);
    if (entry->seen && changed && !entry->published && !world->ledger.restarted)
        world_broken(world, "what changes is published", "job %s was shown as %s and then as %s", job->id,
                     job_state_names[before], job_state_names[shown]);
    if (shown != JOB_ENDING && !(entry->stored_states & 1u << shown))
        world_broken(world, "nothing is shown that is not stored", "job %s is shown as %s, which was never stored",
                     job->id, job_state_names[shown]);
    if (entry->cancelled == 200 && shown != JOB_CANCELLED)
        world_broken(world, "what is cancelled stays cancelled", "job %s, cancelled with 200, is shown as %s", job->id,
                     job_state_names[shown]);
    if (changed && shown == JOB_COMPLETED)
        check_result(world, entry);
    entry->seen = true;
    entry->shown = shown;
    entry->published = false;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Since when nothing was in the way of the broker's doing what is due. */
static int64_t unhindered_since(const struct world *world)
{
    return later(world->broker.up_since, later(world->broker.store.ok_since, world->broker.process.stopped_until));
}

static void check_cancelled(struct world *world, const struct ledger_job *entry, const struct job *job)
{
    if (entry->cancelled != 202 || job->state >= JOB_COMPLETED)
        return;
    if (job->generation != entry->cancelled_generation)
        world_broken(world, "what is cancelled stays cancelled", "job %s was started anew, generation %lld", job->id,
                     (long long)job->generation);
    if (world->timeline.now - later(entry->cancelled_ms, unhindered_since(world)) > CANCEL_MS)
        world_broken(world, "what is to be cancelled ends", "job %s is still %s, %lld s after its 202", job->id,
                     job_state_names[job->state], (long long)(world->timeline.now - entry->cancelled_ms) / 1000);
}

static void check_asked(struct world *world, struct ledger_job *entry, const struct job *job)
{
    bool runs = job->live && job->live->cancelling && !job->failures;
    if (world->ledger.restarted)
        entry->asked_ms = -1; /* whoever asked has lost the connection */
    if (entry->asked_ms >= 0 &&
        world->timeline.now - later(entry->asked_ms, unhindered_since(world)) > (runs ? NOTED_MS : ANSWER_MS))
        world_broken(world, "who asks is answered", "nobody was answered the cancel of job %s", entry->id);
}

static bool could_take(const struct node *node, const struct job *job)
{
    return node->ready && !*node->job && strings_has(&node->types, job->model_type) &&
           (!*job->requested_node || !strcmp(job->requested_node, node->name));
}

static void check_waiting(struct world *world, struct ledger_job *entry, const struct job *job)
{
    const struct node *node = registry_first(world->broker.registry);
    while (node && !could_take(node, job))
        node = registry_next(node);
    if (job->state != JOB_QUEUED || !job->committed || !node) {
        entry->idle_since = -1;
        return;
    }
    if (entry->idle_since < 0)
        entry->idle_since = world->timeline.now;
    if (world->timeline.now - later(entry->idle_since, unhindered_since(world)) > IDLE_MS)
        world_broken(world, "no job waits beside an idle node", "job %s waits, and '%s' is idle", job->id, node->name);
}

static void check_away(struct world *world, struct ledger_job *entry, const struct job *job)
{
    bool away = (job->state == JOB_STARTING || job->state == JOB_RUNNING) &&
                !registry_find(world->broker.registry, job->live->assignments[0].node);
    if (!away)
        entry->away_since = -1;
    else if (entry->away_since < 0)
        entry->away_since = world->timeline.now;
    if (away && world->timeline.now - later(entry->away_since, unhindered_since(world)) > AWAY_MS)
        world_broken(world, "a job whose node stays away ends", "job %s is still %s, and '%s' is away for %lld s",
                     job->id, job_state_names[job->state], job->node,
                     (long long)(world->timeline.now - entry->away_since) / 1000);
}

/* A legacy node tells nothing but how it ended: a client may cancel it, which needs nobody's help. One that was away
 * may have lost it. */
static bool trains_at_legacy_node(const struct world *world, const struct job *job)
{
    const struct node *node = registry_find(world->broker.registry, job->node);
    return job->state == JOB_RUNNING && !job->live->untold_ms && node && node_is_legacy(node);
}

static void check_way_out(struct world *world, const struct job *job)
{
    if (job->state == JOB_QUEUED || job->state >= JOB_COMPLETED || job->writing ||
        jobs_due(world->broker.jobs) != INT64_MAX || trains_at_legacy_node(world, job))
        return;
    world_broken(world, "no job is without a way out", "job %s is %s, and nothing is due", job->id,
                 job_state_names[job->state]);
}

static bool is_assigned_at(const struct job *job, const char *node)
{
    if (job->state != JOB_STARTING && job->state != JOB_RUNNING)
        return false;
    for (int i = 0; i < job->live->ranks; i++)
        if (!strcmp(job->live->assignments[i].node, node))
            return true;
    return false;
}

/* Two jobs may be at a node behind a restart of the broker: one whose end was not committed, and the next. */
static void check_node(struct world *world, size_t number)
{
    const char *name = world->nodes[number].name;
    const struct node *node = registry_find(world->broker.registry, name);
    const struct job *first = NULL;
    int count = 0, *may_have = &world->ledger.may_have[number];
    bool known = !node || !*node->job;
    for (const struct job *job = jobs_first_live(world->broker.jobs); job; job = job_next_live(job)) {
        if (!is_assigned_at(job, name))
            continue;
        count++;
        known = known || !strcmp(job->id, node->job);
        first = first ? first : job;
        if (count > 1 && count > *may_have && !world->ledger.restarted)
            world_broken(world, "a node has one job at most", "jobs %s and %s are both at '%s'", first->id, job->id,
                         name);
    }
    *may_have = count;
    if (!known)
        world_broken(world, "no node is busy without a job", "'%s' is busy with job %s, which is not there", name,
                     node->job);
    if (node && node->ready && count && !*node->job)
        world_broken(world, "a node with a job is busy", "'%s' has job %s, and counts as idle", name, first->id);
}

static bool is_wanted(const struct world *world, const struct worker *worker)
{
    const struct job *job = jobs_find_key(world->broker.jobs, worker->train_key);
    if (!job)
        return true; /* forgotten: the broker ends nothing that it does not know */
    return job->generation == worker->generation && (job->state < JOB_COMPLETED || job->given_up);
}

/* A node that is connected is told to end what nobody waits for, and ends it. */
static void check_worker(struct world *world, size_t number)
{
    const struct sim_node *node = &world->nodes[number];
    int64_t *since = &world->ledger.unwanted_since[number], now = world->timeline.now;
    bool unwanted = node->process.up && node->accepted && !node->link->conn->cut && node->worker.process.up &&
                    node->process.stopped_until <= now && node->link->conn->held_until <= now &&
                    !is_wanted(world, &node->worker);
    if (!unwanted)
        *since = -1;
    else if (*since < 0)
        *since = now;
    if (unwanted && now - later(*since, unhindered_since(world)) > UNWANTED_MS)
        world_broken(world, "no node trains what nobody waits for", "'%s' trains %s, generation %lld", node->name,
                     node->worker.train_key, (long long)node->worker.generation);
}

static void check_counts(struct world *world)
{
    const struct jobs *jobs = world->broker.jobs;
    size_t waiting = 0, unstored = 0;
    for (const struct job *job = jobs_first_live(jobs); job; job = job_next_live(job))
        waiting += job->state == JOB_QUEUED;
    for (const struct job *job = jobs_oldest(jobs); job; job = job_newer(jobs, job))
        unstored += job->failures > 0;
    if (waiting != jobs_waiting(jobs) || unstored != jobs_unstored(jobs))
        world_broken(world, "counts are right", "%zu jobs wait and %zu are counted; %zu are not stored and %zu counted",
                     waiting, jobs_waiting(jobs), unstored, jobs_unstored(jobs));
}

static void check_job(struct world *world, struct ledger_job *entry)
{
    const struct job *job = jobs_find(world->broker.jobs, entry->id);
    if (!job) {
        if (entry->acknowledged && !entry->forgotten)
            world_broken(world, "what is acknowledged is there", "job %s is gone", entry->id);
        return;
    }
    check_shown(world, entry, job);
    check_asked(world, entry, job);
    check_cancelled(world, entry, job);
    check_waiting(world, entry, job);
    check_away(world, entry, job);
    check_way_out(world, job);
}

void oracle_check(struct world *world)
{
    if (!world->broker.process.up || world->broker.drains)
        return;
    for (size_t i = 0; i < STORE_JOBS; i++)
        if (*world->ledger.jobs[i].id)
            check_job(world, &world->ledger.jobs[i]);
    for (size_t i = 0; i < world->scenario.node_count; i++) {
        check_node(world, i);
        check_worker(world, i);
    }
    check_counts(world);
    world->ledger.restarted = false;
}

bool oracle_is_quiet(const struct world *world)
{
    if (!world->broker.process.up || jobs_first_live(world->broker.jobs) || jobs_unstored(world->broker.jobs))
        return false;
    for (size_t i = 0; i < world->scenario.node_count; i++) {
        const struct sim_node *node = &world->nodes[i];
        if (!node->process.up || !node->script->is_idle(node))
            return false;
    }
    return true;
}

void oracle_check_healed(struct world *world)
{
    const struct job *job = world->broker.process.up ? jobs_first_live(world->broker.jobs) : NULL;
    if (job)
        world_broken(world, "after healing everything ends", "job %s is still %s%s%s", job->id,
                     job_state_names[job->state], job->reason ? ": " : "", job->reason ? job->reason : "");
    if (jobs_unstored(world->broker.jobs))
        world_broken(world, "after healing everything ends", "%zu jobs are not stored",
                     jobs_unstored(world->broker.jobs));
    for (size_t i = 0; i < world->scenario.node_count; i++) {
        const struct sim_node *node = &world->nodes[i];
        const struct node *listed = registry_find(world->broker.registry, node->name);
        if (!node->process.up || !node->script->is_idle(node))
            world_broken(world, "after healing everything ends", "%s still has work or outcomes", node->name);
        if (listed && *listed->job)
            world_broken(world, "after healing everything ends", "'%s' is busy with job %s", node->name, listed->job);
    }
}
