/* The shell around the broker's cores. It draws nothing at random and decides nothing: what differs from the program's
 * own shell is that bytes go to network.h and rows to sim_store.h. */
#include "sim_broker.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/proto/json.h"
#include "oracle.h"
#include "sim_link.h"
#include "src/broker/job_reports.h"
#include "world.h"

#define LEGACY_ANSWER_MS 15000
#define GREETING_MS 10000
#define NODES_MAX 1024

static void drain(struct sim_broker *broker);
static void leave(struct sim_broker *broker, struct sim_link *link);

struct moment sim_broker_moment(const struct sim_broker *broker)
{
    int64_t now = broker->world->timeline.now;
    return (struct moment){ .ms = broker->clock_ms + now, .wall_ms = broker->wall_ms + now };
}

/* A connection ends */

static void link_close(struct sim_link *link, const char *why)
{
    trace_line(&link->world->trace, "broker", "closes the connection of %s: %s",
               *link->node ? link->node : "a newcomer", why);
    network_close(&link->world->network, link->end);
    leave(&link->world->broker, link);
}

/* Messages about a training */

static int send_train(const struct sim_broker *broker, const struct job *job, const struct node *node)
{
    struct msg msg;
    struct world *world = broker->world;
    msg_init(&msg, MSG_SERVER_TRAIN);
    msg.options = job->live->options;
    msg.generation = job->generation;
    int failed = msg_set(&msg.model_name, job->model_name) || msg_set(&msg.model_type, job->model_type) ||
                 msg_set(&msg.train_key, job->train_key) || (!node_is_legacy(node) && msg_set(&msg.job, job->id));
    assert(!failed);
    trace_line(&world->trace, "broker", "SERVER TRAIN job %s (%s, generation %lld) to %s", job->id, job->train_key,
               (long long)job->generation, node->name);
    ledger_train(world, job, node->name);
    return sim_link_send(sim_link_of(node), &msg);
}

static void send_keys(enum msg_type type, const char *train_key, const char *id, int64_t generation,
                      const struct node *node)
{
    struct msg msg;
    if (node_is_legacy(node))
        return;
    trace_line(&sim_link_of(node)->world->trace, "broker", "%s %s, generation %lld, to %s", msg_type_name(type),
               train_key, (long long)generation, node->name);
    msg_init(&msg, type);
    msg.generation = generation;
    msg_set(&msg.train_key, train_key);
    msg_set(&msg.job, id);
    sim_link_send(sim_link_of(node), &msg);
}

/* Actions */

static void on_stored(struct world *world, const char *id, uint64_t version, bool ok)
{
    struct sim_broker *broker = &world->broker;
    struct job *job = jobs_find(broker->jobs, id);
    for (struct job *live = jobs_first_live(broker->jobs); live && !job; live = job_next_live(live))
        if (!strcmp(live->id, id))
            job = live;
    trace_line(&world->trace, "broker", "job %s, version %llu: %s", id, (unsigned long long)version,
               ok ? "committed" : "NOT stored");
    assert(job);
    jobs_stored(broker->jobs, job, version, ok, sim_broker_moment(broker));
    drain(broker);
}

static void store(struct sim_broker *broker, const struct job_action *action)
{
    struct job *copy = job_copy_stored(action->job);
    assert(copy && action->version);
    cover(broker->world, COVER_COMMITS);
    sim_store_save(&broker->store, copy, action->version);
}

static void added(struct sim_broker *broker, const struct job_action *action)
{
    bool ok = !action->status || action->status < 300;
    if (ok)
        ledger_acknowledged(broker->world, action->job);
    clients_submitted(broker->world, ok ? action->job : NULL, ok ? 202 : action->status, "it could not be stored");
}

