/* The table of removals. */
#include "removals.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker.h"
#include "dcls/base/clock.h"
#include "dcls/base/log.h"
#include "dcls/net/timer.h"
#include "dcls/proto/json.h"
#include "job.h"
#include "models.h"
#include "store.h"

#define RETRY_MS 60000

struct removals {
    struct broker *broker;
    void (*retry)(struct broker *broker);
    struct timer *timer;
    struct removal_list list;
    size_t count;
};

static void on_timer(void *arg)
{
    const struct removals *removals = arg;
    removals->retry(removals->broker);
}

struct removals *removals_new(struct broker *broker, void (*retry)(struct broker *broker))
{
    struct removals *removals = calloc(1, sizeof *removals);
    if (!removals)
        return NULL;
    removals->broker = broker;
    removals->retry = retry;
    TAILQ_INIT(&removals->list);
    removals->timer = timer_new(broker->base, on_timer, removals);
    if (!removals->timer) {
        removals_free(removals);
        return NULL;
    }
    return removals;
}

static void put(struct removals *removals, struct removal *removal)
{
    TAILQ_INSERT_TAIL(&removals->list, removal, listed);
    removals->count++;
}

static void forget(struct removals *removals, struct removal *removal)
{
    TAILQ_REMOVE(&removals->list, removal, listed);
    removals->count--;
    free(removal);
}

void removals_free(struct removals *removals)
{
    if (!removals)
        return;
    timer_free(removals->timer);
    while (!TAILQ_EMPTY(&removals->list))
        forget(removals, TAILQ_FIRST(&removals->list));
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
    if (removal->state != REMOVAL_NEW)
        store_forget_removal(removals->broker, removal, NULL, NULL);
    forget(removals, removal);
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
    removal->request = request;
    if (removals->count >= REMOVALS_MAX)
        make_place(removals);
    put(removals, removal);
    return removal;
}

void removals_hide(const struct removals *removals, const char *node, struct msg *info)
{
    for (struct removal *removal = TAILQ_FIRST(&removals->list); removal; removal = TAILQ_NEXT(removal, listed)) {
        if (!removal->promised || strcmp(removal->node, node))
            continue;
        cJSON *entry = json_find(info->model_info, "name", removal->model);
        const char *sha256 = json_text(entry, "sha256");
        removal->hidden = sha256 && (!*removal->sha256 || !strcmp(removal->sha256, sha256));
        if (!removal->hidden)
            continue;
        strings_remove(&info->models, removal->model);
        cJSON_Delete(cJSON_DetachItemViaPointer(info->model_info, entry));
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
        cJSON_AddItemToArray(list, object);
    }
    return list;
}
