/* GET /nodes, DELETE /nodes/NAME and GET /healthz. */
#include "dcls/commands.h"
#include "dcls/net/timer.h"
#include "dcls/proto/json.h"
#include "handlers.h"
#include "src/broker/broker.h"
#include "src/broker/jobs_shell.h"
#include "src/broker/lanes.h"
#include "src/broker/node_forget.h"
#include "src/broker/registry.h"
#include "src/broker/store.h"

void handle_nodes(struct exchange *exchange)
{
    exchange_json(exchange, 200, registry_json(exchange->broker->registry));
}

#define FORGET_MS 10000 /* for the end of its job to be committed */

struct node_forgetting {
    struct exchange *exchange;
    struct jobs_waiter waiter;
    struct timer *deadline;
};

static void forgetting_release(void *context)
{
    struct node_forgetting *forgetting = context;
    jobs_shell_stop_waiting(forgetting->exchange->broker, &forgetting->waiter);
    timer_free(forgetting->deadline);
}

static void answer_forgotten(struct exchange *exchange, const struct job *job)
{
    cJSON *object = cJSON_CreateObject(), *jobs;
    bool whole = cJSON_AddStringToObject(object, "node", exchange->args[0]) &&
                 cJSON_AddTrueToObject(object, "forgotten") && (jobs = cJSON_AddArrayToObject(object, "jobs")) &&
                 (!job || json_append(jobs, cJSON_CreateString(job->id)));
    exchange_object(exchange, 200, object, whole);
}

static void on_forgotten(void *arg, const struct job *job)
{
    const struct node_forgetting *forgetting = arg;
    answer_forgotten(forgetting->exchange, job);
}

static void on_forget_deadline(void *arg)
{
    const struct node_forgetting *forgetting = arg;
    exchange_error(forgetting->exchange, 500, "that its job ended could not be stored yet: it is tried again");
}

void handle_node_forget(struct exchange *exchange)
{
    struct refusal refusal;
    const struct job *job;
    struct node_forgetting *forgetting = exchange_context(exchange, sizeof *forgetting, forgetting_release);
    if (!forgetting)
        return;
    forgetting->exchange = exchange;
    forgetting->deadline = timer_new(exchange->broker->base, on_forget_deadline, forgetting);
    if (!forgetting->deadline) {
        exchange_error(exchange, 503, "no memory");
    } else if (node_forget(exchange->broker, exchange->args[0], &job, &refusal)) {
        exchange_refuse(exchange, &refusal);
    } else if (!job) {
        answer_forgotten(exchange, NULL);
    } else {
        timer_start(forgetting->deadline, FORGET_MS);
        forgetting->waiter = (struct jobs_waiter){ .job = job, .ended = on_forgotten, .arg = forgetting };
        jobs_shell_wait(exchange->broker, &forgetting->waiter);
    }
}

/* How much waits or runs in each lane. */
static bool add_lanes(cJSON *object, struct thread_pool *pool)
{
    cJSON *lanes = cJSON_AddObjectToObject(object, "lanes");
    bool whole = lanes;
    for (int lane = 0; lane < BROKER_LANES && whole; lane++)
        whole = cJSON_AddNumberToObject(lanes, broker_lane_names[lane], (double)thread_pool_depth(pool, lane));
    return whole;
}

void handle_healthz(struct exchange *exchange)
{
    const struct broker *broker = exchange->broker;
    int64_t since;
    const char *failing = store_failing(broker->store, &since);
    cJSON *object = cJSON_CreateObject();
    bool whole = cJSON_AddStringToObject(object, "status", failing ? "failing" : "ok") &&
                 cJSON_AddStringToObject(object, "version", DCLS_VERSION) && add_lanes(object, broker->pool) &&
                 cJSON_AddNumberToObject(object, "unstored", (double)jobs_shell_unstored(broker));
    if (failing)
        whole = whole && cJSON_AddStringToObject(object, "reason", failing) &&
                cJSON_AddNumberToObject(object, "since", (double)since);
    if (failing)
        store_probe(broker); /* who asks again learns how it is then, also where nobody writes meanwhile */
    exchange_object(exchange, failing ? 503 : 200, object, whole);
}
