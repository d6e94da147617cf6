/* What survives a restart: jobs, models, results, removals. SQLite in WAL mode with full sync; the one file that names
 * it.
 *
 * Writes run on the thread pool in the order in which they are asked for; each completion comes after the commit. What
 * is written is copied when it is asked for. */
#ifndef DCLS_BROKER_STORE_H
#define DCLS_BROKER_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "dcls/base/err.h"
#include "removal.h"

struct broker;
struct job;
struct model;
struct store;

/* Opens or creates STATE/dcls.db. */
struct store *store_open(struct broker *broker, struct err *err);
void store_close(struct store *store);

/* All that is stored, the caller's, linked by next: jobs oldest first, models in the order of completion; and the
 * removals, oldest first. Also where it fails, as far as it came. Before the loop turns. */
int store_load(struct store *store, struct job **jobs, struct model **models, struct removal_list *removals,
               struct err *err);

/* Writes the job as it is now, with `data`, `report` and `log` where not NULL (what was stored stays otherwise).
 * `done`, or NULL, is called after the commit, `ok` false where it failed. -1 where memory lacks: it is not called. */
int store_save_job(struct broker *broker, const struct job *job, const char *report, const char *log,
                   void (*done)(void *arg, bool ok), void *arg);
/* Of a list linked by next, those that changed; in one commit. */
void store_save_models(struct broker *broker, struct model *models);
void store_forget_model(struct broker *broker, const char *name, const char *sha256);

/* Of a list, the new ones of a request; in one commit, and otherwise as store_save_job. */
int store_save_removals(struct broker *broker, const struct removal *removals, const struct removal_request *request,
                        void (*done)(void *arg, bool ok), void *arg);
void store_forget_removal(struct broker *broker, const struct removal *removal);

/* The report or log of the newest completed job of that model; `text` NULL: none. */
enum store_text { STORE_REPORT, STORE_LOG };
int store_read_text(struct broker *broker, enum store_text what, const char *model,
                    void (*done)(void *arg, const char *text), void *arg);

#endif
