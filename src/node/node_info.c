/* See node_info.h. */
#include "node_info.h"

#include <math.h>
#include <stdio.h>

#include "daemon.h"
#include "dcls/base/clock.h"
#include "dcls/base/cpus.h"
#include "dcls/base/log.h"
#include "dcls/commands.h"
#include "dcls/nn/models.h"
#include "host_info.h"

static const char *const features[] = { "train",   "infer", "progress", "cancel",    "push",        "remove",
                                        "removed", "blobs", "resume",   "heartbeat", "generations", "answers" };

/* "KIND:NAME" among the features. */
static int announce(struct msg *msg, const char *kind, const char *name)
{
    char feature[64];
    snprintf(feature, sizeof feature, "%s:%s", kind, name);
    return strings_add(&msg->features, feature);
}

int node_info_fill_connect(const struct daemon *daemon, struct msg *msg)
{
    char cpu[128];
    host_info_cpu(cpu, sizeof cpu);
    msg->protocol = PROTOCOL_VERSION;
    msg->cores = cpus_usable();
    msg->memory = host_info_memory();
    msg->dataset = cJSON_Duplicate(daemon->dataset, true);
    if (msg_set(&msg->name, daemon->config.name) || msg_set(&msg->version, DCLS_VERSION) ||
        msg_set(&msg->instance, daemon->instance) || msg_set(&msg->secret, daemon->secret) ||
        msg_set(&msg->cpu, *cpu ? cpu : NULL) || host_info_addresses(&msg->addresses))
        return -1;
    for (size_t i = 0; i < sizeof features / sizeof *features; i++)
        if (strings_add(&msg->features, features[i]))
            return -1;
    if (!daemon->config.no_thumbnails && strings_add(&msg->features, "thumbnails"))
        return -1;
    for (int i = 0; network_at(i); i++)
        if (announce(msg, "type", network_at(i)->name))
            return -1;
    for (size_t i = 0; i < train_option_count; i++)
        if (!train_option_table[i].legacy && announce(msg, "option", train_option_table[i].name))
            return -1;
    return 0;
}

static int fill(struct daemon *daemon, struct msg *msg)
{
    msg_init(msg, MSG_NODE_INFO);
    if (model_store_names(daemon->model_store, &msg->models))
        return -1;
    if (uplink_is_legacy(daemon->link))
        return 0;
    msg->model_info = model_store_info(daemon->model_store);
    msg->jobs = trainings_list(daemon->trainings);
    msg->dataset = cJSON_Duplicate(daemon->dataset, true);
    return msg->model_info && msg->jobs ? 0 : -1;
}

/* Of what cannot be measured nothing is told; nor where memory lacks: a sign of life is one without it. */
void node_info_fill_load(struct daemon *daemon, struct msg *sign)
{
    const struct host_load *load = &daemon->load;
    int queue = trainings_waiting(daemon->trainings) + inferences_waiting(daemon->inferences);
    host_load_measure(&daemon->load, "", clock_ms());
    sign->load = cJSON_CreateObject();
    if (isfinite(load->cpu))
        cJSON_AddNumberToObject(sign->load, "cpu", round(load->cpu * 10) / 10);
    if (load->memory_used >= 0)
        cJSON_AddNumberToObject(sign->load, "memoryUsed", (double)load->memory_used);
    cJSON_AddNumberToObject(sign->load, "queue", queue);
}

void node_info_send(struct daemon *daemon)
{
    struct msg msg;
    if (fill(daemon, &msg))
        log_error("no memory to tell the broker of this node's models");
    else
        uplink_send(daemon->link, &msg, NULL);
    msg_release(&msg);
}
