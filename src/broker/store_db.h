/* SQLite for the store's files: failures as a struct err, and rows whose end is told from an error. */
#ifndef DCLS_BROKER_STORE_DB_H
#define DCLS_BROKER_STORE_DB_H

#include <sqlite3.h>
#include <stdbool.h>

#include "dcls/base/err.h"

/* Fills err with what the database says of its last call; gives -1. */
int store_db_fail(sqlite3 *db, struct err *err);

/* Runs statements without parameters and rows. */
int store_db_run(sqlite3 *db, const char *sql, struct err *err);

/* The first statement of a text, for the caller to finalize, and in *rest (where not NULL) what follows it. NULL with
 * err; or without, where the text has no statement. */
sqlite3_stmt *store_db_prepare(sqlite3 *db, const char *sql, const char **rest, struct err *err);

/* One step: 1 at a row, 0 behind the last one, -1 with err. */
int store_db_step(sqlite3 *db, sqlite3_stmt *rows, struct err *err);

/* -1 where memory lacked for a column that was read of this row, which then seemed to be NULL. */
int store_db_check_row(sqlite3 *db, struct err *err);

/* A column of the row, valid until the next step; "" where it is NULL. */
const char *store_db_text(sqlite3_stmt *row, int column);

#endif