static void act(struct sim_broker *broker, const struct job_action *action)
{
    struct world *world = broker->world;
    const struct job *job = action->job;
    switch (action->what) {
    case JOB_STORE: store(broker, action); break;
    case JOB_ADDED: added(broker, action); break;
    case JOB_SEND_TRAIN:
        jobs_train_sent(broker->jobs, action->job, !send_train(broker, job, action->node), sim_broker_moment(broker));
        break;
    case JOB_SEND_CANCEL:
        cover(world, COVER_CANCELS_SENT);
        send_keys(MSG_SERVER_CANCEL, job->train_key, job->id, job->generation, action->node);
        break;
    case JOB_SEND_ACK:
        ledger_ack(world, job->train_key, job->generation, action->node->name, NULL);
        send_keys(MSG_SERVER_JOB_ACK, job->train_key, job->id, job->generation, action->node);
        break;
    case JOB_ANSWER_CANCEL: clients_cancelled(world, job->id, action->status); break;
    case JOB_ENDED: ledger_ended(world, job); break;
    case JOB_PUBLISH: ledger_published(world, job); break;
    case JOB_ACTIONS: break;
    }
}

static void forget_old(struct sim_broker *broker)
{
    char id[JOB_ID_SIZE];
    while (broker->keep_jobs && jobs_forget_oldest(broker->jobs, (size_t)broker->keep_jobs, id)) {
        trace_line(&broker->world->trace, "broker", "forgets job %s", id);
        ledger_forgotten(broker->world, id);
        sim_store_forget(&broker->store, id);
    }
}

static void on_due(void *arg, void *detail)
{
    struct sim_broker *broker = arg;
    struct moment now = sim_broker_moment(broker);
    (void)detail;
    if (broker->due > now.ms)
        return;
    broker->due = INT64_MAX;
    drain(broker);
}

static void drain(struct sim_broker *broker)
{
    struct world *world = broker->world;
    struct job_action action;
    struct node_change change;
    struct moment now = sim_broker_moment(broker);
    int actions = 0;
    if (broker->drains)
        return; /* a callback of an action: the loop below goes on */
    broker->drains = true;
    jobs_tick(broker->jobs, now);
    while (jobs_next(broker->jobs, now, &action)) {
        act(broker, &action);
        if (++actions > 10000) {
            world_broken(world, "the core comes to rest", "10,000 actions behind one event; the last: %d of job %s",
                         action.what, action.job->id);
            break;
        }
    }
    while (registry_next_change(broker->registry, &change))
        cover(world, COVER_NODE_CHANGES);
    forget_old(broker);
    broker->drains = false;
    broker->touched = true;
    int64_t due = jobs_due(broker->jobs);
    if (due < now.ms)
        due = now.ms;
    if (due < broker->due) {
        broker->due = due;
        timeline_after(&world->timeline, due - now.ms, &broker->process, on_due, broker, NULL);
    }
}

void sim_broker_train_left(struct sim_broker *broker, const struct sim_link *link, const char *train_key)
{
    const struct node *node = sim_link_node(link);
    trace_line(&broker->world->trace, "broker", "SERVER TRAIN %s has left for %s", train_key,
               node ? node->name : "a newcomer");
    if (!node)
        return;
    const struct job *job = jobs_find_key(broker->jobs, train_key);
    if (job && (job->state == JOB_CANCELLED || (job->state == JOB_ENDING && job->live->end.state == JOB_CANCELLED)))
        world_broken(broker->world, "what is cancelled does not start", "SERVER TRAIN %s of job %s has left", train_key,
                     job->id);
    job_reports_train_left(broker->jobs, node, train_key);
    drain(broker);
}

/* Nodes come and go: as membership.c */

static void acknowledge(struct sim_link *link)
{
    static const char *const features[] = { "progress", "jobs", "removed", "blobs", "push", "dataset" };
    struct msg ack;
    int failed = 0;
    msg_init(&ack, MSG_SERVER_ACK);
    if (!link->legacy) {
        ack.protocol = PROTOCOL_VERSION;
        ack.api_port = 8001;
        failed = msg_set(&ack.version, "1.0");
        for (size_t i = 0; i < sizeof features / sizeof *features; i++)
            failed = failed || strings_add(&ack.features, features[i]);
    }
    assert(!failed);
    sim_link_send(link, &ack);
}

