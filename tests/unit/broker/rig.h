/* The broker without its HTTP side, on a free port and a folder of its own, and peers that a test speaks for: each wait
 * turns the broker's loop, so that one thread plays both. */
#ifndef DCLS_TESTS_BROKER_RIG_H
#define DCLS_TESTS_BROKER_RIG_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dcls/base/clock.h"
#include "dcls/base/log.h"
#include "folder.h"
#include "src/broker/broker.h"
#include "src/broker/dispatch.h"
#include "src/broker/events.h"
#include "src/broker/jobs.h"
#include "src/broker/jobs_shell.h"
#include "src/broker/lanes.h"
#include "src/broker/link.h"
#include "src/broker/metrics.h"
#include "src/broker/node_events.h"
#include "src/broker/model_remove.h"
#include "src/broker/models.h"
#include "src/broker/registry.h"
#include "src/broker/removals.h"
#include "src/broker/pending_replies.h"
#include "src/broker/store.h"

#define RIG_PATIENCE_MS 10000
#define RIG_NODES_MAX 8

struct rig {
    char folder[FOLDER_SIZE];
    struct broker broker;
};

static inline void rig_open(struct rig *rig)
{
    struct err err = ERR_INIT;
    struct broker *broker = &rig->broker;
    *broker = (struct broker){
        .state = rig->folder, .images = { rig->folder, false }, .api_port = 8001, .max_nodes = RIG_NODES_MAX
    };
    assert_non_null(broker->base = event_base_new());
    assert_non_null(broker->metrics = metrics_new());
    assert_non_null(broker->events = events_new(1));
    assert_non_null(broker->registry = registry_new());
    assert_non_null(broker->node_events = node_events_new(broker));
    assert_non_null(broker->models = models_new(broker));
    assert_non_null(broker->jobs = jobs_new(broker->registry));
    assert_non_null(broker->jobs_shell = jobs_shell_new(broker));
    assert_non_null(broker->removals = removals_new(broker, model_remove_retry));
    assert_non_null(broker->pending_replies = pending_replies_new(broker));
    assert_non_null(broker->pool = lanes_new(broker->base, &err));
    struct job *jobs;
    struct model *models;
    struct removal_list removals;
    if (!(broker->store = store_open(broker, &err)) || store_load(broker->store, &jobs, &models, &removals, &err) ||
        !(broker->links = links_new(broker->base, "127.0.0.1", 0, broker->max_nodes + BROKER_LINKS_BESIDE,
                                    &dispatch_events, broker, &err)))
        fail_msg("%s", err.text);
    assert_int_equal(jobs_restore(broker->jobs, jobs, clock_moment()), 0);
    models_restore(broker->models, models);
    removals_restore(broker->removals, &removals);
}

/* As the broker stops: what was accepted is stored. */
static inline void rig_close(struct rig *rig)
{
    struct broker *broker = &rig->broker;
    broker->stopping = true;
    models_stop(broker->models);
    jobs_shell_stop(broker);
    thread_pool_drain(broker->pool);
    thread_pool_free(broker->pool);
    pending_replies_free(broker->pending_replies);
    model_remove_stop(broker);
    links_free(broker->links);
    removals_free(broker->removals);
    store_close(broker->store);
    jobs_shell_free(broker->jobs_shell);
    jobs_free(broker->jobs);
    models_free(broker->models);
    node_events_free(broker->node_events);
    registry_free(broker->registry);
    events_free(broker->events);
    metrics_free(broker->metrics);
    event_base_free(broker->base);
}

static inline int rig_setup(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    log_set_level(LOG_ERROR);
    folder_make(rig->folder);
    rig_open(rig);
    *state = rig;
    return 0;
}

static inline int rig_teardown(void **state)
{
    struct rig *rig = *state;
    rig_close(rig);
    folder_remove(rig->folder);
    free(rig);
    return 0;
}

static inline void rig_restart(struct rig *rig)
{
    rig_close(rig);
    rig_open(rig);
}

