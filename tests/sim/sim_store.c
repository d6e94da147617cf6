#include "sim_store.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

void sim_store_init(struct sim_store *store, struct world *world, store_answer *answer)
{
    *store = (struct sim_store){ .world = world, .answer = answer };
}

static void free_writes(struct store_write *write)
{
    for (struct store_write *next; write; write = next) {
        next = write->next;
        job_free(write->job);
        free(write);
    }
}

void sim_store_release(struct sim_store *store)
{
    free_writes(store->waiting);
    free_writes(store->under_way);
    store->waiting = store->under_way = NULL;
    for (size_t i = 0; i < STORE_JOBS; i++)
        job_free(store->jobs[i].job);
}

static struct stored_job *slot(const struct sim_store *store, const char *id)
{
    int64_t number = strtoll(id, NULL, 10);
    return number > 0 && number < STORE_JOBS ? (struct stored_job *)&store->jobs[number] : NULL;
}

const struct stored_job *sim_store_find(const struct sim_store *store, const char *id)
{
    const struct stored_job *stored = slot(store, id);
    return stored && stored->job ? stored : NULL;
}

/* A row takes what the copy has; what ended keeps its log. */
static void commit(struct sim_store *store, struct store_write *write)
{
    struct stored_job *stored = slot(store, write->id);
    assert(stored);
    job_free(stored->job);
    stored->job = write->job;
    write->job = NULL;
    if (!stored->job)
        return;
    ledger_committed(store->world, stored->job);
    const struct job_live *live = stored->job->live;
    stored->cancelling = live && live->cancelling;
    if (live && live->end.log)
        snprintf(stored->log, sizeof stored->log, "%s", live->end.log);
}

static void begin(struct sim_store *store);

static void on_told(void *arg, void *detail)
{
    struct sim_store *store = arg;
    struct store_write *done = store->under_way;
    (void)detail;
    store->under_way = NULL;
    for (struct store_write *write = done; write; write = write->next)
        if (write->version)
            store->answer(store->world, write->id, write->version, !write->failed);
    free_writes(done);
    begin(store);
}

static void on_commit(void *arg, void *detail)
{
    struct sim_store *store = arg;
    struct world *world = store->world;
    bool fails = world->timeline.now < store->fails_until;
    (void)detail;
    for (struct store_write *write = store->under_way; write; write = write->next) {
        write->failed = fails && !rng_one_in(&world->rng, 4); /* one row may fit */
        if (write->failed)
            cover(world, COVER_STORE_FAILURES);
        else
            commit(store, write);
    }
    if (fails)
        store->ok_since = world->timeline.now;
    trace_line(&world->trace, "store", fails ? "its disk is full: rows fail" : "has committed");
    timeline_after(&world->timeline, rng_range(&world->rng, 0, 5), &world->broker.process, on_told, store, NULL);
}

static void begin(struct sim_store *store)
{
    struct world *world = store->world;
    if (store->under_way || !store->waiting)
        return;
    store->under_way = store->waiting;
    store->waiting = NULL;
    int64_t takes = rng_range(&world->rng, 0, world->heals ? 5 : world->scenario.commit_max_ms);
    timeline_after(&world->timeline, takes, &world->broker.process, on_commit, store, NULL);
}

static void add(struct sim_store *store, struct job *copy, const char *id, uint64_t version)
{
    struct store_write *write = calloc(1, sizeof *write), **end = &store->waiting;
    assert(write);
    write->job = copy;
    write->version = version;
    snprintf(write->id, sizeof write->id, "%s", id);
    while (*end)
        end = &(*end)->next;
    *end = write;
    begin(store);
}

void sim_store_save(struct sim_store *store, struct job *copy, uint64_t version)
{
    assert(version);
    add(store, copy, copy->id, version);
}

void sim_store_forget(struct sim_store *store, const char *id)
{
    add(store, NULL, id, 0);
}

void sim_store_lose(struct sim_store *store, bool flush)
{
    struct world *world = store->world;
    bool disk_works = world->timeline.now >= store->fails_until;
    /* Where on_commit was, `job` is taken out already. */
    bool done = disk_works && (flush || rng_one_in(&world->rng, 2));
    for (struct store_write *write = store->under_way; write && done; write = write->next)
        if (write->job)
            commit(store, write);
    for (struct store_write *write = store->waiting; write && disk_works && flush; write = write->next)
        commit(store, write);
    free_writes(store->under_way);
    free_writes(store->waiting);
    store->under_way = store->waiting = NULL;
}

struct job *sim_store_load(const struct sim_store *store)
{
    struct job *first = NULL, **end = &first;
    for (size_t i = 0; i < STORE_JOBS; i++) {
        if (!store->jobs[i].job)
            continue;
        struct job *copy = job_copy_stored(store->jobs[i].job);
        assert(copy);
        *end = copy;
        end = &copy->next;
    }
    return first;
}