static void leave(struct sim_broker *broker, struct sim_link *link)
{
    struct node *node = sim_link_node(link);
    *link->node = 0;
    if (!node)
        return;
    trace_line(&broker->world->trace, "broker", "node '%s' left", node->name);
    node->ready = false;
    job_reports_node_gone(broker->jobs, node, sim_broker_moment(broker));
    registry_remove(broker->registry, node);
    drain(broker);
}

static void enter(struct sim_broker *broker, struct sim_link *link, const struct msg *msg, const char *secret_hash)
{
    struct node *node = registry_prepare(broker->registry, msg, secret_hash);
    struct node *old = registry_find(broker->registry, msg->name);
    assert(node);
    ledger_enters(broker->world, msg->name, secret_hash);
    if (old && sim_link_of(old) != link)
        link_close(sim_link_of(old), "another connection took its name");
    registry_enter(broker->registry, node, sim_link_handle(link));
    node = registry_find(broker->registry, msg->name);
    assert(node && sim_link_of(node) == link);
    snprintf(link->node, sizeof link->node, "%s", node->name);
    trace_line(&broker->world->trace, "broker", "node '%s' entered%s, session %lld", node->name,
               link->legacy ? " without capabilities" : "", (long long)node->session);
    cover(broker->world, COVER_REGISTRATIONS);
    acknowledge(link);
    job_reports_node_came(broker->jobs, node);
    drain(broker);
}

static const char *job_hash(const struct sim_broker *broker, const char *name)
{
    const struct job *job = jobs_at(broker->jobs, name);
    for (int i = 0; job && job->live && i < job->live->ranks; i++)
        if (!strcmp(job->live->assignments[i].node, name))
            return job->live->assignments[i].secret_hash;
    return NULL;
}

static struct name_holder holder_of(const struct sim_broker *broker, const struct sim_link *link, const char *name)
{
    const struct node *node = registry_find(broker->registry, name);
    struct name_holder holder = { .job_hash = job_hash(broker, name) };
    if (!node)
        return holder;
    const struct sim_link *its = sim_link_of(node);
    holder.session = node->session;
    holder.is_newcomer = its == link;
    holder.instance = node->instance;
    holder.secret_hash = node->secret_hash;
    holder.heard_ms = broker->clock_ms + its->end->heard_ms;
    holder.messages = its->messages;
    return holder;
}

static void decide(struct sim_broker *broker, struct sim_link *link, struct msg *msg);

static void on_probed(void *arg, void *detail)
{
    struct sim_link *link = arg;
    struct msg msg = link->newcomer;
    (void)detail;
    if (!link->probes || !link->end->open)
        return;
    link->probes = false;
    msg_init(&link->newcomer, MSG_CLIENT_CONNECT);
    decide(&link->world->broker, link, &msg);
    msg_release(&msg);
}

static void decide(struct sim_broker *broker, struct sim_link *link, struct msg *msg)
{
    struct world *world = broker->world;
    struct err why = ERR_INIT;
    const char *secret_hash = msg->secret ? msg->secret : ""; /* which hash it is, is nothing to the cores */
    const struct newcomer newcomer = { msg->name, msg->instance, secret_hash };
    const struct name_holder holder = holder_of(broker, link, msg->name);
    switch (admission_decide(&newcomer, &holder, &link->probe, sim_broker_moment(broker).ms, &why)) {
    case ADMISSION_ENTER: enter(broker, link, msg, secret_hash); break;
    case ADMISSION_FULL:
    case ADMISSION_REFUSE:
        cover(world, COVER_NAMES_REFUSED);
        sim_link_send_error(link, why.text);
        link_close(link, "its name is taken");
        break;
    case ADMISSION_PROBE:
        cover(world, COVER_PROBES);
        trace_line(&world->trace, "broker", "asks whether '%s' lives", msg->name);
        sim_link_send_type(sim_link_of(registry_find(broker->registry, msg->name)), MSG_SERVER_PING);
        link->newcomer = *msg;
        msg_init(msg, MSG_CLIENT_CONNECT);
        link->probes = true;
        timeline_after(&world->timeline, ADMISSION_PROBE_MS, &broker->process, on_probed, link, NULL);
    }
}

