/* GET_JSON, SERVER PUSH and SERVER REMOVE. */
#include "model_requests.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/base/fs.h"
#include "dcls/net/http_client.h"
#include "dcls/base/log.h"
#include "daemon.h"
#include "node_info.h"

#define REPORT_MAX (16 * 1024 * 1024)

void model_request_report(struct daemon *daemon, const struct msg *msg)
{
    const char *name = msg->json_name;
    struct msg answer;
    char *path = NULL, *text = NULL, why[256];
    size_t count;

    assert(msg->type == MSG_GET_JSON && name);
    msg_init(&answer, MSG_JSON_RESPONSE);
    snprintf(why, sizeof why, "File 'models/%s/%s.json' not found", name, name); /* the existing node's words */
    path = model_store_path(daemon->model_store, name, "json");
    if (!path || fs_read(path, REPORT_MAX, &text, &count, NULL))
        goto refuse;
    answer.data = cJSON_ParseWithLength(text, count);
    if (!answer.data || msg_set(&answer.json_name, name)) {
        snprintf(why, sizeof why, "File 'models/%s/%s.json' is no JSON", name, name);
        goto refuse;
    }
    if (uplink_send(daemon->link, &answer, NULL) && uplink_is_up(daemon->link)) {
        snprintf(why, sizeof why, "File 'models/%s/%s.json' is too long to send", name, name);
        goto refuse;
    }
    goto out;
refuse:
    uplink_send_error(daemon->link, NULL, name, why);
out:
    msg_release(&answer);
    free(text);
    free(path);
}

struct model_upload {
    struct daemon *daemon;
    char *api, *path, *name, *sha256;
};

static void upload_free(struct model_upload *upload)
{
    if (!upload)
        return;
    free(upload->api);
    free(upload->path);
    free(upload->name);
    free(upload->sha256);
    free(upload);
}

static int upload_run(void *arg, const atomic_bool *stop, struct err *err)
{
    const struct model_upload *upload = arg;
    return http_upload_blob(upload->api, upload->path, upload->sha256, stop, err);
}

static void upload_done(void *arg, int result, const struct err *err)
{
    struct model_upload *upload = arg;
    if (result) {
        log_warn("model '%s' was not uploaded: %s", upload->name, err->text);
        uplink_send_error(upload->daemon->link, NULL, upload->name, err->text);
    } else {
        log_info("model '%s' was uploaded", upload->name);
    }
    upload_free(upload);
}

void model_request_push(struct daemon *daemon, const struct msg *msg)
{
    const char *name = msg->model_name, *sha256 = NULL, *api = uplink_api(daemon->link);
    struct err err = ERR_INIT;
    assert(msg->type == MSG_SERVER_PUSH && name);
    model_store_look(daemon->model_store, name, NULL);
    sha256 = model_store_require(daemon->model_store, name, msg->model_sha256, daemon->config.name, &err);
    if (sha256 && !api)
        err_set(&err, "the broker told no port to upload to");
    if (*err.text) {
        uplink_send_error(daemon->link, NULL, name, err.text);
        return;
    }
    struct model_upload *upload = calloc(1, sizeof *upload);
    if (upload) {
        upload->daemon = daemon;
        upload->api = strdup(api);
        upload->path = model_store_path(daemon->model_store, name, "pth");
        upload->name = strdup(name);
        upload->sha256 = strdup(sha256);
        if (upload->api && upload->path && upload->name && upload->sha256 &&
            thread_pool_submit(daemon->pool, NO_LANE, upload_run, upload_done, upload))
            return;
    }
    upload_free(upload);
    uplink_send_error(daemon->link, NULL, name, "no memory to upload a model");
}

/* With what the broker takes: an answer to this request, or one of the kinds that older ones know. */
static void answer_removal(struct daemon *daemon, const struct msg *request, const struct err *err)
{
    struct msg answer;
    bool failed = *err->text, answers = uplink_takes_removed(daemon->link);
    msg_init(&answer, failed ? MSG_REMOVE_FAILED : MSG_MODEL_REMOVED);
    if (failed && !answers)
        uplink_send_error(daemon->link, NULL, request->model_name, err->text);
    else if (answers && (msg_set(&answer.model_name, request->model_name) ||
                         msg_set(&answer.model_sha256, request->model_sha256) ||
                         msg_set(&answer.message, failed ? err->text : NULL)))
        log_error("no memory to answer a removal"); /* the broker asks again */
    else if (answers)
        uplink_send(daemon->link, &answer, NULL);
    msg_release(&answer);
}

void model_request_remove(struct daemon *daemon, const struct msg *msg)
{
    const char *name = msg->model_name;
    struct err err = ERR_INIT;
    bool changed = false;
    assert(msg->type == MSG_SERVER_REMOVE && name);
    if (trainings_use(daemon->trainings, name))
        err_set(&err, "model '%s' is being trained", name);
    else if (!model_store_remove(daemon->model_store, name, msg->model_sha256, &changed, &err))
        log_info("model '%s' was removed", name);
    if (*err.text)
        log_warn("model '%s' is not removed: %s", name, err.text);
    answer_removal(daemon, msg, &err);
    if (!*err.text || changed)
        node_info_send(daemon);
}
