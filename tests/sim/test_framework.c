/* The simulation's own parts: what they lose and keep is what the seeds' verdicts rest on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "network.h"
#include "node_disk.h"
#include "simulation.h"
#include "timeline.h"

/* The timeline */

static int called[8], calls;

static void note(void *arg, void *detail)
{
    (void)arg;
    called[calls++] = (int)(intptr_t)detail;
}

static void things_happen_in_the_order_of_their_time(void **state)
{
    struct timeline timeline;
    (void)state;
    timeline_init(&timeline, 1);
    calls = 0;
    timeline_after(&timeline, 30, NULL, note, NULL, (void *)3);
    timeline_after(&timeline, 10, NULL, note, NULL, (void *)1);
    timeline_after(&timeline, 20, NULL, note, NULL, (void *)2);
    while (timeline_step(&timeline, 25))
        continue;
    assert_int_equal(calls, 2);
    assert_int_equal(timeline.now, 25);
    assert_true(timeline_step(&timeline, 30));
    assert_int_equal(timeline.now, 30);
    assert_int_equal(called[0], 1);
    assert_int_equal(called[1], 2);
    assert_int_equal(called[2], 3);
    timeline_release(&timeline);
}

static void what_is_due_to_a_process_dies_with_it(void **state)
{
    struct timeline timeline;
    struct process process = { .up = false };
    (void)state;
    timeline_init(&timeline, 1);
    calls = 0;
    process_start(&process);
    timeline_after(&timeline, 10, &process, note, NULL, (void *)1);
    process_end(&process);
    process_start(&process);
    timeline_after(&timeline, 20, &process, note, NULL, (void *)2);
    while (timeline_step(&timeline, 100))
        continue;
    assert_int_equal(calls, 1);
    assert_int_equal(called[0], 2);
    timeline_release(&timeline);
}

static void what_is_due_to_a_stopped_process_waits(void **state)
{
    struct timeline timeline;
    struct process process = { .up = false };
    (void)state;
    timeline_init(&timeline, 1);
    calls = 0;
    process_start(&process);
    process.stopped_until = 50;
    timeline_after(&timeline, 10, &process, note, NULL, (void *)1);
    assert_false(timeline_step(&timeline, 49));
    assert_true(timeline_step(&timeline, 50));
    assert_int_equal(calls, 1);
    timeline_release(&timeline);
}

/* The network */

struct rig {
    struct timeline timeline;
    struct trace trace;
    struct network network;
    struct process processes[2];
    struct conn *conn;
    int64_t epochs[16]; /* of the TRAINING PROGRESS that came */
    int count, closed;
};

static void on_message(void *arg, struct conn_end *end, struct msg *msg, const char *text, size_t len)
{
    struct rig *rig = arg;
    (void)end, (void)text, (void)len;
    rig->epochs[rig->count++] = msg->epoch;
}

static void on_closed(void *arg, struct conn_end *end, const char *why)
{
    struct rig *rig = arg;
    (void)end, (void)why;
    rig->closed++;
}

static void rig_init(struct rig *rig)
{
    static const struct conn_events events = { .message = on_message, .closed = on_closed };
    *rig = (struct rig){ .count = 0 };
    timeline_init(&rig->timeline, 5);
    trace_init(&rig->trace, false, false, 0, &rig->timeline.now);
    network_init(&rig->network, &rig->timeline, &rig->trace, 5);
    rig->conn = network_connect(&rig->network);
    for (int i = 0; i < 2; i++) {
        process_start(&rig->processes[i]);
        conn_end_bind(&rig->conn->ends[i], &events, rig, &rig->processes[i]);
    }
}

static void rig_release(struct rig *rig)
{
    network_release(&rig->network);
    timeline_release(&rig->timeline);
    trace_release(&rig->trace);
}

static void run(struct rig *rig, int64_t ms)
{
    int64_t until = rig->timeline.now + ms;
    while (timeline_step(&rig->timeline, until))
        continue;
}

