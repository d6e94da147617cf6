/* Lines in a ring. Stands in for src/base/log.c too, so that what the cores log is part of the trace. */
#include "trace.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "dcls/base/log.h"

static struct trace *current;

void trace_init(struct trace *trace, bool on, bool all, size_t kept, const int64_t *now)
{
    *trace = (struct trace){ .on = on, .all = all, .now = now, .kept = kept };
    trace->lines = on && !all ? calloc(kept, sizeof *trace->lines) : NULL;
    trace->on = all || trace->lines;
    current = trace;
}

void trace_release(struct trace *trace)
{
    free(trace->lines);
    trace->lines = NULL;
    trace->on = false;
    current = NULL;
}

struct trace *trace_current(void)
{
    return current;
}

static void write_line(struct trace *trace, const char *who, const char *format, va_list args)
{
    char line[TRACE_LINE];
    int used = snprintf(line, sizeof line, "%9.3f  %-8.8s ", (double)*trace->now / 1000, who);
    vsnprintf(line + used, sizeof line - (size_t)used, format, args);
    if (trace->all)
        puts(line);
    else
        snprintf(trace->lines[trace->count % trace->kept], TRACE_LINE, "%s", line);
    trace->count++;
}

void trace_line(struct trace *trace, const char *who, const char *format, ...)
{
    va_list args;
    if (!trace->on)
        return;
    va_start(args, format);
    write_line(trace, who, format, args);
    va_end(args);
}

void trace_print(const struct trace *trace)
{
    size_t first = trace->count > trace->kept ? trace->count - trace->kept : 0;
    if (!trace->lines)
        return;
    if (first)
        printf("… %zu lines before these\n", first);
    for (size_t i = first; i < trace->count; i++)
        puts(trace->lines[i % trace->kept]);
}

void log_line(enum log_level level, const char *format, ...)
{
    va_list args;
    if (!current || !current->on || level == LOG_DEBUG)
        return;
    va_start(args, format);
    write_line(current, "  (log)", format, args);
    va_end(args);
}

void log_last_words(const char *text)
{
    log_line(LOG_ERROR, "%s", text);
}

/* Never called: nothing of what is linked here starts a child. */
void log_pass_on(const char *bytes, size_t count)
{
    log_line(LOG_INFO, "%.*s", (int)count, bytes);
}