static void on_connect(struct sim_broker *broker, struct sim_link *link, struct msg *msg)
{
    msg_release(&link->newcomer);
    msg_init(&link->newcomer, MSG_CLIENT_CONNECT);
    link->probes = false;
    link->probe = (struct probe){ 0 };
    if (*link->node && strcmp(link->node, msg->name))
        leave(broker, link);
    link->legacy = msg->protocol < 1;
    decide(broker, link, msg);
}

static void on_disconnect(struct sim_broker *broker, struct sim_link *link, const struct msg *msg)
{
    const struct node *node = registry_find(broker->registry, msg->name);
    struct sim_link *its = node ? sim_link_of(node) : NULL;
    bool fresh = !*link->node, same_host = its && its->from_rogue == link->from_rogue;
    if (node && !admission_may_dismiss(its == link, fresh && node_is_legacy(node), same_host)) {
        cover(broker->world, COVER_GOODBYES_REFUSED);
        sim_link_send_error(link, "only the node itself may take it off");
        if (fresh)
            link_close(link, "what it asked for is refused");
        return;
    }
    if (its && its != link)
        link_close(its, "said goodbye");
    sim_link_send_type(link, MSG_SERVER_ACK);
    link_close(link, "said goodbye");
}

/* What nodes tell: as dispatch.c */

static void on_node_info(struct sim_broker *broker, struct sim_link *link, struct node *node, struct msg *msg)
{
    const cJSON *entry, *listed = link->legacy ? NULL : msg->jobs;
    legacy_queue_answered(&link->queue);
    int failed = node_set_info(broker->registry, node, msg);
    assert(!failed);
    job_reports_node_info(broker->jobs, node, listed, sim_broker_moment(broker));
    cJSON_ArrayForEach(entry, listed)
    {
        const char *key = json_text(entry, "train_key");
        int64_t generation;
        if (key && job_reports_is_stale(broker->jobs, node, entry) && job_reports_generation(entry, &generation)) {
            cover(broker->world, COVER_STALE);
            send_keys(MSG_SERVER_CANCEL, key, json_text(entry, "job"), generation, node);
        }
    }
}

static void on_outcome(struct sim_broker *broker, const struct node *node, struct msg *msg)
{
    static const char *const what[] = { "taken", "waits", "to be dropped", "of an unknown training" };
    struct world *world = broker->world;
    enum job_outcome outcome = job_reports_outcome(broker->jobs, node, msg, sim_broker_moment(broker));
    trace_line(&world->trace, "broker", "an outcome of %s: %s", node->name, what[outcome]);
    if (outcome == JOB_OUTCOME_TAKEN) {
        cover(world, COVER_OUTCOMES_TAKEN);
        ledger_counts(world, node->name, msg);
    }
    if (outcome != JOB_OUTCOME_DROP && outcome != JOB_OUTCOME_UNKNOWN)
        return;
    cover(world, COVER_OUTCOMES_DROPPED);
    if (!node_is_legacy(node))
        ledger_ack(world, msg->train_key, msg->generation, node->name, msg);
    send_keys(MSG_SERVER_JOB_ACK, msg->train_key, msg->job, msg->generation, node);
}

static void describe(const struct msg *msg, char *text, size_t size)
{
    snprintf(text, size, "%s%s%s%s%s", msg_type_name(msg->type), msg->train_key ? " " : "",
             msg->train_key ? msg->train_key : "", msg->instance ? ", " : "", msg->instance ? msg->instance : "");
    size_t used = strlen(text);
    if (msg->generation >= 0 && used < size)
        snprintf(text + used, size - used, ", generation %lld", (long long)msg->generation);
    used = strlen(text);
    if (msg->message && used < size)
        snprintf(text + used, size - used, ": %s", msg->message);
}

