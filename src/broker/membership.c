/* See membership.h. */
#include "membership.h"

#include <stdlib.h>
#include <string.h>

#include "admission.h"
#include "broker.h"
#include "dcls/base/clock.h"
#include "dcls/base/log.h"
#include "dcls/base/sha256.h"
#include "dcls/commands.h"
#include "jobs_shell.h"
#include "link.h"
#include "model_remove.h"
#include "models.h"
#include "node_forget.h"
#include "node_reports.h"
#include "pending_replies.h"
#include "registry.h"

#define FULL_LOGGED_MS 60000

/* A peer that knows the protocol is told what this broker offers; any other gets the bare message. */
static void acknowledge(const struct broker *broker, struct link *link)
{
    static const char *const features[] = { "progress", "jobs", "removed", "blobs", "push", "dataset", "load" };
    struct msg ack;
    int failed = 0;
    msg_init(&ack, MSG_SERVER_ACK);
    if (!link_is_legacy(link)) {
        ack.protocol = PROTOCOL_VERSION;
        ack.api_port = broker->api_port;
        failed = msg_set(&ack.version, DCLS_VERSION);
        for (size_t i = 0; i < sizeof features / sizeof *features; i++)
            failed = failed || strings_add(&ack.features, features[i]);
    }
    if (failed)
        link_close(link, "no memory to answer it");
    else
        link_send(link, &ack);
    msg_release(&ack);
}

static void leave(struct broker *broker, struct link *link)
{
    struct node *node = link_node(link);
    if (!node)
        return;
    char name[NAME_SIZE];
    snprintf(name, sizeof name, "%s", node->name);
    log_info("node '%s' left", name);
    link_set_node(link, NULL);
    node->ready = false; /* nothing starts there any more */
    node_reports_gone(broker, node);
    registry_remove(broker->registry, node);
    models_node_left(broker->models, node);
    pending_replies_node_gone(broker->pending_replies, name);
    model_remove_node_gone(broker, name);
    jobs_shell_drain(broker);
}

static void enter(struct broker *broker, struct link *link, const struct msg *msg, const char *secret_hash)
{
    struct node *node = registry_prepare(broker->registry, msg, secret_hash);
    if (!node) {
        link_close(link, "no memory to register it");
        return;
    }
    struct node *old = registry_find(broker->registry, msg->name);
    if (old && old->link != link) {
        struct link *before = old->link;
        leave(broker, before);
        link_close(before, "another connection took its name");
    }
    registry_enter(broker->registry, node, link);
    link_set_node(link, node);
    log_info("node '%s' at %s: %s", node->name, link_peer(link),
             node_is_legacy(node) ? "without capabilities"
             : node->version      ? node->version
                                  : "dcls");
    acknowledge(broker, link);
    node_reports_came(broker, node);
}

/* Said once in a while: those who are refused come again and again. */
static void refuse_full(struct broker *broker, struct link *link, const char *why)
{
    int64_t now = clock_ms();
    if (!broker->full_logged_ms || now - broker->full_logged_ms >= FULL_LOGGED_MS) {
        log_warn("%d nodes are connected, as many as --max-nodes lets in: others are refused", broker->max_nodes);
        broker->full_logged_ms = now;
    }
    link_refuse(link, why);
}

static struct name_holder holder_of(const struct broker *broker, const struct link *link, const char *name)
{
    const struct node *node = registry_find(broker->registry, name);
    struct name_holder holder = { .is_full = registry_count(broker->registry) >= (size_t)broker->max_nodes };
    holder.secret_hash = "";
    holder.job_hash = node_name_bound(broker, name);
    if (!node)
        return holder;
    holder.session = node->session;
    holder.is_newcomer = node->link == link;
    holder.instance = node->instance;
    holder.secret_hash = node->secret_hash;
    holder.heard_ms = link_heard_ms(node->link);
    holder.messages = link_messages(node->link);
    return holder;
}

static void on_probed(void *arg, struct link *link);

static void decide(struct broker *broker, struct link *link, struct msg *msg)
{
    char secret_hash[SHA256_HEX_SIZE] = "";
    struct err why = ERR_INIT;
    if (msg->secret && sha256_bytes(msg->secret, strlen(msg->secret), secret_hash, &why)) {
        link_close(link, why.text);
        return;
    }
    const struct newcomer newcomer = { msg->name, msg->instance, secret_hash };
    const struct name_holder holder = holder_of(broker, link, msg->name);
    struct probe *probe = link_probe(link);
    switch (admission_decide(&newcomer, &holder, probe, clock_ms(), &why)) {
    case ADMISSION_ENTER: enter(broker, link, msg, secret_hash); break;
    case ADMISSION_REFUSE:
        link_send_error(link, why.text);
        link_close(link, "its name is taken");
        break;
    case ADMISSION_FULL: refuse_full(broker, link, why.text); break;
    case ADMISSION_PROBE:
        link_send_type(registry_find(broker->registry, msg->name)->link, MSG_SERVER_PING);
        link_wait(link, msg, ADMISSION_PROBE_MS, on_probed);
        return;
    }
}

/* The holder of the name had its time to answer. */
static void on_probed(void *arg, struct link *link)
{
    struct msg msg = link_take_waiting(link);
    decide(arg, link, &msg);
    msg_release(&msg);
}

void membership_connect(struct broker *broker, struct link *link, struct msg *msg)
{
    struct msg before = link_take_waiting(link); /* it changed its mind */
    msg_release(&before);
    *link_probe(link) = (struct probe){ 0 };
    if (link_node(link) && strcmp(link_node(link)->name, msg->name))
        leave(broker, link);
    link_set_legacy(link, msg->protocol < 1);
    decide(broker, link, msg);
}

void membership_disconnect(struct broker *broker, struct link *link, const struct msg *msg)
{
    struct node *node = registry_find(broker->registry, msg->name);
    struct link *its = node ? node->link : NULL;
    bool is_fresh = !link_node(link);
    if (node && !admission_may_dismiss(its == link, is_fresh && node_is_legacy(node), link_same_host(its, link))) {
        struct err err = ERR_INIT;
        err_set(&err, "only node '%s' itself may take it off", node->name);
        link_send_error(link, err.text);
        if (is_fresh)
            link_close(link, "what it asked for is refused");
        return;
    }
    if (node) {
        leave(broker, its);
        if (its != link)
            link_close(its, "said goodbye");
    }
    link_send_type(link, MSG_SERVER_ACK);
    link_close(link, "said goodbye");
}

void membership_closed(struct broker *broker, struct link *link)
{
    leave(broker, link);
}
