/* Reading all that is stored, when the broker starts. */
#ifndef DCLS_BROKER_STORE_LOAD_H
#define DCLS_BROKER_STORE_LOAD_H

#include <sqlite3.h>

#include "dcls/base/err.h"

struct job;
struct model;
struct removal_list;

/* As store_load (store.h). */
int store_load_all(sqlite3 *db, struct job **jobs, struct model **models, struct removal_list *removals,
                   struct err *err);

#endif
