/* The table of removals. */
#include "removals.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker.h"
#include "dcls/base/backoff.h"
#include "dcls/base/clock.h"
#include "dcls/base/log.h"
#include "dcls/net/timer.h"
#include "dcls/proto/json.h"
#include "job.h"
#include "models.h"
#include "registry.h"
#include "store.h"

#define RETRY_MS 60000
#define DROP_MIN_MS 500 /* between tries to delete rows */
#define DROP_MAX_MS 30000

struct removals {
    struct broker *broker;
    void (*retry)(struct broker *broker);
    struct timer *timer;
    struct removal_list list;
    size_t count;
    struct removal_list dropped; /* whose rows are still to be deleted, and are not on their way */
    struct timer *drop_timer;
    int failures; /* of that, in a row */
};

/* One whose row is being deleted. */
struct drop {
    struct removals *removals;
    struct removal *removal;
};

/* Unless the same is wanted anew: then the row is that one's. */
static void delete_later(struct removals *removals, struct removal *removal)
{
    if (removals_find(removals, removal->node, removal->model, removal->sha256)) {
        free(removal);
        return;
    }
    TAILQ_INSERT_TAIL(&removals->dropped, removal, listed);
    if (removals->broker->stopping || timer_is_running(removals->drop_timer))
        return;
    timer_start(removals->drop_timer, backoff_ms(removals->failures++, DROP_MIN_MS, DROP_MAX_MS));
}

static void on_deleted(void *arg, bool ok)
{
    const struct drop drop = *(struct drop *)arg;
    free(arg);
    if (!ok) {
        delete_later(drop.removals, drop.removal);
        return;
    }
    drop.removals->failures = 0;
    free(drop.removal);
}

static void delete_row(struct removals *removals, struct removal *removal)
{
    struct drop *drop = malloc(sizeof *drop);
    if (drop)
        *drop = (struct drop){ removals, removal };
    if (!drop || store_forget_removal(removals->broker, removal, on_deleted, drop)) {
        free(drop);
        delete_later(removals, removal);
    }
}

static void on_timer(void *arg)
{
    const struct removals *removals = arg;
    removals->retry(removals->broker);
}

static void on_drop_timer(void *arg)
{
    struct removals *removals = arg;
    struct removal_list again = TAILQ_HEAD_INITIALIZER(again);
    TAILQ_CONCAT(&again, &removals->dropped, listed);
    while (!TAILQ_EMPTY(&again)) {
        struct removal *removal = TAILQ_FIRST(&again);
        TAILQ_REMOVE(&again, removal, listed);
        delete_row(removals, removal);
    }
}

struct removals *removals_new(struct broker *broker, void (*retry)(struct broker *broker))
{
    struct removals *removals = calloc(1, sizeof *removals);
    if (!removals)
        return NULL;
    removals->broker = broker;
    removals->retry = retry;
    TAILQ_INIT(&removals->list);
    TAILQ_INIT(&removals->dropped);
    removals->timer = timer_new(broker->base, on_timer, removals);
    removals->drop_timer = timer_new(broker->base, on_drop_timer, removals);
    if (!removals->timer || !removals->drop_timer) {
        removals_free(removals);
        return NULL;
    }
    return removals;
}

static void free_all(struct removal_list *list)
{
    while (!TAILQ_EMPTY(list)) {
        struct removal *removal = TAILQ_FIRST(list);
        TAILQ_REMOVE(list, removal, listed);
        free(removal);
    }
}

static void put(struct removals *removals, struct removal *removal)
{
    TAILQ_INSERT_TAIL(&removals->list, removal, listed);
    removals->count++;
}

void removals_free(struct removals *removals)
{
    if (!removals)
        return;
    timer_free(removals->timer);
    timer_free(removals->drop_timer);
    free_all(&removals->list);
    free_all(&removals->dropped);
    free(removals);
}

void removals_restore(struct removals *removals, struct removal_list *stored)
{
    while (!TAILQ_EMPTY(stored)) {
        struct removal *removal = TAILQ_FIRST(stored);
        TAILQ_REMOVE(stored, removal, listed);
        put(removals, removal);
        removal->state = REMOVAL_WAITING;
        removal->promised = true;
        models_drop_holder(removals->broker->models, removal->model, removal->sha256, removal->node);
        models_forget(removals->broker->models, removal->model);
    }
}

void removals_retry(struct removals *removals)
{
    if (!timer_is_running(removals->timer))
        timer_start(removals->timer, RETRY_MS);
}

