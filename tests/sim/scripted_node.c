/* Nodes that are no dcls of today: a legacy peer, which knows but a few messages, and a rogue one, which announces all
 * and then ignores what it was told, tells of other nodes' trainings, of wrong generations and of processes that never
 * were, and takes names. The broker has to do well by either. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "world.h"

static bool is_legacy(const struct sim_node *node)
{
    return node->kind->kind == NODE_LEGACY;
}

static struct rng *dice(struct sim_node *node)
{
    return &node->world->rng;
}

static bool misbehaves(struct sim_node *node, bool may)
{
    return may && !node->world->heals && rng_one_in(dice(node), 2);
}

/* What it says of a training */

static void init_about(struct sim_node *node, struct msg *msg, enum msg_type type, const struct heard_training *about)
{
    msg_init(msg, type);
    int failed = msg_set(&msg->train_key, about->train_key) || msg_set(&msg->model_name, about->model) ||
                 msg_set(&msg->name, node->name);
    assert(!failed);
    if (is_legacy(node))
        return;
    msg->generation = about->generation;
    msg_set(&msg->job, *about->job ? about->job : NULL);
    msg_set(&msg->instance, node->kind->generations ? about->instance : NULL);
    if (misbehaves(node, node->kind->wrong_generation))
        msg->generation += rng_range(dice(node), 0, 1) ? 1 : -1;
    if (msg->generation < 0)
        msg->generation = 0;
    if (misbehaves(node, node->kind->wrong_instance))
        msg_set(&msg->instance, "nobody.1");
}

static struct heard_training own(const struct sim_node *node)
{
    struct heard_training about = { .generation = node->training.generation };
    snprintf(about.train_key, sizeof about.train_key, "%s", node->training.train_key);
    snprintf(about.job, sizeof about.job, "%s", node->training.job);
    snprintf(about.model, sizeof about.model, "%s", node->training.model);
    snprintf(about.instance, sizeof about.instance, "%s", node->instance);
    return about;
}

static void tell_completed(struct sim_node *node, const struct heard_training *about, int64_t run)
{
    struct msg msg;
    char text[96];
    init_about(node, &msg, MSG_TRAINING_COMPLETED, about);
    snprintf(text, sizeof text, "run %lld", (long long)run);
    msg.data = cJSON_CreateObject();
    cJSON_AddStringToObject(msg.data, "output_contents", text);
    sim_node_send(node, &msg);
}

static void tell_failed(struct sim_node *node, const struct heard_training *about, bool cancelled)
{
    struct msg msg;
    init_about(node, &msg, MSG_TRAINING_FAILED, about);
    msg.cancelled = cancelled;
    msg_set(&msg.message, cancelled ? "cancelled" : "it did not like it");
    sim_node_send(node, &msg);
}

static void tell_progress(struct sim_node *node, const struct heard_training *about)
{
    struct msg msg;
    init_about(node, &msg, MSG_TRAINING_PROGRESS, about);
    msg.epoch = 1;
    msg.epochs = 1;
    sim_node_send(node, &msg);
}

static void tell_error(struct sim_node *node)
{
    struct msg msg;
    msg_init(&msg, MSG_ERROR);
    msg_set(&msg.message, "no such folder");
    cover(node->world, COVER_ERRORS);
    sim_node_send(node, &msg);
}

/* A rogue node's lies, each some seconds. */

static void lie(struct sim_node *node)
{
    struct world *world = node->world;
    if (!world->heard_count)
        return;
    struct heard_training about = world->heard[rng_range(dice(node), 0, (int64_t)world->heard_count - 1)];
    trace_line(&world->trace, node->name, "speaks of %s of '%s'", about.train_key, about.node);
    cover(world, COVER_LIES);
    switch (rng_range(dice(node), 0, 3)) {
    case 0: tell_completed(node, &about, -1); break;
    case 1: tell_failed(node, &about, rng_one_in(dice(node), 2)); break;
    case 2: tell_progress(node, &about); break;
    default: tell_error(node);
    }
}

static void take_a_name(struct sim_node *node);

static void on_mischief(void *arg, void *detail)
{
    struct sim_node *node = arg;
    (void)detail;
    if (node->world->heals)
        return;
    if (node->accepted && node->kind->tells_of_others)
        lie(node);
    if (node->kind->takes_names)
        take_a_name(node);
    timeline_after(&node->world->timeline, rng_scale(dice(node), 200, 20000), &node->process, on_mischief, node, NULL);
}

