/* GET_JSON and SERVER PUSH. */
#include "model_requests.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/base/fs.h"
#include "dcls/net/http_client.h"
#include "dcls/base/log.h"
#include "daemon.h"
#include "model_folder.h"

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
    char *api, *path;
    struct msg request;
    struct local_model *known; /* NULL: none of that name */
};

static void upload_free(struct model_upload *upload)
{
    if (!upload)
        return;
    free(upload->api);
    free(upload->path);
    msg_release(&upload->request);
    local_model_drop(upload->known);
    free(upload);
}

static int upload_run(void *arg, const atomic_bool *stop, struct err *err)
{
    const struct model_upload *upload = arg;
    const struct daemon *daemon = upload->daemon;
    const char *name = upload->request.model_name, *wanted = upload->request.model_sha256;
    struct local_model *model;
    int result = -1;
    switch (model_folder_read(daemon->models_dir, name, upload->known, NULL, stop, &model, err)) {
    case MODEL_FOUND:
        if (wanted && strcmp(wanted, model->sha256))
            err_set(err, "node '%s' has another model '%s'", daemon->config.name, name);
        else
            result = http_upload_blob(upload->api, upload->path, model->sha256, stop, err);
        break;
    case MODEL_MISSING: err_set(err, "model '%s' not found on node '%s'", name, daemon->config.name); break;
    case MODEL_UNREADABLE:
    case MODEL_FAILED: break;
    }
    local_model_drop(model);
    return result;
}

static void upload_done(void *arg, int result, const struct err *err)
{
    struct model_upload *upload = arg;
    const char *name = upload->request.model_name;
    if (result) {
        struct err why = *err;
        log_warn("model '%s' was not uploaded: %s", name, err->text);
        err_rename(&why, upload->daemon->models_dir, "models"); /* others are told by virtual paths */
        uplink_send_error(upload->daemon->link, NULL, name, why.text);
    } else {
        log_info("model '%s' was uploaded", name);
    }
    upload_free(upload);
}

void model_request_push(struct daemon *daemon, struct msg *msg)
{
    const char *api = uplink_api(daemon->link);
    assert(msg->type == MSG_SERVER_PUSH && msg->model_name);
    if (!api) {
        uplink_send_error(daemon->link, NULL, msg->model_name, "the broker told no port to upload to");
        return;
    }
    struct model_upload *upload = calloc(1, sizeof *upload);
    if (upload) {
        struct local_model *known = model_store_find(daemon->model_store, msg->model_name);
        upload->daemon = daemon;
        upload->api = strdup(api);
        upload->path = model_store_path(daemon->model_store, msg->model_name, "pth");
        upload->known = known ? local_model_hold(known) : NULL;
        upload->request = *msg;
        msg_init(msg, MSG_SERVER_PUSH);
        if (upload->api && upload->path && thread_pool_submit(daemon->pool, NO_LANE, upload_run, upload_done, upload))
            return;
    }
    uplink_send_error(daemon->link, NULL, upload ? upload->request.model_name : msg->model_name,
                      "no memory to upload a model");
    upload_free(upload);
}