static void send(struct rig *rig, int64_t epoch)
{
    struct msg msg;
    msg_init(&msg, MSG_TRAINING_PROGRESS);
    msg.epoch = msg.epochs = epoch;
    assert_int_equal(msg_set(&msg.train_key, "train:1"), 0);
    assert_int_equal(network_send(&rig->network, &rig->conn->ends[0], &msg, false), 0);
    msg_release(&msg);
}

static void messages_arrive_in_order_however_long_each_takes(void **state)
{
    struct rig rig;
    (void)state;
    rig_init(&rig);
    rig.network.slow_one_in = 2;
    for (int64_t epoch = 1; epoch <= 10; epoch++)
        send(&rig, epoch);
    network_hold(&rig.network, rig.conn, 3000);
    run(&rig, 2999);
    assert_int_equal(rig.count, 0);
    run(&rig, 20000);
    assert_int_equal(rig.count, 10);
    for (int i = 0; i < 10; i++)
        assert_int_equal(rig.epochs[i], i + 1);
    rig_release(&rig);
}

static void a_cut_loses_what_is_under_way_and_both_ends_hear_of_it(void **state)
{
    struct rig rig;
    (void)state;
    rig_init(&rig);
    send(&rig, 1);
    run(&rig, 100);
    send(&rig, 2);
    network_cut(&rig.network, rig.conn, false);
    send(&rig, 3);
    run(&rig, PINGS_MISSED_MS);
    assert_int_equal(rig.count, 1);
    assert_int_equal(rig.closed, 2);
    rig_release(&rig);
}

static void what_was_sent_before_a_close_arrives(void **state)
{
    struct rig rig;
    (void)state;
    rig_init(&rig);
    send(&rig, 1);
    network_close(&rig.network, &rig.conn->ends[0]);
    run(&rig, 1000);
    assert_int_equal(rig.count, 1);
    assert_int_equal(rig.closed, 1);
    rig_release(&rig);
}

static void nothing_is_told_to_a_process_that_was_started_anew(void **state)
{
    struct rig rig;
    (void)state;
    rig_init(&rig);
    send(&rig, 1);
    process_end(&rig.processes[1]);
    process_start(&rig.processes[1]);
    run(&rig, 1000);
    assert_int_equal(rig.count, 0);
    rig_release(&rig);
}

/* The disk */

static void a_full_disk_keeps_what_it_has(void **state)
{
    struct node_disk disk = { .written = 0 };
    (void)state;
    assert_int_equal(node_disk_write(&disk, 0, "a", "1"), 0);
    disk.fails_until = 10;
    assert_int_equal(node_disk_write(&disk, 5, "a", "2"), -1);
    assert_string_equal(node_disk_find(&disk, "a")->text, "1");
    assert_int_equal(node_disk_write(&disk, 10, "b", "3"), 0);
    assert_string_equal(node_disk_file(&disk, 0)->name, "a");
    assert_string_equal(node_disk_file(&disk, 1)->name, "b");
    assert_null(node_disk_file(&disk, 2));
    node_disk_release(&disk);
}

/* A seed */

static void a_seed_is_one_course_of_events(void **state)
{
    (void)state;
    for (uint64_t seed = 100; seed < 110; seed++) {
        struct coverage first = { { 0 } }, second = { { 0 } };
        char broken[256];
        assert_int_equal(simulate(seed, TRACE_NONE, &first, broken, sizeof broken), 0);
        assert_int_equal(simulate(seed, TRACE_NONE, &second, broken, sizeof broken), 0);
        assert_memory_equal(&first, &second, sizeof first);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(things_happen_in_the_order_of_their_time),
        cmocka_unit_test(what_is_due_to_a_process_dies_with_it),
        cmocka_unit_test(what_is_due_to_a_stopped_process_waits),
        cmocka_unit_test(messages_arrive_in_order_however_long_each_takes),
        cmocka_unit_test(a_cut_loses_what_is_under_way_and_both_ends_hear_of_it),
        cmocka_unit_test(what_was_sent_before_a_close_arrives),
        cmocka_unit_test(nothing_is_told_to_a_process_that_was_started_anew),
        cmocka_unit_test(a_full_disk_keeps_what_it_has),
        cmocka_unit_test(a_seed_is_one_course_of_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
