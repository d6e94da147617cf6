/* See model_remove.h. Each removal ends in one of three ways for who waits: the node has done it, it is promised, or it
 * failed. */
#include "model_remove.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker.h"
#include "dcls/base/clock.h"
#include "dcls/base/log.h"
#include "dcls/net/timer.h"
#include "job_table.h"
#include "link.h"
#include "models.h"
#include "registry.h"
#include "removals.h"
#include "removal_request.h"
#include "store.h"

/* How a removal ends */

static bool has_ended_without_model(const struct job *job)
{
    return job->state == JOB_FAILED || job->state == JOB_CANCELLED;
}

/* It ended without a model, and may have left a checkpoint on its node. */
static bool has_left(const struct job *job, const char *model)
{
    return has_ended_without_model(job) && !job->cleaned && *job->node && !strcmp(job->model_name, model);
}

/* By another training of that model on that node. */
static bool is_followed(const struct jobs *jobs, const struct job *job)
{
    for (const struct job *later = job_newer(jobs, job); later; later = job_newer(jobs, later))
        if (!strcmp(later->model_name, job->model_name) && !strcmp(later->node, job->node))
            return true;
    return false;
}

/* The node has nothing of it any more. */
static void is_removed(struct broker *broker, struct removal *removal)
{
    struct removal_request *request = removal->request;
    struct node *node = registry_find(broker->registry, removal->node);
    const char *sha256 = node ? node_model_sha256(node, removal->model) : NULL;
    for (struct job *job = jobs_oldest(broker->jobs); job; job = job_newer(broker->jobs, job))
        job->cleaned |= has_left(job, removal->model) && !strcmp(job->node, removal->node);
    if (node && node_offers(node, "remove") && node_has_model(node, removal->model) &&
        (!*removal->sha256 || !sha256 || !strcmp(removal->sha256, sha256)))
        node_drop_model(broker->registry, node, removal->model);
    /* In this order: while the removal is stored, a model that should be gone goes when the broker is started again. */
    models_drop_holder(broker->models, removal->model, removal->sha256, removal->node);
    models_forget(broker->models, removal->model);
    log_info("model '%s' is removed at '%s'", removal->model, removal->node);
    if (request)
        removal_request_done(request, removal->node);
    removals_drop(broker->removals, removal);
    if (request)
        removal_request_release(request);
}

/* It will be done when the node is back, and counts as done until then. */
static void is_promised(struct broker *broker, struct removal *removal)
{
    struct removal_request *request = removal->request;
    removal->state = REMOVAL_WAITING;
    removal->promised = true;
    removal->request = NULL;
    models_drop_holder(broker->models, removal->model, removal->sha256, removal->node);
    if (!request)
        return;
    removal_request_pending(request, removal->node);
    removal_request_release(request);
}

static void has_failed(struct broker *broker, struct removal *removal, int status, const char *why)
{
    struct removal_request *request = removal->request;
    removal->request = NULL;
    if (strncmp(removal->reason, why, sizeof removal->reason - 1))
        log_warn("model '%s' is not removed at '%s': %s", removal->model, removal->node, why);
    if (request)
        removal_request_failed(request, removal->node, status, why);
    if (removal->promised) {
        removal->state = REMOVAL_WAITING;
        snprintf(removal->reason, sizeof removal->reason, "%s", why);
        removals_retry(broker->removals);
    } else {
        removals_drop(broker->removals, removal);
    }
    if (request)
        removal_request_release(request);
}

/* Asking */

/* What the training left is no more what is there: another one of that model ran on the node since, or it goes on. */
static bool is_superseded(const struct broker *broker, const struct removal *removal)
{
    const struct job *job = *removal->job ? jobs_find(broker->jobs, removal->job) : NULL;
    return job && (!has_ended_without_model(job) || is_followed(broker->jobs, job));
}

/* As far as the node told. */
static bool node_has(const struct node *node, const struct removal *removal)
{
    const char *sha256 = node_model_sha256(node, removal->model);
    return removal->hidden || (sha256 && !strcmp(sha256, removal->sha256));
}

static void ask(struct broker *broker, struct removal *removal, const struct node *node)
{
    bool answers = node_offers(node, "removed");
    if (is_superseded(broker, removal)) {
        if (removal->request)
            has_failed(broker, removal, 409, "its training goes on");
        else
            removals_drop(broker->removals, removal);
        return;
    }
    bool removes = node_offers(node, "remove");
    bool may_have = !*removal->sha256 || node_is_legacy(node) || node_has(node, removal); /* legacy: without digests */
    /* What trainings leave is kept by nodes that remove it alone. A node that does not answer takes no digest either:
     * it would remove whatever has the name. */
    if ((!removes && !*removal->sha256) || (!answers && !may_have)) {
        is_removed(broker, removal);
        return;
    }
    if (!removes) {
        has_failed(broker, removal, 409, "it cannot remove models");
        return;
    }
    struct msg msg;
    msg_init(&msg, MSG_SERVER_REMOVE);
    int failed = msg_set(&msg.model_name, removal->model);
    if (answers && *removal->sha256)
        failed = failed || msg_set(&msg.model_sha256, removal->sha256);
    failed = failed || link_send(node->link, &msg);
    msg_release(&msg);
    if (failed) {
        is_promised(broker, removal);
        return;
    }
    removal->state = REMOVAL_ASKED;
    removal->asked_ms = clock_ms();
}

