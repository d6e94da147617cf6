/* GET /nodes and GET /healthz. */
#include "dcls/commands.h"
#include "handlers.h"
#include "src/broker/broker.h"
#include "src/broker/registry.h"

void handle_nodes(struct exchange *exchange)
{
    exchange_json(exchange, 200, registry_json(exchange->broker->registry));
}

void handle_healthz(struct exchange *exchange)
{
    cJSON *object = cJSON_CreateObject();
    bool whole =
        cJSON_AddStringToObject(object, "status", "ok") && cJSON_AddStringToObject(object, "version", DCLS_VERSION);
    exchange_object(exchange, 200, object, whole);
}
