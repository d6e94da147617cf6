/* Changes of nodes as events. */
#include "node_events.h"

#include <stdlib.h>

#include "broker.h"
#include "dcls/base/clock.h"
#include "dcls/net/timer.h"
#include "events.h"
#include "registry.h"

#define HOLD_MS 100

struct node_events {
    struct broker *broker;
    struct timer *timer;
    int64_t told_ms; /* when changes were published last; 0: never */
};

static void on_timer(void *arg)
{
    const struct node_events *events = arg;
    node_events_publish(events->broker);
}

struct node_events *node_events_new(struct broker *broker)
{
    struct node_events *events = calloc(1, sizeof *events);
    if (!events)
        return NULL;
    events->broker = broker;
    events->timer = timer_new(broker->base, on_timer, events);
    if (events->timer)
        return events;
    node_events_free(events);
    return NULL;
}

void node_events_free(struct node_events *events)
{
    if (!events)
        return;
    timer_free(events->timer);
    free(events);
}

static void publish(const struct broker *broker, const struct node_change *change)
{
    cJSON *object = node_json(change->node);
    if (!cJSON_AddBoolToObject(object, "gone", change->gone)) {
        cJSON_Delete(object);
        object = NULL;
    }
    events_publish(broker->events, "node", object);
}

void node_events_publish(struct broker *broker)
{
    struct node_events *events = broker->node_events;
    struct node_change change;
    int64_t now = clock_ms();
    if (timer_is_running(events->timer) || !registry_has_changes(broker->registry))
        return;
    if (events->told_ms && now - events->told_ms < HOLD_MS) {
        timer_start(events->timer, events->told_ms + HOLD_MS - now);
        return;
    }
    events->told_ms = now;
    while (registry_next_change(broker->registry, &change))
        publish(broker, &change);
}
