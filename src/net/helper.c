/* The parent's end of `dcls helper`. Who of both is at fault decides nothing here: the process is killed, and the
 * request that it was at fails with what is known. A process that was killed is waited for beside the next one, by its
 * pidfd. */
#include "dcls/net/helper.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dcls/base/buf.h"
#include "dcls/base/clock.h"
#include "dcls/base/log.h"
#include "dcls/net/spawn.h"
#include "dcls/net/timer.h"
#include "dcls/proto/frame.h"
#include "dcls/proto/json.h"

#define IDLE_MS 60000
#define LEAVING_MAX 4     /* killed processes that do not end: of a disk that hangs */
#define SERVES_MAX 1000   /* requests, after which the next process comes: libraries leak memory on damaged images. */
#define RESTED_MS 3000    /* It is what the process has open (a dataset) that makes it quick: unasked for so long, */
#define SERVES_LAST 10000 /* or, where it never is, after so many. */
#define READ_SIZE 65536
#define LAST_READS (2 * HELPER_LINE_MAX / READ_SIZE)

struct ask {
    TAILQ_ENTRY(ask) queued;
    struct helper_request request; /* without its json */
    int64_t since_ms;
    struct buf line;
    size_t sent;
};

struct process {
    LIST_ENTRY(process) leaving;
    struct helper *helper;
    pid_t pid; /* 0: not started, or waited for */
    int pidfd, line, served;
    struct event *ended, *readable, *writable;
    struct frame frame;
};

struct helper {
    struct event_base *base;
    TAILQ_HEAD(ask_queue, ask) queue;
    size_t waiting, waiting_max;
    struct ask *asked;       /* what the process is at; NULL: nothing */
    struct process *process; /* NULL: none runs */
    LIST_HEAD(process_list, process) leaving;
    int leaving_count;
    struct timer *turn, *deadline, *idle;
    bool stopped;
};

static void ask_free(struct ask *ask)
{
    buf_release(&ask->line);
    free(ask);
}

static void process_free(struct process *process)
{
    struct event *events[] = { process->ended, process->readable, process->writable };
    for (size_t i = 0; i < sizeof events / sizeof *events; i++)
        if (events[i])
            event_free(events[i]);
    if (process->pidfd >= 0)
        close(process->pidfd);
    if (process->line >= 0)
        close(process->line);
    frame_release(&process->frame);
    free(process);
}

/* The request under way has ended. */
static void finish(struct helper *helper, enum helper_outcome outcome, const cJSON *answer, const struct err *why)
{
    struct ask *ask = helper->asked;
    helper->asked = NULL;
    timer_stop(helper->deadline);
    if (!TAILQ_EMPTY(&helper->queue))
        timer_start(helper->turn, 0);
    else if (helper->process)
        timer_start(helper->idle, helper->process->served >= SERVES_MAX ? RESTED_MS : IDLE_MS);
    ask->request.done(ask->request.arg, outcome, answer, why);
    ask_free(ask);
}

/* Its end is waited for by the loop; what it says from now on is not heard. */
static void let_go(struct helper *helper, bool kill_it)
{
    struct process *process = helper->process;
    helper->process = NULL;
    if (kill_it && process->pid)
        kill(process->pid, SIGKILL);
    event_del(process->readable);
    event_del(process->writable);
    close(process->line);
    process->line = -1;
    LIST_INSERT_HEAD(&helper->leaving, process, leaving);
    helper->leaving_count++;
}

static void give_up(struct helper *helper, enum helper_outcome outcome, const char *why)
{
    struct err err = ERR_INIT;
    let_go(helper, true);
    err_set(&err, "%s", why);
    log_warn("%s, and is killed", err.text);
    if (helper->asked)
        finish(helper, outcome, NULL, &err);
}

static void take_answer(struct helper *helper, const char *text, size_t len)
{
    struct err err = ERR_INIT;
    cJSON *answer = json_parse(text, len, &err);
    const char *refusal = json_text(answer, "error");
    if (!helper->asked) {
        give_up(helper, HELPER_ENDED, "the helper process answered what it was not asked");
    } else if (!cJSON_IsObject(answer)) {
        give_up(helper, HELPER_ENDED, "the helper process answered no JSON object");
    } else if (refusal) {
        err_set(&err, "%s", refusal);
        finish(helper, HELPER_REFUSED, answer, &err);
    } else {
        finish(helper, HELPER_DONE, answer, NULL);
    }
    cJSON_Delete(answer);
}

