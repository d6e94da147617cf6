/* See pickle_literals.h. Texts are not copied and escapes in the lines of protocols 0 and 1 are left as they are: no
 * parameter's name has one. */
#include "pickle_literals.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DECIMAL_SIZE 32

const uint8_t *pickle_take(struct machine *machine, size_t count)
{
    if (machine->count - machine->at < count) {
        err_set(machine->err, "the pickle ends early");
        return NULL;
    }
    machine->at += count;
    return machine->bytes + machine->at - count;
}

int pickle_take_number(struct machine *machine, int size, uint64_t *number)
{
    const uint8_t *bytes = pickle_take(machine, (size_t)size);
    if (!bytes)
        return -1;
    *number = 0;
    for (int i = 0; i < size; i++)
        *number |= (uint64_t)bytes[i] << 8 * i;
    return 0;
}

int pickle_take_line(struct machine *machine, struct pickle_text *line)
{
    const uint8_t *start = machine->bytes + machine->at;
    const uint8_t *end = machine->at < machine->count ? memchr(start, '\n', machine->count - machine->at) : NULL;
    if (!end)
        return err_set(machine->err, "the pickle ends early");
    *line = (struct pickle_text){ (const char *)start, (size_t)(end - start) };
    machine->at += line->length + 1;
    return 0;
}

/* A whole decimal number of 64 bits; -1 where the text is none. */
static int read_decimal(struct pickle_text text, int64_t *number)
{
    char digits[DECIMAL_SIZE], *end;
    if (!text.length || text.length >= sizeof(digits))
        return -1;
    memcpy(digits, text.start, text.length);
    digits[text.length] = '\0';
    errno = 0;
    *number = strtoll(digits, &end, 10);
    if (*end || errno)
        return -1;
    return 0;
}

int pickle_take_decimal(struct machine *machine, uint64_t *number)
{
    struct pickle_text line;
    int64_t decimal;
    if (pickle_take_line(machine, &line))
        return -1;
    if (read_decimal(line, &decimal) || decimal < 0)
        return err_set(machine->err, "the pickle has no number where one is due, at byte %zu", machine->at);
    *number = (uint64_t)decimal;
    return 0;
}

int pickle_push_integer(struct machine *machine, int size, bool is_signed)
{
    uint64_t number;
    if (pickle_take_number(machine, size, &number))
        return -1;
    if (is_signed && size && size < 8 && number >> (8 * size - 1))
        number |= ~(uint64_t)0 << 8 * size;
    return machine_push(machine, (struct pickle_value){ .kind = INTEGER, .integer = (int64_t)number });
}

int pickle_push_long(struct machine *machine, int size)
{
    uint64_t count;
    if (pickle_take_number(machine, size, &count))
        return -1;
    if (count <= 8)
        return pickle_push_integer(machine, (int)count, true);
    const uint8_t *start = pickle_take(machine, count);
    if (!start)
        return -1;
    return machine_push(machine, (struct pickle_value){ .kind = LONG, .text = { (const char *)start, count } });
}

int pickle_push_text(struct machine *machine, int size, enum kind kind)
{
    uint64_t length;
    if (pickle_take_number(machine, size, &length))
        return -1;
    const uint8_t *start = pickle_take(machine, length);
    if (!start)
        return -1;
    return machine_push(machine, (struct pickle_value){ .kind = kind, .text = { (const char *)start, length } });
}

int pickle_push_other(struct machine *machine, size_t count)
{
    if (!pickle_take(machine, count))
        return -1;
    return machine_push(machine, (struct pickle_value){ .kind = OTHER });
}

int pickle_push_other_line(struct machine *machine)
{
    struct pickle_text line;
    if (pickle_take_line(machine, &line))
        return -1;
    return machine_push(machine, (struct pickle_value){ .kind = OTHER });
}

int pickle_push_integer_line(struct machine *machine)
{
    struct pickle_text line;
    if (pickle_take_line(machine, &line))
        return -1;
    bool yes = pickle_text_is(line, "01");
    if (yes || pickle_text_is(line, "00"))
        return machine_push(machine, (struct pickle_value){ .kind = BOOLEAN, .integer = yes });
    struct pickle_value value = { .kind = INTEGER };
    if (read_decimal(line, &value.integer))
        value = (struct pickle_value){ .kind = LONG, .text = line };
    return machine_push(machine, value);
}

int pickle_push_long_line(struct machine *machine)
{
    struct pickle_text line;
    if (pickle_take_line(machine, &line))
        return -1;
    if (line.length && line.start[line.length - 1] == 'L')
        line.length--;
    struct pickle_value value = { .kind = INTEGER };
    if (read_decimal(line, &value.integer))
        value = (struct pickle_value){ .kind = LONG, .text = line };
    return machine_push(machine, value);
}

int pickle_push_text_line(struct machine *machine, bool quoted)
{
    struct pickle_text line;
    if (pickle_take_line(machine, &line))
        return -1;
    if (quoted) {
        bool opened = line.length >= 2 && (line.start[0] == '\'' || line.start[0] == '"');
        if (!opened || line.start[line.length - 1] != line.start[0])
            return err_set(machine->err, "the pickle has a text without quotes at byte %zu", machine->at);
        line = (struct pickle_text){ line.start + 1, line.length - 2 };
    }
    return machine_push(machine, (struct pickle_value){ .kind = STRING, .text = line });
}
