/* The table of trainings. */
#include "job_table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "jobs_state.h"

static int64_t number_of_id(const struct job *job)
{
    return strtoll(job->id, NULL, 10);
}

/* "train:N"; 0: it is no such key. */
static int64_t number_of_key(const char *train_key)
{
    static const char scheme[] = "train:";
    if (strncmp(train_key, scheme, sizeof scheme - 1))
        return 0;
    return strtoll(train_key + sizeof scheme - 1, NULL, 10);
}

static int64_t key_of(const struct job *job)
{
    return number_of_key(job->train_key);
}

/* The first whose number is not less. */
static size_t lower_bound(const struct jobs *jobs, int64_t (*number)(const struct job *job), int64_t wanted)
{
    size_t low = 0, high = jobs->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (number(jobs->items[middle]) < wanted)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static size_t place_of(const struct jobs *jobs, const struct job *job)
{
    size_t at = lower_bound(jobs, number_of_id, number_of_id(job));
    assert(at < jobs->count && jobs->items[at] == job);
    return at;
}

static struct job *committed_from(const struct jobs *jobs, size_t at)
{
    while (at < jobs->count && !jobs->items[at]->committed)
        at++;
    return at < jobs->count ? jobs->items[at] : NULL;
}

struct job *jobs_find(const struct jobs *jobs, const char *id)
{
    size_t at = lower_bound(jobs, number_of_id, strtoll(id, NULL, 10));
    struct job *job = at < jobs->count ? jobs->items[at] : NULL;
    return job && job->committed && !strcmp(job->id, id) ? job : NULL;
}

struct job *jobs_find_key(const struct jobs *jobs, const char *train_key)
{
    if (!train_key)
        return NULL;
    size_t at = lower_bound(jobs, key_of, number_of_key(train_key));
    struct job *job = at < jobs->count ? jobs->items[at] : NULL;
    return job && job->committed && !strcmp(job->train_key, train_key) ? job : NULL;
}

struct job *jobs_oldest(const struct jobs *jobs)
{
    return committed_from(jobs, 0);
}

struct job *job_newer(const struct jobs *jobs, const struct job *job)
{
    return committed_from(jobs, place_of(jobs, job) + 1);
}

size_t jobs_places(const struct jobs *jobs)
{
    return jobs->count;
}

size_t jobs_place_from(const struct jobs *jobs, int64_t id)
{
    return lower_bound(jobs, number_of_id, id);
}

struct job *jobs_in_place(const struct jobs *jobs, size_t place)
{
    assert(place < jobs->count);
    return jobs->items[place]->committed ? jobs->items[place] : NULL;
}

struct job *jobs_first_live(const struct jobs *jobs)
{
    return TAILQ_FIRST(&jobs->live);
}

struct job *job_next_live(const struct job *job)
{
    return TAILQ_NEXT(job, live_link);
}

struct job *jobs_at(const struct jobs *jobs, const char *node)
{
    for (struct job *job = TAILQ_FIRST(&jobs->active); job; job = TAILQ_NEXT(job, active_link))
        if (!strcmp(job->node, node))
            return job;
    return NULL;
}

const struct job *jobs_last_started(const struct jobs *jobs, const char *model)
{
    for (size_t place = jobs->count; place > 0; place--) {
        const struct job *job = jobs_in_place(jobs, place - 1);
        if (job && *job->node && !strcmp(job->model_name, model))
            return job;
    }
    return NULL;
}

bool jobs_train_model(const struct jobs *jobs, const char *model)
{
    for (const struct job *job = jobs_first_live(jobs); job; job = job_next_live(job))
        if (!strcmp(job->model_name, model))
            return true;
    return false;
}

size_t jobs_waiting(const struct jobs *jobs)
{
    return jobs->in_state[JOB_QUEUED];
}

size_t jobs_in_state(const struct jobs *jobs, enum job_state state)
{
    return jobs->in_state[state];
}

size_t jobs_unstored(const struct jobs *jobs)
{
    return jobs->unstored;
}

int job_table_add(struct jobs *jobs, struct job *job)
{
    assert(!jobs->count || number_of_id(jobs->items[jobs->count - 1]) < number_of_id(job));
    if (jobs->count == jobs->capacity) {
        size_t capacity = jobs->capacity ? 2 * jobs->capacity : 64;
        struct job **items = realloc(jobs->items, capacity * sizeof(struct job *));
        if (!items)
            return -1;
        jobs->items = items;
        jobs->capacity = capacity;
    }
    jobs->items[jobs->count++] = job;
    return 0;
}

void job_table_remove(struct jobs *jobs, const struct job *job)
{
    size_t at = place_of(jobs, job);
    jobs->count--;
    memmove(jobs->items + at, jobs->items + at + 1, (jobs->count - at) * sizeof(struct job *));
}