static inline void rig_turn(struct rig *rig)
{
    event_base_loop(rig->broker.base, EVLOOP_NONBLOCK);
    usleep(500);
}

static inline void rig_turn_for(struct rig *rig, int ms)
{
    for (int64_t end = clock_ms() + ms; clock_ms() < end;)
        rig_turn(rig);
}

#define RIG_WAIT(rig, condition)                                                                                       \
    do {                                                                                                               \
        for (int64_t end_ = clock_ms() + RIG_PATIENCE_MS; !(condition);) {                                             \
            if (clock_ms() > end_)                                                                                     \
                fail_msg("not in time: %s", #condition);                                                               \
            rig_turn(rig);                                                                                             \
        }                                                                                                              \
    } while (0)

static inline void rig_take_job(void *arg, bool ok, const char *text)
{
    cJSON **stored = arg;
    assert_true(ok);
    *stored = text ? cJSON_Parse(text) : cJSON_CreateObject();
    assert_non_null(*stored);
}

/* A member of what of a job is stored, and not kept in memory: the caller's; NULL: it is not stored. */
static inline cJSON *rig_stored(struct rig *rig, const char *id, const char *member)
{
    cJSON *stored = NULL;
    assert_int_equal(store_read_job(&rig->broker, id, rig_take_job, &stored), 0);
    RIG_WAIT(rig, stored);
    cJSON *value = cJSON_DetachItemFromObjectCaseSensitive(stored, member);
    cJSON_Delete(stored);
    return value;
}

/* A job's results as they are stored, an array: the caller's. */
static inline cJSON *rig_results(struct rig *rig, const char *id)
{
    cJSON *results = rig_stored(rig, id, "results");
    return results ? results : cJSON_CreateArray();
}

/* A peer of the broker. */
struct peer {
    struct rig *rig;
    int fd;
    char text[65536]; /* what came and was not looked at yet */
    size_t len;
};

static inline void peer_open(struct peer *peer, struct rig *rig)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)links_port(rig->broker.links)),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    *peer = (struct peer){ .rig = rig, .fd = socket(AF_INET, SOCK_STREAM, 0) };
    assert_true(peer->fd >= 0);
    assert_int_equal(connect(peer->fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(fcntl(peer->fd, F_SETFL, O_NONBLOCK), 0);
}

static inline void peer_close(struct peer *peer)
{
    close(peer->fd);
    peer->fd = -1;
}

static inline void peer_say(struct peer *peer, const char *text)
{
    assert_int_equal(write(peer->fd, text, strlen(text)), strlen(text));
    assert_int_equal(write(peer->fd, "\n", 1), 1);
}

/* The next message, or NULL where none came yet; the caller deletes it. */
static inline cJSON *peer_take(struct peer *peer)
{
    ssize_t got = read(peer->fd, peer->text + peer->len, sizeof peer->text - 1 - peer->len);
    peer->len += got > 0 ? (size_t)got : 0;
    char *end = memchr(peer->text, '\n', peer->len);
    if (!end)
        return NULL;
    *end = '\0';
    cJSON *msg = cJSON_Parse(peer->text);
    assert_non_null(msg);
    peer->len -= (size_t)(end + 1 - peer->text);
    memmove(peer->text, end + 1, peer->len);
    return msg;
}

static inline const char *text_of(const cJSON *object, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
    return text ? text : "";
}

static inline double number_of(const cJSON *object, const char *name)
{
    const cJSON *number = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsNumber(number) ? number->valuedouble : -1;
}

/* The next message of that type within `ms`, others are passed over; NULL where none came. */
static inline cJSON *peer_hear_within(struct peer *peer, const char *type, int ms)
{
    for (int64_t end = clock_ms() + ms; clock_ms() < end;) {
        cJSON *msg = peer_take(peer);
        if (msg && !strcmp(text_of(msg, "type"), type))
            return msg;
        cJSON_Delete(msg);
        if (!msg)
            rig_turn(peer->rig);
    }
    return NULL;
}

static inline cJSON *peer_hear(struct peer *peer, const char *type)
{
    cJSON *msg = peer_hear_within(peer, type, RIG_PATIENCE_MS);
    if (!msg)
        fail_msg("no '%s' came", type);
    return msg;
}

static inline void peer_expect(struct peer *peer, const char *type)
{
    cJSON_Delete(peer_hear(peer, type));
}

/* For a time in which it would have come. */
static inline void peer_expect_no(struct peer *peer, const char *type)
{
    cJSON *msg = peer_hear_within(peer, type, 300);
    if (msg)
        fail_msg("'%s' came", type);
}

/* CLIENT CONNECT of a node that can do everything but what a test takes away, and the features `more`. */
static inline void peer_greet_with(struct peer *peer, struct rig *rig, const char *name, const char *more)
{
    char text[512];
    peer_open(peer, rig);
    snprintf(text, sizeof text,
             "{\"type\": \"CLIENT CONNECT\", \"name\": \"%s\", \"protocol\": 1, \"version\": \"1\", \"cores\": 2,"
             " \"features\": [\"train\", \"infer\", \"progress\", \"cancel\", \"remove\", \"option:imageSize\"%s%s]}",
             name, *more ? ", " : "", more);
    peer_say(peer, text);
    peer_expect(peer, "SERVER ACK");
}

static inline void peer_greet(struct peer *peer, struct rig *rig, const char *name)
{
    peer_greet_with(peer, rig, name, "");
}

/* NODE INFO with a list of jobs, as JSON. */
/* CLIENT CONNECT of a node that can do only what `features` name, quoted and with commas. */
static inline void peer_greet_as(struct peer *peer, struct rig *rig, const char *name, const char *features)
{
    char text[512];
    peer_open(peer, rig);
    snprintf(text, sizeof text, "{\"type\": \"CLIENT CONNECT\", \"name\": \"%s\", \"protocol\": 1, \"features\": [%s]}",
             name, features);
    peer_say(peer, text);
    peer_expect(peer, "SERVER ACK");
}

/* NODE INFO of a node that holds one model and trains nothing. */
static inline void peer_inform_model(struct peer *peer, const char *name, const char *model, const char *sha256)
{
    char text[512];
    snprintf(text, sizeof text,
             "{\"type\": \"NODE INFO\", \"name\": \"%s\", \"models\": [\"%s\"],"
             " \"modelInfo\": [{\"name\": \"%s\", \"sha256\": \"%s\"}], \"jobs\": []}",
             name, model, model, sha256);
    peer_say(peer, text);
}

static inline void peer_inform(struct peer *peer, const char *name, const char *jobs)
{
    char text[1024];
    snprintf(text, sizeof text,
             "{\"type\": \"NODE INFO\", \"name\": \"%s\", \"models\": [], \"modelInfo\": [], \"jobs\": %s}", name,
             jobs);
    peer_say(peer, text);
}

static inline void peer_register(struct peer *peer, struct rig *rig, const char *name)
{
    peer_greet(peer, rig, name);
    peer_inform(peer, name, "[]");
    RIG_WAIT(rig, registry_find(rig->broker.registry, name) && registry_find(rig->broker.registry, name)->ready);
}

static inline void peer_register_legacy(struct peer *peer, struct rig *rig, const char *name)
{
    char text[256];
    peer_open(peer, rig);
    snprintf(text, sizeof text,
             "{\"type\": \"CLIENT CONNECT\", \"name\": \"%s\"}\n"
             "{\"type\": \"NODE INFO\", \"name\": \"%s\", \"models\": []}",
             name, name);
    peer_say(peer, text);
    peer_expect(peer, "SERVER ACK");
}

/* Waits until the broker has noticed that the peer is gone. */
static inline void peer_leave(struct peer *peer, const char *name)
{
    peer_close(peer);
    RIG_WAIT(peer->rig, !registry_find(peer->rig->broker.registry, name));
}

#endif
