/* A world, its faults, and its steps. */
#include "simulation.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oracle.h"
#include "world.h"

#define TRACE_KEPT 250     /* lines, where a seed fails */
#define LOOK_MS 5000       /* the oracle looks at least so often */
#define HEALING_MS 3000000 /* after that everything has ended */
#define GIVE_UP_MS 200000  /* of healing: when clients give up what owes no word */

static struct world *current;

void world_broken(struct world *world, const char *rule, const char *format, ...)
{
    va_list args;
    if (*world->broken)
        return;
    int used = snprintf(world->broken, sizeof world->broken, "%s: ", rule);
    va_start(args, format);
    vsnprintf(world->broken + used, sizeof world->broken - (size_t)used, format, args);
    va_end(args);
    trace_line(&world->trace, "ORACLE", "BROKEN: %s", world->broken);
}

struct conn_end *world_dial(struct world *world, const struct conn_events *events, void *arg,
                            const struct process *process)
{
    if (!world->broker.process.up || world->broker.process.stopped_until > world->timeline.now)
        return NULL;
    const struct sim_node *node = world->nodes;
    while (&node->process != process)
        node++;
    if (node->isolated_until > world->timeline.now)
        return NULL;
    struct conn *conn = network_connect(&world->network);
    conn_end_bind(&conn->ends[0], events, arg, process);
    sim_broker_accept(&world->broker, &conn->ends[1], node->kind->kind == NODE_ROGUE);
    return &conn->ends[0];
}

int64_t world_training_starts(struct world *world, const char *node, const char *train_key, int64_t generation)
{
    struct ledger *ledger = &world->ledger;
    assert(ledger->run_count < LEDGER_RUNS);
    for (size_t i = 0; i < ledger->run_count; i++) {
        const struct ledger_run *run = &ledger->runs[i];
        if (!strncmp(node, "node", 4) && !strcmp(run->node, node) && run->generation == generation &&
            !strcmp(run->train_key, train_key))
            world_broken(world, "a generation is trained once", "'%s' trains %s, generation %lld, a second time", node,
                         train_key, (long long)generation);
    }
    struct ledger_run *run = &ledger->runs[ledger->run_count];
    snprintf(run->node, sizeof run->node, "%s", node);
    snprintf(run->train_key, sizeof run->train_key, "%s", train_key);
    run->generation = generation;
    cover(world, COVER_TRAININGS);
    return (int64_t)ledger->run_count++;
}

void world_hear(struct world *world, const struct sim_node *node, const struct msg *train)
{
    struct heard_training *heard = &world->heard[world->heard_count % HEARD_MAX];
    if (world->heard_count == HEARD_MAX)
        heard = &world->heard[rng_range(&world->rng, 0, HEARD_MAX - 1)];
    else
        world->heard_count++;
    snprintf(heard->train_key, sizeof heard->train_key, "%s", train->train_key);
    snprintf(heard->model, sizeof heard->model, "%s", train->model_name);
    snprintf(heard->job, sizeof heard->job, "%s", train->job ? train->job : "");
    snprintf(heard->node, sizeof heard->node, "%s", node->name);
    snprintf(heard->instance, sizeof heard->instance, "%s", node->instance);
    heard->generation = train->generation;
}

/* Faults: each kind comes again and again, until all heals. */

static void after(struct world *world, int64_t ms, timeline_call *call, void *detail)
{
    timeline_after(&world->timeline, ms, NULL, call, world, detail);
}

static void recur(struct world *world, int64_t mean, timeline_call *call)
{
    if (mean)
        after(world, rng_range(&world->rng, 1, 2 * mean), call, NULL);
}

static void on_broker_restart(void *arg, void *detail)
{
    struct world *world = arg;
    (void)detail;
    if (!world->broker.process.up)
        sim_broker_start(&world->broker);
}

static void on_broker_crash(void *arg, void *detail)
{
    struct world *world = arg;
    (void)detail;
    if (world->heals)
        return;
    if (world->broker.process.up) {
        cover(world, COVER_BROKER_CRASHES);
        if (rng_one_in(&world->rng, 4))
            sim_broker_stop(&world->broker);
        else
            sim_broker_crash(&world->broker, rng_one_in(&world->rng, 3));
        after(world, rng_scale(&world->rng, 50, 90000), on_broker_restart, NULL);
    }
    recur(world, world->scenario.broker_crash_ms, on_broker_crash);
}

static struct sim_node *any_node(struct world *world)
{
    return &world->nodes[rng_range(&world->rng, 0, (int64_t)world->scenario.node_count - 1)];
}

static void on_node_restart(void *arg, void *detail)
{
    struct sim_node *node = detail;
    if (!node->process.up)
        sim_node_start(node);
    else if (node->stops) /* and has not ended yet */
        after(arg, 1000, on_node_restart, node);
}

