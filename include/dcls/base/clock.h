/* Time. Deadlines and rates use the monotonic clock; only what a person reads uses the wall clock. */
#ifndef DCLS_BASE_CLOCK_H
#define DCLS_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

int64_t clock_ms(void);      /* monotonic, milliseconds */
double clock_seconds(void);  /* monotonic, seconds */
int64_t clock_wall_ms(void); /* since 1970, milliseconds */

/* Both clocks, read at once: what a pure core is told with each event. Deadlines go by `ms`; `wall_ms` is for people.
 */
struct moment {
    int64_t ms, wall_ms;
};
struct moment clock_moment(void);

#define CLOCK_ISO_SIZE 32
/* Local time as Python's datetime.now().isoformat(): 2026-11-23T05:15:46.780463 */
void clock_iso(char text[CLOCK_ISO_SIZE]);

#endif
