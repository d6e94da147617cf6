/* See train_request.h. */
#include "train_request.h"

#include <string.h>

#include "dcls/proto/json.h"
#include "dcls/proto/name.h"

static bool is_known(const char *member)
{
    static const char *const known[] = { "type", "name", "modelName", "modelType", "train_key", "job", "generation" };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcmp(member, known[i]))
            return true;
    return train_option_by_name(member);
}

int train_request_check(const char *text, size_t len, struct err *err)
{
    cJSON *object = cJSON_ParseWithLength(text, len);
    const cJSON *member = object ? object->child : NULL;
    while (member && is_known(member->string))
        member = member->next;
    int result = member ? err_set(err, "the option '%s' is not offered", member->string) : 0;
    cJSON_Delete(object);
    return result;
}

bool train_request_keys(const char *text, size_t len, struct msg *request)
{
    cJSON *object = cJSON_ParseWithLength(text, len);
    const char *type = json_text(object, "type"), *key = json_text(object, "train_key");
    const char *job = json_text(object, "job"), *model = json_text(object, "modelName");
    const cJSON *generation = cJSON_GetObjectItemCaseSensitive(object, "generation");
    bool is_training = type && !strcmp(type, msg_type_name(MSG_SERVER_TRAIN)) && key && name_is_key(key);
    msg_init(request, MSG_SERVER_TRAIN);
    if (cJSON_IsNumber(generation) && generation->valuedouble >= 0)
        request->generation = generation->valueint;
    if (is_training)
        is_training = !msg_set(&request->train_key, key) &&
                      !msg_set(&request->job, job && name_is_key(job) ? job : NULL) &&
                      !msg_set(&request->model_name, model && name_is_valid(model) ? model : NULL);
    cJSON_Delete(object);
    return is_training;
}