static void on_message(void *arg, struct conn_end *end, struct msg *msg, const char *text, size_t len)
{
    struct sim_link *link = arg;
    struct world *world = link->world;
    struct sim_broker *broker = &world->broker;
    struct node *node = sim_link_node(link);
    char line[160];
    (void)end, (void)text, (void)len;
    link->messages++;
    describe(msg, line, sizeof line);
    trace_line(&world->trace, "broker", "gets from %s: %s", *link->node ? link->node : "a newcomer", line);
    if (msg->type == MSG_CLIENT_CONNECT) {
        on_connect(broker, link, msg);
    } else if (msg->type == MSG_CLIENT_DISCONNECT) {
        on_disconnect(broker, link, msg);
    } else if (node) {
        switch (msg->type) {
        case MSG_NODE_INFO: on_node_info(broker, link, node, msg); break;
        case MSG_CLIENT_PONG:
            legacy_queue_answered(&link->queue);
            sim_link_send_type(link, MSG_SERVER_ACK);
            break;
        case MSG_TRAINING_PROGRESS:
            if (job_reports_progress(broker->jobs, node, msg, sim_broker_moment(broker)))
                ledger_counts(world, node->name, msg);
            else
                cover(world, COVER_PROGRESS_IGNORED);
            break;
        case MSG_TRAINING_COMPLETED:
        case MSG_TRAINING_FAILED: on_outcome(broker, node, msg); break;
        case MSG_ERROR:
            legacy_queue_answered(&link->queue);
            if (job_reports_error(broker->jobs, node, msg, sim_broker_moment(broker)))
                cover(world, COVER_ERRORS_TAKEN);
            break;
        default: break;
        }
    }
    drain(broker);
}

static void on_closed(void *arg, struct conn_end *end, const char *why)
{
    struct sim_link *link = arg;
    (void)end;
    if (*link->node)
        trace_line(&link->world->trace, "broker", "the connection of %s: %s", link->node, why);
    leave(&link->world->broker, link);
}

static void on_greeting_timer(void *arg, void *detail)
{
    struct sim_link *link = arg;
    (void)detail;
    if (!*link->node && !link->probes && link->end->open)
        link_close(link, "did not register in time");
}

void sim_broker_accept(struct sim_broker *broker, struct conn_end *end, bool from_rogue)
{
    static const struct conn_events events = { .message = on_message, .closed = on_closed };
    struct world *world = broker->world;
    struct sim_link *link = calloc(1, sizeof *link);
    assert(link && broker->process.up);
    *link = (struct sim_link){ .next = broker->links, .world = world, .end = end, .from_rogue = from_rogue };
    broker->links = link;
    link->session = ++broker->sessions;
    link->legacy = true; /* until it says otherwise */
    legacy_queue_init(&link->queue, LEGACY_ANSWER_MS);
    msg_init(&link->newcomer, MSG_CLIENT_CONNECT);
    conn_end_bind(end, &events, link, &broker->process);
    timeline_after(&world->timeline, GREETING_MS, &broker->process, on_greeting_timer, link, NULL);
}

/* Requests of clients */

void sim_broker_submit(struct sim_broker *broker, const char *model, const char *node, int64_t epochs)
{
    struct world *world = broker->world;
    char name[NAME_SIZE], why[120];
    int unnamed = 0;
    if (model && jobs_train_model(broker->jobs, model)) {
        snprintf(why, sizeof why, "model '%s' is being trained already", model);
        ledger_name_taken(world, model);
        clients_submitted(world, NULL, 409, why);
        return;
    }
    do
        snprintf(name, sizeof name, "resnet-%d", ++unnamed);
    while (!model && jobs_train_model(broker->jobs, name));
    struct job *job = job_new();
    assert(job);
    snprintf(job->model_type, sizeof job->model_type, "resnet");
    snprintf(job->model_name, sizeof job->model_name, "%s", model ? model : name);
    snprintf(job->requested_node, sizeof job->requested_node, "%s", node ? node : "");
    job->live->options.epochs = epochs;
    job->epochs = epochs;
    int failed = jobs_add(broker->jobs, job, sim_broker_moment(broker));
    assert(!failed);
    drain(broker);
}

