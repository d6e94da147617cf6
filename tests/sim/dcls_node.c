/* The shell around the node's core of trainings: as trainings.c of the program, with the simulation's clock, network,
 * disk and workers. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/node/training_core.h"
#include "world.h"

#define PREPARE_MS 4000
#define STOP_MS 3000

/* An outcome on its way to the disk. */
struct keeping {
    struct keeping *next;
    struct sim_node *node;
    struct outcome *outcome;
    char token[OUTCOME_TOKEN_SIZE];
    char *text;
    bool written;
};

/* Of a process. */
struct node_shell {
    int64_t clock_ms; /* what its clock had when the timeline was 0 */
    int64_t due;
    bool drains;
    unsigned preparations; /* counts them; odd: one is under way */
    struct keeping *keeping;
};

static void drain(struct sim_node *node);

static struct node_shell *shell_of(const struct sim_node *node)
{
    return node->shell;
}

static int64_t now_of(const struct sim_node *node)
{
    return shell_of(node)->clock_ms + node->world->timeline.now;
}

static void after(struct sim_node *node, int64_t ms, timeline_call *call, void *detail)
{
    timeline_after(&node->world->timeline, ms, &node->process, call, node, detail);
}

/* The run */

static void on_prepared(void *arg, void *detail)
{
    struct sim_node *node = arg;
    struct node_shell *shell = shell_of(node);
    if (shell->preparations != (uintptr_t)detail)
        return;
    shell->preparations++;
    bool fails = !node->world->heals && rng_one_in(&node->world->rng, 20);
    trace_line(&node->world->trace, node->name, fails ? "cannot prepare it" : "has prepared it");
    training_core_prepared(node->trainings, fails ? "cannot fetch the dataset" : NULL, now_of(node));
    drain(node);
}

static void on_preparation_killed(void *arg, void *detail)
{
    struct sim_node *node = arg;
    struct node_shell *shell = shell_of(node);
    if (shell->preparations != (uintptr_t)detail)
        return;
    shell->preparations++;
    training_core_prepared(node->trainings, "it was stopped", now_of(node));
    drain(node);
}

static void on_worker_message(void *arg, struct conn_end *end, struct msg *msg, const char *text, size_t len)
{
    struct sim_node *node = arg;
    (void)end, (void)text, (void)len;
    if (msg->type != MSG_WORKER_ALIVE)
        trace_line(&node->world->trace, node->name, "its worker says %s%s%s", msg_type_name(msg->type),
                   msg->message ? ": " : "", msg->message ? msg->message : "");
    if (training_core_message(node->trainings, msg, now_of(node)) == TRAINING_WORD_PASS_ON && node->link &&
        node->accepted)
        network_send(&node->world->network, node->link, msg, false);
    drain(node);
}

static void on_worker_ended(void *arg, struct conn_end *end, const char *why)
{
    struct sim_node *node = arg;
    (void)end, (void)why;
    trace_line(&node->world->trace, node->name, "its worker has ended");
    training_core_ended(node->trainings, "the worker ended without a result", now_of(node));
    drain(node);
}

static void kill_run(struct sim_node *node)
{
    unsigned preparation = shell_of(node)->preparations;
    if (preparation % 2)
        after(node, rng_range(&node->world->rng, 0, 50), on_preparation_killed, (void *)(uintptr_t)preparation);
    else
        worker_kill(&node->worker);
}

/* The disk */

static void free_keeping(struct keeping *keeping)
{
    free(keeping->text);
    free(keeping);
}

static void on_kept(void *arg, void *detail)
{
    struct sim_node *node = arg;
    struct keeping *keeping = detail, **at = &shell_of(node)->keeping;
    while (*at != keeping)
        at = &(*at)->next;
    *at = keeping->next;
    training_core_kept(node->trainings, keeping->outcome, keeping->written, now_of(node));
    free_keeping(keeping);
    drain(node);
}

/* It may be on disk and the process die before it knows. */
static void on_write(void *arg, void *detail)
{
    struct sim_node *node = arg;
    struct keeping *keeping = detail;
    int failed = node_disk_write(&node->disk, node->world->timeline.now, keeping->token, keeping->text);
    keeping->written = !failed;
    if (failed)
        cover(node->world, COVER_DISK_FAILURES);
    trace_line(&node->world->trace, node->name, "%s the outcome %s", failed ? "CANNOT keep" : "has kept",
               keeping->token);
    after(node, rng_range(&node->world->rng, 0, 3), on_kept, keeping);
}

