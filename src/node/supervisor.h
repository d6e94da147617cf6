/* Child processes that speak JSON lines: starting them, hearing them, and learning how they ended.
 *
 * A child gets its end of a socket as descriptor 3 and its standard output and error go to the node's log; the last
 * lines of these are its last words. It runs in a process group of its own, so that Ctrl-C reaches the node alone. */
#ifndef DCLS_NODE_SUPERVISOR_H
#define DCLS_NODE_SUPERVISOR_H

#include <event2/event.h>

#include "dcls/base/err.h"
#include "dcls/proto/msg.h"

struct supervisor;
struct child;

struct child_events {
    void *arg;
    void (*message)(void *arg, struct msg *msg); /* released after the call; members may be taken out */
    void (*ended)(void *arg, const char *why);   /* once, after the last message; the child is gone then */
};

/* One in a process: it owns SIGCHLD. */
struct supervisor *supervisor_new(struct event_base *base, struct err *err);
/* Kills what is left, without further events. */
void supervisor_free(struct supervisor *supervisor);

/* argv is NULL-ended; argv[0] need not be `path`. `why` reads "worker was killed by SIGSEGV: its last words" or
 * "worker ended with status 3: …", with `role` in front. */
struct child *child_start(struct supervisor *supervisor, const char *role, const char *path, const char *const *argv,
                          const struct child_events *events, struct err *err);
/* The same of `dcls worker` of this very program, which ends where this process does. */
struct child *child_start_worker(struct supervisor *supervisor, const char *role, const struct child_events *events,
                                 struct err *err);
int child_send(struct child *child, const struct msg *msg, struct err *err);
/* Closes the child's line: it is to end by itself. */
void child_hang_up(struct child *child);
/* SIGKILL; `ended` follows. */
void child_kill(struct child *child);

#endif
