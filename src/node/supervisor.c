/* Starts children and waits for them. An end is told when the process was reaped and its socket and its standard
 * error have been read to their ends, so that its last message and its last words count. */
#include "supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dcls/base/clock.h"
#include "dcls/base/log.h"
#include "dcls/net/message_stream.h"
#include "dcls/net/spawn.h"
#include "dcls/net/timer.h"

#define WORDS_MAX 4096  /* bytes of standard error that are remembered */
#define WORDS_SHOWN 300 /* bytes of them that are passed on */
#define LOOK_MS 1000
#define DRAIN_MS 1000 /* a grandchild may hold the pipes: they are not waited for longer */

struct supervisor {
    struct event_base *base;
    struct event *sigchld;
    struct timer *look; /* a signal may come to nothing: for children that are about to end */
    LIST_HEAD(child_list, child) children;
};

struct child {
    LIST_ENTRY(child) listed;
    struct supervisor *supervisor;
    char role[32];
    struct child_events events;
    pid_t pid;
    struct message_stream *line; /* NULL once it has ended */
    int words_fd;                /* standard error; -1 once it has ended */
    struct event *words_event;
    struct timer *end_timer;
    char words[WORDS_MAX + 1];
    size_t words_len;
    bool killed, reaped;
    int status;
};

static void child_free(struct child *child)
{
    LIST_REMOVE(child, listed);
    message_stream_free(child->line);
    if (child->words_event)
        event_free(child->words_event);
    if (child->words_fd >= 0)
        close(child->words_fd);
    timer_free(child->end_timer);
    free(child);
}

/* The last lines of standard error, one line. */
static void last_words(const struct child *child, char *out, size_t size)
{
    const char *text = child->words;
    size_t end = child->words_len;
    while (end && (text[end - 1] == '\n' || text[end - 1] == '\r' || text[end - 1] == ' '))
        end--;
    size_t start = end > WORDS_SHOWN ? end - WORDS_SHOWN : 0;
    if (start) {
        const char *newline = memchr(text + start, '\n', end - start);
        if (newline)
            start = (size_t)(newline + 1 - text);
        while (start < end && ((unsigned char)text[start] & 0xc0) == 0x80)
            start++; /* not in the middle of a UTF-8 character */
    }
    snprintf(out, size, "%.*s", (int)(end - start), text + start);
    for (char *c = out; *c; c++)
        if (*c == '\n')
            *c = ';';
}

static void describe_end(const struct child *child, char *out, size_t size)
{
    char words[WORDS_SHOWN + 1], how[64];
    last_words(child, words, sizeof words);
    if (WIFSIGNALED(child->status)) {
        const char *name = sigabbrev_np(WTERMSIG(child->status));
        if (name)
            snprintf(how, sizeof how, "was killed by SIG%s", name);
        else
            snprintf(how, sizeof how, "was killed by signal %d", WTERMSIG(child->status));
    } else {
        snprintf(how, sizeof how, "ended with status %d", WEXITSTATUS(child->status));
    }
    snprintf(out, size, "%s %s%s%s", child->role, how, *words ? ": " : "", words);
}

/* Tells the end once everything was heard; never from within one of the child's own callbacks but the timer's. */
static void on_end_timer(void *arg)
{
    struct child *child = arg;
    char why[512];
    describe_end(child, why, sizeof why);
    struct child_events events = child->events;
    child_free(child);
    if (events.ended)
        events.ended(events.arg, why);
}

static void check_end(struct child *child)
{
    if (!child->reaped)
        return;
    bool heard = !child->line && child->words_fd < 0;
    timer_start(child->end_timer, heard ? 0 : DRAIN_MS);
}

static void on_message(void *arg, struct msg *msg, const char *text, size_t len)
{
    const struct child *child = arg;
    (void)text, (void)len;
    if (child->events.message)
        child->events.message(child->events.arg, msg);
}

static void on_refused(void *arg, const char *text, size_t len, const struct err *why)
{
    const struct child *child = arg;
    (void)text, (void)len;
    log_warn("%s sent what is no message: %s", child->role, why->text);
}

static void on_closed(void *arg, const char *why)
{
    struct child *child = arg;
    log_debug("the line to %s ends: %s", child->role, why);
    message_stream_free(child->line);
    child->line = NULL;
    if (!child->reaped)
        timer_start(child->supervisor->look, LOOK_MS);
    check_end(child);
}

static void on_words(evutil_socket_t fd, short what, void *arg)
{
    struct child *child = arg;
    char bytes[4096];
    (void)what;
    ssize_t got = read((int)fd, bytes, sizeof bytes);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        event_del(child->words_event);
        close(child->words_fd);
        child->words_fd = -1;
        check_end(child);
        return;
    }
    log_pass_on(bytes, (size_t)got);
    size_t count = (size_t)got, keep = child->words_len;
    if (keep + count > WORDS_MAX) {
        size_t drop = keep + count - WORDS_MAX;
        memmove(child->words, child->words + drop, keep - drop);
        keep -= drop;
    }
    memcpy(child->words + keep, bytes, count);
    child->words_len = keep + count;
}

