/* What happened, a line an event, for people: time, who, what. Off in a run over many seeds (a seed that fails is run
 * again with it on: the course is the same). */
#ifndef DCLS_SIM_TRACE_H
#define DCLS_SIM_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRACE_LINE 240

struct trace {
    bool on;
    bool all; /* each line is printed as it comes; else the last ones are kept for trace_print */
    const int64_t *now;
    char (*lines)[TRACE_LINE];
    size_t count, kept;
};

/* `now`: the clock that lines are stamped with. What the cores log goes to the trace that was begun last. */
void trace_init(struct trace *trace, bool on, bool all, size_t kept, const int64_t *now);
void trace_release(struct trace *trace);
void trace_line(struct trace *trace, const char *who, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The last lines, oldest first. */
void trace_print(const struct trace *trace);
/* The trace that was begun last; NULL: none. */
struct trace *trace_current(void);

#endif
