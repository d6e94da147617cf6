/* See completion.h. */
#include "completion.h"

#include "daemon.h"
#include "dcls/base/sha256.h"
#include "dcls/proto/json.h"

#define CLASSES_MAX (128 * 1024) /* bytes of names beside a report and a log, which must all fit a message */

void completion_describe(struct daemon *daemon, struct msg *completed)
{
    const char *sha256 = json_text(cJSON_GetArrayItem(completed->model_info, 0), "sha256");
    model_store_look(daemon->model_store, completed->model_name, sha256_is_hex(sha256) ? sha256 : NULL);
    cJSON *info = model_store_entry(daemon->model_store, completed->model_name, CLASSES_MAX);
    if (info && !cJSON_ReplaceItemInArray(completed->model_info, 0, info))
        cJSON_Delete(info);
}

void completion_announce(struct daemon *daemon, const struct msg *completed)
{
    struct msg msg;
    msg_init(&msg, MSG_NEW_MODEL_ADDED);
    msg.model_info = cJSON_Duplicate(completed->model_info, true);
    if (!msg_set(&msg.new_model, completed->model_name) && !model_store_names(daemon->model_store, &msg.models))
        uplink_send(daemon->link, &msg, NULL);
    msg_release(&msg);
    model_work_scan(daemon->model_work); /* others may have come by hand */
}
