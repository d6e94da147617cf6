/* Log lines on stderr: time, role, text. One line each, whatever the text holds; nothing secret is ever passed here.
 * The level is the one mutable global of the program. */
#ifndef DCLS_BASE_LOG_H
#define DCLS_BASE_LOG_H

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* `role` ("broker", "node node0") stands in every line; it is copied (at most 80 bytes). Default LOG_INFO, or
 * DCLS_LOG=error|warn|info|debug. */
void log_init(const char *role);
void log_set_level(enum log_level level);
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warn(...) log_line(LOG_WARN, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)

#endif
