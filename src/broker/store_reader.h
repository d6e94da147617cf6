/* Asks the database for a text on the pool's thread. */
#ifndef DCLS_BROKER_STORE_READER_H
#define DCLS_BROKER_STORE_READER_H

#include <sqlite3.h>
#include <stdbool.h>

struct broker;
struct statement;

/* Takes the statement and runs it in LANE_STORE; then `done` is called once, on the loop's thread, with its answer. -1
 * where memory or room lacks, also for the statement itself: it is not called then. */
int store_reader_ask(struct broker *broker, sqlite3 *db, struct statement *statement,
                     void (*done)(void *arg, bool ok, const char *answer), void *arg);

#endif