void sim_broker_cancel(struct sim_broker *broker, const char *id)
{
    struct refusal refusal = { 0 };
    struct job *job = jobs_find(broker->jobs, id);
    const struct node *node = job && job->state == JOB_STARTING ? registry_find(broker->registry, job->node) : NULL;
    if (node && job->live->sent && sim_link_withdraw_train(sim_link_of(node), job->train_key))
        jobs_train_withdrawn(job);
    if (!job)
        clients_cancelled(broker->world, id, 404);
    else if (jobs_cancel(broker->jobs, job, sim_broker_moment(broker), &refusal))
        clients_cancelled(broker->world, id, refusal.status);
    else
        ledger_asked(broker->world, id);
    drain(broker);
}

int sim_broker_forget(struct sim_broker *broker, const char *node)
{
    if (registry_find(broker->registry, node))
        return 409;
    if (!jobs_at(broker->jobs, node))
        return 404;
    job_reports_node_forgotten(broker->jobs, node, sim_broker_moment(broker));
    drain(broker);
    return 200;
}

/* Its life */

void sim_broker_init(struct sim_broker *broker, struct world *world)
{
    *broker = (struct sim_broker){ .world = world };
    sim_store_init(&broker->store, world, on_stored);
    broker->keep_jobs = rng_one_in(&world->rng, 4) ? rng_range(&world->rng, 1, 6) : 0;
}

static void free_links(struct sim_broker *broker)
{
    for (struct sim_link *link = broker->links, *next; link; link = next) {
        next = link->next;
        legacy_queue_release(&link->queue);
        msg_release(&link->newcomer);
        free(link);
    }
    broker->links = NULL;
}

void sim_broker_start(struct sim_broker *broker)
{
    struct world *world = broker->world;
    process_start(&broker->process);
    trace_line(&world->trace, "broker", "starts");
    broker->up_since = world->timeline.now;
    broker->clock_ms = rng_range(&world->rng, 0, 1000000000);
    broker->wall_ms = 1700000000000 + rng_range(&world->rng, -100000, 100000);
    broker->due = INT64_MAX;
    broker->registry = registry_new();
    broker->jobs = jobs_new(broker->registry);
    assert(broker->registry && broker->jobs);
    struct job *stored = sim_store_load(&broker->store);
    int failed = jobs_restore(broker->jobs, stored, sim_broker_moment(broker));
    assert(!failed);
    world->ledger.restarted = true;
    drain(broker);
}

static void release_cores(struct sim_broker *broker)
{
    jobs_free(broker->jobs);
    registry_free(broker->registry);
    broker->jobs = NULL;
    broker->registry = NULL;
}

static void end_process(struct sim_broker *broker, bool silent, bool flush)
{
    for (struct sim_link *link = broker->links; link; link = link->next) {
        if (silent)
            network_cut(&broker->world->network, link->end->conn, true);
        else
            network_close(&broker->world->network, link->end);
    }
    process_end(&broker->process);
    sim_store_lose(&broker->store, flush);
    release_cores(broker);
    free_links(broker);
}

void sim_broker_crash(struct sim_broker *broker, bool silent)
{
    trace_line(&broker->world->trace, "broker", silent ? "loses its power" : "is killed");
    end_process(broker, silent, false);
}

void sim_broker_stop(struct sim_broker *broker)
{
    trace_line(&broker->world->trace, "broker", "is stopped");
    jobs_stop(broker->jobs, sim_broker_moment(broker));
    drain(broker);
    oracle_check(broker->world);
    end_process(broker, false, true);
}

void sim_broker_release(struct sim_broker *broker)
{
    if (broker->process.up)
        sim_broker_crash(broker, true);
    sim_store_release(&broker->store);
}