static void on_node_crash(void *arg, void *detail)
{
    struct world *world = arg;
    struct sim_node *node = any_node(world);
    (void)detail;
    if (world->heals)
        return;
    if (node->process.up) {
        cover(world, COVER_NODE_CRASHES);
        sim_node_crash(node, rng_one_in(&world->rng, 3));
        after(world, rng_scale(&world->rng, 50, 120000), on_node_restart, node);
    }
    recur(world, world->scenario.node_crash_ms, on_node_crash);
}

static void on_node_stop(void *arg, void *detail)
{
    struct world *world = arg;
    struct sim_node *node = any_node(world);
    (void)detail;
    if (world->heals)
        return;
    if (node->process.up && !node->stops) {
        cover(world, COVER_NODE_STOPS);
        sim_node_stop(node);
        after(world, rng_scale(&world->rng, 50, 120000), on_node_restart, node);
    }
    recur(world, world->scenario.node_stop_ms, on_node_stop);
}

static struct conn *any_conn(struct world *world)
{
    const struct sim_node *node = any_node(world);
    return node->process.up && node->link ? node->link->conn : NULL;
}

static void on_cut(void *arg, void *detail)
{
    struct world *world = arg;
    struct conn *conn = any_conn(world);
    (void)detail;
    if (world->heals)
        return;
    if (conn) {
        bool silent = rng_one_in(&world->rng, 4);
        cover(world, COVER_CUTS);
        trace_line(&world->trace, "network", "a connection is cut%s", silent ? ", silently" : "");
        network_cut(&world->network, conn, silent);
    }
    recur(world, world->scenario.cut_ms, on_cut);
}

static void on_hold(void *arg, void *detail)
{
    struct world *world = arg;
    struct conn *conn = any_conn(world);
    int64_t ms = rng_scale(&world->rng, 100, 15000);
    (void)detail;
    if (world->heals)
        return;
    if (conn) {
        cover(world, COVER_HOLDS);
        trace_line(&world->trace, "network", "a connection stands still for %lld ms", (long long)ms);
        network_hold(&world->network, conn, ms);
    }
    recur(world, world->scenario.hold_ms, on_hold);
}

/* A cable is out: the node works on, and reaches nobody. */
static void on_isolation(void *arg, void *detail)
{
    struct world *world = arg;
    struct sim_node *node = any_node(world);
    int64_t ms = rng_scale(&world->rng, 10000, 200000);
    (void)detail;
    if (world->heals)
        return;
    if (node->isolated_until <= world->timeline.now) {
        cover(world, COVER_ISOLATIONS);
        trace_line(&world->trace, node->name, "reaches nobody for %lld ms", (long long)ms);
        node->isolated_until = world->timeline.now + ms;
        if (node->process.up && node->link)
            network_cut(&world->network, node->link->conn, true);
        if (node->process.up && node->impostor)
            network_cut(&world->network, node->impostor->conn, true);
    }
    recur(world, world->scenario.isolation_ms, on_isolation);
}

/* SIGSTOP: peers give up whom they do not hear. */
static void on_pause(void *arg, void *detail)
{
    struct world *world = arg;
    struct sim_node *node = rng_one_in(&world->rng, 2) ? any_node(world) : NULL;
    struct process *process = node ? &node->process : &world->broker.process;
    int64_t ms = rng_scale(&world->rng, 100, 30000);
    (void)detail;
    if (world->heals)
        return;
    if (process->up && process->stopped_until <= world->timeline.now) {
        cover(world, COVER_PAUSES);
        trace_line(&world->trace, node ? node->name : "broker", "stands still for %lld ms", (long long)ms);
        process->stopped_until = world->timeline.now + ms;
        for (size_t i = 0; i < world->scenario.node_count && ms >= PINGS_MISSED_MS; i++)
            if (world->nodes[i].process.up && world->nodes[i].link && (!node || node == &world->nodes[i]))
                network_cut(&world->network, world->nodes[i].link->conn, true);
    }
    recur(world, world->scenario.pause_ms, on_pause);
}

static void on_store_fails(void *arg, void *detail)
{
    struct world *world = arg;
    int64_t ms = rng_scale(&world->rng, 100, 40000);
    (void)detail;
    if (world->heals)
        return;
    trace_line(&world->trace, "store", "its disk is full for %lld ms", (long long)ms);
    world->broker.store.fails_until = world->timeline.now + ms;
    recur(world, world->scenario.store_fails_ms, on_store_fails);
}

static void on_disk_fails(void *arg, void *detail)
{
    struct world *world = arg;
    struct sim_node *node = any_node(world);
    int64_t ms = rng_scale(&world->rng, 100, 40000);
    (void)detail;
    if (world->heals)
        return;
    trace_line(&world->trace, node->name, "its disk is full for %lld ms", (long long)ms);
    node->disk.fails_until = world->timeline.now + ms;
    recur(world, world->scenario.disk_fails_ms, on_disk_fails);
}

