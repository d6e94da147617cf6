/* A flush that writes a word into the file that DCLS_HOLD names, where that is there, and does not return until it is
 * gone: one of a disk that hangs. A process that ends in order while a thread of its own is held so, which may still
 * use what is torn down, is aborted. */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_int held;

int fsync(int fd)
{
    const char *file = getenv("DCLS_HOLD");
    atomic_fetch_add(&held, 1);
    int told = file ? open(file, O_WRONLY | O_APPEND | O_CLOEXEC) : -1;
    if (told >= 0 && write(told, "held", 4) == 4)
        close(told);
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
