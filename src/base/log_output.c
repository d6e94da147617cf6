/* How a line leaves without waiting.
 *
 * O_NONBLOCK belongs to an open file that all share who were started with it: set on stderr it would change the shell's
 * terminal. So pipes and terminals are opened once more, by /proc/self/fd, which makes an open file of our own; a
 * socket is told with each send. Where opening is refused (another user's pipe or terminal, no /proc), poll says
 * whether there is room: a pipe with any has room for a line, and only another process that takes it in between can
 * make the write wait. A file has no reader that could keep us waiting; what a full disk refuses is lost.
 *
 * A thread with a ring of lines was the other way: it also survives a dead file server, but every end of a process,
 * crashes above all, takes the last lines with it unless each is waited for. */
#include "log_output.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static struct {
    int own;                  /* stderr's pipe or terminal, opened by us; 0: not yet, or it cannot be */
    struct stat target;       /* what stderr was then: tests and shells put another in its place */
    char rest[LOG_LINE_SIZE]; /* of a line that was begun */
    size_t rest_size;
} output;

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_rdev == b->st_rdev;
}

/* Looks at what stderr is now. -1: it is closed. */
static int look(struct stat *now)
{
    if (fstat(STDERR_FILENO, now) < 0)
        return -1;
    bool waits = S_ISFIFO(now->st_mode) || S_ISCHR(now->st_mode);
    if (!is_same(now, &output.target)) {
        if (output.own)
            close(output.own);
        output.own = 0;
        output.rest_size = 0;
    }
    output.target = *now;
    if (waits && !output.own) {
        int fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        output.own = fd > STDERR_FILENO ? fd : 0;
        if (fd >= 0 && !output.own)
            close(fd);
    }
    return 0;
}

static bool has_room(int patience_ms)
{
    struct pollfd poll_fd = { STDERR_FILENO, POLLOUT, 0 };
    return poll(&poll_fd, 1, patience_ms) > 0;
}

/* How much of it was written; -1 with errno, EAGAIN where there is no room. */
static ssize_t write_now(const struct stat *to, const char *bytes, size_t size)
{
    if (S_ISSOCK(to->st_mode))
        return send(STDERR_FILENO, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (output.own)
        return write(output.own, bytes, size);
    if ((S_ISFIFO(to->st_mode) || S_ISCHR(to->st_mode)) && !has_room(0)) {
        errno = EAGAIN;
        return -1;
    }
    return write(STDERR_FILENO, bytes, size);
}

static ssize_t write_patiently(const struct stat *to, const char *bytes, size_t size, int patience_ms)
{
    ssize_t count;
    bool again;
    do {
        count = write_now(to, bytes, size);
        again = count < 0 && (errno == EINTR || (errno == EAGAIN && patience_ms && has_room(patience_ms)));
        if (patience_ms > 0)
            patience_ms = 0; /* room that another took meanwhile is waited for once */
    } while (again);
    return count;
}

/* Writes what is left of the line that was begun: true where that is all. */
static bool put_rest(const struct stat *to, int patience_ms)
{
    while (output.rest_size > 0) {
        ssize_t count = write_patiently(to, output.rest, output.rest_size, patience_ms);
        if (count <= 0)
            return false;
        output.rest_size -= (size_t)count;
        memmove(output.rest, output.rest + count, output.rest_size);
    }
    return true;
}

bool log_output_put(const char *line, size_t size, int patience_ms)
{
    struct stat to;
    assert(size <= LOG_LINE_SIZE);
    if (look(&to) || !put_rest(&to, patience_ms))
        return false;
    ssize_t count = write_patiently(&to, line, size, patience_ms);
    if (count <= 0)
        return false;
    output.rest_size = size - (size_t)count;
    memcpy(output.rest, line + count, output.rest_size);
    put_rest(&to, patience_ms);
    return true;
}
