/* Aligned columns for people, with a line of headings (none over a single column headed ""); cells are cleaned of
 * control characters. */
#ifndef DCLS_CLIENT_TABLE_H
#define DCLS_CLIENT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define TABLE_COLUMNS 12

struct table {
    const char *const *headings; /* of the caller's; one starting with '>' is aligned to the right */
    size_t columns, count, room;
    char **cells; /* `count` of them, row by row */
    bool failed;  /* memory lacked: table_print says so */
};

void table_init(struct table *table, const char *const *headings, size_t columns);
void table_release(struct table *table);

/* The next cell of the row, from left to right; `text` is copied. A new row begins by itself after the last column. */
void table_cell(struct table *table, const char *text);
void table_cellf(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints headings and rows; nothing ends in a blank. Where a row is wider than a screen of `screen` columns (0: it is
 * none), each becomes a block, a line a cell behind its heading, instead. -1, and nothing, where memory lacked
 * anywhere. */
int table_print(const struct table *table, FILE *out, size_t screen);

#endif
