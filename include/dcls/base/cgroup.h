/* What the control groups that this process is in let it have, by their versions 1 and 2 and both side by side. */
#ifndef DCLS_BASE_CGROUP_H
#define DCLS_BASE_CGROUP_H

#include <stdint.h>

#define CGROUP_NO_LIMIT UINT64_MAX

struct cgroup_limits {
    double cpus;                  /* of the smallest quota; INFINITY: there is none */
    uint64_t cpu_used_us;         /* CPU time that the group of that quota has used up to now; 0: it is not told */
    uint64_t memory, memory_free; /* bytes; CGROUP_NO_LIMIT: any number. Free is what the fullest group has left */
};

/* Of the process's own groups and all above them that can be seen. `root` is "", or a folder with a `proc` and the
 * groups' mount points for a test. What cannot be read limits nothing. */
void cgroup_read(const char *root, struct cgroup_limits *limits);

#endif