static void begin_faults(struct world *world)
{
    const struct scenario *scenario = &world->scenario;
    world->network.slow_one_in = scenario->slow_message_one_in;
    recur(world, scenario->broker_crash_ms, on_broker_crash);
    recur(world, scenario->node_crash_ms, on_node_crash);
    recur(world, scenario->node_stop_ms, on_node_stop);
    recur(world, scenario->cut_ms, on_cut);
    recur(world, scenario->hold_ms, on_hold);
    recur(world, scenario->isolation_ms, on_isolation);
    recur(world, scenario->pause_ms, on_pause);
    recur(world, scenario->store_fails_ms, on_store_fails);
    recur(world, scenario->disk_fails_ms, on_disk_fails);
}

static void heal(struct world *world)
{
    int64_t now = world->timeline.now;
    trace_line(&world->trace, "ORACLE", "all heals: no more faults, no more submissions");
    world->heals = true;
    world->network.slow_one_in = 0;
    if (world->broker.store.fails_until > now)
        world->broker.store.fails_until = now;
    on_broker_restart(world, NULL);
    for (size_t i = 0; i < world->scenario.node_count; i++) {
        struct sim_node *node = &world->nodes[i];
        node->isolated_until = now;
        if (node->disk.fails_until > now)
            node->disk.fails_until = now;
        on_node_restart(world, node);
        if (node->script->heal)
            node->script->heal(node);
    }
}

/* Its life */

static void look(struct world *world)
{
    if (world->broker.touched)
        oracle_check(world);
    world->broker.touched = false;
}

static void run_until(struct world *world, int64_t until)
{
    while (!*world->broken && timeline_step(&world->timeline, until))
        look(world);
    world->broker.touched = true;
    if (!*world->broken)
        look(world);
}

static void run(struct world *world)
{
    int64_t heals_at = world->scenario.chaos_ms;
    for (int64_t at = LOOK_MS; at < heals_at && !*world->broken; at += LOOK_MS)
        run_until(world, at);
    run_until(world, heals_at);
    if (*world->broken)
        return;
    heal(world);
    bool quiet = false;
    for (int64_t ms = 0; ms < HEALING_MS && !quiet && !*world->broken; ms += LOOK_MS) {
        run_until(world, heals_at + ms);
        quiet = oracle_is_quiet(world);
        if (ms > GIVE_UP_MS && !(ms % (4 * LOOK_MS)))
            clients_heal(world);
    }
    if (!*world->broken)
        oracle_check_healed(world);
}

static void world_init(struct world *world, uint64_t seed, enum trace_mode mode, struct coverage *coverage)
{
    char text[TRACE_LINE];
    timeline_init(&world->timeline, seed);
    trace_init(&world->trace, mode != TRACE_NONE, mode == TRACE_ALL, TRACE_KEPT, &world->timeline.now);
    network_init(&world->network, &world->timeline, &world->trace, seed);
    rng_init(&world->rng, seed, 4);
    scenario_draw(&world->scenario, seed);
    world->coverage = coverage;
    scenario_describe(&world->scenario, text, sizeof text);
    trace_line(&world->trace, "ORACLE", "seed %llu: %s", (unsigned long long)seed, text);
    sim_broker_init(&world->broker, world);
    sim_broker_start(&world->broker);
    for (size_t i = 0; i < world->scenario.node_count; i++) {
        sim_node_init(&world->nodes[i], world, i);
        sim_node_start(&world->nodes[i]);
    }
    clients_start(world, seed);
    begin_faults(world);
}

static void world_release(struct world *world)
{
    for (size_t i = 0; i < world->scenario.node_count; i++)
        sim_node_release(&world->nodes[i]);
    sim_broker_release(&world->broker);
    network_release(&world->network);
    timeline_release(&world->timeline);
    trace_release(&world->trace);
}

int simulate(uint64_t seed, enum trace_mode mode, struct coverage *coverage, char *broken, size_t size)
{
    struct world *world = calloc(1, sizeof *world);
    assert(world);
    current = world;
    world_init(world, seed, mode, coverage);
    run(world);
    coverage->counts[COVER_DELIVERED] += world->network.delivered;
    coverage->counts[COVER_LOST] += world->network.lost;
    coverage->counts[COVER_SECONDS] += (uint64_t)world->timeline.now / 1000;
    int result = *world->broken ? -1 : 0;
    if (result) {
        trace_print(&world->trace);
        snprintf(broken, size, "%s", world->broken);
    }
    world_release(world);
    current = NULL;
    free(world);
    return result;
}

void simulation_print_trace(void)
{
    if (current)
        trace_print(&current->trace);
}
