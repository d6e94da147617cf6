/* Limits of control groups: see cgroup.h, and cgroups(7).
 *
 * /proc/self/cgroup tells the process's group in each hierarchy, /proc/self/mountinfo where hierarchies are mounted and
 * which of their groups that mount shows at its top: in a container often the container's own. A limit holds for all
 * below it, so each group from the process's own to the mount's top is asked. */
#include "dcls/base/cgroup.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/base/fs.h"

#define TABLE_MAX ((size_t)16 * 1024 * 1024) /* of mounts: thousands, of some hundred bytes each */
#define VALUES_MAX ((size_t)64 * 1024)       /* a file of a group */

enum controller { CONTROLLER_CPU, CONTROLLER_MEMORY };

/* What a hierarchy of either version calls its files. */
struct dialect {
    const char *memory[2]; /* limits; NULL: none */
    const char *used, *reclaimable;
};
static const struct dialect version_1 = { { "memory.limit_in_bytes" }, "memory.usage_in_bytes", "total_inactive_file" };
static const struct dialect version_2 = { { "memory.max", "memory.high" }, "memory.current", "inactive_file" };

/* One line of mountinfo, its fields unescaped. */
struct mount {
    char *top, *point, *type, *options;
};

static char *read_text(const char *folder, const char *name, size_t max)
{
    char *path = fs_join(folder, name), *text = NULL;
    size_t count;
    if (path && fs_read(path, max, &text, &count, NULL))
        text = NULL;
    free(path);
    return text;
}

/* The number at the start of FOLDER/NAME; `fallback` where there is none, as in "max" and "-1". */
static uint64_t read_number(const char *folder, const char *name, uint64_t fallback)
{
    char *text = read_text(folder, name, VALUES_MAX);
    unsigned long long number;
    if (text && *text >= '0' && *text <= '9' && sscanf(text, "%llu", &number) == 1)
        fallback = number;
    free(text);
    return fallback;
}

/* The number of the line "NAME NUMBER" of a file; 0: there is none. */
static uint64_t read_stat(const char *folder, const char *file, const char *name)
{
    char *text = read_text(folder, file, VALUES_MAX), *rest = text, *line;
    size_t len = strlen(name);
    unsigned long long number = 0;
    while ((line = strsep(&rest, "\n")))
        if (!strncmp(line, name, len) && line[len] == ' ' && sscanf(line + len, "%llu", &number) == 1)
            break;
    free(text);
    return number;
}

static void take_quota(const char *folder, bool is_v2, struct cgroup_limits *limits)
{
    unsigned long long quota = 0, period = 0;
    if (is_v2) {
        char *text = read_text(folder, "cpu.max", VALUES_MAX);
        if (!text || sscanf(text, "%llu %llu", &quota, &period) != 2) /* "max 100000": none */
            period = 0;
        free(text);
    } else {
        quota = read_number(folder, "cpu.cfs_quota_us", 0);
        period = read_number(folder, "cpu.cfs_period_us", 0);
    }
    if (!quota || !period || (double)quota / (double)period >= limits->cpus)
        return;
    limits->cpus = (double)quota / (double)period;
    /* Version 1 counts in nanoseconds, by a controller that is mounted together with the quota's. */
    limits->cpu_used_us =
        is_v2 ? read_stat(folder, "cpu.stat", "usage_usec") : read_number(folder, "cpuacct.usage", 0) / 1000;
}

static void take_memory(const char *folder, bool is_v2, struct cgroup_limits *limits)
{
    const struct dialect *dialect = is_v2 ? &version_2 : &version_1;
    uint64_t most = CGROUP_NO_LIMIT;
    for (int i = 0; i < 2 && dialect->memory[i]; i++) {
        uint64_t limit = read_number(folder, dialect->memory[i], CGROUP_NO_LIMIT);
        most = limit < most ? limit : most;
    }
    if (most == CGROUP_NO_LIMIT)
        return;
    /* Files that were read and may be dropped count as used, but a process that wants memory gets theirs. */
    uint64_t used = read_number(folder, dialect->used, 0),
             reclaimable = read_stat(folder, "memory.stat", dialect->reclaimable);
    used -= reclaimable < used ? reclaimable : used;
    uint64_t left = most > used ? most - used : 0;
    limits->memory = most < limits->memory ? most : limits->memory;
    limits->memory_free = left < limits->memory_free ? left : limits->memory_free;
}

/* Whether the group `path` is `top` or below it; then *below is the rest, empty or with a slash in front. A process
 * outside of its own namespace of groups has a path "/../GROUP". */
static bool is_below(const char *top, const char *path, const char **below)
{
    size_t len = strcmp(top, "/") ? strlen(top) : 0;
    if (strncmp(top, path, len) || (path[len] && path[len] != '/') || !strncmp(path + len, "/..", 3))
        return false;
    *below = strcmp(path + len, "/") ? path + len : "";
    return true;
}

