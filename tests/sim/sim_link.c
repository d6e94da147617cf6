/* Sending on a connection of the broker's, to a legacy node through the queue of one message at a time. */
#include "sim_link.h"

#include "network.h"
#include "src/broker/registry.h"
#include "world.h"

struct link *sim_link_handle(struct sim_link *link)
{
    return (struct link *)(void *)link;
}

struct sim_link *sim_link_of(const struct node *node)
{
    return (struct sim_link *)(void *)node->link;
}

struct node *sim_link_node(const struct sim_link *link)
{
    struct node *node = *link->node ? registry_find(link->world->broker.registry, link->node) : NULL;
    return node && sim_link_of(node) == link ? node : NULL;
}

static void pump(void *arg, void *detail);

static void pump_after(struct sim_link *link, int64_t ms)
{
    struct world *world = link->world;
    link->pumps = true;
    timeline_after(&world->timeline, ms, &world->broker.process, pump, link, NULL);
}

static void pump(void *arg, void *detail)
{
    struct sim_link *link = arg;
    struct world *world = link->world;
    struct legacy_queue_item *item;
    int64_t now = sim_broker_moment(&world->broker).ms;
    (void)detail;
    link->pumps = false;
    while ((item = legacy_queue_take(&link->queue, now))) {
        if (!network_send_text(&world->network, link->end, item->text, item->len) && item->key)
            sim_broker_train_left(&world->broker, link, item->key);
        legacy_queue_item_free(item);
    }
    int64_t due = legacy_queue_due(&link->queue, now);
    if (due < 0 || !link->end->open)
        return;
    pump_after(link, due);
}

static int push_legacy(struct sim_link *link, const struct msg *msg)
{
    struct buf text;
    struct err err = ERR_INIT;
    buf_init(&text, MSG_MAX);
    int result = msg_encode_legacy(msg, &text, &err);
    if (!result)
        result = legacy_queue_push(&link->queue, text.data, text.len, msg_wants_answer(msg->type),
                                   msg->type == MSG_SERVER_TRAIN ? msg->train_key : NULL);
    buf_release(&text);
    if (!result && !link->pumps)
        pump_after(link, 0); /* what has left is told by the loop */
    return result;
}

int sim_link_send(struct sim_link *link, struct msg *msg)
{
    struct world *world = link->world;
    int result = -1;
    if (link->end->open)
        result = link->legacy ? push_legacy(link, msg) : network_send(&world->network, link->end, msg, false);
    msg_release(msg);
    return result;
}

bool sim_link_withdraw_train(struct sim_link *link, const char *train_key)
{
    return legacy_queue_withdraw(&link->queue, train_key);
}

void sim_link_send_type(struct sim_link *link, enum msg_type type)
{
    struct msg msg;
    msg_init(&msg, type);
    sim_link_send(link, &msg);
}

void sim_link_send_error(struct sim_link *link, const char *text)
{
    struct msg msg;
    trace_line(&link->world->trace, "broker", "ERROR to %s: %s", *link->node ? link->node : "a newcomer", text);
    msg_init(&msg, MSG_ERROR);
    msg_set(&msg.message, text);
    sim_link_send(link, &msg);
}
