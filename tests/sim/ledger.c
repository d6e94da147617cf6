/* Facts of the ledger, and the rules that hold at the moment of a fact. */
#include "ledger.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

struct ledger_job *ledger_find(struct ledger *ledger, const char *id)
{
    int64_t number = strtoll(id, NULL, 10);
    return number > 0 && number < STORE_JOBS ? &ledger->jobs[number] : NULL;
}

static const struct ledger_job *find_key(const struct ledger *ledger, const char *train_key)
{
    for (size_t i = 0; i < STORE_JOBS; i++)
        if (*ledger->jobs[i].id && !strcmp(ledger->jobs[i].train_key, train_key))
            return &ledger->jobs[i];
    return NULL;
}

static const struct job *stored_of(const struct world *world, const char *id)
{
    const struct stored_job *stored = sim_store_find(&world->broker.store, id);
    return stored ? stored->job : NULL;
}

static const char *state_of(const struct job *job)
{
    return job ? job_state_names[job->state] : "nothing";
}

void ledger_committed(struct world *world, const struct job *job)
{
    struct ledger_job *entry = ledger_find(&world->ledger, job->id);
    assert(entry);
    entry->stored_states |= 1u << job->state;
    if (*entry->id)
        return;
    snprintf(entry->id, sizeof entry->id, "%s", job->id);
    snprintf(entry->train_key, sizeof entry->train_key, "%s", job->train_key);
    snprintf(entry->model, sizeof entry->model, "%s", job->model_name);
    entry->idle_since = entry->away_since = entry->asked_ms = -1;
}

void ledger_acknowledged(struct world *world, const struct job *job)
{
    struct ledger_job *entry = ledger_find(&world->ledger, job->id);
    if (!stored_of(world, job->id))
        world_broken(world, "what is acknowledged is stored", "job %s was accepted and is not stored", job->id);
    else
        entry->acknowledged = true;
}

void ledger_asked(struct world *world, const char *id)
{
    struct ledger_job *entry = ledger_find(&world->ledger, id);
    if (entry->asked_ms < 0)
        entry->asked_ms = world->timeline.now;
}

void ledger_cancelled(struct world *world, const char *id, int status)
{
    struct ledger_job *entry = ledger_find(&world->ledger, id);
    const struct stored_job *stored = sim_store_find(&world->broker.store, id);
    if (entry)
        entry->asked_ms = -1;
    if (status == 404 && entry && entry->acknowledged && !entry->forgotten)
        world_broken(world, "what is acknowledged is there", "job %s is answered 404", id);
    if (status != 200 && status != 202)
        return;
    if (!stored) {
        world_broken(world, "what is acknowledged is stored", "job %s was cancelled and is not stored", id);
        return;
    }
    if (status == 200 && stored->job->state != JOB_CANCELLED)
        world_broken(world, "what is acknowledged is stored", "job %s was cancelled, 200, and %s is stored", id,
                     state_of(stored->job));
    if (status == 202 && !stored->cancelling && stored->job->state < JOB_COMPLETED)
        world_broken(world, "what is acknowledged is stored", "job %s is to be cancelled, 202, and %s is stored", id,
                     state_of(stored->job));
    if (!entry->cancelled) {
        entry->cancelled_ms = world->timeline.now;
        entry->cancelled_generation = stored->job->generation;
    }
    if (entry->cancelled != 200)
        entry->cancelled = status;
}

void ledger_forgotten(struct world *world, const char *id)
{
    struct ledger_job *entry = ledger_find(&world->ledger, id);
    const struct job *stored = stored_of(world, id);
    if (!stored || stored->state < JOB_COMPLETED)
        world_broken(world, "only what is over is forgotten", "job %s is forgotten, and %s is stored", id,
                     state_of(stored));
    entry->forgotten = true;
}

void ledger_published(struct world *world, const struct job *job)
{
    struct ledger_job *entry = ledger_find(&world->ledger, job->id);
    entry->published = true;
    cover(world, COVER_PUBLISHED);
}

static void cover_reason(struct world *world, const struct job *stored)
{
    static const struct {
        const char *words;
        enum coverage_count count;
    } reasons[] = { { "was lost", COVER_OF_LOST },
                    { "no longer has it", COVER_OF_MISSING },
                    { "did not begin it", COVER_OF_NOT_BEGUN },
                    { "told nothing of it", COVER_OF_SILENT },
                    { "did not take it", COVER_OF_NOT_TAKEN },
                    { "was forgotten", COVER_OF_FORGOTTEN },
                    { "did not cancel it", COVER_OF_NOT_CANCELLED },
                    { "it may train on", COVER_OF_LEGACY_CANCEL } };
    const char *text = stored->error ? stored->error : stored->reason;
    for (size_t i = 0; text && i < sizeof reasons / sizeof *reasons; i++)
        if (strstr(text, reasons[i].words))
            cover(world, reasons[i].count);
}

void ledger_ended(struct world *world, const struct job *job)
{
    const struct job *stored = stored_of(world, job->id);
    static const enum coverage_count counts[] = {
        [JOB_COMPLETED] = COVER_COMPLETED, [JOB_FAILED] = COVER_FAILED, [JOB_CANCELLED] = COVER_CANCELLED
    };
    if (!stored || stored->state < JOB_COMPLETED) {
        world_broken(world, "nothing is shown that is not stored", "job %s has ended, it is told, and %s is stored",
                     job->id, state_of(stored));
        return;
    }
    cover(world, counts[stored->state]);
    cover_reason(world, stored);
}

