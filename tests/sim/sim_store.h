/* The broker's store: what was committed survives, whatever happens; what was not, is gone. Commits take their time,
 * are grouped, and fail for a while when the disk is full. A broker that dies while a commit is under way finds it done
 * or not done, and was told neither. */
#ifndef DCLS_SIM_STORE_H
#define DCLS_SIM_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/broker/job.h"

#define STORE_JOBS 256 /* of one simulation */

struct world;

/* Told once, unless the broker died: the version that was asked for is committed, or could not be. */
typedef void store_answer(struct world *world, const char *id, uint64_t version, bool ok);

struct store_write {
    struct job *job; /* a copy; NULL: `id` is to be forgotten */
    char id[JOB_ID_SIZE];
    uint64_t version;
    bool failed;
    struct store_write *next;
};

struct stored_job {
    struct job *job; /* as the last commit has it; NULL: none of that number */
    char log[40];    /* of its outcome */
    bool cancelling;
};

struct sim_store {
    struct world *world;
    store_answer *answer;
    struct stored_job jobs[STORE_JOBS]; /* by id */
    struct store_write *waiting, *under_way;
    int64_t fails_until; /* of the timeline */
    int64_t ok_since;    /* no commit failed since */
};

void sim_store_init(struct sim_store *store, struct world *world, store_answer *answer);
void sim_store_release(struct sim_store *store);
/* Takes the copy over. */
void sim_store_save(struct sim_store *store, struct job *copy, uint64_t version);
void sim_store_forget(struct sim_store *store, const char *id);
/* The broker's process is gone: what waits is lost, what is under way is done or is not. `flush`: it ended in order. */
void sim_store_lose(struct sim_store *store, bool flush);
/* What is committed of a job; NULL: nothing. */
const struct stored_job *sim_store_find(const struct sim_store *store, const char *id);
/* Copies of all that is committed, linked by next, oldest first, as a broker loads them. */
struct job *sim_store_load(const struct sim_store *store);

#endif
