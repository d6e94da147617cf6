/* Groups of writes: one commit for all that waits, and what a failure fails. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "rig.h"

/* SQLite's syncs pass through here. */
static struct {
    int error; /* errno that each gives; 0: it works */
    int count;
} syncs;

int fdatasync(int fd)
{
    __atomic_add_fetch(&syncs.count, 1, __ATOMIC_RELAXED);
    int error = __atomic_load_n(&syncs.error, __ATOMIC_RELAXED);
    if (!error)
        return (int)syscall(SYS_fdatasync, fd);
    errno = error;
    return -1;
}

static void set_sync_error(int error)
{
    __atomic_store_n(&syncs.error, error, __ATOMIC_RELAXED);
}

#define WRITES 300

/* What was told, in its order. */
struct told {
    int count, order[WRITES];
    bool ok[WRITES]; /* by the write's number */
};

struct asked {
    struct told *told;
    int number;
};

static void on_written(void *arg, bool ok)
{
    struct asked *asked = arg;
    struct told *told = asked->told;
    told->order[told->count++] = asked->number;
    told->ok[asked->number] = ok;
}

/* `key`: two jobs of one key exclude each other. */
static void ask(struct rig *rig, struct asked *asked, struct told *told, int number, int key)
{
    struct job *job = job_new();
    assert_non_null(job);
    snprintf(job->id, sizeof job->id, "%d", 100 + number);
    snprintf(job->train_key, sizeof job->train_key, "train:%d", key);
    *asked = (struct asked){ told, number };
    assert_int_equal(store_save_job(&rig->broker, job, on_written, asked), 0);
    job_free(job);
}

static bool is_stored(const struct rig *rig, int number)
{
    char id[16];
    snprintf(id, sizeof id, "%d", 100 + number);
    return jobs_find(rig->broker.jobs, id);
}

static void all_that_waits_is_one_commit_and_told_in_order(void **state)
{
    struct rig *rig = *state;
    struct told told = { 0 };
    struct asked asked[WRITES];
    int before = syncs.count;
    for (int i = 0; i < WRITES; i++)
        ask(rig, &asked[i], &told, i, i);
    assert_int_equal(told.count, 0);
    assert_int_equal(store_depth(rig->broker.store), WRITES);
    RIG_WAIT(rig, told.count == WRITES);
    assert_in_range(syncs.count - before, 1, 6); /* the first alone, and the rest */
    assert_int_equal(store_depth(rig->broker.store), 0);
    for (int i = 0; i < WRITES; i++) {
        assert_int_equal(told.order[i], i);
        assert_true(told.ok[i]);
    }
    rig_restart(rig);
    assert_true(is_stored(rig, 0) && is_stored(rig, WRITES - 1));
}

static void a_write_that_fails_alone_leaves_the_others_of_its_group(void **state)
{
    struct rig *rig = *state;
    struct told told = { 0 };
    struct asked asked[5];
    int64_t since;
    for (int i = 0; i < 5; i++)
        ask(rig, &asked[i], &told, i, i == 3 ? 2 : i);
    RIG_WAIT(rig, told.count == 5);
    for (int i = 0; i < 5; i++)
        assert_int_equal(told.ok[i], i != 3);
    assert_non_null(strstr(store_failing(rig->broker.store, &since), "train_key"));
    rig_restart(rig);
    for (int i = 0; i < 5; i++)
        assert_int_equal(is_stored(rig, i), i != 3);
}

static void a_commit_that_fails_fails_all_and_is_told_until_one_succeeds(void **state)
{
    struct rig *rig = *state;
    struct told told = { 0 };
    struct asked asked[5];
    int64_t since = 0, again = 0;
    ask(rig, &asked[0], &told, 0, 0);
    RIG_WAIT(rig, told.count == 1);
    assert_null(store_failing(rig->broker.store, &since));

    set_sync_error(EIO);
    for (int i = 1; i < 4; i++)
        ask(rig, &asked[i], &told, i, i);
    RIG_WAIT(rig, told.count == 4);
    set_sync_error(0);
    assert_false(told.ok[1] || told.ok[2] || told.ok[3]);
    assert_non_null(strstr(store_failing(rig->broker.store, &since), "disk I/O error"));
    assert_true(since > 0 && since <= clock_wall_ms());
    assert_non_null(store_failing(rig->broker.store, &again));
    assert_true(since == again);

    ask(rig, &asked[4], &told, 4, 4);
    RIG_WAIT(rig, told.count == 5);
    assert_true(told.ok[4]);
    assert_null(store_failing(rig->broker.store, &since));
    rig_restart(rig);
    for (int i = 0; i < 5; i++)
        assert_int_equal(is_stored(rig, i), i == 0 || i == 4);
}

static void what_failed_can_be_asked_for_again_at_once(void **state)
{
    struct rig *rig = *state;
    struct told told = { 0 };
    struct asked asked[3];
    set_sync_error(EIO);
    ask(rig, &asked[0], &told, 0, 0);
    ask(rig, &asked[1], &told, 1, 1);
    RIG_WAIT(rig, told.count == 2);
    set_sync_error(0);
    ask(rig, &asked[2], &told, 1, 1);
    RIG_WAIT(rig, told.count == 3);
    assert_true(told.ok[1]);
    rig_restart(rig);
    assert_false(is_stored(rig, 0));
    assert_true(is_stored(rig, 1));
}

struct reading {
    const struct told *told;
    int before; /* how much had been told as written; -1: not read yet */
};

static void on_read(void *arg, bool ok, const char *text)
{
    struct reading *reading = arg;
    assert_true(ok);
    assert_null(text);
    reading->before = reading->told->count;
}

static void a_read_does_not_wait_for_all_that_waits_to_be_written(void **state)
{
    struct rig *rig = *state;
    struct told told = { 0 };
    struct asked asked[WRITES];
    struct reading reading = { &told, -1 };
    for (int i = 0; i < WRITES; i++)
        ask(rig, &asked[i], &told, i, i);
    assert_int_equal(store_read_text(&rig->broker, STORE_LOG, "none", on_read, &reading), 0);
    RIG_WAIT(rig, told.count == WRITES);
    assert_int_equal(reading.before, 1); /* the group under way, which is the first alone */
}

static void what_waits_when_the_broker_stops_is_written(void **state)
{
    struct rig *rig = *state;
    struct told told = { 0 };
    struct asked asked[3];
    for (int i = 0; i < 3; i++)
        ask(rig, &asked[i], &told, i, i);
    rig_restart(rig);
    assert_int_equal(told.count, 3);
    assert_true(is_stored(rig, 0) && is_stored(rig, 2));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(all_that_waits_is_one_commit_and_told_in_order),
        TEST(a_write_that_fails_alone_leaves_the_others_of_its_group),
        TEST(a_commit_that_fails_fails_all_and_is_told_until_one_succeeds),
        TEST(what_failed_can_be_asked_for_again_at_once),
        TEST(a_read_does_not_wait_for_all_that_waits_to_be_written),
        TEST(what_waits_when_the_broker_stops_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
