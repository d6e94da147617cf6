/* Messages to nodes about trainings. */
#include "job_send.h"

#include "dcls/proto/json.h"
#include "job_reports.h"
#include "link.h"
#include "registry.h"

int job_send_train(const struct job *job, const struct node *node)
{
    struct msg msg;
    msg_init(&msg, MSG_SERVER_TRAIN);
    msg.options = job->live->options;
    msg.generation = job->generation;
    bool failed = msg_set(&msg.model_name, job->model_name) || msg_set(&msg.model_type, job->model_type) ||
                  msg_set(&msg.train_key, job->train_key) || (!node_is_legacy(node) && msg_set(&msg.job, job->id)) ||
                  link_send(node->link, &msg);
    msg_release(&msg);
    if (!failed)
        return 0;
    link_close(node->link, "SERVER TRAIN cannot be sent");
    return -1;
}

static void send_keys(enum msg_type type, const char *train_key, const char *id, int64_t generation,
                      const struct node *node)
{
    struct msg msg;
    msg_init(&msg, type);
    msg.generation = generation;
    if (!msg_set(&msg.train_key, train_key) && !msg_set(&msg.job, id))
        link_send(node->link, &msg);
    msg_release(&msg);
}

void job_send_cancel(const struct job *job, const struct node *node)
{
    send_keys(MSG_SERVER_CANCEL, job->train_key, job->id, job->generation, node);
}

void job_send_ack(const struct job *job, const struct node *node)
{
    if (!node_is_legacy(node))
        send_keys(MSG_SERVER_JOB_ACK, job->train_key, job->id, job->generation, node);
}

void job_send_cancel_entry(const cJSON *entry, const struct node *node)
{
    const char *job = json_text(entry, "job");
    int64_t generation;
    if (job_reports_generation(entry, &generation))
        send_keys(MSG_SERVER_CANCEL, json_text(entry, "train_key"), job && name_is_valid(job) ? job : NULL, generation,
                  node);
}

void job_send_drop(const struct msg *outcome, const struct job *job, const struct node *node)
{
    if (!node_is_legacy(node))
        send_keys(MSG_SERVER_JOB_ACK, outcome->train_key, job ? job->id : outcome->job, outcome->generation, node);
}
