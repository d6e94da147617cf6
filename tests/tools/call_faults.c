/* call_faults SOCKET COMMAND...: becomes COMMAND, whose system calls can be refused by whoever asks at the abstract
 * Unix socket SOCKET. It needs no privilege and no debugger: a seccomp filter tells each call of those in `calls` to a
 * helper process before it is made (seccomp_unotify(2)), so that what the C library calls by itself is seen too. What
 * COMMAND starts has the filter as well, but only `full` concerns it.
 *
 * A request is a line, answered by a line; each ends the fault before it and counts anew:
 *
 *     refuse CALL ERRNO NTH COUNT   from the NTH call on, COUNT calls fail so
 *     kill CALL NTH                 before the NTH call is made, the process is killed
 *     full FOLDER                   what writes to files below FOLDER fails with ENOSPC, in whichever process
 *     off                           nothing fails
 *
 * `counts` ends nothing: how often each call was made, and "hits" how many were refused. The helper ends when the last
 * process with the filter has. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

/* Several numbers may go by one name: the kernel has one for each age of the C library. */
static const struct call {
    const char *name;
    int number;
    bool writes; /* to the file of its first argument */
} calls[] = {
    { "openat", SYS_openat, false },
    { "read", SYS_read, false },
    { "readv", SYS_readv, false },
    { "pread64", SYS_pread64, false },
    { "write", SYS_write, true },
    { "writev", SYS_writev, true },
    { "pwrite64", SYS_pwrite64, true },
    { "ftruncate", SYS_ftruncate, true },
    { "fallocate", SYS_fallocate, true },
    { "copy_file_range", SYS_copy_file_range, false },
    { "fdatasync", SYS_fdatasync, false },
    { "fsync", SYS_fsync, false },
    { "rename", SYS_renameat, false },
    { "rename", SYS_renameat2, false },
    { "unlink", SYS_unlinkat, false },
    { "mkdir", SYS_mkdirat, false },
    { "socket", SYS_socket, false },
    { "connect", SYS_connect, false },
    { "accept4", SYS_accept4, false },
    { "sendto", SYS_sendto, false },
    { "recvfrom", SYS_recvfrom, false },
    { "sendmsg", SYS_sendmsg, false },
    { "epoll_wait", SYS_epoll_pwait, false },
    { "epoll_ctl", SYS_epoll_ctl, false },
    { "pidfd_open", SYS_pidfd_open, false },
    { "pipe2", SYS_pipe2, false },
    { "fstat", SYS_newfstatat, false },
    { "getdents64", SYS_getdents64, false },
    { "flock", SYS_flock, false },
    { "mmap", SYS_mmap, false },
    { "brk", SYS_brk, false },
    { "clone3", SYS_clone, false },
    { "clone3", SYS_clone3, false },
#ifdef SYS_rename
    { "openat", SYS_open, false },
    { "rename", SYS_rename, false },
    { "unlink", SYS_unlink, false },
    { "mkdir", SYS_mkdir, false },
    { "accept4", SYS_accept, false },
    { "epoll_wait", SYS_epoll_wait, false },
    { "clone3", SYS_vfork, false },
    { "clone3", SYS_fork, false },
#endif
};

enum { CALLS = sizeof calls / sizeof *calls, TASKS_MAX = 1 << 22, UNKNOWN = -2 };

static struct {
    pid_t target;
    const char *call; /* one of calls[].name; NULL: none fails */
    int cause;        /* errno; 0: the process is killed */
    long nth, last, hits;
    long counts[CALLS];
    char full[PATH_MAX];
    uint8_t is_target[TASKS_MAX]; /* by thread id: 0 not known, 1 yes, 2 no */
} state;

static bool is_targets(uint32_t task)
{
    if (task >= TASKS_MAX)
        return false;
    if (!state.is_target[task]) {
        char path[64], line[128];
        pid_t group = -1;
        snprintf(path, sizeof path, "/proc/%u/status", task);
        FILE *file = fopen(path, "r");
        while (file && fgets(line, sizeof line, file) && sscanf(line, "Tgid: %d", &group) != 1)
            ;
        if (file)
            fclose(file);
        state.is_target[task] = group == state.target ? 1 : 2;
    }
    return state.is_target[task] == 1;
}

/* What a descriptor is of; "" where that cannot be told. */
static void read_target(uint32_t task, int fd, char target[PATH_MAX])
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%u/fd/%d", task, fd);
    ssize_t length = readlink(path, target, PATH_MAX - 1);
    target[length < 0 ? 0 : length] = '\0';
}

static bool is_below_full(uint32_t task, int fd)
{
    char target[PATH_MAX];
    size_t prefix = strlen(state.full);
    read_target(task, fd, target);
    return !strncmp(target, state.full, prefix) && target[prefix] == '/';
}

/* An eventfd, by which threads wake each other: memory of the kernel's, which cannot fail. */
static bool is_never_failing(const struct seccomp_notif *request)
{
    char target[PATH_MAX];
    if (request->data.nr != SYS_read && request->data.nr != SYS_write)
        return false;
    read_target(request->pid, (int)request->data.args[0], target);
    return strstr(target, "[eventfd]");
}

