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

void model_request_report(struct daemon *daemon, const struct msg *msg)
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
    path = model_store_path(daemon->model_store, name, "json");
    if (!path || fs_read(path, REPORT_MAX, &text, &count, NULL))
        goto refuse;
    answer.data = cJSON_ParseWithLength(text, count);
    if (!answer.data || msg_set(&answer.json_name, name)) {
        snprintf(why, sizeof why, "File 'models/%s/%s.json' is no JSON", name, name);
        goto refuse;
    }
    if (daemon_send(daemon, &answer, NULL) && uplink_is_up(daemon->link)) {
        snprintf(why, sizeof why, "File 'models/%s/%s.json' is too long to send", name, name);
        goto refuse;
    }
    goto out;
refuse:
    daemon_send_error(daemon, NULL, name, why);
out:
    msg_release(&answer);
    free(text);
    free(path);
}

struct upload_task {
    struct daemon *daemon;
    char *api, *path, *name, *sha256;
};

static void push_free(struct upload_task *push)
{
    if (!push)
        return;
    free(push->api);
    free(push->path);
    free(push->name);
    free(push->sha256);
    free(push);
}

static int push_run(void *arg, const atomic_bool *stop, struct err *err)
{
    const struct upload_task *push = arg;
    return http_upload_blob(push->api, push->path, push->sha256, stop, err);
}

static void push_done(void *arg, int result, const struct err *err)
{
    struct upload_task *push = arg;
    if (result) {
        log_warn("model '%s' was not uploaded: %s", push->name, err->text);
        daemon_send_error(push->daemon, NULL, push->name, err->text);
    } else {
        log_info("model '%s' was uploaded", push->name);
    }
    push_free(push);
}

void model_request_push(struct daemon *daemon, const struct msg *msg)
{
    const char *name = msg->model_name, *api = uplink_api(daemon->link);
    struct err err = ERR_INIT;
    if (!name || !name_is_valid(name)) {
        daemon_send_error(daemon, NULL, NULL, "SERVER PUSH names no model");
        return;
    }
    if (model_store_scan(daemon->model_store, &err)) {
        daemon_send_error(daemon, NULL, name, err.text);
        return;
    }
    const char *sha256 = model_store_sha256(daemon->model_store, name);
    if (!sha256)
        err_set(&err, "model '%s' not found on node '%s'", name, daemon->config.name);
    else if (msg->model_sha256 && strcmp(msg->model_sha256, sha256) != 0)
        err_set(&err, "node '%s' has another model '%s'", daemon->config.name, name);
    else if (!api)
        err_set(&err, "the broker told no port to upload to");
    if (*err.text) {
        daemon_send_error(daemon, NULL, name, err.text);
        return;
    }
    struct upload_task *push = calloc(1, sizeof *push);
    if (push) {
        push->daemon = daemon;
        push->api = strdup(api);
        push->path = model_store_path(daemon->model_store, name, "pth");
        push->name = strdup(name);
        push->sha256 = strdup(sha256);
        if (push->api && push->path && push->name && push->sha256 &&
            thread_pool_submit(daemon->pool, NO_LANE, push_run, push_done, push))
            return;
    }
    push_free(push);
    daemon_send_error(daemon, NULL, name, "no memory to upload a model");
}

void model_request_remove(struct daemon *daemon, const struct msg *msg)
{
    const char *name = msg->model_name;
    struct err err = ERR_INIT;
    if (!name || !name_is_valid(name)) {
        daemon_send_error(daemon, NULL, NULL, "SERVER REMOVE names no model");
        return;
    }
    if (trainings_use(daemon->trainings, name))
        err_set(&err, "model '%s' is being trained", name);
    else if (!model_store_remove(daemon->model_store, name, &err))
        log_info("model '%s' was removed", name);
    if (*err.text)
        daemon_send_error(daemon, NULL, name, err.text);
    else
        daemon_send_info(daemon);
}
