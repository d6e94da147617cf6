/* GET_JSON, SERVER PUSH and SERVER REMOVE. */
#include "model_requests.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/base/fs.h"
#include "dcls/net/http_client.h"
#include "dcls/base/log.h"
#include "dcls/proto/name.h"
#include "daemon.h"

#define REPORT_MAX (16 * 1024 * 1024)

void request_report(struct node *node, const struct msg *msg)
{
    const char *name = msg->json_name;
    struct msg answer;
    char *path = NULL, *text = NULL, why[256];
    size_t count;

    msg_init(&answer, MSG_JSON_RESPONSE);
    if (!name || !name_is_valid(name)) {
        snprintf(why, sizeof why, "'%s' is no name of a model", name ? name : "");
        goto refuse;
    }
    snprintf(why, sizeof why, "File 'models/%s/%s.json' not found", name, name); /* the existing node's words */
    path = shelf_path(node->shelf, name, "json");
    if (!path || fs_read(path, REPORT_MAX, &text, &count, NULL))
        goto refuse;
    answer.data = cJSON_ParseWithLength(text, count);
    if (!answer.data || msg_set(&answer.json_name, name)) {
        snprintf(why, sizeof why, "File 'models/%s/%s.json' is no JSON", name, name);
        goto refuse;
    }
    if (node_send(node, &answer, NULL) && uplink_is_up(node->link)) {
        snprintf(why, sizeof why, "File 'models/%s/%s.json' is too long to send", name, name);
        goto refuse;
    }
    goto out;
refuse:
    node_send_error(node, NULL, name, why);
out:
    msg_release(&answer);
    free(text);
    free(path);
}

struct push {
    struct node *node;
    char *api, *path, *name, *sha256;
};

static void push_free(struct push *push)
{
    if (!push)
        return;
    free(push->api);
    free(push->path);
    free(push->name);
    free(push->sha256);
    free(push);
}

static int push_run(void *arg, const volatile bool *stop, struct err *err)
{
    const struct push *push = arg;
    return http_upload_blob(push->api, push->path, push->sha256, stop, err);
}

static void push_done(void *arg, int result, const struct err *err)
{
    struct push *push = arg;
    if (result) {
        log_warn("model '%s' was not uploaded: %s", push->name, err->text);
        node_send_error(push->node, NULL, push->name, err->text);
    } else {
        log_info("model '%s' was uploaded", push->name);
    }
    push_free(push);
}

void request_push(struct node *node, const struct msg *msg)
{
    const char *name = msg->model_name, *api = uplink_api(node->link);
    struct err err = ERR_INIT;
    if (!name || !name_is_valid(name)) {
        node_send_error(node, NULL, NULL, "SERVER PUSH names no model");
        return;
    }
    if (shelf_scan(node->shelf, &err)) {
        node_send_error(node, NULL, name, err.text);
        return;
    }
    const char *sha256 = shelf_sha256(node->shelf, name);
    if (!sha256)
        err_set(&err, "model '%s' not found on node '%s'", name, node->config.name);
    else if (msg->model_sha256 && strcmp(msg->model_sha256, sha256) != 0)
        err_set(&err, "node '%s' has another model '%s'", node->config.name, name);
    else if (!api)
        err_set(&err, "the broker told no port to upload to");
    if (*err.text) {
        node_send_error(node, NULL, name, err.text);
        return;
    }
    struct push *push = calloc(1, sizeof *push);
    if (push) {
        push->node = node;
        push->api = strdup(api);
        push->path = shelf_path(node->shelf, name, "pth");
        push->name = strdup(name);
        push->sha256 = strdup(sha256);
        if (push->api && push->path && push->name && push->sha256 &&
            crew_start(node->crew, push_run, push_done, push))
            return;
    }
    push_free(push);
    node_send_error(node, NULL, name, "no memory to upload a model");
}

void request_remove(struct node *node, const struct msg *msg)
{
    const char *name = msg->model_name;
    struct err err = ERR_INIT;
    if (!name || !name_is_valid(name)) {
        node_send_error(node, NULL, NULL, "SERVER REMOVE names no model");
        return;
    }
    if (trainings_use(node->trainings, name))
        err_set(&err, "model '%s' is being trained", name);
    else if (!shelf_remove(node->shelf, name, &err))
        log_info("model '%s' was removed", name);
    if (*err.text)
        node_send_error(node, NULL, name, err.text);
    else
        node_send_info(node);
}
