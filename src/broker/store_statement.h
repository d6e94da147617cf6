/* One thing that the store is asked: SQL with copies of its parameters, so that it can run on another thread. */
#ifndef DCLS_BROKER_STORE_STATEMENT_H
#define DCLS_BROKER_STORE_STATEMENT_H

#include <cjson/cJSON.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "dcls/base/err.h"

struct statement;

/* `sql`: one statement or several, which share the parameters; kept by the caller. NULL where memory lacks, which the
 * functions below take. */
struct statement *statement_new(const char *sql);
void statement_free(struct statement *statement);

/* The next parameter, from ?1 on; NULL is SQL's NULL. */
void statement_add_text(struct statement *statement, const char *text);
void statement_add_json(struct statement *statement, const cJSON *value);
void statement_add_number(struct statement *statement, int64_t number);

/* Memory lacked for what was to be a parameter. */
void statement_spoil(struct statement *statement);
/* False where memory lacked for anything of it: it must not be run. */
bool statement_is_whole(const struct statement *statement);

/* Runs it to its end. */
int statement_run(struct statement *statement, sqlite3 *db, struct err *err);
/* The first column of its first row, the statement's own; NULL where there was none. */
const char *statement_answer(const struct statement *statement);

#endif
