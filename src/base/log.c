/* Log lines on stderr. Each is formatted whole and leaves in one write, so that threads and processes that share the
 * stream do not cut into each other's lines; control characters in what peers said are replaced. */
#include "dcls/base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "log_output.h"

#define LAST_WORDS_MS 2000 /* that the end of a process waits to be heard */

/* The program's one mutable global: how much is told, by whom, and what could not be told. */
static struct {
    _Atomic int level;
    char role[81];
    int patience_ms;
    pthread_mutex_t lock; /* of what follows; nobody waits for a reader under it for longer than the patience */
    unsigned long lost;   /* lines since one could be written */
    bool in_vain;         /* a line waited for room and there was none: the next ones do not */
} log_state = { LOG_INFO, "", -1, PTHREAD_MUTEX_INITIALIZER, 0, false };

static const char *const level_names[] = { "error", "warn", "info", "debug" };

void log_init(const char *role)
{
    snprintf(log_state.role, sizeof log_state.role, "%s", role);
    log_state.patience_ms = 0;
    const char *wanted = getenv("DCLS_LOG");
    for (int i = LOG_ERROR; wanted && i <= LOG_DEBUG; i++)
        if (!strcmp(wanted, level_names[i]))
            log_state.level = i;
}

void log_set_level(enum log_level level)
{
    log_state.level = (int)level;
}

void log_set_patience(int ms)
{
    log_state.patience_ms = ms;
}

/* The line's size; 0 where it cannot be formatted. */
static size_t format_line(char line[LOG_LINE_SIZE], enum log_level level, const char *format, va_list args)
{
    struct timespec now = { 0 };
    struct tm tm = { 0 };
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)localtime_r(&now.tv_sec, &tm);

    size_t used = strftime(line, LOG_LINE_SIZE, "%Y-%m-%d %H:%M:%S", &tm);
    const char *gap = log_state.role[0] ? " " : "";
    int head = snprintf(line + used, LOG_LINE_SIZE - used, ".%03d%s%s: %s", (int)(now.tv_nsec / 1000000 % 1000), gap,
                        log_state.role, level == LOG_INFO ? "" : level_names[level]);
    if (head < 0)
        return 0;
    used += (size_t)head;
    if (level != LOG_INFO)
        used += (size_t)snprintf(line + used, LOG_LINE_SIZE - used, ": ");
    if (vsnprintf(line + used, LOG_LINE_SIZE - used - 1, format, args) < 0)
        return 0;
    size_t end = strlen(line);
    for (size_t i = 0; i < end; i++)
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = ' ';
    line[end++] = '\n';
    return end;
}

static size_t format_own(char line[LOG_LINE_SIZE], enum log_level level, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    size_t size = format_line(line, level, format, args);
    va_end(args);
    return size;
}

/* Under the lock. */
static bool put(const char *line, size_t size, int patience_ms)
{
    bool written = log_output_put(line, size, log_state.in_vain && patience_ms > 0 ? 0 : patience_ms);
    log_state.in_vain = !written && patience_ms > 0;
    return written;
}

/* Under the lock: true where nothing is lost any more. */
static bool tell_lost(int patience_ms)
{
    char line[LOG_LINE_SIZE];
    if (!log_state.lost)
        return true;
    size_t size = format_own(line, LOG_WARN, "%lu line%s of the log %s lost: nobody read them", log_state.lost,
                             log_state.lost > 1 ? "s" : "", log_state.lost > 1 ? "were" : "was");
    if (!put(line, size, patience_ms))
        return false;
    log_state.lost = 0;
    return true;
}

/* Under the lock. */
static void put_or_count(const char *line, size_t size, int patience_ms)
{
    if (!tell_lost(patience_ms) || !put(line, size, patience_ms))
        log_state.lost++;
}

void log_line(enum log_level level, const char *format, ...)
{
    if ((int)level > log_state.level)
        return;
    char line[LOG_LINE_SIZE];
    va_list args;
    va_start(args, format);
    size_t size = format_line(line, level, format, args);
    va_end(args);
    if (!size)
        return;
    pthread_mutex_lock(&log_state.lock);
    put_or_count(line, size, log_state.patience_ms);
    pthread_mutex_unlock(&log_state.lock);
}

void log_last_words(const char *text)
{
    char line[LOG_LINE_SIZE];
    int size = snprintf(line, sizeof line - 1, "dcls: %s", text);
    if (size < 0)
        return;
    size_t used = strlen(line);
    line[used++] = '\n';
    pthread_mutex_lock(&log_state.lock);
    log_state.in_vain = false;
    put_or_count(line, used, log_state.patience_ms < 0 ? -1 : LAST_WORDS_MS);
    pthread_mutex_unlock(&log_state.lock);
}

void log_pass_on(const char *bytes, size_t count)
{
    pthread_mutex_lock(&log_state.lock);
    while (count > 0) {
        size_t most = count < LOG_LINE_SIZE ? count : LOG_LINE_SIZE;
        const char *end = memchr(bytes, '\n', most);
        size_t size = end ? (size_t)(end - bytes) + 1 : most;
        put_or_count(bytes, size, log_state.patience_ms);
        bytes += size;
        count -= size;
    }
    pthread_mutex_unlock(&log_state.lock);
}
