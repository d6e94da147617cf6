/* PROTOCOL.md against the tables that drive the program: neither may say what the other does not. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/base/buf.h"
#include "dcls/base/fs.h"
#include "proto/msg_table.h"

enum { CELLS = 7 };

static const char *const kinds[] = {
    [FIELD_NAME] = "name",       [FIELD_KEY] = "key",          [FIELD_SHA256] = "digest", [FIELD_TEXT] = "text",
    [FIELD_MESSAGE] = "message", [FIELD_NAMES] = "names",      [FIELD_TEXTS] = "texts",   [FIELD_INT] = "integer",
    [FIELD_NUMBER] = "number",   [FIELD_BOOL] = "boolean",     [FIELD_OBJECT] = "object", [FIELD_OBJECTS] = "objects",
    [FIELD_OPTIONS] = "options", [FIELD_MESSAGES] = "messages"
};
static const char *const needs[] = {
    [FIELD_OPTIONAL] = "no", [FIELD_REQUIRED] = "yes", [FIELD_WITH_NAME] = "with name", [FIELD_ANY_OF] = "one of"
};

/* Splits "| `a` | b |" into its cells, without spaces and backquotes; how many there are. */
static int split(char *line, char *cells[CELLS])
{
    int count = 0;
    for (char *cell = *line == '|' ? line + 1 : NULL, *end; cell && (end = strchr(cell, '|')); cell = end + 1) {
        *end = '\0';
        while (*cell == ' ' || *cell == '`')
            cell++;
        for (char *last = end; last > cell && (last[-1] == ' ' || last[-1] == '`');)
            *--last = '\0';
        if (count < CELLS)
            cells[count] = cell;
        count++;
    }
    return count;
}

/* The rows of the table whose header starts with `header`: "a|b|c" each, of the wanted columns; a cell that is empty in
 * the first column is as above. */
static void rows(const char *header, const int *columns, int column_count, struct buf *out)
{
    char *text = NULL, *rest, *line, first[128] = "";
    size_t count;
    struct err err = ERR_INIT;
    if (fs_read("PROTOCOL.md", 1 << 20, &text, &count, &err))
        fail_msg("%s", err.text);
    rest = strstr(text, header);
    assert_non_null(rest);
    strsep(&rest, "\n");
    strsep(&rest, "\n");
    while ((line = strsep(&rest, "\n")) && *line == '|') {
        char *cells[CELLS] = { 0 };
        assert_in_range(split(line, cells), 5, CELLS);
        if (*cells[0])
            snprintf(first, sizeof first, "%s", cells[0]);
        for (int i = 0; i < column_count; i++)
            buf_printf(out, "%s%s", i ? "|" : "", columns[i] ? cells[columns[i]] : first);
        buf_puts(out, "\n");
    }
    free(text);
}

static void the_table_of_messages_is_the_programs(void **state)
{
    (void)state;
    static const int columns[] = { 0, 2, 3, 4, 5 };
    struct buf said, done;
    buf_init(&said, 1 << 20);
    buf_init(&done, 1 << 20);
    rows("| message | from", columns, 5, &said);
    for (int i = 0; i < MSG_TYPE_COUNT; i++) {
        const struct msg_spec *message = &msg_table[i];
        for (size_t j = 0; j < message->field_count; j++) {
            const struct field *field = &message->fields[j];
            buf_printf(&done, "%s|%s|%s|%s|%d\n", message->name, field->name, kinds[field->kind],
                       needs[field->presence], field->since > message->since ? field->since : message->since);
        }
        if (!message->field_count)
            buf_printf(&done, "%s||||%d\n", message->name, message->since);
    }
    assert_string_equal(buf_text(&said), buf_text(&done));
    buf_release(&said);
    buf_release(&done);
}

static void every_message_says_who_sends_it(void **state)
{
    (void)state;
    static const int columns[] = { 0, 1 };
    struct buf said;
    buf_init(&said, 1 << 20);
    rows("| message | from", columns, 2, &said);
    char *rest = said.data, *line;
    while ((line = strsep(&rest, "\n")) && *line) {
        char *from = strchr(line, '|');
        *from++ = '\0';
        if (!*from || !strcmp(from, "any") || !strcmp(from, "reserved"))
            continue; /* a further field */
        unsigned senders = 0;
        for (int i = 0; i < MSG_TYPE_COUNT; i++) {
            if (!strcmp(msg_table[i].name, line))
                senders = msg_table[i].senders;
        }
        if (!!strstr(from, "broker →") != !!(senders & MSG_BY_BROKER))
            fail_msg("%s: %s", line, from);
        if (!!strstr(from, "node → broker") != !!(senders & MSG_BY_NODE))
            fail_msg("%s: %s", line, from);
        if (!!strstr(from, "worker →") != !!(senders & MSG_BY_WORKER))
            fail_msg("%s: %s", line, from);
        if (!strcmp(from, "node → worker") != (senders == MSG_TO_WORKER))
            fail_msg("%s: %s", line, from);
    }
    buf_release(&said);
}

static void the_table_of_options_is_the_programs(void **state)
{
    (void)state;
    static const int columns[] = { 0, 1, 2, 3, 4 };
    static const char *const types[] = { [OPTION_INT] = "integer",
                                         [OPTION_NUMBER] = "number",
                                         [OPTION_CHOICE] = "text",
                                         [OPTION_TEXT] = "text",
                                         [OPTION_SWITCH] = "boolean" };
    struct buf said, done;
    buf_init(&said, 1 << 20);
    buf_init(&done, 1 << 20);
    rows("| option | kind", columns, 5, &said);
    for (size_t i = 0; i < train_option_count; i++) {
        const struct train_option *option = &train_option_table[i];
        buf_printf(&done, "%s|%s|", option->name, types[option->type]);
        if (option->type == OPTION_CHOICE) {
            char list[100], *rest = list, *choice;
            snprintf(list, sizeof list, "%s", option->choices);
            while ((choice = strsep(&rest, "|")))
                buf_printf(&done, "%s%s", choice, rest ? "`, `" : "");
        } else if (!strcmp(option->name, "weights")) {
            buf_puts(&done, "imagenet`, `none`, `sha256:DIGEST` (a blob of the broker's)");
        } else if (option->type == OPTION_TEXT) {
            buf_puts(&done, "a model's name");
        } else if (option->type == OPTION_SWITCH) {
            buf_puts(&done, "true`, `false");
        } else {
            buf_printf(&done, "%.17g to %.17g", option->min, option->max);
        }
        const char *fallback = option->type == OPTION_SWITCH ? "false" : option->fallback;
        buf_printf(&done, "|%s|%d\n", fallback, option->legacy ? 0 : 1);
    }
    assert_string_equal(buf_text(&said), buf_text(&done));
    buf_release(&said);
    buf_release(&done);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_of_messages_is_the_programs),
        cmocka_unit_test(every_message_says_who_sends_it),
        cmocka_unit_test(the_table_of_options_is_the_programs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
