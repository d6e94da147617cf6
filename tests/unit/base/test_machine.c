/* What a process may use of its machine, on made-up machines: folders that hold a `proc` and mounted control groups. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <math.h>

#include "dcls/base/cgroup.h"
#include "dcls/base/cpus.h"
#include "folder.h"

#define GIB ((uint64_t)1 << 30)

static void put_text(void **state, const char *name, const char *text)
{
    char *path = in(state, name), *slash = strrchr(path, '/');
    *slash = '\0';
    assert_int_equal(fs_make_dirs(path, NULL), 0);
    free(path);
    put(state, name, text, strlen(text));
}

static struct cgroup_limits read_limits(void **state)
{
    struct cgroup_limits limits;
    cgroup_read(*state, &limits);
    return limits;
}

static void assert_unlimited(const struct cgroup_limits *limits)
{
    assert_true(isinf(limits->cpus));
    assert_true(limits->memory == CGROUP_NO_LIMIT);
    assert_true(limits->memory_free == CGROUP_NO_LIMIT);
}

static void make_v2(void **state, const char *group)
{
    char *line = NULL;
    assert_true(asprintf(&line, "0::%s\n", group) > 0);
    put_text(state, "proc/self/cgroup", line);
    put_text(state, "proc/self/mountinfo",
             "22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n"
             "31 22 0:27 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n");
    free(line);
}

static void a_quota_of_version_2_is_the_smallest_of_the_group_and_those_above(void **state)
{
    make_v2(state, "/system.slice/dcls.service");
    put_text(state, "sys/fs/cgroup/system.slice/dcls.service/cpu.max", "max 100000\n");
    put_text(state, "sys/fs/cgroup/system.slice/cpu.max", "250000 100000\n");
    struct cgroup_limits limits = read_limits(state);
    assert_true(limits.cpus == 2.5);
    assert_int_equal(limits.cpu_used_us, 0); /* it is not told */
    assert_true(limits.memory == CGROUP_NO_LIMIT);
    put_text(state, "sys/fs/cgroup/system.slice/cpu.stat", "usage_usec 1234567\nuser_usec 1000000\n");
    put_text(state, "sys/fs/cgroup/system.slice/dcls.service/cpu.stat", "usage_usec 7\n");
    assert_int_equal(read_limits(state).cpu_used_us, 1234567);
    put_text(state, "sys/fs/cgroup/system.slice/dcls.service/cpu.max", "75000 50000\n");
    limits = read_limits(state);
    assert_true(limits.cpus == 1.5);
    put_text(state, "sys/fs/cgroup/other/cpu.max", "1000 100000\n");
    limits = read_limits(state);
    assert_true(limits.cpus == 1.5);
}

static void memory_of_version_2_is_the_least_that_any_group_above_leaves(void **state)
{
    make_v2(state, "/user/app");
    put_text(state, "sys/fs/cgroup/user/app/memory.max", "8589934592\n");
    put_text(state, "sys/fs/cgroup/user/app/memory.high", "max\n");
    put_text(state, "sys/fs/cgroup/user/app/memory.current", "1073741824\n");
    struct cgroup_limits limits = read_limits(state);
    assert_true(limits.memory == 8 * GIB);
    assert_true(limits.memory_free == 7 * GIB);
    /* The group above is fuller, though half of what it holds are files that may be dropped. */
    put_text(state, "sys/fs/cgroup/user/memory.high", "6442450944\n");
    put_text(state, "sys/fs/cgroup/user/memory.max", "9663676416\n");
    put_text(state, "sys/fs/cgroup/user/memory.current", "4294967296\n");
    put_text(state, "sys/fs/cgroup/user/memory.stat", "anon 5\ninactive_file_x 1\ninactive_file 2147483648\n");
    limits = read_limits(state);
    assert_true(limits.memory == 6 * GIB);
    assert_true(limits.memory_free == 4 * GIB);
    put_text(state, "sys/fs/cgroup/user/memory.stat", "");
    put_text(state, "sys/fs/cgroup/user/memory.current", "99999999999\n");
    assert_true(read_limits(state).memory_free == 0);
}