/* A connection of its own, on which it claims to be another, or says goodbye for it. */

static void end_imposture(struct sim_node *node)
{
    if (node->impostor)
        network_close(&node->world->network, node->impostor);
    node->impostor = NULL;
}

static void on_impostor_message(void *arg, struct conn_end *end, struct msg *msg, const char *text, size_t len)
{
    struct sim_node *node = arg;
    (void)text, (void)len;
    if (end != node->impostor)
        return;
    if (msg->type == MSG_SERVER_TRAIN)
        world_hear(node->world, node, msg);
    if (msg->type == MSG_ERROR || rng_one_in(dice(node), 4))
        end_imposture(node);
}

static void on_impostor_closed(void *arg, struct conn_end *end, const char *why)
{
    struct sim_node *node = arg;
    (void)why;
    if (end == node->impostor)
        node->impostor = NULL;
}

static void fill_connect(struct sim_node *node, struct msg *msg, const char *name, bool legacy)
{
    static const char *const features[] = { "train", "infer", "progress", "cancel", "resume", "type:resnet" };
    msg_init(msg, MSG_CLIENT_CONNECT);
    int failed = msg_set(&msg->name, name);
    if (!legacy) {
        msg->protocol = PROTOCOL_VERSION;
        failed = failed || msg_set(&msg->instance, node->instance) || msg_set(&msg->secret, node->secret);
        for (size_t i = 0; i < sizeof features / sizeof *features; i++)
            failed = failed || strings_add(&msg->features, features[i]);
        if (node->kind->heartbeat)
            failed = failed || strings_add(&msg->features, "heartbeat");
        if (node->kind->generations)
            failed = failed || strings_add(&msg->features, "generations");
    }
    assert(!failed);
}

static void take_a_name(struct sim_node *node)
{
    static const struct conn_events events = { .message = on_impostor_message, .closed = on_impostor_closed };
    struct world *world = node->world;
    const struct sim_node *victim = &world->nodes[rng_range(dice(node), 0, (int64_t)world->scenario.node_count - 1)];
    struct msg msg;
    if (victim == node)
        return;
    end_imposture(node);
    struct conn_end *end = world_dial(world, &events, node, &node->process);
    if (!end)
        return;
    node->impostor = end;
    cover(world, COVER_IMPOSTORS);
    bool goodbye = rng_one_in(dice(node), 2), legacy = rng_one_in(dice(node), 2);
    trace_line(&world->trace, node->name, "%s '%s'%s", goodbye ? "says goodbye for" : "claims to be", victim->name,
               legacy ? ", without a secret" : "");
    if (goodbye) {
        msg_init(&msg, MSG_CLIENT_DISCONNECT);
        msg_set(&msg.name, victim->name);
    } else {
        fill_connect(node, &msg, victim->name, legacy);
    }
    network_send(&world->network, end, &msg, false);
    msg_release(&msg);
    if (goodbye)
        return;
    msg_init(&msg, MSG_NODE_INFO); /* that it is ready */
    msg_set(&msg.name, victim->name);
    msg.jobs = legacy ? NULL : cJSON_CreateArray();
    network_send(&world->network, end, &msg, false);
    msg_release(&msg);
}

/* Its trainings */

static void on_trained(void *arg, void *detail)
{
    struct sim_node *node = arg;
    if (!node->training.on || (uintptr_t)detail != node->training.number)
        return;
    node->training.on = false;
    struct heard_training about = own(node);
    trace_line(&node->world->trace, node->name, "has trained %s", about.train_key);
    tell_completed(node, &about, node->training.run);
}