static void reap(struct supervisor *supervisor)
{
    for (struct child *child = LIST_FIRST(&supervisor->children); child; child = LIST_NEXT(child, listed)) {
        if (child->reaped)
            continue;
        pid_t pid;
        do
            pid = waitpid(child->pid, &child->status, WNOHANG);
        while (pid < 0 && errno == EINTR);
        if (pid == child->pid) {
            child->reaped = true;
            check_end(child); /* only starts a timer, so the list stays as it is */
        } else if (child->killed || !child->line) {
            timer_start(supervisor->look, LOOK_MS);
        }
    }
}

static void on_sigchld(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    reap(arg);
}

static void on_look(void *arg)
{
    reap(arg);
}

struct supervisor *supervisor_new(struct event_base *base, struct err *err)
{
    struct supervisor *supervisor = calloc(1, sizeof *supervisor);
    if (!supervisor) {
        err_set(err, "no memory to supervise workers");
        return NULL;
    }
    supervisor->base = base;
    supervisor->sigchld = evsignal_new(base, SIGCHLD, on_sigchld, supervisor);
    supervisor->look = timer_new(base, on_look, supervisor);
    if (!supervisor->look || !supervisor->sigchld || event_add(supervisor->sigchld, NULL)) {
        err_set(err, "cannot watch for SIGCHLD");
        supervisor_free(supervisor);
        return NULL;
    }
    return supervisor;
}

void supervisor_free(struct supervisor *supervisor)
{
    if (!supervisor)
        return;
    for (struct child *child = LIST_FIRST(&supervisor->children); child; child = LIST_NEXT(child, listed))
        if (!child->reaped)
            kill(child->pid, SIGKILL);
    int64_t until_ms = clock_ms() + SPAWN_REAP_MS;
    while (!LIST_EMPTY(&supervisor->children)) {
        struct child *child = LIST_FIRST(&supervisor->children);
        if (!child->reaped)
            spawn_reap(child->pid, until_ms);
        child_free(child);
    }
    if (supervisor->sigchld)
        event_free(supervisor->sigchld);
    timer_free(supervisor->look);
    free(supervisor);
}

static int watch(struct child *child, struct event_base *base, int line_fd, struct err *err)
{
    static const struct message_stream_events events = { .message = on_message,
                                                         .refused = on_refused,
                                                         .closed = on_closed };
    if (!(child->line = message_stream_new(base, line_fd, &events, child, err)))
        return -1;
    child->end_timer = timer_new(base, on_end_timer, child);
    child->words_event = event_new(base, child->words_fd, EV_READ | EV_PERSIST, on_words, child);
    if (!child->end_timer || !child->words_event || event_add(child->words_event, NULL))
        return err_set(err, "no memory for a child process");
    return 0;
}

struct child *child_start(struct supervisor *supervisor, const char *role, const char *path, const char *const *argv,
                          const struct child_events *events, struct err *err)
{
    int line[2] = { -1, -1 }, words[2] = { -1, -1 };
    struct child *child = calloc(1, sizeof *child);
    if (!child) {
        err_set(err, "no memory for a child process");
        return NULL;
    }
    LIST_INSERT_HEAD(&supervisor->children, child, listed);
    child->words_fd = -1;
    child->supervisor = supervisor;
    child->events = *events;
    snprintf(child->role, sizeof child->role, "%s", role);
    int failed = -1;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, line) || pipe2(words, O_CLOEXEC)) {
        err_set(err, "cannot make a line to a %s: %s", role, strerror(errno));
        goto out;
    }
    /* The parent's end only: the child is written for blocking writes. */
    if (fcntl(words[0], F_SETFL, O_NONBLOCK)) {
        err_set(err, "cannot make a line to a %s: %s", role, strerror(errno));
        goto out;
    }
    child->words_fd = words[0];
    words[0] = -1;
    int line_fd = line[0];
    line[0] = -1;
    if (watch(child, supervisor->base, line_fd, err))
        goto out;
    int code = spawn_child(&child->pid, path, argv, line[1], words[1]);
    if (code) {
        err_set(err, "cannot start '%s': %s", path, strerror(code));
        goto out;
    }
    failed = 0;
out:
    for (int i = 0; i < 2; i++) {
        if (line[i] >= 0)
            close(line[i]);
        if (words[i] >= 0)
            close(words[i]);
    }
    if (!failed)
        return child;
    child_free(child);
    return NULL;
}

struct child *child_start_worker(struct supervisor *supervisor, const char *role, const struct child_events *events,
                                 struct err *err)
{
    char fd[8], parent[24];
    snprintf(fd, sizeof fd, "%d", CHILD_SOCKET);
    snprintf(parent, sizeof parent, "%ld", (long)getpid());
    const char *const argv[] = { "dcls", "worker", "--fd", fd, "--parent", parent, NULL };
    return child_start(supervisor, role, "/proc/self/exe", argv, events, err);
}

int child_send(struct child *child, const struct msg *msg, struct err *err)
{
    if (!child->line)
        return err_set(err, "the %s is ending", child->role);
    return message_stream_send(child->line, msg, NULL, err) ? err_prefix(err, "the %s", child->role) : 0;
}

void child_hang_up(struct child *child)
{
    if (child->line)
        message_stream_end_output(child->line);
}

void child_kill(struct child *child)
{
    if (child->reaped)
        return;
    kill(child->pid, SIGKILL);
    child->killed = true;
    timer_start(child->supervisor->look, LOOK_MS);
}