/* Calls back for each removal of that request; it is answered in here where none is open. */
static void each(struct removal_request *request, void (*what)(struct broker *broker, struct removal *removal))
{
    request->open++;
    for (struct removal *removal = removals_first(request->broker->removals), *next; removal; removal = next) {
        next = TAILQ_NEXT(removal, listed);
        if (removal->request == request)
            what(request->broker, removal);
    }
    removal_request_release(request);
}

static void begin(struct broker *broker, struct removal *removal)
{
    const struct node *node = registry_find(broker->registry, removal->node);
    removal->state = REMOVAL_WAITING;
    if (node && node->ready && !broker->stopping)
        ask(broker, removal, node);
    else
        is_promised(broker, removal);
}

static void is_late(struct broker *broker, struct removal *removal)
{
    char why[64];
    assert(removal->state == REMOVAL_ASKED);
    snprintf(why, sizeof why, "it did not answer within %d s", MODEL_REMOVE_MS / 1000);
    has_failed(broker, removal, 504, why);
}

static void on_deadline(void *arg)
{
    each(arg, is_late);
}

/* As if it had not been asked for. */
static void take_back(struct removal_request *request)
{
    for (struct removal *removal = removals_first(request->broker->removals), *next; removal; removal = next) {
        next = TAILQ_NEXT(removal, listed);
        if (removal->request != request)
            continue;
        removal->request = NULL;
        if (removal->state == REMOVAL_NEW)
            removals_drop(request->broker->removals, removal);
    }
    removal_request_free(request);
}

static void on_committed(void *arg, bool ok)
{
    struct removal_request *request = arg;
    if (ok) {
        timer_start(request->timer, MODEL_REMOVE_MS);
        each(request, begin);
        removal_request_release(request); /* model_remove's hold */
        return;
    }
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "error", "the removal could not be stored");
    request->done(request->arg, 500, object);
    take_back(request);
}

/* What a client asks for */

static int check(const struct broker *broker, const char *model, struct refusal *refusal)
{
    bool found = models_know(broker->models, model);
    const struct removal *removal = removals_first(broker->removals);
    for (; removal; removal = TAILQ_NEXT(removal, listed)) {
        if (strcmp(removal->model, model))
            continue;
        if (removal->request)
            return refuse(refusal, 409, "model '%s' is being removed already", model);
        found = true;
    }
    for (const struct node *node = registry_first(broker->registry); node; node = registry_next(node))
        if (node_has_model(node, model) && !node_offers(node, "remove"))
            return refuse(refusal, 409, "node '%s' cannot remove model '%s'", node->name, model);
    if (jobs_train_model(broker->jobs, model))
        return refuse(refusal, 409, "model '%s' is being trained", model);
    for (const struct job *job = jobs_oldest(broker->jobs); job && !found; job = job_newer(broker->jobs, job))
        found = has_left(job, model);
    return found ? 0 : refuse(refusal, 404, "model '%s' not found", model);
}

/* -1 where memory lacks. */
static int add(struct removal_request *request, const char *node, const char *sha256, const char *job)
{
    struct removals *removals = request->broker->removals;
    if (removals_find(removals, node, request->model, sha256))
        return 0;
    if (!removals_add(removals, node, request->model, sha256, job, request))
        return -1;
    request->open++;
    return 0;
}

/* What was promised already: of a node that is there it is asked again. */
static void join_promised(struct removal_request *request)
{
    struct broker *broker = request->broker;
    for (struct removal *removal = removals_first(broker->removals), *next; removal; removal = next) {
        const struct node *node = registry_find(broker->registry, removal->node);
        next = TAILQ_NEXT(removal, listed);
        if (strcmp(removal->model, request->model) || removal->request)
            continue;
        if (is_superseded(broker, removal)) {
            removals_drop(broker->removals, removal);
        } else if (node && node->ready) {
            removal->request = request;
            request->open++;
        } else {
            removal_request_pending(request, removal->node);
        }
    }
}

