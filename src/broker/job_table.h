/* The table of trainings: finding them. By id and by key in O(log n), for both grow together. */
#ifndef DCLS_BROKER_JOB_TABLE_H
#define DCLS_BROKER_JOB_TABLE_H

#include <stddef.h>

#include "job.h"

struct jobs;

/* Of all that are committed; NULL: none. */
struct job *jobs_find(const struct jobs *jobs, const char *id);
struct job *jobs_find_key(const struct jobs *jobs, const char *train_key); /* NULL: also for no key */
struct job *jobs_oldest(const struct jobs *jobs);
struct job *job_newer(const struct jobs *jobs, const struct job *job);
/* For walks over all: each has a place below jobs_places, the oldest 0. The first that is no older than an id that may
 * be there or not; and the job of a place, NULL where it is not committed. */
size_t jobs_places(const struct jobs *jobs);
size_t jobs_place_from(const struct jobs *jobs, int64_t id);
struct job *jobs_in_place(const struct jobs *jobs, size_t place);

/* Those that are not over, oldest first, also what is not committed yet. */
struct job *jobs_first_live(const struct jobs *jobs);
struct job *job_next_live(const struct job *job);
/* The job that is assigned to the node, starting or running; NULL: none. */
struct job *jobs_at(const struct jobs *jobs, const char *node);
/* That model's newest; NULL: none was. */
const struct job *jobs_last_started(const struct jobs *jobs, const char *model);
/* A job that is not over trains that model. */
bool jobs_train_model(const struct jobs *jobs, const char *model);

size_t jobs_waiting(const struct jobs *jobs);
/* As the core sees them. */
size_t jobs_in_state(const struct jobs *jobs, enum job_state state);
/* Whose last write failed. */
size_t jobs_unstored(const struct jobs *jobs);

/* The core's: at the end of the table (-1 where memory lacks), and out of it. */
int job_table_add(struct jobs *jobs, struct job *job);
void job_table_remove(struct jobs *jobs, const struct job *job);

#endif