static void version_1_tells_each_controller_in_its_own_hierarchy(void **state)
{
    put_text(state, "proc/self/cgroup", "12:memory:/a/b\n11:cpuset:/\n4:cpu,cpuacct:/a/b\n1:name=systemd:/a/b\n");
    put_text(state, "proc/self/mountinfo",
             "30 22 0:26 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755\n"
             "34 30 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:12 - cgroup cgroup rw,cpu,cpuacct\n"
             "35 30 0:30 / /sys/fs/cgroup/cpuset rw shared:13 - cgroup cgroup rw,cpuset\n"
             "36 30 0:31 / /sys/fs/cgroup/memory rw shared:14 - cgroup cgroup rw,memory\n");
    put_text(state, "sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_quota_us", "-1\n");
    put_text(state, "sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_period_us", "100000\n");
    put_text(state, "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "350000\n");
    put_text(state, "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n");
    put_text(state, "sys/fs/cgroup/cpu,cpuacct/a/cpuacct.usage", "5000000\n");
    put_text(state, "sys/fs/cgroup/cpuset/cpu.cfs_quota_us", "1\n"); /* not its hierarchy */
    put_text(state, "sys/fs/cgroup/cpuset/cpu.cfs_period_us", "1\n");
    put_text(state, "sys/fs/cgroup/memory/a/b/memory.limit_in_bytes", "4294967296\n");
    put_text(state, "sys/fs/cgroup/memory/a/b/memory.usage_in_bytes", "3221225472\n");
    put_text(state, "sys/fs/cgroup/memory/a/b/memory.stat", "inactive_file 9\ntotal_inactive_file 1073741824\n");
    put_text(state, "sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    struct cgroup_limits limits = read_limits(state);
    assert_true(limits.cpus == 3.5);
    assert_int_equal(limits.cpu_used_us, 5000);
    assert_true(limits.memory == 4 * GIB);
    assert_true(limits.memory_free == 2 * GIB);
}

static void both_versions_side_by_side_are_both_asked(void **state)
{
    put_text(state, "proc/self/cgroup", "4:memory:/x\n1:cpu:/\n0::/x\n");
    put_text(state, "proc/self/mountinfo",
             "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
             "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
             "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
    put_text(state, "sys/fs/cgroup/memory/x/memory.limit_in_bytes", "2147483648\n");
    put_text(state, "sys/fs/cgroup/unified/x/cpu.max", "400000 100000\n");
    struct cgroup_limits limits = read_limits(state);
    assert_true(limits.cpus == 4);
    assert_true(limits.memory == 2 * GIB);
}

static void a_container_sees_its_own_group_at_the_mounts_top(void **state)
{
    /* Version 1, without a namespace: both tell the host's path. */
    put_text(state, "proc/self/cgroup", "1:cpu:/docker/abc/inner\n");
    put_text(state, "proc/self/mountinfo", "32 31 0:29 /docker/abc /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu\n");
    put_text(state, "sys/fs/cgroup/cpu/inner/cpu.cfs_quota_us", "800000\n");
    put_text(state, "sys/fs/cgroup/cpu/inner/cpu.cfs_period_us", "100000\n");
    assert_true(read_limits(state).cpus == 8);
    put_text(state, "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "200000\n");
    put_text(state, "sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
    assert_true(read_limits(state).cpus == 2);
    /* A namespace of its own: the path counts from there. */
    make_v2(state, "/");
    put_text(state, "sys/fs/cgroup/cpu.max", "300000 100000\n");
    assert_true(read_limits(state).cpus == 3);
}

static void a_group_that_no_mount_shows_is_held_to_what_is_mounted(void **state)
{
    static const char *const groups[] = { "1:cpu:/docker/abc\n", "1:cpu:/docker/abcdef\n", "1:cpu:/../other\n" };
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
        put_text(state, "proc/self/cgroup", groups[i]);
        put_text(state, "proc/self/mountinfo",
                 i == 1 ? "32 31 0:29 /docker/abc /cpu ro - cgroup cgroup rw,cpu\n"
                        : "32 31 0:29 /kubepods/pod1 /cpu ro - cgroup cgroup rw,cpu\n");
        put_text(state, "cpu/cpu.cfs_quota_us", "500000\n");
        put_text(state, "cpu/cpu.cfs_period_us", "100000\n");
        put_text(state, "other/cpu.cfs_quota_us", "100000\n"); /* where "/.." would lead */
        put_text(state, "other/cpu.cfs_period_us", "100000\n");
        assert_true(read_limits(state).cpus == 5);
    }
}

static void a_mount_point_with_blanks_and_backslashes_is_found(void **state)
{
    put_text(state, "proc/self/cgroup", "0::/my group\n");
    put_text(state, "proc/self/mountinfo",
             "31 22 0:27 /\\040top /mnt\\040of\\011\\134groups rw - cgroup2 none rw\n"
             "32 22 0:27 / /mnt\\040of\\011\\134groups/x rw - cgroup2 none rw\n");
    put_text(state, "mnt of\t\\groups/x/my group/cpu.max", "600000 100000\n");
    assert_true(read_limits(state).cpus == 6);
}

static void what_is_missing_or_garbage_limits_nothing(void **state)
{
    static const char *const garbage[] = { "",
                                           "\n\n",
                                           "::",
                                           "0:",
                                           "0::",
                                           "a:b",
                                           "0::relative",
                                           "1:cpu",
                                           " - ",
                                           "1 - x",
                                           "a 2 3 / /m - cgroup2",
                                           "a 2 3 / /m rw - cgroup2 x",
                                           "max",
                                           "-1",
                                           "1",
                                           "x y",
                                           "0 0",
                                           "100 0",
                                           "0 100",
                                           "99999999999999999999999",
                                           "\\" };
    struct cgroup_limits limits = read_limits(state);
    assert_unlimited(&limits);
    for (size_t i = 0; i < sizeof garbage / sizeof *garbage; i++) {
        make_v2(state, "/g");
        put_text(state, "sys/fs/cgroup/g/cpu.max", garbage[i]);
        put_text(state, "sys/fs/cgroup/g/memory.max", "max");
        put_text(state, "sys/fs/cgroup/g/memory.stat", garbage[i]);
        limits = read_limits(state);
        assert_unlimited(&limits);
        put_text(state, "proc/self/cgroup", garbage[i]);
        limits = read_limits(state);
        assert_unlimited(&limits);
        make_v2(state, "/g");
        put_text(state, "proc/self/mountinfo", garbage[i]);
        limits = read_limits(state);
        assert_unlimited(&limits);
    }
}

/* A kernel built for so many CPUs: it refuses smaller sets, and all of its CPUs may be used. */
static int machine_cpus;

static int get_affinity(pid_t pid, size_t size, cpu_set_t *set)
{
    (void)pid;
    if (size * 8 < (size_t)machine_cpus) {
        errno = EINVAL;
        return -1;
    }
    for (int i = 0; i < machine_cpus; i++)
        CPU_SET_S(i, size, set);
    return 0;
}

static int refuse_affinity(pid_t pid, size_t size, cpu_set_t *set)
{
    (void)pid;
    (void)size;
    (void)set;
    errno = machine_cpus ? EINVAL : ENOSYS;
    return -1;
}

static void machines_of_any_number_of_cpus_are_counted(void **state)
{
    static const int counts[] = { 1, 2, 64, 255, 256, 257, 1023, 1024, 1025, 4096, 8192, 60000 };
    (void)state;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        machine_cpus = counts[i];
        assert_int_equal(cpus_in_affinity(get_affinity), counts[i]);
    }
    for (machine_cpus = 0; machine_cpus < 2; machine_cpus++)
        assert_int_equal(cpus_in_affinity(refuse_affinity), 0);
}

static void a_quota_is_rounded_down_but_never_to_nothing(void **state)
{
    (void)state;
    assert_int_equal(cpus_within(8, INFINITY), 8);
    assert_int_equal(cpus_within(8, 8), 8);
    assert_int_equal(cpus_within(8, 7.99), 7);
    assert_int_equal(cpus_within(8, 1.5), 1);
    assert_int_equal(cpus_within(8, 0.1), 1);
    assert_int_equal(cpus_within(2, 64), 2);
    assert_int_equal(cpus_within(0, INFINITY), 1);
}

static void as_many_cpus_are_usable_as_this_process_is_pinned_to(void **state)
{
    (void)state;
    const size_t size = CPU_ALLOC_SIZE(CPUS_MAX);
    cpu_set_t *all = CPU_ALLOC(CPUS_MAX), *one = CPU_ALLOC(CPUS_MAX);
    CPU_ZERO_S(size, all);
    CPU_ZERO_S(size, one);
    assert_int_equal(sched_getaffinity(0, size, all), 0);
    assert_in_range(cpus_usable(), 1, CPU_COUNT_S(size, all));
    for (int i = 0; i < CPUS_MAX && !CPU_COUNT_S(size, one); i++)
        if (CPU_ISSET_S(i, size, all))
            CPU_SET_S(i, size, one);
    assert_int_equal(sched_setaffinity(0, size, one), 0);
    assert_int_equal(cpus_usable(), 1);
    assert_int_equal(sched_setaffinity(0, size, all), 0);
    CPU_FREE(one);
    CPU_FREE(all);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_new, folder_free)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_quota_of_version_2_is_the_smallest_of_the_group_and_those_above),
        TEST(memory_of_version_2_is_the_least_that_any_group_above_leaves),
        TEST(version_1_tells_each_controller_in_its_own_hierarchy),
        TEST(both_versions_side_by_side_are_both_asked),
        TEST(a_container_sees_its_own_group_at_the_mounts_top),
        TEST(a_group_that_no_mount_shows_is_held_to_what_is_mounted),
        TEST(a_mount_point_with_blanks_and_backslashes_is_found),
        TEST(what_is_missing_or_garbage_limits_nothing),
        cmocka_unit_test(machines_of_any_number_of_cpus_are_counted),
        cmocka_unit_test(a_quota_is_rounded_down_but_never_to_nothing),
        cmocka_unit_test(as_many_cpus_are_usable_as_this_process_is_pinned_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
