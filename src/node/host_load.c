/* CPU time is that of the CPUs that this process may run on, by /proc/stat; or, where a control group has a quota, that
 * group's as a share of it. Memory is what /proc/meminfo does not count as available; or, where a control group limits
 * it to less than the machine has, what the fullest group has taken of its limit. */
#include "host_load.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/base/cgroup.h"

#define MEASURE_MS 1000
#define LINE_SIZE 512

static FILE *open_below(const char *root, const char *name)
{
    char *path = NULL;
    if (asprintf(&path, "%s/%s", root, name) < 0)
        return NULL;
    FILE *file = fopen(path, "re");
    free(path);
    return file;
}

/* "cpu3 USER NICE SYSTEM IDLE IOWAIT IRQ SOFTIRQ STEAL …", in ticks; guests are counted in USER and NICE too. */
static bool parse_ticks(const char *line, int *cpu, uint64_t *busy, uint64_t *total)
{
    uint64_t user, nice, system, idle, iowait, irq, softirq, steal = 0;
    if (!isdigit((unsigned char)line[strlen("cpu")]))
        return false; /* "cpu" alone is the sum of all, and its first column no number of a CPU */
    int found = sscanf(
        line, "cpu%d %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, cpu,
        &user, &nice, &system, &idle, &iowait, &irq, &softirq, &steal);
    if (found < 8 || *cpu < 0)
        return false;
    *busy = user + nice + system + irq + softirq + steal;
    *total = *busy + idle + iowait;
    return true;
}

/* Of the CPUs that this process may run on: those of a set that is larger than cpu_set_t are all. */
static void count_ticks(const char *root, uint64_t *busy, uint64_t *total)
{
    FILE *file = open_below(root, "proc/stat");
    cpu_set_t usable;
    bool all = sched_getaffinity(0, sizeof usable, &usable), began = false;
    char line[LINE_SIZE];
    *busy = *total = 0;
    while (file && fgets(line, sizeof line, file)) {
        uint64_t line_busy, line_total;
        int cpu;
        if (strncmp(line, "cpu", 3)) {
            if (began)
                break; /* what follows is long */
            continue;
        }
        began = true;
        if (!parse_ticks(line, &cpu, &line_busy, &line_total) ||
            (!all && (cpu >= CPU_SETSIZE || !CPU_ISSET((size_t)cpu, &usable))))
            continue;
        *busy += line_busy;
        *total += line_total;
    }
    if (file)
        fclose(file);
}

/* MemTotal, and MemTotal less MemAvailable; -1 where they are not told. */
static int64_t read_memory(const char *root, int64_t *used)
{
    FILE *file = open_below(root, "proc/meminfo");
    int64_t total = -1, available = -1;
    char line[LINE_SIZE];
    while (file && (total < 0 || available < 0) && fgets(line, sizeof line, file)) {
        int64_t number;
        if (sscanf(line, "MemTotal: %" SCNd64 " kB", &number) == 1)
            total = number * 1024;
        else if (sscanf(line, "MemAvailable: %" SCNd64 " kB", &number) == 1)
            available = number * 1024;
    }
    if (file)
        fclose(file);
    *used = total >= 0 && available >= 0 && available <= total ? total - available : -1;
    return total;
}

/* `part` of `whole` in per cent; NAN of nothing. Counters may step back where a CPU or a group goes. */
static double share(double part, double whole)
{
    double percent = whole > 0 ? part / whole * 100 : NAN;
    return percent < 0 ? 0 : percent > 100 ? 100 : percent;
}

void host_load_measure(struct host_load *load, const char *root, int64_t now)
{
    struct cgroup_limits limits;
    struct host_load last = *load;
    if (last.measured_ms && now - last.measured_ms < MEASURE_MS)
        return;
    cgroup_read(root, &limits);
    count_ticks(root, &load->busy, &load->total);
    int64_t memory = read_memory(root, &load->memory_used);
    if (memory < 0 || limits.memory < (uint64_t)memory)
        load->memory_used = limits.memory == CGROUP_NO_LIMIT ? -1 : (int64_t)(limits.memory - limits.memory_free);
    load->used_us = isfinite(limits.cpus) ? limits.cpu_used_us : 0;
    load->measured_ms = now;
    if (!last.measured_ms)
        load->cpu = NAN;
    else if (load->used_us && last.used_us)
        load->cpu =
            share((double)load->used_us - (double)last.used_us, (double)(now - last.measured_ms) * 1000 * limits.cpus);
    else
        load->cpu = share((double)load->busy - (double)last.busy, (double)load->total - (double)last.total);
}
