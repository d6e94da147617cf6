/* Starting a child process that speaks with its parent over a socket, which it finds as descriptor CHILD_SOCKET. */
#ifndef DCLS_NET_SPAWN_H
#define DCLS_NET_SPAWN_H

#include <stdint.h>
#include <sys/types.h>

#define CHILD_SOCKET 3

/* `argv` is NULL-ended; argv[0] need not be `path`. The child's standard output and error are `words_fd`, its standard
 * input is empty, and no descriptor beside these and the socket `line_fd` is open in it. It runs in a process group of
 * its own, so that Ctrl-C reaches the parent alone. The descriptors stay the caller's, who also waits for the child.
 * 0 with *pid, or the errno. */
int spawn_child(pid_t *pid, const char *path, const char *const *argv, int line_fd, int words_fd);

#define SPAWN_REAP_MS 2000
/* Waits for a child that was killed, until then by clock_ms(): one that the kernel holds, as at a disk that hangs, ends
 * later, and is init's. */
void spawn_reap(pid_t pid, int64_t until_ms);

#endif
