/* The CPUs that this process may use: fewer than the machine has where it is pinned, or where a control group holds it
 * to a share of them. */
#ifndef DCLS_BASE_CPUS_H
#define DCLS_BASE_CPUS_H

#include <sched.h>

#define CPUS_MAX 65536 /* threads that may be asked for; eight times what Linux can be built for */

/* As many threads as run at once: at least 1. */
int cpus_usable(void);

/* What it is made of. How many CPUs the set has that `get` (sched_getaffinity) tells; 0 where it does not. And these
 * within a quota of `quota` CPUs, rounded down: whole threads in excess of a quota are stopped together. */
int cpus_in_affinity(int (*get)(pid_t pid, size_t size, cpu_set_t *set));
int cpus_within(int cpus, double quota);

#endif
