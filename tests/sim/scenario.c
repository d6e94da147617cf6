#include "scenario.h"

#include <stdio.h>

static int64_t mean_ms(struct rng *rng, int64_t low, int64_t high)
{
    int64_t value = rng_scale(rng, low, high);
    return rng_one_in(rng, 2) ? value : 0;
}

static int64_t one_in(struct rng *rng)
{
    int64_t value = rng_range(rng, 2, 12);
    return rng_one_in(rng, 2) ? value : 0;
}

static void draw_node(struct scenario_node *node, struct rng *rng)
{
    int64_t kind = rng_range(rng, 0, 9);
    node->kind = kind < 6 ? NODE_DCLS : kind < 8 ? NODE_ROGUE : NODE_LEGACY;
    node->heartbeat = rng_one_in(rng, 2);
    node->generations = !rng_one_in(rng, 3);
    node->ignores_train = rng_one_in(rng, 3);
    node->ignores_cancel = rng_one_in(rng, 2);
    node->tells_of_others = rng_one_in(rng, 2);
    node->wrong_generation = rng_one_in(rng, 3);
    node->wrong_instance = rng_one_in(rng, 4);
    node->takes_names = rng_one_in(rng, 3);
    node->answers_error = rng_one_in(rng, 3);
}

void scenario_draw(struct scenario *scenario, uint64_t seed)
{
    struct rng rng;
    rng_init(&rng, seed, 2);
    *scenario = (struct scenario){ .chaos_ms = rng_scale(&rng, 5000, 300000) };
    scenario->node_count = (size_t)rng_range(&rng, 1, SCENARIO_NODES);
    for (size_t i = 0; i < scenario->node_count; i++)
        draw_node(&scenario->nodes[i], &rng);
    scenario->submit_ms = rng_scale(&rng, 500, 40000);
    scenario->cancel_ms = mean_ms(&rng, 1000, 60000);
    scenario->forget_ms = mean_ms(&rng, 5000, 60000);
    scenario->broker_crash_ms = mean_ms(&rng, 2000, 100000);
    scenario->node_crash_ms = mean_ms(&rng, 2000, 100000);
    scenario->node_stop_ms = mean_ms(&rng, 10000, 200000);
    scenario->cut_ms = mean_ms(&rng, 500, 60000);
    scenario->hold_ms = mean_ms(&rng, 2000, 60000);
    scenario->isolation_ms = mean_ms(&rng, 5000, 100000);
    scenario->pause_ms = mean_ms(&rng, 5000, 60000);
    scenario->store_fails_ms = mean_ms(&rng, 5000, 60000);
    scenario->disk_fails_ms = mean_ms(&rng, 5000, 60000);
    scenario->commit_max_ms = rng_scale(&rng, 2, 3000);
    scenario->slow_message_one_in = one_in(&rng) * 4;
    scenario->worker_fails = one_in(&rng);
    scenario->worker_crashes = one_in(&rng);
    scenario->worker_hangs = one_in(&rng);
    scenario->worker_ignores_cancel = one_in(&rng);
    scenario->epoch_max_ms = rng_scale(&rng, 200, 20000);
    scenario->models = (int)rng_range(&rng, 0, 4);
}

static void add_mean(char *text, size_t size, size_t *used, const char *what, int64_t ms)
{
    if (ms && *used < size)
        *used += (size_t)snprintf(text + *used, size - *used, ", %s each %.1f s", what, (double)ms / 1000);
}

void scenario_describe(const struct scenario *scenario, char *text, size_t size)
{
    static const char letters[] = { [NODE_DCLS] = 'd', [NODE_LEGACY] = 'l', [NODE_ROGUE] = 'r' };
    size_t used = (size_t)snprintf(text, size, "%.0f s, nodes ", (double)scenario->chaos_ms / 1000);
    for (size_t i = 0; i < scenario->node_count && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%c", letters[scenario->nodes[i].kind]);
    add_mean(text, size, &used, "submit", scenario->submit_ms);
    add_mean(text, size, &used, "cancel", scenario->cancel_ms);
    add_mean(text, size, &used, "broker", scenario->broker_crash_ms);
    add_mean(text, size, &used, "node", scenario->node_crash_ms);
    add_mean(text, size, &used, "stop", scenario->node_stop_ms);
    add_mean(text, size, &used, "cut", scenario->cut_ms);
    add_mean(text, size, &used, "hold", scenario->hold_ms);
    add_mean(text, size, &used, "isolation", scenario->isolation_ms);
    add_mean(text, size, &used, "pause", scenario->pause_ms);
    add_mean(text, size, &used, "store", scenario->store_fails_ms);
    add_mean(text, size, &used, "disk", scenario->disk_fails_ms);
}