static int add_holders(struct removal_request *request)
{
    const struct broker *broker = request->broker;
    for (const struct node *node = registry_first(broker->registry); node; node = registry_next(node)) {
        const char *sha256 = node_model_sha256(node, request->model);
        if (node_has_model(node, request->model) && add(request, node->name, sha256 ? sha256 : "", ""))
            return -1;
    }
    const struct model *model = models_first_of(broker->models, request->model);
    for (; model; model = models_next_of(model))
        for (size_t i = 0; i < model->holders.count; i++)
            if (add(request, model->holders.items[i], model->sha256, ""))
                return -1;
    return 0;
}

/* The checkpoints of trainings, where they do not go with a model. */
static int add_left(struct removal_request *request)
{
    const struct broker *broker = request->broker;
    for (const struct job *job = jobs_oldest(broker->jobs); job; job = job_newer(broker->jobs, job)) {
        if (!has_left(job, request->model) || is_followed(broker->jobs, job))
            continue;
        const struct node *node = registry_find(broker->registry, job->node);
        bool goes = node && !node_offers(node, "remove"); /* such a node keeps none */
        const struct removal *removal = removals_first(broker->removals);
        for (; removal && !goes; removal = TAILQ_NEXT(removal, listed))
            goes = !strcmp(removal->node, job->node) && !strcmp(removal->model, request->model);
        if (!goes && add(request, job->node, "", job->id))
            return -1;
    }
    return 0;
}

int model_remove(struct broker *broker, const char *model, model_removed *done, void *arg, struct refusal *refusal)
{
    if (check(broker, model, refusal))
        return -1;
    struct removal_request *request = removal_request_new(broker, model, on_deadline, done, arg);
    if (!request)
        return refuse(refusal, 500, "no memory to remove model '%s'", model);
    join_promised(request);
    if (!add_holders(request) && !add_left(request) &&
        !store_save_removals(broker, removals_first(broker->removals), request, on_committed, request))
        return 0;
    take_back(request);
    return refuse(refusal, 500, "no memory to remove model '%s'", model);
}

/* What nodes say */

/* It is to be asked (again): a NODE INFO comes with each answer, also while others are still due. */
static bool is_due(const struct removal *removal)
{
    bool was_asked = removal->asked_ms && clock_ms() - removal->asked_ms < MODEL_REMOVE_MS;
    return !was_asked && (removal->state == REMOVAL_WAITING || !removal->request);
}

void model_remove_node_info(struct broker *broker, const struct node *node)
{
    bool answers = node_offers(node, "removed");
    for (struct removal *removal = removals_first(broker->removals), *next; removal; removal = next) {
        next = TAILQ_NEXT(removal, listed);
        if (strcmp(removal->node, node->name) || removal->state == REMOVAL_NEW)
            continue;
        if (removal->state == REMOVAL_ASKED && !answers && (!*removal->sha256 || !node_has(node, removal)))
            is_removed(broker, removal);
        else if (is_due(removal))
            ask(broker, removal, node);
    }
}

void model_remove_answer(struct broker *broker, struct node *node, const struct msg *msg)
{
    struct removal *removal = removals_find(broker->removals, node->name, msg->model_name, msg->model_sha256);
    if (removal && removal->state == REMOVAL_ASKED && msg->type == MSG_MODEL_REMOVED)
        is_removed(broker, removal);
    else if (removal && removal->state == REMOVAL_ASKED)
        has_failed(broker, removal, 502, msg->message);
}

bool model_remove_error(struct broker *broker, const struct node *node, const struct msg *msg)
{
    struct removal *removal = node_offers(node, "removed") || !msg->json_name ? NULL : removals_first(broker->removals);
    for (; removal; removal = TAILQ_NEXT(removal, listed))
        if (removal->state == REMOVAL_ASKED && !strcmp(removal->node, node->name) &&
            !strcmp(removal->model, msg->json_name)) {
            has_failed(broker, removal, 502, msg->message ? msg->message : "it did not say why");
            return true;
        }
    return false;
}

void model_remove_node_gone(struct broker *broker, const char *node)
{
    for (struct removal *removal = removals_first(broker->removals), *next; removal; removal = next) {
        next = TAILQ_NEXT(removal, listed);
        if (strcmp(removal->node, node))
            continue;
        removal->asked_ms = 0;
        if (removal->state == REMOVAL_ASKED)
            is_promised(broker, removal);
    }
}

void model_remove_retry(struct broker *broker)
{
    for (struct removal *removal = removals_first(broker->removals), *next; removal; removal = next) {
        const struct node *node = registry_find(broker->registry, removal->node);
        next = TAILQ_NEXT(removal, listed);
        if (removal->state == REMOVAL_WAITING && *removal->reason && node && node->ready)
            ask(broker, removal, node);
    }
}

void model_remove_stop(struct broker *broker)
{
    struct removal *removal = removals_first(broker->removals);
    while (removal) {
        struct removal_request *request = removal->request;
        if (request)
            take_back(request);
        removal = request ? removals_first(broker->removals) : TAILQ_NEXT(removal, listed);
    }
}
