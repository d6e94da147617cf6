/* See store_rows.h. */
#include "store_rows.h"

#include "model.h"
#include "removal.h"

static cJSON *holders_json(const struct model *model)
{
    cJSON *list = cJSON_CreateArray();
    for (size_t i = 0; i < model->holders.count && list; i++)
        cJSON_AddItemToArray(list, cJSON_CreateString(model->holders.items[i]));
    return list;
}

cJSON *store_row_model(const struct model *model)
{
    cJSON *row = cJSON_CreateObject();
    cJSON_AddStringToObject(row, "name", model->name);
    cJSON_AddStringToObject(row, "sha256", model->sha256);
    if (model->info)
        cJSON_AddItemToObject(row, "info", cJSON_Duplicate(model->info, true));
    cJSON_AddStringToObject(row, "job", model->job);
    cJSON_AddNumberToObject(row, "completed", (double)model->completed);
    if (!cJSON_AddItemToObject(row, "holders", holders_json(model))) {
        cJSON_Delete(row);
        row = NULL;
    }
    return row;
}

cJSON *store_row_removal(const struct removal *removal)
{
    cJSON *row = cJSON_CreateObject();
    if (cJSON_AddStringToObject(row, "node", removal->node) && cJSON_AddStringToObject(row, "model", removal->model) &&
        cJSON_AddStringToObject(row, "sha256", removal->sha256) && cJSON_AddStringToObject(row, "job", removal->job) &&
        cJSON_AddNumberToObject(row, "since", (double)removal->since))
        return row;
    cJSON_Delete(row);
    return NULL;
}
