/* posix_spawn with what every child of a role is to have: see dcls/net/spawn.h. */
#include "dcls/net/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "dcls/base/clock.h"

int spawn_child(pid_t *pid, const char *path, const char *const *argv, int line_fd, int words_fd)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, defaults;
    int failed = posix_spawn_file_actions_init(&actions);
    if (failed)
        return failed;
    if ((failed = posix_spawnattr_init(&attributes))) {
        posix_spawn_file_actions_destroy(&actions);
        return failed;
    }
    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    sigaddset(&defaults, SIGINT);
    sigaddset(&defaults, SIGTERM);
    if (!(failed = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)) &&
        !(failed = posix_spawn_file_actions_adddup2(&actions, words_fd, STDERR_FILENO)) &&
        !(failed = posix_spawn_file_actions_adddup2(&actions, words_fd, STDOUT_FILENO)) &&
        /* Last: descriptor 3 may be words_fd itself. */
        !(failed = posix_spawn_file_actions_adddup2(&actions, line_fd, CHILD_SOCKET)) &&
        !(failed = posix_spawn_file_actions_addclosefrom_np(&actions, CHILD_SOCKET + 1)) &&
        !(failed = posix_spawnattr_setsigmask(&attributes, &none)) &&
        !(failed = posix_spawnattr_setsigdefault(&attributes, &defaults)) &&
        !(failed = posix_spawnattr_setpgroup(&attributes, 0)) &&
        !(failed = posix_spawnattr_setflags(&attributes,
                                            POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP)))
        failed = posix_spawn(pid, path, &actions, &attributes, (char *const *)argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return failed;
}

void spawn_reap(pid_t pid, int64_t until_ms)
{
    pid_t reaped = waitpid(pid, NULL, WNOHANG);
    while (!reaped || (reaped < 0 && errno == EINTR)) {
        if (clock_ms() >= until_ms)
            return;
        nanosleep(&(struct timespec){ .tv_nsec = 1000 * 1000 }, NULL);
        reaped = waitpid(pid, NULL, WNOHANG);
    }
}