struct removal *removals_first(const struct removals *removals)
{
    return TAILQ_FIRST(&removals->list);
}

struct removal *removals_find(const struct removals *removals, const char *node, const char *model, const char *sha256)
{
    for (struct removal *removal = TAILQ_FIRST(&removals->list); removal; removal = TAILQ_NEXT(removal, listed))
        if (!strcmp(removal->node, node) && !strcmp(removal->model, model) &&
            !strcmp(removal->sha256, sha256 ? sha256 : ""))
            return removal;
    return NULL;
}

void removals_drop(struct removals *removals, struct removal *removal)
{
    TAILQ_REMOVE(&removals->list, removal, listed);
    removals->count--;
    if (removal->state == REMOVAL_NEW)
        free(removal);
    else
        delete_row(removals, removal);
}

/* The row of the same that was dropped is not to be deleted any more. */
static void take_over_row(struct removals *removals, const struct removal *removal)
{
    for (struct removal *dropped = TAILQ_FIRST(&removals->dropped), *next; dropped; dropped = next) {
        next = TAILQ_NEXT(dropped, listed);
        if (strcmp(dropped->node, removal->node) || strcmp(dropped->model, removal->model) ||
            strcmp(dropped->sha256, removal->sha256))
            continue;
        TAILQ_REMOVE(&removals->dropped, dropped, listed);
        free(dropped);
    }
}

/* Of the oldest that nobody waits for. */
static void make_place(struct removals *removals)
{
    struct removal *removal = TAILQ_FIRST(&removals->list);
    while (removal && (removal->request || removal->state == REMOVAL_ASKED))
        removal = TAILQ_NEXT(removal, listed);
    if (!removal)
        return;
    log_warn("%d removals wait for nodes: that of model '%s' at '%s' is given up", REMOVALS_MAX, removal->model,
             removal->node);
    removals_drop(removals, removal);
}

struct removal *removals_add(struct removals *removals, const char *node, const char *model, const char *sha256,
                             const char *job, struct removal_request *request)
{
    struct removal *removal = calloc(1, sizeof *removal);
    if (!removal)
        return NULL;
    snprintf(removal->node, sizeof removal->node, "%s", node);
    snprintf(removal->model, sizeof removal->model, "%s", model);
    snprintf(removal->sha256, sizeof removal->sha256, "%s", sha256);
    snprintf(removal->job, sizeof removal->job, "%s", job);
    removal->since = clock_wall_ms();
    take_over_row(removals, removal);
    removal->request = request;
    if (removals->count >= REMOVALS_MAX)
        make_place(removals);
    put(removals, removal);
    return removal;
}

void removals_hide(const struct removals *removals, struct registry *registry, struct node *node)
{
    for (struct removal *removal = TAILQ_FIRST(&removals->list); removal; removal = TAILQ_NEXT(removal, listed)) {
        if (!removal->promised || strcmp(removal->node, node->name))
            continue;
        const char *sha256 = node_model_sha256(node, removal->model);
        removal->hidden = sha256 && (!*removal->sha256 || !strcmp(removal->sha256, sha256));
        if (removal->hidden)
            node_drop_model(registry, node, removal->model);
    }
}

bool removals_cover(const struct removals *removals, const char *node, const char *model, const char *sha256,
                    const struct job *job)
{
    const struct removal *removal = sha256 ? removals_find(removals, node, model, sha256) : NULL;
    if (removal && removal->promised)
        return true;
    removal = job ? removals_find(removals, node, model, NULL) : NULL;
    return removal && removal->promised && !strcmp(removal->job, job->id);
}

cJSON *removals_json(const struct removals *removals)
{
    cJSON *list = cJSON_CreateArray();
    for (const struct removal *removal = TAILQ_FIRST(&removals->list); removal && list;
         removal = TAILQ_NEXT(removal, listed)) {
        if (!removal->promised)
            continue;
        cJSON *object = cJSON_CreateObject();
        cJSON_AddStringToObject(object, "model", removal->model);
        cJSON_AddStringToObject(object, "node", removal->node);
        if (*removal->sha256)
            cJSON_AddStringToObject(object, "sha256", removal->sha256);
        cJSON_AddNumberToObject(object, "since", (double)removal->since);
        if (*removal->reason)
            cJSON_AddStringToObject(object, "reason", removal->reason);
        json_append(list, object);
    }
    return list;
}