static void train(struct sim_node *node, const struct msg *msg)
{
    bool errs = misbehaves(node, node->kind->answers_error);
    world_hear(node->world, node, msg);
    if (misbehaves(node, node->kind->ignores_train)) {
        cover(node->world, COVER_TRAINS_IGNORED);
        trace_line(&node->world->trace, node->name, "ignores that");
        return;
    }
    if (errs)
        tell_error(node);
    if (errs && rng_one_in(dice(node), 2)) {
        sim_node_hang_up(node);
        return;
    }
    unsigned number = node->training.number + 1;
    node->training = (struct scripted_training){ .on = true, .number = number, .generation = msg->generation };
    snprintf(node->training.train_key, NAME_SIZE, "%s", msg->train_key);
    snprintf(node->training.model, NAME_SIZE, "%s", msg->model_name);
    snprintf(node->training.job, NAME_SIZE, "%s", msg->job ? msg->job : "");
    node->training.run = world_training_starts(node->world, node->name, msg->train_key, msg->generation);
    struct heard_training about = own(node);
    if (!is_legacy(node))
        tell_progress(node, &about);
    timeline_after(&node->world->timeline, rng_scale(dice(node), 100, 2 * node->world->scenario.epoch_max_ms),
                   &node->process, on_trained, node, (void *)(uintptr_t)number);
}

static void cancel(struct sim_node *node)
{
    if (misbehaves(node, node->kind->ignores_cancel)) {
        cover(node->world, COVER_CANCELS_IGNORED);
        trace_line(&node->world->trace, node->name, "ignores that");
        return;
    }
    struct heard_training about = own(node);
    if (node->training.on)
        tell_failed(node, &about, true);
    node->training.on = false;
}

/* Its connection */

static void tell_of_itself(struct sim_node *node)
{
    struct msg msg;
    struct heard_training about = own(node);
    msg_init(&msg, MSG_NODE_INFO);
    msg_set(&msg.name, node->name);
    if (!is_legacy(node)) {
        msg.jobs = cJSON_CreateArray();
        if (node->world->heard_count && misbehaves(node, node->kind->tells_of_others))
            about = node->world->heard[rng_range(dice(node), 0, (int64_t)node->world->heard_count - 1)];
        else if (!node->training.on)
            *about.train_key = 0;
        cJSON *entry = *about.train_key ? cJSON_CreateObject() : NULL;
        if (entry) {
            cJSON_AddStringToObject(entry, "job", about.job);
            cJSON_AddNumberToObject(entry, "generation", (double)about.generation);
            if (node->kind->generations)
                cJSON_AddStringToObject(entry, "instance", about.instance);
            cJSON_AddStringToObject(entry, "train_key", about.train_key);
            cJSON_AddStringToObject(entry, "model_name", about.model);
            cJSON_AddStringToObject(entry, "state", "running");
            cJSON_AddItemToArray(msg.jobs, entry);
        }
    }
    sim_node_send(node, &msg);
}

static void on_connected(struct sim_node *node)
{
    struct msg msg;
    fill_connect(node, &msg, node->name, is_legacy(node));
    sim_node_send(node, &msg);
    if (is_legacy(node))
        tell_of_itself(node);
}

static void on_message(struct sim_node *node, struct msg *msg, const char *text, size_t len)
{
    struct msg answer;
    (void)text, (void)len;
    trace_line(&node->world->trace, node->name, "gets %s %s", msg_type_name(msg->type),
               msg->train_key ? msg->train_key
               : msg->message ? msg->message
                              : "");
    switch (msg->type) {
    case MSG_SERVER_ACK:
        if (!is_legacy(node))
            tell_of_itself(node);
        break;
    case MSG_NODE_INFO: tell_of_itself(node); break;
    case MSG_SERVER_PING:
        msg_init(&answer, MSG_CLIENT_PONG);
        msg_set(&answer.name, node->name);
        sim_node_send(node, &answer);
        break;
    case MSG_SERVER_TRAIN: train(node, msg); break;
    case MSG_SERVER_CANCEL: cancel(node); break;
    default: break;
    }
}

static void on_start(struct sim_node *node)
{
    node->training.on = false;
    if (!is_legacy(node))
        timeline_after(&node->world->timeline, rng_scale(dice(node), 200, 20000), &node->process, on_mischief, node,
                       NULL);
}

static void on_end(struct sim_node *node)
{
    end_imposture(node);
    node->training.on = false;
}

static void on_stop(struct sim_node *node)
{
    sim_node_crash(node, false);
}

static void on_disconnected(struct sim_node *node)
{
    (void)node;
}

static bool is_idle(const struct sim_node *node)
{
    return !node->training.on;
}

const struct node_script scripted_node = { .start = on_start,
                                           .end = on_end,
                                           .stop = on_stop,
                                           .connected = on_connected,
                                           .message = on_message,
                                           .disconnected = on_disconnected,
                                           .heal = end_imposture,
                                           .is_idle = is_idle };