/* The errno that a call fails with; 0: it is made. */
static int judge(const struct seccomp_notif *request)
{
    const struct call *call = calls;
    while (call < calls + CALLS && call->number != request->data.nr)
        call++;
    if (call == calls + CALLS)
        return 0;
    if (*state.full && call->writes && is_below_full(request->pid, (int)request->data.args[0])) {
        state.hits++;
        return ENOSPC;
    }
    if (!is_targets(request->pid) || is_never_failing(request))
        return 0;
    state.counts[call - calls]++;
    if (!state.call || strcmp(state.call, call->name))
        return 0;
    long count = 0;
    for (int i = 0; i < CALLS; i++)
        count += strcmp(calls[i].name, call->name) ? 0 : state.counts[i];
    if (count < state.nth || count > state.last)
        return 0;
    state.hits++;
    if (!state.cause)
        kill(state.target, SIGKILL);
    return state.cause ? state.cause : EINTR;
}

static void answer_call(int listener)
{
    struct seccomp_notif request = { .id = 0 };
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &request))
        return; /* it was interrupted meanwhile */
    struct seccomp_notif_resp response = { .id = request.id };
    int cause = judge(&request);
    if (cause)
        response.error = -cause;
    else
        response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
}

static void write_counts(FILE *out)
{
    fprintf(out, "hits %ld", state.hits);
    for (int i = 0; i < CALLS; i++)
        if (state.counts[i])
            fprintf(out, " %s %ld", calls[i].name, state.counts[i]);
    fputc('\n', out);
}

static bool obey(const char *request)
{
    char call[32] = "", full[PATH_MAX] = "";
    int cause = 0;
    long nth = 0, count = 1;
    if (sscanf(request, "refuse %31s %d %ld %ld", call, &cause, &nth, &count) != 4 &&
        sscanf(request, "kill %31s %ld", call, &nth) != 2 && sscanf(request, "full %4095s", full) != 1 &&
        strcmp(request, "off\n"))
        return false;
    const char *known = NULL;
    for (int i = 0; i < CALLS; i++)
        if (!strcmp(calls[i].name, call))
            known = calls[i].name;
    if (*call && !known)
        return false;
    state.call = known;
    state.cause = cause;
    state.nth = nth;
    state.last = nth + count - 1;
    state.hits = 0;
    memset(state.counts, 0, sizeof state.counts);
    snprintf(state.full, sizeof state.full, "%s", full);
    return true;
}

/* One request a connection, in one read: they are short, and from this machine. */
static void answer_request(int door)
{
    char request[PATH_MAX + 64];
    int fd = accept4(door, NULL, NULL, SOCK_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, request, sizeof request - 1);
    FILE *line = got <= 0 ? NULL : fdopen(fd, "w");
    if (line) {
        request[got] = '\0';
        if (!strcmp(request, "counts\n"))
            write_counts(line);
        else
            fputs(obey(request) ? "ok\n" : "what?\n", line);
        fclose(line);
    } else if (fd >= 0) {
        close(fd);
    }
}

static int help(int door, const volatile int *listener)
{
    static const int ignored[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE };
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        signal(ignored[i], SIG_IGN);
    while (*listener == UNKNOWN)
        usleep(200);
    if (*listener < 0)
        return 1;
    for (;;) {
        struct pollfd ready[] = { { *listener, POLLIN, 0 }, { door, POLLIN, 0 } };
        if (poll(ready, 2, -1) < 0)
            continue;
        if (ready[0].revents & POLLIN)
            answer_call(*listener);
        else if (ready[0].revents)
            return 0; /* nobody has the filter any more */
        if (ready[1].revents)
            answer_request(door);
    }
}

/* The listener, or -1. */
static int install_filter(void)
{
    struct sock_filter program[3 + CALLS + 2];
    struct sock_fprog filter = { .filter = program };
    program[filter.len++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
    program[filter.len++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 0, CALLS + 1);
    program[filter.len++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (int i = 0; i < CALLS; i++)
        program[filter.len++] =
            (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)calls[i].number, (uint8_t)(CALLS - i), 0);
    program[filter.len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    program[filter.len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return -1;
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &filter);
}

static int open_door(const char *name)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int door = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    size_t length = strlen(name);
    if (door < 0 || length >= sizeof address.sun_path)
        return -1;
    memcpy(address.sun_path + 1, name, length);
    if (bind(door, (const struct sockaddr *)&address,
             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length)) ||
        listen(door, 16))
        return -1;
    return door;
}

/* A copy of this process that shares its table of descriptors until one of them executes a program: so the helper has
 * the listener, which only this process can open. */
static pid_t fork_sharing_files(void)
{
    return (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, NULL);
}

int main(int argc, char **argv)
{
    volatile int *listener = mmap(NULL, sizeof *listener, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int door = argc < 3 ? -1 : open_door(argv[1]);
    if (door < 0 || listener == MAP_FAILED) {
        fprintf(stderr, "usage: call_faults SOCKET COMMAND...\n");
        return 2;
    }
    *listener = UNKNOWN;
    state.target = getpid();
    /* Twice, so that it is no child of COMMAND. */
    pid_t between = fork_sharing_files();
    if (!between)
        _exit(fork_sharing_files() ? 0 : help(door, listener));
    waitpid(between, NULL, 0);
    *listener = install_filter();
    if (*listener < 0) {
        perror("call_faults: no filter of system calls can be installed");
        return 1;
    }
    execvp(argv[2], argv + 2);
    perror(argv[2]);
    return 127;
}
