/* GET /options: what a form for POST /train is made of, from the table that the command line reads too. */
#include <stdio.h>
#include <string.h>

#include "dcls/proto/json.h"
#include "dcls/proto/train_options.h"
#include "handlers.h"
#include "src/broker/broker.h"
#include "src/broker/registry.h"

#define NODES_MAX 1 /* of one training */

static const char *const kinds[] = { [OPTION_INT] = "integer",
                                     [OPTION_NUMBER] = "number",
                                     [OPTION_CHOICE] = "choice",
                                     [OPTION_TEXT] = "text",
                                     [OPTION_SWITCH] = "boolean" };
static const char *const groups[] = { [TRAIN_GROUP_FIRST] = "first",
                                      [TRAIN_GROUP_OPTIMISER] = "optimiser",
                                      [TRAIN_GROUP_DATA] = "data",
                                      [TRAIN_GROUP_START] = "start" };

/* "adam|sgd" as a list. */
static bool add_choices(cJSON *object, const char *choices)
{
    cJSON *list = cJSON_AddArrayToObject(object, "choices");
    bool whole = list;
    while (whole && *choices) {
        char choice[64];
        size_t len = strcspn(choices, "|");
        snprintf(choice, sizeof choice, "%.*s", (int)len, choices);
        whole = json_append(list, cJSON_CreateString(choice));
        choices += len + (choices[len] == '|');
    }
    return whole;
}

static bool add_values(cJSON *object, const struct train_option *option)
{
    switch (option->type) {
    case OPTION_INT:
    case OPTION_NUMBER:
        return cJSON_AddNumberToObject(object, "min", option->min) &&
               cJSON_AddNumberToObject(object, "max", option->max);
    case OPTION_CHOICE: return add_choices(object, option->choices);
    case OPTION_TEXT: return cJSON_AddStringToObject(object, "placeholder", option->value);
    case OPTION_SWITCH: break;
    }
    return true;
}

static bool append_option(cJSON *list, const struct train_option *option)
{
    char flag[64];
    snprintf(flag, sizeof flag, "--%s", option->flag);
    cJSON *object = cJSON_CreateObject();
    const char *fallback = option->type == OPTION_SWITCH ? "false" : option->fallback;
    bool whole =
        cJSON_AddStringToObject(object, "name", option->name) && cJSON_AddStringToObject(object, "flag", flag) &&
        cJSON_AddStringToObject(object, "kind", kinds[option->type]) && add_values(object, option) &&
        cJSON_AddStringToObject(object, "default", fallback) && cJSON_AddStringToObject(object, "help", option->help) &&
        cJSON_AddStringToObject(object, "group", groups[option->group]);
    return json_append(list, object) && whole;
}

static bool is_trained(const struct registry *registry, const char *type)
{
    const struct node *node = registry_first(registry);
    while (node && !strings_has(&node->types, type))
        node = registry_next(node);
    return node;
}

void handle_options(struct exchange *exchange)
{
    const struct registry *registry = exchange->broker->registry;
    const struct strings *types = registry_types(registry);
    cJSON *object = cJSON_CreateObject(), *options = cJSON_AddArrayToObject(object, "options");
    cJSON *trained = cJSON_AddArrayToObject(object, "types");
    bool whole = options && trained && cJSON_AddNumberToObject(object, "maxNodes", NODES_MAX);
    for (size_t i = 0; i < train_option_count && whole; i++)
        whole = append_option(options, &train_option_table[i]);
    for (size_t i = 0; i < types->count && whole; i++)
        if (is_trained(registry, types->items[i]))
            whole = json_append(trained, cJSON_CreateString(types->items[i]));
    exchange_object(exchange, 200, object, whole);
}
