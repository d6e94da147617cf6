/* Log lines on stderr. Each is formatted whole and leaves in one write, so that threads and processes that share the
 * stream do not cut into each other's lines; control characters in what peers said are replaced. */
#include "dcls/base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The program's one mutable global: how much is told, and who tells it. Set once, before threads. */
static struct {
    _Atomic int level;
    char role[81];
} log_state = { LOG_INFO, "" };

static const char *const level_names[] = { "error", "warn", "info", "debug" };

void log_init(const char *role)
{
    snprintf(log_state.role, sizeof log_state.role, "%s", role);
    const char *wanted = getenv("DCLS_LOG");
    for (int i = LOG_ERROR; wanted && i <= LOG_DEBUG; i++)
        if (!strcmp(wanted, level_names[i]))
            log_state.level = i;
}

void log_set_level(enum log_level level)
{
    log_state.level = (int)level;
}

void log_line(enum log_level level, const char *format, ...)
{
    if ((int)level > log_state.level)
        return;
    struct timespec now = { 0 };
    struct tm tm = { 0 };
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)localtime_r(&now.tv_sec, &tm);

    char line[1024];
    size_t used = strftime(line, sizeof line, "%Y-%m-%d %H:%M:%S", &tm);
    const char *gap = log_state.role[0] ? " " : "";
    int head = snprintf(line + used, sizeof line - used, ".%03d%s%s: %s", (int)(now.tv_nsec / 1000000 % 1000), gap,
                        log_state.role, level == LOG_INFO ? "" : level_names[level]);
    if (head < 0)
        return;
    used += (size_t)head;
    if (level != LOG_INFO)
        used += (size_t)snprintf(line + used, sizeof line - used, ": ");

    va_list args;
    va_start(args, format);
    int body = vsnprintf(line + used, sizeof line - used - 1, format, args);
    va_end(args);
    if (body < 0)
        return;
    size_t end = strlen(line);
    for (size_t i = 0; i < end; i++)
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = ' ';
    line[end++] = '\n';
    /* Where stderr cannot be written to, there is nobody to tell. */
    ssize_t written = write(STDERR_FILENO, line, end);
    (void)written;
}
