/* A flush that does not return while the file that DCLS_HOLD names is there, as one of a disk that hangs. A process
 * that ends in order while a thread of its own is held so, where that may still use what is torn down, is aborted. */
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_int held;

int fsync(int fd)
{
    const char *file = getenv("DCLS_HOLD");
    atomic_fetch_add(&held, 1);
    while (file && !access(file, F_OK))
        usleep(1000);
    atomic_fetch_sub(&held, 1);
    return (int)syscall(SYS_fsync, fd);
}

static void __attribute__((destructor)) on_exit_in_order(void)
{
    if (atomic_load(&held))
        abort();
}
