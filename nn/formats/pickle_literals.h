/* The opcodes of a pickle that stand for one number or text, in binary and, as protocols 0 and 1 have them, as a line
 * of text. */
#ifndef DCLS_NN_PICKLE_LITERALS_H
#define DCLS_NN_PICKLE_LITERALS_H

#include "pickle_machine.h"

/* The next `count` bytes; NULL with err where the pickle ends before. */
const uint8_t *pickle_take(struct machine *machine, size_t count);
/* An unsigned little-endian number of `size` bytes, at most 8. */
int pickle_take_number(struct machine *machine, int size, uint64_t *number);
/* What stands before the next newline, which is taken too. */
int pickle_take_line(struct machine *machine, struct pickle_text *line);
/* A line that is a decimal number, as a place in the memo. */
int pickle_take_decimal(struct machine *machine, uint64_t *number);

int pickle_push_integer(struct machine *machine, int size, bool is_signed);
/* Of a two's complement number whose count of bytes stands before it as a number of `size` bytes. */
int pickle_push_long(struct machine *machine, int size);
/* A text, or bytes (OTHER), whose length stands before it as a number of `size` bytes. */
int pickle_push_text(struct machine *machine, int size, enum kind kind);
/* Passes over `count` bytes, or a line, that are a value of which nothing is needed. */
int pickle_push_other(struct machine *machine, size_t count);
int pickle_push_other_line(struct machine *machine);
/* Lines: "12" or "01", which is True; "12L"; a text as it is, or in quotes. */
int pickle_push_integer_line(struct machine *machine);
int pickle_push_long_line(struct machine *machine);
int pickle_push_text_line(struct machine *machine, bool quoted);

#endif
