/* See completion.h. */
#include "completion.h"

#include "daemon.h"
#include "dcls/base/log.h"

#define CLASSES_MAX (128 * 1024) /* bytes of names beside a report and a log, which must all fit a message */

void completion_describe(struct daemon *daemon, struct msg *completed)
{
    struct err err = ERR_INIT;
    model_store_learn(daemon->model_store, cJSON_GetArrayItem(completed->model_info, 0));
    if (model_store_scan(daemon->model_store, &err))
        log_error("%s", err.text);
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
}
