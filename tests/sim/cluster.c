/* Runs simulations: one seed with its trace, or many in parallel processes with a summary.
 *
 *     cluster --seed N [--trace]           one seed; --trace prints all of it, else the last lines where it fails
 *     cluster --seeds FROM-TO [--processes P]   seeds a second, what was exercised; the first that fails with its trace
 *
 * Each seed is one course of events, so a seed that failed in a quick run is run again for its trace. Exits 0 where
 * all went well and enough was exercised, 1 where a rule broke, 2 where it was called wrongly. */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "coverage.h"
#include "simulation.h"

#define PROCESSES_MAX 64
#define SEED_SECONDS 60 /* longer than that hangs */

/* What a process tells the one that began it, in memory that they share. */
struct progress {
    struct coverage coverage;
    uint64_t seed, done; /* the seed that is on; how many are done */
    char broken[256];    /* the rule, where one broke */
};

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void run_share(struct progress *progress, uint64_t from, uint64_t to, uint64_t step)
{
    for (uint64_t seed = from; seed <= to; seed += step) {
        progress->seed = seed;
        alarm(SEED_SECONDS);
        if (simulate(seed, TRACE_NONE, &progress->coverage, progress->broken, sizeof progress->broken))
            _exit(1);
        progress->done++;
    }
    _exit(0);
}

static void on_abort(int number)
{
    simulation_print_trace();
    printf("RULE: %s\n", number == SIGABRT ? "nothing asserted is untrue" : "no hang and no crash");
    fflush(stdout);
    _exit(1);
}

/* In a process of its own, which may abort. */
static int run_one(uint64_t seed, enum trace_mode mode)
{
    fflush(stdout);
    pid_t child = fork();
    if (child < 0) {
        fprintf(stderr, "cluster: cannot fork: %s\n", strerror(errno));
        return 1;
    }
    if (!child) {
        static struct coverage coverage;
        char broken[256];
        signal(SIGABRT, on_abort);
        signal(SIGALRM, on_abort);
        signal(SIGSEGV, on_abort);
        alarm(SEED_SECONDS);
        int failed = simulate(seed, mode, &coverage, broken, sizeof broken);
        if (failed)
            printf("RULE: %s\n", broken);
        fflush(stdout);
        _exit(failed ? 1 : 0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    bool failed = !WIFEXITED(status) || WEXITSTATUS(status);
    if (failed)
        printf("seed %llu failed; all of it: build/tests/sim/cluster --seed %llu --trace\n", (unsigned long long)seed,
               (unsigned long long)seed);
    return failed;
}

/* The lowest seed that failed in a process that ended badly; the others are ended. */
static int wait_for_all(const pid_t *children, const struct progress *progress, int count, uint64_t *failed_seed)
{
    int failed = 0;
    for (int left = count; left; left--) {
        int status = 0;
        pid_t child = wait(&status);
        for (int i = 0; i < count; i++) {
            if (children[i] != child || (WIFEXITED(status) && !WEXITSTATUS(status)) ||
                (failed && WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM))
                continue;
            if (!failed || progress[i].seed < *failed_seed)
                *failed_seed = progress[i].seed;
            for (int k = 0; k < count && !failed; k++)
                if (k != i)
                    kill(children[k], SIGTERM);
            failed = 1;
        }
    }
    return failed;
}

static int run_many(uint64_t from, uint64_t to, int processes)
{
    struct coverage coverage = { { 0 } };
    struct progress *progress =
        mmap(NULL, PROCESSES_MAX * sizeof *progress, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t children[PROCESSES_MAX];
    uint64_t done = 0, failed_seed = 0;
    double begun = seconds();
    if (progress == MAP_FAILED) {
        fprintf(stderr, "cluster: no memory\n");
        return 1;
    }
    for (int i = 0; i < processes; i++) {
        children[i] = fork();
        if (children[i] < 0) {
            fprintf(stderr, "cluster: cannot fork: %s\n", strerror(errno));
            return 1;
        }
        if (!children[i])
            run_share(&progress[i], from + (uint64_t)i, to, (uint64_t)processes);
    }
    int failed = wait_for_all(children, progress, processes, &failed_seed);
    for (int i = 0; i < processes; i++) {
        coverage_add(&coverage, &progress[i].coverage);
        done += progress[i].done;
    }
    double took = seconds() - begun;
    bool enough = coverage_report(&coverage, failed ? 0 : done);
    printf("%llu seeds in %.1f s: %.0f a second\n", (unsigned long long)done, took, (double)done / took);
    if (failed) {
        printf("seed %llu failed:\n", (unsigned long long)failed_seed);
        if (!run_one(failed_seed, TRACE_LAST))
            printf("seed %llu does not fail again: the simulation is not deterministic\n",
                   (unsigned long long)failed_seed);
    }
    return failed || !enough;
}

static bool parse(const char *text, char **end, uint64_t *value)
{
    errno = 0;
    *value = strtoull(text, end, 10);
    return *end != text && !errno;
}

static int usage(void)
{
    fprintf(stderr, "usage: cluster --seed N [--trace] | --seeds FROM-TO [--processes P]\n");
    return 2;
}

int main(int argc, char **argv)
{
    uint64_t from = 0, to = 0, processes = (uint64_t)sysconf(_SC_NPROCESSORS_ONLN);
    bool one = false, many = false, trace = false;
    char *end = NULL;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (!strcmp(argv[i], "--trace")) {
            trace = true;
            continue;
        }
        i++;
        if (!strcmp(argv[i - 1], "--seed") && parse(value, &end, &from) && !*end)
            one = true;
        else if (!strcmp(argv[i - 1], "--seeds") && parse(value, &end, &from) && *end == '-' &&
                 parse(end + 1, &end, &to) && !*end && from <= to)
            many = true;
        else if (strcmp(argv[i - 1], "--processes") || !parse(value, &end, &processes) || *end || !processes ||
                 processes > PROCESSES_MAX)
            return usage();
    }
    if (one == many)
        return usage();
    return one ? run_one(from, trace ? TRACE_ALL : TRACE_LAST) : run_many(from, to, (int)processes);
}
