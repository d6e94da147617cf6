/* What survives a restart: jobs, models, results, removals. SQLite in WAL mode with full sync; store*.c are the files
 * that name it.
 *
 * Writes run in LANE_STORE in the order in which they are asked for, in groups of one commit each (store_writer.h);
 * each completion comes after the commit, on the loop's thread, in that order. What is written is copied when it is
 * asked for. Reads run in the same lane, between the groups: they see what was told as written, and their completions
 * come before those of what they did not see. */
#ifndef DCLS_BROKER_STORE_H
#define DCLS_BROKER_STORE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dcls/base/err.h"
#include "removal.h"

struct broker;
struct job;
struct model;
struct store;

/* Opens or creates STATE/dcls.db; err names it. */
struct store *store_open(struct broker *broker, struct err *err);
/* After the pool was drained or freed. */
void store_close(struct store *store);

/* All that is stored, the caller's, linked by next: jobs oldest first, models in the order of completion; and the
 * removals, oldest first. Where it fails there is nothing. Before the loop turns. */
int store_load(struct store *store, struct job **jobs, struct model **models, struct removal_list *removals,
               struct err *err);

/* How many writes are under way. */
size_t store_depth(const struct store *store);
/* Why something of the last group of writes could not be stored, valid until the loop turns, and since when (wall
 * clock, ms) none was stored wholly; NULL: all of it is stored. */
const char *store_failing(const struct store *store, int64_t *since_ms);
/* Writes something, unless a write is under way, so that store_failing tells how it is now. */
void store_probe(const struct broker *broker);

/* Called after the commit; `ok` false: nothing of it is stored, which is logged. May be NULL. -1 where memory lacks: it
 * is not called then. */
typedef void store_done(void *arg, bool ok);

/* Writes job_copy_stored of it; report, log, data and results that it does not have stay as they were. */
int store_save_job(struct broker *broker, const struct job *job, store_done *done, void *arg);
/* An array of ids, as numbers. Of those that made a model which is still known all stays, for its report and log. */
int store_forget_jobs(struct broker *broker, const cJSON *ids, store_done *done, void *arg);
/* In one write. */
int store_save_models(struct broker *broker, const struct model *const *models, size_t count, store_done *done,
                      void *arg);
int store_forget_models(struct broker *broker, const struct model *const *models, size_t count, store_done *done,
                        void *arg);

/* Of a list, the new ones of a request; in one write. */
int store_save_removals(struct broker *broker, const struct removal *removals, const struct removal_request *request,
                        store_done *done, void *arg);
int store_forget_removal(struct broker *broker, const struct removal *removal, store_done *done, void *arg);

/* Called with what was read, valid until it returns; NULL: there is none, or `ok` is false and it could not be read. */
typedef void store_text_done(void *arg, bool ok, const char *text);

/* The report or log of the newest completed job of that model. -1 where memory lacks: `done` is not called. */
enum store_text { STORE_REPORT, STORE_LOG };
int store_read_text(struct broker *broker, enum store_text what, const char *model, store_text_done *done, void *arg);

/* What of a job is not kept in memory, as the text of {"options", "results"}: what it was asked for with, as on the
 * wire, and the results of its epochs, in order. NULL: it is not stored. Otherwise as store_read_text. */
int store_read_job(struct broker *broker, const char *job, store_text_done *done, void *arg);

#endif
