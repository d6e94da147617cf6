/* The life of a node's process and of its connection. */
#include "sim_node.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "world.h"

#define PAUSE_MS 500
#define PAUSE_MAX_MS 10000
#define ACK_MS 5000 /* a broker that does not answer its CLIENT CONNECT by then is dialled anew */

static void dial_later(struct sim_node *node);

static void on_message(void *arg, struct conn_end *end, struct msg *msg, const char *text, size_t len)
{
    struct sim_node *node = arg;
    if (end != node->link)
        return;
    if (msg->type == MSG_SERVER_ACK && !node->accepted) {
        node->accepted = true;
        node->pause_ms = PAUSE_MS;
    }
    node->script->message(node, msg, text, len);
}

static void lose_link(struct sim_node *node)
{
    bool was_accepted = node->accepted;
    node->link = NULL;
    node->accepted = false;
    if (was_accepted)
        node->script->disconnected(node);
    dial_later(node);
}

static void on_closed(void *arg, struct conn_end *end, const char *why)
{
    struct sim_node *node = arg;
    if (end != node->link)
        return;
    trace_line(&node->world->trace, node->name, "%s", why);
    lose_link(node);
}

void sim_node_hang_up(struct sim_node *node)
{
    if (!node->link)
        return;
    network_close(&node->world->network, node->link);
    lose_link(node);
}

static void on_ack_timer(void *arg, void *detail)
{
    struct sim_node *node = arg;
    if (node->link != detail || node->accepted)
        return;
    trace_line(&node->world->trace, node->name, "the broker does not answer it");
    sim_node_hang_up(node);
}

static void on_dial(void *arg, void *detail)
{
    static const struct conn_events events = { .message = on_message, .closed = on_closed };
    struct sim_node *node = arg;
    (void)detail;
    assert(!node->link);
    node->link = world_dial(node->world, &events, node, &node->process);
    if (!node->link) {
        dial_later(node);
        return;
    }
    timeline_after(&node->world->timeline, ACK_MS, &node->process, on_ack_timer, node, node->link);
    node->script->connected(node);
}

static void dial_later(struct sim_node *node)
{
    int64_t pause = node->pause_ms / 2 + rng_range(&node->world->rng, 0, node->pause_ms / 2);
    node->pause_ms = 2 * node->pause_ms < PAUSE_MAX_MS ? 2 * node->pause_ms : PAUSE_MAX_MS;
    timeline_after(&node->world->timeline, pause, &node->process, on_dial, node, NULL);
}

void sim_node_init(struct sim_node *node, struct world *world, size_t number)
{
    *node = (struct sim_node){ .world = world, .kind = &world->scenario.nodes[number] };
    node->script = node->kind->kind == NODE_DCLS ? &dcls_node : &scripted_node;
    snprintf(node->name, sizeof node->name, "%s%zu",
             node->kind->kind == NODE_DCLS     ? "node"
             : node->kind->kind == NODE_LEGACY ? "legacy"
                                               : "rogue",
             number);
    snprintf(node->secret, sizeof node->secret, "%064zx", number + 1);
}

void sim_node_release(struct sim_node *node)
{
    if (node->process.up)
        sim_node_crash(node, true);
    node_disk_release(&node->disk);
}

void sim_node_start(struct sim_node *node)
{
    process_start(&node->process);
    snprintf(node->instance, sizeof node->instance, "%.32s.%u", node->name, ++node->instances);
    trace_line(&node->world->trace, node->name, "starts as %s", node->instance);
    node->pause_ms = PAUSE_MS;
    node->stops = false;
    node->script->start(node);
    timeline_after(&node->world->timeline, rng_range(&node->world->rng, 10, 300), &node->process, on_dial, node, NULL);
}

void sim_node_crash(struct sim_node *node, bool silent)
{
    trace_line(&node->world->trace, node->name, silent ? "loses its power" : "is killed");
    worker_kill(&node->worker);
    if (node->link && silent)
        network_cut(&node->world->network, node->link->conn, true);
    else if (node->link)
        network_close(&node->world->network, node->link);
    node->link = NULL;
    node->accepted = false;
    process_end(&node->process);
    node->script->end(node);
}

void sim_node_stop(struct sim_node *node)
{
    if (node->stops)
        return;
    trace_line(&node->world->trace, node->name, "is stopped");
    node->stops = true;
    node->script->stop(node);
}

bool sim_node_send(struct sim_node *node, struct msg *msg)
{
    bool sent = node->link && !network_send(&node->world->network, node->link, msg, node->kind->kind == NODE_LEGACY);
    msg_release(msg);
    return sent;
}
