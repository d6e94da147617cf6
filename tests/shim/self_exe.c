/* For a process that memcheck runs: /proc/self/exe is memcheck there, and a node starts its workers from it. With
 * LD_PRELOAD=self_exe.so what is to be started is the program that DCLS names. */
#include <dlfcn.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>

typedef int spawn_function(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
                           const posix_spawnattr_t *attributes, char *const argv[], char *const envp[]);

int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
                const posix_spawnattr_t *attributes, char *const argv[], char *const envp[])
{
    spawn_function *real = (spawn_function *)dlsym(RTLD_NEXT, "posix_spawn");
    const char *program = getenv("DCLS");
    return real(pid, program && !strcmp(path, "/proc/self/exe") ? program : path, actions, attributes, argv, envp);
}
