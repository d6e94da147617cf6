/* See store_rows.h. */
#include "store_rows.h"

#include "dcls/proto/json.h"
#include "model.h"
#include "removal.h"

static bool add_holders(cJSON *row, const struct model *model)
{
    cJSON *list = cJSON_AddArrayToObject(row, "holders");
    for (size_t i = 0; i < model->holders.count; i++)
        if (!json_append(list, cJSON_CreateString(model->holders.items[i])))
            return false;
    return list;
}

cJSON *store_row_model_key(const struct model *model)
{
    cJSON *row = cJSON_CreateObject();
    bool whole =
        cJSON_AddStringToObject(row, "name", model->name) && cJSON_AddStringToObject(row, "sha256", model->sha256);
    return json_if_whole(row, whole);
}

cJSON *store_row_model(const struct model *model)
{
    cJSON *row = store_row_model_key(model);
    bool whole = !model->info || json_add(row, "info", cJSON_Duplicate(model->info, true));
    return json_if_whole(row, whole && cJSON_AddStringToObject(row, "job", model->job) &&
                                  cJSON_AddNumberToObject(row, "completed", (double)model->completed) &&
                                  add_holders(row, model));
}

cJSON *store_row_removal(const struct removal *removal)
{
    cJSON *row = cJSON_CreateObject();
    return json_if_whole(row, cJSON_AddStringToObject(row, "node", removal->node) &&
                                  cJSON_AddStringToObject(row, "model", removal->model) &&
                                  cJSON_AddStringToObject(row, "sha256", removal->sha256) &&
                                  cJSON_AddStringToObject(row, "job", removal->job) &&
                                  cJSON_AddNumberToObject(row, "since", (double)removal->since));
}
