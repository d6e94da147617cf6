/* GET /nodes and GET /healthz. */
#include "src/broker/broker.h"
#include "dcls/commands.h"
#include "src/broker/registry.h"
#include "routes.h"

void handle_nodes(struct exchange *exchange)
{
    exchange_json(exchange, 200, registry_json(exchange->broker->registry));
}

void handle_healthz(struct exchange *exchange)
{
    cJSON *object = cJSON_CreateObject();
    if (!cJSON_AddStringToObject(object, "status", "ok") || !cJSON_AddStringToObject(object, "version", DCLS_VERSION)) {
        cJSON_Delete(object);
        object = NULL;
    }
    exchange_json(exchange, 200, object);
}