static void keep(struct sim_node *node, const struct training_action *action)
{
    struct node_shell *shell = shell_of(node);
    struct keeping *keeping = calloc(1, sizeof *keeping);
    struct buf text;
    struct err err = ERR_INIT;
    buf_init(&text, MSG_MAX);
    int failed = msg_encode(&action->outcome->msg, &text, &err);
    assert(keeping && !failed);
    keeping->node = node;
    keeping->outcome = action->outcome;
    keeping->text = buf_detach(&text);
    snprintf(keeping->token, sizeof keeping->token, "%s", action->token);
    keeping->next = shell->keeping;
    shell->keeping = keeping;
    after(node, rng_range(&node->world->rng, 0, 30), on_write, keeping);
}

static void drop(struct sim_node *node, const struct training_action *action)
{
    const struct disk_file *file = node_disk_find(&node->disk, action->token);
    struct msg outcome;
    struct err err = ERR_INIT;
    trace_line(&node->world->trace, node->name, "drops the outcome %s", action->token);
    if (!file)
        return;
    int failed = msg_decode(&outcome, file->text, strlen(file->text), &err);
    assert(!failed);
    cover(node->world, COVER_OUTCOMES_ACKNOWLEDGED);
    ledger_dropped(node->world, node->name, &outcome);
    msg_release(&outcome);
    node_disk_remove(&node->disk, node->world->timeline.now, action->token);
}

/* Actions */

static void tell(struct sim_node *node, const struct training_action *action)
{
    trace_line(&node->world->trace, node->name, "tells %s %s%s%s", msg_type_name(action->msg->type),
               action->msg->train_key, action->msg->message ? ": " : "",
               action->msg->message ? action->msg->message : "");
    if (node->link && node->accepted)
        network_send(&node->world->network, node->link, action->msg, false);
}

static void act(struct sim_node *node, const struct training_action *action)
{
    static const struct conn_events events = { .message = on_worker_message, .closed = on_worker_ended };
    struct world *world = node->world;
    struct node_shell *shell = shell_of(node);
    switch (action->kind) {
    case TRAINING_PREPARE:
        shell->preparations++;
        assert(shell->preparations % 2);
        after(node, rng_range(&world->rng, 0, PREPARE_MS), on_prepared, (void *)(uintptr_t)shell->preparations);
        break;
    case TRAINING_START:
        trace_line(&world->trace, node->name, "starts a worker for %s, generation %lld", action->request->train_key,
                   (long long)action->request->generation);
        worker_start(&node->worker, world, node->name, action->request, &events, node, &node->process);
        break;
    case TRAINING_ASK: worker_ask_to_end(&node->worker); break;
    case TRAINING_HANG_UP: worker_hang_up(&node->worker); break;
    case TRAINING_KILL:
        trace_line(&world->trace, node->name, "kills what is under way");
        kill_run(node);
        break;
    case TRAINING_KEEP: keep(node, action); break;
    case TRAINING_DROP: drop(node, action); break;
    case TRAINING_TELL: tell(node, action); break;
    }
}

static void on_due(void *arg, void *detail)
{
    struct sim_node *node = arg;
    (void)detail;
    if (shell_of(node)->due > now_of(node))
        return;
    shell_of(node)->due = INT64_MAX;
    drain(node);
}

static void drain(struct sim_node *node)
{
    struct node_shell *shell = shell_of(node);
    struct training_action action;
    int64_t now = now_of(node);
    int actions = 0;
    if (shell->drains)
        return;
    shell->drains = true;
    while (training_core_next(node->trainings, now, &action)) {
        act(node, &action);
        if (++actions > 10000) {
            world_broken(node->world, "the core comes to rest", "10,000 actions of %s behind one event; the last: %d",
                         node->name, action.kind);
            break;
        }
    }
    shell->drains = false;
    int64_t due = training_core_due(node->trainings, now);
    if (due < now)
        due = now;
    if (due < shell->due) {
        shell->due = due;
        after(node, due - now, on_due, NULL);
    }
}

/* Its connection */