/* Reads what has come; false where nothing more will. */
static bool hear(struct helper *helper)
{
    struct process *process = helper->process;
    char bytes[READ_SIZE];
    const char *text;
    size_t len;
    ssize_t got = read(process->line, bytes, sizeof bytes);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR;
    if (!got)
        return false;
    if (frame_feed(&process->frame, bytes, (size_t)got)) {
        give_up(helper, HELPER_ENDED, "no memory for what the helper process answered");
        return true;
    }
    for (;;) {
        switch (frame_next(&process->frame, &text, &len)) {
        case FRAME_MORE: return true;
        case FRAME_TEXT: take_answer(helper, text, len); break;
        case FRAME_TOO_LONG: give_up(helper, HELPER_ENDED, "the helper process answered too much"); break;
        }
        if (helper->process != process)
            return true;
    }
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct process *process = arg;
    (void)fd, (void)what;
    if (hear(process->helper))
        return;
    event_del(process->readable); /* its end tells more, and follows */
    if (process->pid)
        kill(process->pid, SIGKILL); /* changes nothing where it ends by itself */
}

static void describe_end(int status, struct err *err)
{
    const char *name = WIFSIGNALED(status) ? sigabbrev_np(WTERMSIG(status)) : NULL;
    if (name)
        err_set(err, "the helper process was killed by SIG%s", name);
    else if (WIFSIGNALED(status))
        err_set(err, "the helper process was killed by signal %d", WTERMSIG(status));
    else
        err_set(err, "the helper process ended with status %d", WEXITSTATUS(status));
}

/* Whether it has ended; it is waited for then. */
static bool has_ended(struct process *process, int *status)
{
    pid_t pid;
    do
        pid = waitpid(process->pid, status, WNOHANG);
    while (pid < 0 && errno == EINTR);
    if (!pid)
        return false;
    process->pid = 0;
    return true;
}

static void on_ended(evutil_socket_t fd, short what, void *arg)
{
    struct process *process = arg;
    struct helper *helper = process->helper;
    struct err err = ERR_INIT;
    int status = 0;
    (void)fd, (void)what;
    if (!has_ended(process, &status))
        return;
    for (int i = 0; i < LAST_READS && helper->process == process && helper->asked && hear(helper);)
        i++; /* an answer that it gave before counts */
    if (helper->process == process) {
        helper->process = NULL;
        timer_stop(helper->idle);
        describe_end(status, &err); /* unexpected: who is let go is not helper->process any more */
        log_warn("%s", err.text);
        if (helper->asked)
            finish(helper, HELPER_ENDED, NULL, &err);
    } else {
        LIST_REMOVE(process, leaving);
        helper->leaving_count--;
        if (!TAILQ_EMPTY(&helper->queue))
            timer_start(helper->turn, 0);
    }
    process_free(process);
}

/* One piece of the request, the files with the first: 0, or the errno. */
static int send_piece(struct process *process, struct ask *ask)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int) * HELPER_FILES_MAX)];
    } control = { .room = { 0 } };
    struct iovec bytes = { ask->line.data + ask->sent, ask->line.len - ask->sent };
    struct msghdr message = { .msg_iov = &bytes, .msg_iovlen = 1 };
    size_t size = sizeof(int) * (size_t)ask->request.file_count;
    if (!ask->sent && size) {
        message.msg_control = control.room;
        message.msg_controllen = CMSG_SPACE(size);
        control.header = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
        control.header.cmsg_len = CMSG_LEN(size);
        memcpy(CMSG_DATA(&control.header), ask->request.files, size);
    }
    ssize_t count = sendmsg(process->line, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0)
        return errno;
    ask->sent += (size_t)count;
    return 0;
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    struct process *process = arg;
    struct helper *helper = process->helper;
    struct ask *ask = helper->asked;
    int cause = 0;
    (void)fd, (void)what;
    while (ask && ask->sent < ask->line.len && !cause)
        cause = send_piece(process, ask);
    if (!cause || cause == EPIPE || cause == ECONNRESET) /* of the latter its end tells more, and follows */
        event_del(process->writable);
    else if (cause != EAGAIN && cause != EINTR)
        give_up(helper, HELPER_NOT_ASKED, "the helper process could not be asked");
}

