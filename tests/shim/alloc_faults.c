/* Allocations that fail, once for each call stack that makes any: LD_PRELOAD=alloc_faults.so, before a sanitizer's
 * library, to which it passes on what does not fail. What libraries allocate counts as well as what the program does.
 *
 * DCLS_ALLOC_FAULTS names a file of `struct control`, by which a test says when: while `armed` is not 0 the first
 * allocation fails whose stack has not had its turn, and then no other for `gap_ms`. Stacks that had it are kept in the
 * file's `failed`, so that they are known to the next process too; each is written to DCLS_ALLOC_FAULTS.log as it
 * fails. Workers are left alone.
 *
 * Instead of `__sanitizer_malloc_hook`, which cannot fail an allocation, and of the linker's --wrap, which does not see
 * those of libraries. A stack is told by the return addresses within their modules, as modules move. */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { FAILED_MAX = 1 << 16, FRAMES_MAX = 64, OWN_FRAMES = 2, ARENA_SIZE = 1 << 16 };

/* tests/e2e/alloc_faults.py has it as well. */
struct control {
    int32_t armed, gap_ms;
    int64_t hits, seen;          /* of this process and those before it; allocations while armed */
    uint64_t failed[FAILED_MAX]; /* hashes of stacks, open addressing; 0: empty */
};

static struct control *control;
static int log_fd = -1;
static int64_t quiet_until;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static __thread bool inside; /* what happens here allocates too */

/* What dlsym may want before it has found malloc. */
static _Alignas(16) char arena[ARENA_SIZE];
static size_t arena_used;

static struct {
    void *(*malloc)(size_t);
    void *(*calloc)(size_t, size_t);
    void *(*realloc)(void *, size_t);
    void (*free)(void *);
} real;

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static uint64_t hash_stack(void **frames, int count)
{
    uint64_t hash = 1469598103934665603u;
    for (int i = OWN_FRAMES; i < count; i++) {
        struct dl_find_object found;
        uintptr_t address = (uintptr_t)frames[i];
        if (!_dl_find_object(frames[i], &found))
            address -= (uintptr_t)found.dlfo_link_map->l_addr;
        hash = (hash ^ address) * 1099511628211u;
    }
    return hash ? hash : 1;
}

/* What libraries cannot bear, whatever their callers do: these functions use what they did not get. */
static bool is_excused(void **frames, int count)
{
    static const char *const names[] = { /* of libevent 2.1.12 */
                                         "bufferevent_setwatermark", "evhttp_connection_base_bufferevent_new",
                                         "evhttp_request_new"
    };
    Dl_info info;
    for (int i = OWN_FRAMES; i < count; i++)
        for (size_t name = 0; name < sizeof names / sizeof *names; name++)
            if (dladdr(frames[i], &info) && info.dli_sname && !strcmp(info.dli_sname, names[name]))
                return true;
    return false;
}

/* Is it this one's turn? If so it has had it. */
static bool take_turn(void **frames, int count)
{
    uint64_t hash = hash_stack(frames, count);
    size_t at = hash % FAILED_MAX;
    while (control->failed[at] && control->failed[at] != hash)
        at = (at + 1) % FAILED_MAX;
    if (control->failed[at] || now_ms() < quiet_until)
        return false;
    control->failed[at] = hash;
    if (is_excused(frames, count))
        return false;
    control->hits++;
    quiet_until = now_ms() + control->gap_ms;
    dprintf(log_fd, "%d %016llx\n", getpid(), (unsigned long long)hash);
    backtrace_symbols_fd(frames + OWN_FRAMES, count - OWN_FRAMES, log_fd);
    return true;
}

static __attribute__((noinline)) bool fails(void)
{
    void *frames[FRAMES_MAX];
    if (!control || !__atomic_load_n(&control->armed, __ATOMIC_RELAXED) || inside)
        return false;
    inside = true;
    int count = backtrace(frames, FRAMES_MAX);
    pthread_mutex_lock(&lock);
    control->seen++;
    bool result = control->armed && take_turn(frames, count);
    pthread_mutex_unlock(&lock);
    inside = false;
    if (result)
        errno = ENOMEM;
    return result;
}

static void find_real(void)
{
    static bool searching;
    if (real.free || searching)
        return;
    searching = true;
    real.malloc = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
    real.calloc = (void *(*)(size_t, size_t))dlsym(RTLD_NEXT, "calloc");
    real.realloc = (void *(*)(void *, size_t))dlsym(RTLD_NEXT, "realloc");
    real.free = (void (*)(void *))dlsym(RTLD_NEXT, "free");
    searching = false;
}

static void *from_arena(size_t size)
{
    size_t at = arena_used;
    arena_used += (size + 15) / 16 * 16;
    return arena_used <= ARENA_SIZE ? arena + at : NULL;
}

static bool is_arenas(const void *block)
{
    return (const char *)block >= arena && (const char *)block < arena + ARENA_SIZE;
}

void *malloc(size_t size)
{
    find_real();
    if (!real.malloc)
        return from_arena(size);
    return fails() ? NULL : real.malloc(size);
}

void *calloc(size_t count, size_t size)
{
    find_real();
    if (!real.calloc)
        return from_arena(count * size);
    return fails() ? NULL : real.calloc(count, size);
}

void *realloc(void *block, size_t size)
{
    find_real();
    return fails() ? NULL : real.realloc(block, size);
}

void free(void *block)
{
    if (!is_arenas(block) && real.free)
        real.free(block);
}

/* A sanitizer has these whole, and would not come by here. */
static char *copy_of(const char *text, size_t length)
{
    char *copy = malloc(length + 1);
    if (copy) {
        memcpy(copy, text, length);
        copy[length] = '\0';
    }
    return copy;
}

char *strdup(const char *text)
{
    return copy_of(text, strlen(text));
}

char *strndup(const char *text, size_t most)
{
    return copy_of(text, strnlen(text, most));
}

static bool is_worker(void)
{
    char words[64] = "";
    int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? 0 : read(fd, words, sizeof words - 1);
    if (fd >= 0)
        close(fd);
    return got > 0 && strlen(words) + 1 < sizeof words && !strcmp(words + strlen(words) + 1, "worker");
}

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("DCLS_ALLOC_FAULTS");
    char name[4096];
    void *frames[FRAMES_MAX];
    if (!path || is_worker())
        return;
    backtrace(frames, FRAMES_MAX); /* the first one loads its library */
    int fd = open(path, O_RDWR | O_CLOEXEC);
    void *mapped = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    snprintf(name, sizeof name, "%s.log", path);
    log_fd = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd >= 0)
        close(fd);
    if (mapped != MAP_FAILED)
        control = mapped;
}
