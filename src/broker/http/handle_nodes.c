/* GET /nodes and GET /healthz. */
#include "dcls/commands.h"
#include "handlers.h"
#include "src/broker/broker.h"
#include "src/broker/job_table.h"
#include "src/broker/lanes.h"
#include "src/broker/registry.h"
#include "src/broker/store.h"

void handle_nodes(struct exchange *exchange)
{
    exchange_json(exchange, 200, registry_json(exchange->broker->registry));
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

/* Writes that are under way, or whose last attempt failed: a job whose next one is under way counts once. */
static size_t count_unstored(const struct broker *broker)
{
    size_t depth = store_depth(broker->store), failed = jobs_unstored(broker->jobs);
    return depth > failed ? depth : failed;
}

void handle_healthz(struct exchange *exchange)
{
    const struct broker *broker = exchange->broker;
    int64_t since;
    const char *failing = store_failing(broker->store, &since);
    cJSON *object = cJSON_CreateObject();
    bool whole = cJSON_AddStringToObject(object, "status", failing ? "failing" : "ok") &&
                 cJSON_AddStringToObject(object, "version", DCLS_VERSION) && add_lanes(object, broker->pool) &&
                 cJSON_AddNumberToObject(object, "unstored", (double)count_unstored(broker));
    if (failing)
        whole = whole && cJSON_AddStringToObject(object, "reason", failing) &&
                cJSON_AddNumberToObject(object, "since", (double)since);
    exchange_object(exchange, failing ? 503 : 200, object, whole);
}
