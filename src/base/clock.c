/* Time: one clock for deadlines and rates, another for what a person reads. */
#include "dcls/base/clock.h"

#include <stdio.h>
#include <time.h>

static struct timespec now(clockid_t clock)
{
    struct timespec time = { 0 };
    /* Neither clock can fail on Linux. */
    (void)clock_gettime(clock, &time);
    return time;
}

int64_t clock_ms(void)
{
    struct timespec time = now(CLOCK_MONOTONIC);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

double clock_seconds(void)
{
    struct timespec time = now(CLOCK_MONOTONIC);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int64_t clock_wall_ms(void)
{
    struct timespec time = now(CLOCK_REALTIME);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

struct moment clock_moment(void)
{
    return (struct moment){ .ms = clock_ms(), .wall_ms = clock_wall_ms() };
}

void clock_iso(char text[CLOCK_ISO_SIZE])
{
    struct timespec time = now(CLOCK_REALTIME);
    struct tm tm = { 0 };
    char seconds[24] = "";
    if (localtime_r(&time.tv_sec, &tm))
        (void)strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text, CLOCK_ISO_SIZE, "%s.%06d", seconds, (int)(time.tv_nsec / 1000 % 1000000));
}