void ledger_train(struct world *world, const struct job *job, const char *node)
{
    struct ledger_job *entry = ledger_find(&world->ledger, job->id);
    const struct job *stored = stored_of(world, job->id);
    cover(world, COVER_TRAINS_SENT);
    entry->sent_generation = job->generation;
    if (!stored || (stored->state != JOB_STARTING && stored->state != JOB_RUNNING) ||
        stored->generation != job->generation || strcmp(stored->node, node))
        world_broken(world, "a start is stored before it is sent",
                     "job %s goes to %s as generation %lld, and generation %lld, %s at '%s', is stored", job->id, node,
                     (long long)job->generation, stored ? (long long)stored->generation : -1LL, state_of(stored),
                     stored ? stored->node : "");
    if (entry->cancelled)
        world_broken(world, "what is cancelled stays cancelled", "job %s goes to %s after the cancel's %d", job->id,
                     node, entry->cancelled);
}

static bool trained_anew(const struct world *world, const struct ledger_job *entry)
{
    for (const struct ledger_job *other = entry + 1; other < world->ledger.jobs + STORE_JOBS; other++)
        if (*other->id && !strcmp(other->model, entry->model))
            return true;
    return false;
}

static bool is_assigned(const struct job *stored, const char *node, const struct msg *outcome)
{
    for (int i = 0; stored->live && i < stored->live->ranks; i++) {
        const struct assignment *assignment = &stored->live->assignments[i];
        if (!strcmp(assignment->node, node))
            return !*assignment->instance || !outcome->instance || !strcmp(assignment->instance, outcome->instance);
    }
    return false;
}

/* What became of a training is told no more: is it stored, or nobody's business? */
static void check_gone(struct world *world, const char *train_key, int64_t generation, const char *node,
                       const struct msg *outcome)
{
    const struct ledger_job *entry = find_key(&world->ledger, train_key);
    const struct job *stored = entry ? stored_of(world, entry->id) : NULL;
    if (!stored || entry->forgotten || stored->generation != generation || entry->sent_generation != generation)
        return;
    /* A lost start: it begins anew, whatever came of it. */
    const struct job *job = world->broker.jobs ? jobs_find(world->broker.jobs, entry->id) : NULL;
    bool put_back = job && (job->generation != generation || (job->live && !job->live->ranks));
    if (put_back || stored->state == JOB_QUEUED)
        return;
    bool completed = outcome && outcome->type == MSG_TRAINING_COMPLETED;
    if (outcome && !is_assigned(stored, node, outcome))
        return;
    if (stored->state < JOB_COMPLETED &&
        !(outcome && (entry->cancelled || sim_store_find(&world->broker.store, entry->id)->cancelling)))
        world_broken(world, "no outcome is acknowledged and lost",
                     "%s drops what it has of job %s, generation %lld, and %s is stored", node, entry->id,
                     (long long)generation, state_of(stored));
    else if (completed && stored->state == JOB_FAILED && stored->given_up && !trained_anew(world, entry))
        world_broken(world, "no outcome is acknowledged and lost",
                     "%s has completed job %s, which was given up, and drops that", node, entry->id);
}

void ledger_ack(struct world *world, const char *train_key, int64_t generation, const char *node,
                const struct msg *outcome)
{
    const struct ledger_job *entry = find_key(&world->ledger, train_key);
    if (!outcome && !entry)
        world_broken(world, "an acknowledgement is of a job", "%s is none, and acknowledged to %s", train_key, node);
    check_gone(world, train_key, generation, node, outcome);
}

void ledger_counts(struct world *world, const char *node, const struct msg *msg)
{
    const struct ledger_job *entry = find_key(&world->ledger, msg->train_key);
    const struct job *stored = entry ? stored_of(world, entry->id) : NULL;
    if (!stored || !stored->live || !is_assigned(stored, node, msg) ||
        (msg->generation >= 0 && msg->generation != stored->generation))
        world_broken(world, "only the node that has a job is believed",
                     "'%s' (%s) tells of %s, generation %lld, and generation %lld at '%s' is stored", node,
                     msg->instance ? msg->instance : "no instance", msg->train_key, (long long)msg->generation,
                     stored ? (long long)stored->generation : -1LL, stored ? stored->node : "");
}

void ledger_dropped(struct world *world, const char *node, const struct msg *outcome)
{
    check_gone(world, outcome->train_key, outcome->generation, node, outcome);
}

void ledger_enters(struct world *world, const char *name, const char *secret_hash)
{
    const struct node *holder = registry_find(world->broker.registry, name);
    if (holder && *holder->secret_hash && strcmp(holder->secret_hash, secret_hash))
        world_broken(world, "a name belongs to its holder", "'%s' is taken over by a node with another secret", name);
    const struct job *job = jobs_at(world->broker.jobs, name);
    const char *bound = job ? job->live->assignments[0].secret_hash : "";
    if (!holder && *bound && strcmp(bound, secret_hash))
        world_broken(world, "a name belongs to its holder",
                     "'%s', which has job %s, is taken by a node with another secret", name, job->id);
}

void ledger_name_taken(struct world *world, const char *model)
{
    const struct job *job = jobs_first_live(world->broker.jobs);
    for (; job; job = job_next_live(job))
        if (!strcmp(job->model_name, model))
            return;
    world_broken(world, "a name is free when its training is over", "'%s' is refused, and no job trains it", model);
}
