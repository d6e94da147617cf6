/* See table.h. */
#include "table.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/base/buf.h"
#include "text.h"

#define CELL_MAX ((size_t)64 * 1024)

void table_init(struct table *table, const char *const *headings, size_t columns)
{
    assert(columns > 0 && columns <= TABLE_COLUMNS);
    *table = (struct table){ .headings = headings, .columns = columns };
}

void table_release(struct table *table)
{
    for (size_t i = 0; i < table->count; i++)
        free(table->cells[i]);
    free(table->cells);
    *table = (struct table){ .headings = NULL };
}

void table_cell(struct table *table, const char *text)
{
    struct buf clean;
    buf_init(&clean, CELL_MAX);
    if (table->count == table->room) {
        size_t room = table->room ? 2 * table->room : 64;
        char **cells = realloc(table->cells, room * sizeof *cells);
        if (!cells) {
            table->failed = true;
            return;
        }
        table->cells = cells;
        table->room = room;
    }
    char *copy = !text_clean(&clean, text, TEXT_ONE_LINE) ? buf_detach(&clean) : NULL;
    buf_release(&clean);
    if (!copy)
        table->failed = true;
    else
        table->cells[table->count++] = copy;
}

void table_cellf(struct table *table, const char *format, ...)
{
    char text[512];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    table_cell(table, text);
}

static bool is_right(const char *heading)
{
    return *heading == '>';
}

static void print_row(const struct table *table, const size_t *widths, const char *const *cells, size_t count,
                      FILE *out)
{
    size_t pending = 0; /* blanks owed, written only when something follows */
    for (size_t i = 0; i < count; i++) {
        size_t columns = text_columns(cells[i]);
        size_t lead = is_right(table->headings[i]) ? widths[i] - columns : 0;
        if (*cells[i]) {
            fprintf(out, "%*s%s", (int)(pending + lead), "", cells[i]);
            pending = widths[i] - columns - lead + 2;
        } else {
            pending += widths[i] + 2;
        }
    }
    fputs("\n", out);
}

/* A row as lines of their own, for a screen on which it would be broken anywhere. */
static void print_block(const struct table *table, const char *const *headings, const char *const *cells, size_t count,
                        FILE *out)
{
    size_t widest = 0;
    for (size_t i = 0; i < table->columns; i++) {
        size_t columns = text_columns(headings[i]);
        widest = columns > widest ? columns : widest;
    }
    for (size_t i = 0; i < count; i++)
        if (*cells[i])
            fprintf(out, "%s%*s%s\n", headings[i], (int)(widest - text_columns(headings[i]) + 2), "", cells[i]);
}

/* One column needs no measuring, and is taken from the screen as it is. */
static void print_list(const struct table *table, const char *heading, FILE *out)
{
    if (*heading)
        fprintf(out, "%s\n", heading);
    for (size_t k = 0; k < table->count; k++)
        fprintf(out, "%s\n", table->cells[k]);
}

/* The columns that a row takes. */
static size_t measure(const struct table *table, const char *const *headings, size_t *widths)
{
    size_t total = 0;
    for (size_t i = 0; i < table->columns; i++) {
        widths[i] = text_columns(headings[i]);
        for (size_t k = i; k < table->count; k += table->columns) {
            size_t columns = text_columns(table->cells[k]);
            if (columns > widths[i])
                widths[i] = columns;
        }
        total += widths[i] + (i ? 2 : 0);
    }
    return total;
}

int table_print(const struct table *table, FILE *out, size_t screen)
{
    const char *headings[TABLE_COLUMNS];
    size_t widths[TABLE_COLUMNS];
    if (table->failed)
        return -1;
    for (size_t i = 0; i < table->columns; i++)
        headings[i] = table->headings[i] + is_right(table->headings[i]);
    if (table->columns == 1) {
        print_list(table, headings[0], out);
        return 0;
    }
    bool in_blocks = measure(table, headings, widths) > screen && screen;
    if (!in_blocks)
        print_row(table, widths, headings, table->columns, out);
    for (size_t k = 0; k < table->count; k += table->columns) {
        size_t count = table->count - k < table->columns ? table->count - k : table->columns;
        const char *const *cells = (const char *const *)&table->cells[k];
        if (!in_blocks) {
            print_row(table, widths, cells, count, out);
            continue;
        }
        if (k)
            fputs("\n", out);
        print_block(table, headings, cells, count, out);
    }
    return 0;
}
