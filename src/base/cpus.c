/* See cpus.h. A cpu_set_t has room for 1,024 CPUs, and the kernel refuses one that is smaller than its own: sets are
 * made larger until it takes one. */
#include "dcls/base/cpus.h"

#include <errno.h>
#include <unistd.h>

#include "dcls/base/cgroup.h"

int cpus_in_affinity(int (*get)(pid_t pid, size_t size, cpu_set_t *set))
{
    for (int room = CPU_SETSIZE; room <= CPUS_MAX; room *= 2) {
        cpu_set_t *set = CPU_ALLOC(room);
        if (!set)
            return 0;
        CPU_ZERO_S(CPU_ALLOC_SIZE(room), set);
        int failed = get(0, CPU_ALLOC_SIZE(room), set), cause = errno;
        int count = failed ? 0 : CPU_COUNT_S(CPU_ALLOC_SIZE(room), set);
        CPU_FREE(set);
        if (!failed || cause != EINVAL)
            return count;
    }
    return 0;
}

int cpus_within(int cpus, double quota)
{
    if (quota < cpus)
        cpus = (int)quota;
    return cpus < 1 ? 1 : cpus;
}

int cpus_usable(void)
{
    struct cgroup_limits limits;
    int cpus = cpus_in_affinity(sched_getaffinity);
    if (cpus < 1)
        cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);
    cgroup_read("", &limits);
    return cpus_within(cpus, limits.cpus);
}
