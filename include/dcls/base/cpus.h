/* The CPUs that this process may use: fewer than the machine has where it is pinned. */
#ifndef DCLS_BASE_CPUS_H
#define DCLS_BASE_CPUS_H

#include <sched.h>

static inline int cpus_usable(void)
{
    cpu_set_t cpus;
    int count = sched_getaffinity(0, sizeof cpus, &cpus) ? 1 : CPU_COUNT(&cpus);
    return count > 0 ? count : 1;
}

#endif