static void on_connected(struct sim_node *node)
{
    static const char *const features[] = { "train",  "infer",       "progress",  "cancel",
                                            "resume", "generations", "heartbeat", "type:resnet" };
    struct msg msg;
    msg_init(&msg, MSG_CLIENT_CONNECT);
    msg.protocol = PROTOCOL_VERSION;
    int failed =
        msg_set(&msg.name, node->name) || msg_set(&msg.instance, node->instance) || msg_set(&msg.secret, node->secret);
    for (size_t i = 0; i < sizeof features / sizeof *features; i++)
        failed = failed || strings_add(&msg.features, features[i]);
    assert(!failed);
    sim_node_send(node, &msg);
}

static void tell_of_itself(struct sim_node *node)
{
    struct msg msg;
    msg_init(&msg, MSG_NODE_INFO);
    int failed = msg_set(&msg.name, node->name);
    msg.jobs = training_core_list(node->trainings);
    assert(!failed && msg.jobs);
    sim_node_send(node, &msg);
}

static void on_message(struct sim_node *node, struct msg *msg, const char *text, size_t len)
{
    struct msg answer;
    int64_t now = now_of(node);
    (void)text, (void)len;
    trace_line(&node->world->trace, node->name, "gets %s %s", msg_type_name(msg->type),
               msg->train_key ? msg->train_key
               : msg->message ? msg->message
                              : "");
    switch (msg->type) {
    case MSG_SERVER_ACK:
        tell_of_itself(node);
        training_core_link(node->trainings, TRAINING_LINK_UP);
        break;
    case MSG_NODE_INFO: tell_of_itself(node); break;
    case MSG_SERVER_PING:
        msg_init(&answer, MSG_CLIENT_PONG);
        msg_set(&answer.name, node->name);
        sim_node_send(node, &answer);
        break;
    case MSG_SERVER_TRAIN:
        world_hear(node->world, node, msg);
        training_core_request(node->trainings, msg, NULL, now);
        break;
    case MSG_SERVER_CANCEL: training_core_cancel(node->trainings, msg, now); break;
    case MSG_SERVER_JOB_ACK: training_core_acknowledge(node->trainings, msg); break;
    default: break;
    }
    drain(node);
}

static void on_disconnected(struct sim_node *node)
{
    training_core_link(node->trainings, TRAINING_LINK_DOWN);
    drain(node);
}

/* Its life */

static void load(struct sim_node *node)
{
    const struct disk_file *file;
    for (size_t i = 0; (file = node_disk_file(&node->disk, i)); i++) {
        struct msg outcome;
        struct err err = ERR_INIT;
        int failed = msg_decode(&outcome, file->text, strlen(file->text), &err);
        failed = failed || training_core_load(node->trainings, &outcome);
        assert(!failed);
        msg_release(&outcome);
    }
}

static void on_start(struct sim_node *node)
{
    const struct training_core_config config = training_core_config(node->name, node->instance);
    struct node_shell *shell = calloc(1, sizeof *shell);
    assert(shell);
    shell->clock_ms = rng_range(&node->world->rng, 0, 1000000000);
    shell->due = INT64_MAX;
    node->shell = shell;
    node->trainings = training_core_new(&config);
    assert(node->trainings);
    load(node);
    drain(node);
}

static void on_end(struct sim_node *node)
{
    struct node_shell *shell = shell_of(node);
    for (struct keeping *keeping = shell->keeping, *next; keeping; keeping = next) {
        next = keeping->next;
        free_keeping(keeping);
    }
    training_core_free(node->trainings);
    free(shell);
    node->trainings = NULL;
    node->shell = NULL;
}

static void on_stopped(void *arg, void *detail)
{
    (void)detail;
    sim_node_crash(arg, false);
}

static void on_stop(struct sim_node *node)
{
    training_core_stop(node->trainings, now_of(node));
    drain(node);
    after(node, rng_range(&node->world->rng, 0, STOP_MS), on_stopped, NULL);
}

static bool is_idle(const struct sim_node *node)
{
    cJSON *list = training_core_list(node->trainings); /* with the outcomes that nobody acknowledged */
    bool idle = list && !cJSON_GetArraySize(list) && !training_core_count(node->trainings) && !node->worker.process.up;
    cJSON_Delete(list);
    return idle;
}

const struct node_script dcls_node = { .start = on_start,
                                       .end = on_end,
                                       .stop = on_stop,
                                       .connected = on_connected,
                                       .message = on_message,
                                       .disconnected = on_disconnected,
                                       .is_idle = is_idle };
