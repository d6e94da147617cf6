/* Log lines on stderr: time, role, text. One line each, whatever the text holds; nothing secret is ever passed here.
 *
 * A role never waits for whoever reads its log: a line that cannot be written at once (a full pipe, a stopped terminal,
 * a full disk) is counted, and "N lines of the log were lost" stands before the next that can. The level and that count
 * are the one mutable global of the program. From any thread. */
#ifndef DCLS_BASE_LOG_H
#define DCLS_BASE_LOG_H

#include <stddef.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* `role` ("broker", "node node0") stands in every line; it is copied (at most 80 bytes). Default LOG_INFO, or
 * DCLS_LOG=error|warn|info|debug. From now on nothing waits; before, and in who never calls it (the client), lines wait
 * for their reader. Before threads. */
void log_init(const char *role);
void log_set_level(enum log_level level);
/* A line waits so long for room, once until there is some: for who has no loop to keep turning. */
void log_set_patience(int ms);
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "dcls: TEXT", without a time: why the process ends, which is worth two seconds' waiting for room. */
void log_last_words(const char *text);
/* What a child said on its stderr, as it is. */
void log_pass_on(const char *bytes, size_t count);

#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warn(...) log_line(LOG_WARN, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)

#endif
