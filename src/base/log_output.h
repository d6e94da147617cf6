/* Writing to stderr without waiting for whoever reads it: a full pipe, a terminal that was stopped (Ctrl-S), a socket
 * that nobody reads. log.c's alone, which sees to it that one thread at a time comes here. */
#ifndef DCLS_BASE_LOG_OUTPUT_H
#define DCLS_BASE_LOG_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

#define LOG_LINE_SIZE 1024 /* of the longest line, with its newline */

/* Writes a line whole, now or within `patience_ms` (0: only now; -1: however long it takes). False: nothing of it was
 * written, nor will be. Where only its beginning could be written, the rest goes out before the next line. */
bool log_output_put(const char *line, size_t size, int patience_ms);

#endif