/* Asks the group of which `mount` shows `below` its top, and those above it. */
static void take_groups(const char *root, const struct mount *mount, const char *below, enum controller controller,
                        bool is_v2, struct cgroup_limits *limits)
{
    char *folder = NULL;
    if (asprintf(&folder, "%s%s%s", root, mount->point, below) < 0)
        return;
    size_t end = strlen(root) + strlen(mount->point);
    for (;;) {
        if (controller == CONTROLLER_CPU)
            take_quota(folder, is_v2, limits);
        else
            take_memory(folder, is_v2, limits);
        char *slash = strrchr(folder, '/');
        if (!slash || slash < folder + end)
            break;
        *slash = '\0';
    }
    free(folder);
}

/* mountinfo writes blanks, tabs, newlines and backslashes as \ooo. */
static void unescape(char *text)
{
    char *to = text;
    for (const char *from = text; *from; to++) {
        if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] >= '0' && from[2] <= '7' && from[3] >= '0' &&
            from[3] <= '7') {
            *to = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + from[3] - '0');
            from += 4;
        } else {
            *to = *from++;
        }
    }
    *to = '\0';
}

/* 36 35 98:0 /TOP /POINT rw,noatime master:1 - TYPE SOURCE OPTIONS; the line is cut up. */
static bool parse_mount(char *line, struct mount *mount)
{
    char *tail = strstr(line, " - "), *unused;
    if (!tail)
        return false;
    *tail = '\0';
    tail += 3;
    for (int i = 0; i < 3; i++)
        strsep(&line, " ");
    mount->top = strsep(&line, " ");
    mount->point = strsep(&line, " ");
    mount->type = strsep(&tail, " ");
    unused = strsep(&tail, " ");
    mount->options = strsep(&tail, " ");
    if (!mount->top || !mount->point || !mount->type || !unused)
        return false;
    unescape(mount->top);
    unescape(mount->point);
    return true;
}

/* Whether `name` is one of a list with commas between. */
static bool is_listed(const char *list, const char *name)
{
    size_t len = strlen(name);
    for (; list; list = strchr(list, ',')) {
        list += *list == ',';
        if (!strncmp(list, name, len) && (!list[len] || list[len] == ','))
            return true;
    }
    return false;
}

/* Asks a process's group `path` in a hierarchy. Where no mount shows that group, the tops of those that are mounted may
 * be above it: better a limit too many than threads that are held up. */
static void take_hierarchy(const char *root, const char *mounts, const char *path, enum controller controller,
                           bool is_v2, struct cgroup_limits *limits)
{
    static const char *const names[] = { [CONTROLLER_CPU] = "cpu", [CONTROLLER_MEMORY] = "memory" };
    for (int shown = 1; shown >= 0; shown--) {
        char *copy = strdup(mounts), *rest = copy, *line;
        bool any = false;
        while ((line = strsep(&rest, "\n"))) {
            struct mount mount;
            const char *below = "";
            if (!parse_mount(line, &mount) || strcmp(mount.type, is_v2 ? "cgroup2" : "cgroup") ||
                (!is_v2 && !is_listed(mount.options, names[controller])))
                continue;
            if (shown && !is_below(mount.top, path, &below))
                continue;
            take_groups(root, &mount, below, controller, is_v2, limits);
            any = true;
        }
        free(copy);
        if (any)
            return;
    }
}

/* "4:cpu,cpuacct:/GROUP", or version 2's "0::/GROUP"; the line is cut up. */
static void take_line(const char *root, const char *mounts, char *line, struct cgroup_limits *limits)
{
    const char *number = strsep(&line, ":"), *controllers = strsep(&line, ":");
    if (!line || *line != '/')
        return;
    bool is_v2 = !strcmp(number, "0") && !*controllers;
    if (is_v2 || is_listed(controllers, "cpu"))
        take_hierarchy(root, mounts, line, CONTROLLER_CPU, is_v2, limits);
    if (is_v2 || is_listed(controllers, "memory"))
        take_hierarchy(root, mounts, line, CONTROLLER_MEMORY, is_v2, limits);
}

void cgroup_read(const char *root, struct cgroup_limits *limits)
{
    *limits = (struct cgroup_limits){ INFINITY, 0, CGROUP_NO_LIMIT, CGROUP_NO_LIMIT };
    char *groups = NULL, *mounts = NULL, *folder = NULL;
    if (asprintf(&folder, "%s/proc/self", root) < 0)
        return;
    groups = read_text(folder, "cgroup", TABLE_MAX);
    mounts = read_text(folder, "mountinfo", TABLE_MAX);
    char *rest = groups, *line;
    while (mounts && (line = strsep(&rest, "\n")))
        take_line(root, mounts, line, limits);
    free(mounts);
    free(groups);
    free(folder);
}