static int watch(struct process *process, struct err *err)
{
    struct event_base *base = process->helper->base;
    process->ended = event_new(base, process->pidfd, EV_READ | EV_PERSIST, on_ended, process);
    process->readable = event_new(base, process->line, EV_READ | EV_PERSIST, on_readable, process);
    process->writable = event_new(base, process->line, EV_WRITE | EV_PERSIST, on_writable, process);
    if (!process->ended || !process->readable || !process->writable || event_add(process->ended, NULL) ||
        event_add(process->readable, NULL))
        return err_set(err, "no memory for a helper process");
    return 0;
}

static int process_start(struct helper *helper, struct err *err)
{
    char fd[8], parent[24];
    int line[2] = { -1, -1 }, failed = -1;
    snprintf(fd, sizeof fd, "%d", CHILD_SOCKET);
    snprintf(parent, sizeof parent, "%ld", (long)getpid());
    const char *const argv[] = { "dcls", "helper", "--fd", fd, "--parent", parent, NULL };
    if (helper->leaving_count >= LEAVING_MAX)
        return err_set(err, "%d helper processes were killed and do not end", helper->leaving_count);
    struct process *process = calloc(1, sizeof *process);
    if (!process)
        return err_set(err, "no memory for a helper process");
    *process = (struct process){ .helper = helper, .pidfd = -1, .line = -1 };
    frame_init(&process->frame, HELPER_LINE_MAX);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, line)) {
        err_set(err, "cannot make a line to a helper process: %s", strerror(errno));
        goto out;
    }
    process->line = line[0];
    if (fcntl(line[0], F_SETFL, O_NONBLOCK)) { /* the parent's end only */
        err_set(err, "cannot make a line to a helper process: %s", strerror(errno));
        goto out;
    }
    int cause = spawn_child(&process->pid, "/proc/self/exe", argv, line[1], STDERR_FILENO);
    if (cause) {
        process->pid = 0;
        err_set(err, "cannot start a helper process: %s", strerror(cause));
        goto out;
    }
    process->pidfd = pidfd_open(process->pid, 0);
    if (process->pidfd < 0)
        err_set(err, "cannot watch a helper process: %s", strerror(errno));
    else
        failed = watch(process, err);
out:
    if (line[1] >= 0)
        close(line[1]);
    if (!failed) {
        helper->process = process;
        return 0;
    }
    if (process->pid) {
        kill(process->pid, SIGKILL);
        spawn_reap(process->pid, clock_ms() + SPAWN_REAP_MS);
    }
    process_free(process);
    return -1;
}

/* A process that ended unnoticed, or has served for long, is replaced before it is asked anything. */
static int process_ready(struct helper *helper, struct err *err)
{
    struct err end = ERR_INIT;
    int status;
    if (helper->process && has_ended(helper->process, &status)) {
        describe_end(status, &end);
        log_warn("%s", end.text);
        process_free(helper->process);
        helper->process = NULL;
    }
    if (helper->process && helper->process->served >= SERVES_LAST)
        let_go(helper, false);
    if (!helper->process && process_start(helper, err))
        return -1;
    helper->process->served++;
    return 0;
}

static bool is_too_late(const struct ask *ask)
{
    return ask->request.wait_ms && clock_ms() - ask->since_ms > ask->request.wait_ms;
}

