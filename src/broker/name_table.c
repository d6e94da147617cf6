/* The hash table. Where memory lacks for more slots it goes on with those it has, slower. */
#include "name_table.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_MIN 16

int name_table_init(struct name_table *table)
{
    *table = (struct name_table){ .slots = calloc(SLOTS_MIN, sizeof *table->slots), .slot_count = SLOTS_MIN };
    return table->slots ? 0 : -1;
}

void name_table_release(struct name_table *table)
{
    free(table->slots);
    *table = (struct name_table){ 0 };
}

/* FNV-1a */
static size_t slot_of(const struct name_table *table, const char *name)
{
    uint64_t hash = 14695981039346656037u;
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 1099511628211u;
    return (size_t)(hash ^ hash >> 32) & (table->slot_count - 1);
}

static void put(struct name_table *table, struct name_entry *entry)
{
    struct name_entry **slot = &table->slots[slot_of(table, entry->name)];
    entry->next = *slot;
    *slot = entry;
}

static void grow(struct name_table *table)
{
    struct name_table grown = { .slot_count = 2 * table->slot_count, .count = table->count };
    grown.slots = calloc(grown.slot_count, sizeof *grown.slots);
    if (!grown.slots)
        return;
    for (size_t i = 0; i < table->slot_count; i++)
        for (struct name_entry *entry = table->slots[i], *next; entry; entry = next) {
            next = entry->next;
            put(&grown, entry);
        }
    free(table->slots);
    *table = grown;
}

void name_table_add(struct name_table *table, struct name_entry *entry, const char *name)
{
    entry->name = name;
    if (table->count == table->slot_count)
        grow(table);
    put(table, entry);
    table->count++;
}

void name_table_remove(struct name_table *table, struct name_entry *entry)
{
    struct name_entry **at = &table->slots[slot_of(table, entry->name)];
    while (*at != entry) {
        assert(*at);
        at = &(*at)->next;
    }
    *at = entry->next;
    table->count--;
}

static struct name_entry *first_of(struct name_entry *entry, const char *name)
{
    while (entry && strcmp(entry->name, name))
        entry = entry->next;
    return entry;
}

struct name_entry *name_table_find(const struct name_table *table, const char *name)
{
    return first_of(table->slots[slot_of(table, name)], name);
}

struct name_entry *name_table_next(const struct name_entry *entry)
{
    return first_of(entry->next, entry->name);
}
