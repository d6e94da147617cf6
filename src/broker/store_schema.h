/* The tables of the store, and how those of earlier versions become them. */
#ifndef DCLS_BROKER_STORE_SCHEMA_H
#define DCLS_BROKER_STORE_SCHEMA_H

#include <sqlite3.h>

#include "dcls/base/err.h"

/* Makes the tables in an empty database, or brings those of an earlier version up to date, in one transaction. Of a
 * later version, or of another program: refused. */
int store_schema_prepare(sqlite3 *db, struct err *err);

/* A statement that writes a page of the database and changes nothing. */
extern const char store_schema_touch[];

#endif
