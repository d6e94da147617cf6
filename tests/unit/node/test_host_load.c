/* How busy a machine is, on made-up machines: folders that hold a `proc` and mounted control groups. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/base/fs.h"
#include "src/node/host_load.h"

static int setup(void **state)
{
    char *path = NULL;
    if (asprintf(&path, "%s/dcls-load-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp") < 0 || !mkdtemp(path))
        return -1;
    *state = path;
    return 0;
}

static int teardown(void **state)
{
    int status = fs_remove_tree(*state, NULL);
    free(*state);
    return status;
}

static void put_text(void **state, const char *name, const char *text)
{
    char *path = fs_join(*state, name), *slash = strrchr(path, '/');
    *slash = '\0';
    assert_int_equal(fs_make_dirs(path, NULL), 0);
    *slash = '/';
    assert_int_equal(fs_write(path, text, strlen(text), NULL), 0);
    free(path);
}

/* The same numbers for each CPU that this test may run on, and for one that it may not. */
static void put_stat(void **state, const char *ticks, const char *others)
{
    cpu_set_t usable;
    char text[65536] = "cpu  9 9 9 9 9 9 9 9 9 9\n";
    size_t len = strlen(text);
    assert_int_equal(sched_getaffinity(0, sizeof usable, &usable), 0);
    for (int cpu = 0; cpu < CPU_SETSIZE && len < sizeof text - 200; cpu++)
        len += (size_t)snprintf(text + len, sizeof text - len, "cpu%d %s\n", cpu,
                                CPU_ISSET((size_t)cpu, &usable) ? ticks : others);
    snprintf(text + len, sizeof text - len, "intr 1 2 3\ncpu0 1 1 1 1 1 1 1 1 1 1\n");
    put_text(state, "proc/stat", text);
}

static void cpu_is_what_was_busy_between_two_measurements_on_the_cpus_that_may_be_used(void **state)
{
    struct host_load load = { 0 };
    put_stat(state, "100 0 50 850 0 0 0 0 0 0", "0 0 0 0 0 0 0 0 0 0");
    host_load_measure(&load, *state, 5000);
    assert_true(isnan(load.cpu));
    /* Of 100 ticks 20 + 5 + 3 + 1 + 1 are busy; the 40 of iowait and the guest's 7 are not, or are counted already. */
    put_stat(state, "120 5 53 880 40 1 0 1 7 0", "9999 0 0 0 0 0 0 0 0 0");
    host_load_measure(&load, *state, 8000);
    assert_true(fabs(load.cpu - 30) < 1e-9);
    put_stat(state, "120 5 53 980 40 1 0 1 7 0", "9999 0 0 0 0 0 0 0 0 0");
    host_load_measure(&load, *state, 8999); /* too soon */
    assert_true(fabs(load.cpu - 30) < 1e-9);
    host_load_measure(&load, *state, 9000);
    assert_true(load.cpu == 0);
}

static void the_sum_of_all_cpus_is_not_taken_for_the_cpu_that_its_first_column_names(void **state)
{
    struct host_load load = { 0 };
    cpu_set_t usable;
    int cpu = 0;
    assert_int_equal(sched_getaffinity(0, sizeof usable, &usable), 0);
    while (!CPU_ISSET((size_t)cpu, &usable))
        cpu++;
    for (int i = 0; i < 2; i++) {
        char text[128];
        snprintf(text, sizeof text, "cpu  %d 0 5%d 850 0 0 0 0 0 0\n", cpu, i);
        put_text(state, "proc/stat", text);
        host_load_measure(&load, *state, 1000 + i * 2000);
    }
    assert_true(isnan(load.cpu));
}

static void counters_that_step_back_or_stand_still_make_no_nonsense(void **state)
{
    struct host_load load = { 0 };
    put_stat(state, "100 0 50 850 0 0 0 0 0 0", "0 0 0 0 0 0 0 0 0 0");
    host_load_measure(&load, *state, 1000);
    host_load_measure(&load, *state, 3000);
    assert_true(isnan(load.cpu));
    put_stat(state, "50 0 50 1000 0 0 0 0 0 0", "0 0 0 0 0 0 0 0 0 0");
    host_load_measure(&load, *state, 5000);
    assert_true(load.cpu == 0);
    put_text(state, "proc/stat", "cpu0 x y z\n\n");
    host_load_measure(&load, *state, 7000);
    assert_true(isnan(load.cpu) || (load.cpu >= 0 && load.cpu <= 100));
}

static void memory_is_what_is_not_available(void **state)
{
    struct host_load load = { 0 };
    put_text(state, "proc/meminfo", "MemTotal:       8000000 kB\nMemFree:  1 kB\nMemAvailable:   6000000 kB\n");
    host_load_measure(&load, *state, 1000);
    assert_int_equal(load.memory_used, (int64_t)2000000 * 1024);
    put_text(state, "proc/meminfo", "MemTotal:       8000000 kB\nMemFree:  1 kB\n");
    host_load_measure(&load, *state, 3000);
    assert_int_equal(load.memory_used, -1);
}

static void a_group_that_is_limited_is_the_machine(void **state)
{
    struct host_load load = { 0 };
    put_stat(state, "100 0 50 850 0 0 0 0 0 0", "0 0 0 0 0 0 0 0 0 0");
    put_text(state, "proc/meminfo", "MemTotal:       8000000 kB\nMemAvailable:   6000000 kB\n");
    put_text(state, "proc/self/cgroup", "0::/app\n");
    put_text(state, "proc/self/mountinfo", "31 22 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
    put_text(state, "sys/fs/cgroup/app/cpu.max", "250000 100000\n");
    put_text(state, "sys/fs/cgroup/app/cpu.stat", "usage_usec 1000000\n");
    put_text(state, "sys/fs/cgroup/app/memory.max", "1073741824\n");
    put_text(state, "sys/fs/cgroup/app/memory.current", "268435456\n");
    host_load_measure(&load, *state, 1000);
    assert_int_equal(load.memory_used, 268435456);
    /* Two seconds of two and a half CPUs, of which it used one second. */
    put_text(state, "sys/fs/cgroup/app/cpu.stat", "usage_usec 2000000\n");
    host_load_measure(&load, *state, 3000);
    assert_true(fabs(load.cpu - 20) < 1e-9);
    put_text(state, "sys/fs/cgroup/app/cpu.stat", "usage_usec 99000000\n");
    host_load_measure(&load, *state, 5000);
    assert_true(load.cpu == 100);
}

static void what_cannot_be_read_is_not_known(void **state)
{
    struct host_load load = { 0 };
    host_load_measure(&load, *state, 1000);
    host_load_measure(&load, *state, 3000);
    assert_true(isnan(load.cpu));
    assert_int_equal(load.memory_used, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(cpu_is_what_was_busy_between_two_measurements_on_the_cpus_that_may_be_used,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(the_sum_of_all_cpus_is_not_taken_for_the_cpu_that_its_first_column_names, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(counters_that_step_back_or_stand_still_make_no_nonsense, setup, teardown),
        cmocka_unit_test_setup_teardown(memory_is_what_is_not_available, setup, teardown),
        cmocka_unit_test_setup_teardown(a_group_that_is_limited_is_the_machine, setup, teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_read_is_not_known, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
