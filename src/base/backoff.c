/* See backoff.h. */
#include "dcls/base/backoff.h"

int64_t backoff_ms(int failures, int64_t first_ms, int64_t last_ms)
{
    int64_t wait_ms = first_ms;
    for (int i = 0; i < failures && wait_ms < last_ms; i++)
        wait_ms *= 2;
    return wait_ms < last_ms ? wait_ms : last_ms;
}
