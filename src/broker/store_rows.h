/* Rows of the store's tables as JSON objects, a member a column, so that many are written by one statement. */
#ifndef DCLS_BROKER_STORE_ROWS_H
#define DCLS_BROKER_STORE_ROWS_H

#include <cjson/cJSON.h>

struct model;
struct removal;

/* The caller's to delete; NULL where memory lacks. */
cJSON *store_row_model(const struct model *model);
cJSON *store_row_model_key(const struct model *model); /* the columns that name it */
cJSON *store_row_removal(const struct removal *removal);

#endif
