/* See wake.h. */
#include "dcls/base/wake.h"

#include <errno.h>
#include <stdint.h>
#include <unistd.h>

#define TRIES 10

void wake_write(int fd)
{
    uint64_t one = 1;
    for (int i = 0; i < TRIES && write(fd, &one, sizeof one) < 0 && errno != EAGAIN;) /* which wakes already */
        i += errno != EINTR;
}
