/* Changes of nodes as events. */
#include "node_events.h"

#include "broker.h"
#include "events.h"
#include "registry.h"

void node_events_publish(struct broker *broker)
{
    struct node_change change;
    while (registry_next_change(broker->registry, &change)) {
        cJSON *object = node_json(change.node);
        if (!cJSON_AddBoolToObject(object, "gone", change.gone)) {
            cJSON_Delete(object);
            object = NULL;
        }
        events_publish(broker->events, "node", object);
    }
}
