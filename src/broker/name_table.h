/* Finds what has a name, however many there are: a hash table whose entries are members of what it finds, so that only
 * name_table_init can fail. Several entries may have one name. */
#ifndef DCLS_BROKER_NAME_TABLE_H
#define DCLS_BROKER_NAME_TABLE_H

#include <stddef.h>

/* The first member of what is found, which owns the name and outlives its entry. */
struct name_entry {
    struct name_entry *next;
    const char *name;
};

struct name_table {
    struct name_entry **slots;
    size_t slot_count, count; /* slots: a power of two */
};

/* -1 where memory lacks; to be released all the same. */
int name_table_init(struct name_table *table);
void name_table_release(struct name_table *table); /* the entries are not touched */

void name_table_add(struct name_table *table, struct name_entry *entry, const char *name);
void name_table_remove(struct name_table *table, struct name_entry *entry);           /* it is in there */
struct name_entry *name_table_find(const struct name_table *table, const char *name); /* NULL: none */
struct name_entry *name_table_next(const struct name_entry *entry);                   /* of that name; NULL: no more */

#endif