static void on_turn(void *arg)
{
    struct helper *helper = arg;
    struct err err = ERR_INIT;
    struct ask *ask = TAILQ_FIRST(&helper->queue);
    if (helper->asked || !ask)
        return;
    TAILQ_REMOVE(&helper->queue, ask, queued);
    helper->waiting--;
    helper->asked = ask;
    timer_stop(helper->idle);
    if (ask->request.wanted && !ask->request.wanted(ask->request.arg)) {
        err_set(&err, "nobody waits for it any more");
        finish(helper, HELPER_DROPPED, NULL, &err);
    } else if (is_too_late(ask)) {
        err_set(&err, "too much was asked before it: its turn did not come in %g s", ask->request.wait_ms / 1000.0);
        finish(helper, HELPER_NOT_ASKED, NULL, &err);
    } else if (process_ready(helper, &err)) {
        log_warn("%s", err.text);
        finish(helper, HELPER_NOT_ASKED, NULL, &err);
    } else if (event_add(helper->process->writable, NULL)) {
        err_set(&err, "no memory to ask a helper process");
        finish(helper, HELPER_NOT_ASKED, NULL, &err);
    } else {
        timer_start(helper->deadline, ask->request.deadline_ms);
    }
}

static void on_deadline(void *arg)
{
    struct helper *helper = arg;
    char why[64];
    snprintf(why, sizeof why, "the helper process took more than %g s", helper->asked->request.deadline_ms / 1000.0);
    give_up(helper, HELPER_LATE, why);
}

/* The process sees the end of its line, and ends. */
static void on_idle(void *arg)
{
    struct helper *helper = arg;
    if (helper->process && !helper->asked)
        let_go(helper, false);
}

struct helper *helper_new(struct event_base *base, size_t waiting_max)
{
    struct helper *helper = calloc(1, sizeof *helper);
    if (!helper)
        return NULL;
    *helper = (struct helper){ .base = base, .waiting_max = waiting_max };
    TAILQ_INIT(&helper->queue);
    helper->turn = timer_new(base, on_turn, helper);
    helper->deadline = timer_new(base, on_deadline, helper);
    helper->idle = timer_new(base, on_idle, helper);
    if (helper->turn && helper->deadline && helper->idle)
        return helper;
    helper_free(helper);
    return NULL;
}

int helper_ask(struct helper *helper, const struct helper_request *request, struct err *err)
{
    assert(request->file_count >= 0 && request->file_count <= HELPER_FILES_MAX && request->done);
    if (helper->stopped)
        return err_set(err, "the helper process is stopped");
    if (helper->waiting >= helper->waiting_max)
        return err_set(err, "%zu requests wait already", helper->waiting);
    struct ask *ask = calloc(1, sizeof *ask);
    if (!ask)
        return err_set(err, "no memory");
    ask->request = *request;
    ask->request.json = NULL;
    ask->since_ms = clock_ms();
    buf_init(&ask->line, HELPER_LINE_MAX);
    if (json_print_spaced(request->json, &ask->line) || buf_puts(&ask->line, "\n")) {
        ask_free(ask);
        return err_set(err, "the request does not fit");
    }
    TAILQ_INSERT_TAIL(&helper->queue, ask, queued);
    helper->waiting++;
    if (!helper->asked)
        timer_start(helper->turn, 0);
    return 0;
}

int helper_status(const cJSON *answer, int fallback)
{
    double status = json_number(answer, "status", fallback);
    return status >= 400 && status <= 599 ? (int)status : fallback;
}

void helper_stop(struct helper *helper)
{
    struct err err = ERR_INIT;
    helper->stopped = true;
    timer_stop(helper->turn);
    timer_stop(helper->idle);
    if (helper->process)
        let_go(helper, true);
    err_set(&err, "the helper process is stopped");
    while (helper->asked || !TAILQ_EMPTY(&helper->queue)) {
        if (!helper->asked) {
            helper->asked = TAILQ_FIRST(&helper->queue);
            TAILQ_REMOVE(&helper->queue, helper->asked, queued);
            helper->waiting--;
        }
        finish(helper, HELPER_DROPPED, NULL, &err);
    }
    timer_stop(helper->turn);
}

void helper_free(struct helper *helper)
{
    if (!helper)
        return;
    assert(!helper->asked && TAILQ_EMPTY(&helper->queue));
    if (helper->process)
        let_go(helper, true);
    while (!LIST_EMPTY(&helper->leaving)) {
        struct process *process = LIST_FIRST(&helper->leaving);
        int status;
        LIST_REMOVE(process, leaving);
        if (process->pid)
            has_ended(process, &status); /* who does not end yet ends with this process */
        process_free(process);
    }
    timer_free(helper->turn);
    timer_free(helper->deadline);
    timer_free(helper->idle);
    free(helper);
}
