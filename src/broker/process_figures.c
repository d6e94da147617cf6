/* By getrusage, getrlimit and what is below /proc/self. */
#include "process_figures.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "exposition.h"

static double seconds_of(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

/* -1 where it is not told. */
static double cpu_seconds(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) ? -1 : seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
}

static double open_files(void)
{
    DIR *folder = opendir("/proc/self/fd");
    double count = -3; /* "." and "..", and the folder itself */
    if (!folder)
        return -1;
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static double max_files(void)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_NOFILE, &limit) ? -1 : (double)limit.rlim_cur;
}

static void read_memory(double *total, double *resident)
{
    FILE *file = fopen("/proc/self/statm", "re");
    long page = sysconf(_SC_PAGESIZE);
    *total = *resident = -1;
    if (file && fscanf(file, "%lf %lf", total, resident) == 2) {
        *total *= (double)page;
        *resident *= (double)page;
    }
    if (file)
        fclose(file);
}

int process_figures_write(struct buf *out, int64_t started_ms)
{
    double total, resident;
    read_memory(&total, &resident);
    const struct {
        const char *name, *type, *help;
        double value;
    } figures[] = {
        { "process_cpu_seconds_total", "counter", "User and system CPU time that the broker has used.", cpu_seconds() },
        { "process_resident_memory_bytes", "gauge", "Memory of the broker that is resident.", resident },
        { "process_virtual_memory_bytes", "gauge", "Address space of the broker.", total },
        { "process_open_fds", "gauge", "Open file descriptors of the broker.", open_files() },
        { "process_max_fds", "gauge", "How many the broker may have open.", max_files() },
        { "process_start_time_seconds", "gauge", "When the broker began, in seconds since 1970.",
          (double)started_ms / 1000 },
    };
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
        if (figures[i].value >= 0 &&
            exposition_value(out, figures[i].name, figures[i].type, figures[i].help, figures[i].value))
            return -1;
    return 0;
}
