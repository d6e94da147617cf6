/* What is to be written, in groups: everything that waits goes into one transaction, and so to the disk by one sync,
 * while the next group gathers.
 *
 * Writes are done in the order in which they are asked for, and each is told after its commit, on the loop's thread, in
 * that order. One that fails alone, for what it says, leaves the others of its group as they are; where the commit
 * fails, all of the group have failed. Nothing is tried again here. */
#ifndef DCLS_BROKER_STORE_WRITER_H
#define DCLS_BROKER_STORE_WRITER_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct broker;
struct statement;
struct store_writer;

/* Runs in LANE_STORE of the broker's pool. The database is the caller's, and touched in that lane alone from now on.
 * NULL where memory lacks. */
struct store_writer *store_writer_new(struct broker *broker, sqlite3 *db);
/* After the pool was drained or freed. */
void store_writer_free(struct store_writer *writer);

typedef void store_written(void *arg, bool ok);
/* Takes the statement. `done` may be NULL. -1 where memory or room lacks, also for the statement itself: it is not
 * called then. */
int store_writer_add(struct store_writer *writer, struct statement *statement, store_written *done, void *arg);

/* How many writes wait or are under way. */
size_t store_writer_depth(const struct store_writer *writer);
/* Why something of the last group could not be written, valid until the loop turns, and since when (wall clock, ms)
 * none succeeded wholly; NULL: all of it could. */
const char *store_writer_failing(const struct store_writer *writer, int64_t *since_ms);

#endif
