/* Tables of what the broker lists. */
#ifndef DCLS_CLIENT_LIST_H
#define DCLS_CLIENT_LIST_H

#include <cjson/cJSON.h>

#include "table.h"

struct listing {
    const char *name; /* of the endpoint, and of the array in its answer */
    const char *summary;
    const char *headings[TABLE_COLUMNS];                 /* NULL behind the last */
    void (*row)(struct table *table, const cJSON *item); /* adds a row's cells of one item */
};

/* To stdout; that there are none, to stderr. Gives the exit code. */
int list_print(const struct listing *list, const cJSON *items);

/* "a, b", "-" where there is none. */
void list_cell_names(struct table *table, const cJSON *names);

#endif
