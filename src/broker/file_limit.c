/* RLIMIT_NOFILE. */
#include "file_limit.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/resource.h>

#include "dcls/base/log.h"

static int count_of(rlim_t limit)
{
    return limit == RLIM_INFINITY || limit > INT_MAX ? INT_MAX : (int)limit;
}

int file_limit_raise(int wanted)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit)) {
        log_warn("how many files may be open is not known: %s", strerror(errno));
        return wanted;
    }
    int soft = count_of(limit.rlim_cur), hard = count_of(limit.rlim_max);
    if (soft >= wanted)
        return soft;
    limit.rlim_cur = hard < wanted ? limit.rlim_max : (rlim_t)wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit)) {
        log_warn("the limit of open files cannot be raised to %d: %s", wanted, strerror(errno));
        return soft;
    }
    return hard < wanted ? hard : wanted;
}
