/* See config.h. */
#include "config.h"

#include <math.h>
#include <stddef.h>

#define WHOLE_MAX 9007199254740991.0 /* what a double holds exactly */
#define BOTH (CONFIG_REPORT | CONFIG_CHECKPOINT)
#define MAY_LACK 4 /* in a checkpoint of an earlier version: then it stays as it is */

#define AT(member) offsetof(struct train_config, member)

/* Numbers are bounded as the command line's. */
static const struct config_member {
    const char *name;
    enum { MEMBER_TEXT, MEMBER_INT, MEMBER_SEED, MEMBER_NUMBER, MEMBER_BOOL } type;
    size_t offset;
    unsigned uses;
    double min, max;
} members[] = {
    { "type", MEMBER_TEXT, AT(type), CONFIG_CHECKPOINT, 0, 0 },
    { "epochs", MEMBER_INT, AT(epochs), CONFIG_CHECKPOINT, 1, 100000 },
    { "batch_size", MEMBER_INT, AT(batch_size), CONFIG_CHECKPOINT, 1, 4096 },
    { "image_size", MEMBER_INT, AT(image_size), CONFIG_CHECKPOINT, 1, 4096 },
    { "learning_rate", MEMBER_NUMBER, AT(learning_rate), CONFIG_CHECKPOINT, 0, 1e30 },
    { "optimizer", MEMBER_TEXT, AT(optimizer), BOTH, 0, 0 },
    { "momentum", MEMBER_NUMBER, AT(momentum), BOTH, 0, 1 },
    { "weight_decay", MEMBER_NUMBER, AT(weight_decay), BOTH, 0, 1 },
    { "scheduler", MEMBER_TEXT, AT(scheduler), BOTH, 0, 0 },
    { "warmup_epochs", MEMBER_INT, AT(warmup_epochs), BOTH, 0, 100000 },
    { "label_smoothing", MEMBER_NUMBER, AT(label_smoothing), BOTH, 0, 0.5 },
    { "class_weights", MEMBER_TEXT, AT(class_weights), BOTH, 0, 0 },
    { "validation_split", MEMBER_NUMBER, AT(validation_split), BOTH | MAY_LACK, 0, 0.5 },
    { "patience", MEMBER_INT, AT(patience), BOTH, 0, 100000 },
    { "freeze", MEMBER_BOOL, AT(freeze), BOTH, 0, 0 },
    { "augment", MEMBER_TEXT, AT(augment), BOTH, 0, 0 },
    { "fast_decode", MEMBER_BOOL, AT(fast_decode), BOTH, 0, 0 },
    { "backend", MEMBER_TEXT, AT(backend), BOTH, 0, 0 },
    { "threads", MEMBER_INT, AT(threads), CONFIG_REPORT, 0, 0 },
    { "seed", MEMBER_SEED, AT(seed), BOTH, 0, WHOLE_MAX },
};
enum { MEMBERS = sizeof members / sizeof *members };

cJSON *config_json(const struct train_config *config, enum config_use use)
{
    cJSON *object = cJSON_CreateObject();
    for (int i = 0; i < MEMBERS; i++) {
        const char *name = members[i].name;
        const void *value = (const char *)config + members[i].offset;
        if (!(members[i].uses & use))
            continue;
        switch (members[i].type) {
        case MEMBER_TEXT: cJSON_AddStringToObject(object, name, *(const char *const *)value); break;
        case MEMBER_INT: cJSON_AddNumberToObject(object, name, *(const int *)value); break;
        case MEMBER_SEED: cJSON_AddNumberToObject(object, name, (double)*(const uint64_t *)value); break;
        case MEMBER_NUMBER: cJSON_AddNumberToObject(object, name, *(const double *)value); break;
        case MEMBER_BOOL: cJSON_AddBoolToObject(object, name, *(const bool *)value); break;
        }
    }
    return object;
}

static bool is_valid(const cJSON *item, const struct config_member *member)
{
    if (member->type == MEMBER_TEXT)
        return cJSON_IsString(item);
    if (member->type == MEMBER_BOOL)
        return cJSON_IsBool(item);
    return cJSON_IsNumber(item) && item->valuedouble >= member->min && item->valuedouble <= member->max &&
           (member->type == MEMBER_NUMBER || item->valuedouble == floor(item->valuedouble));
}

int config_read(struct train_config *config, const cJSON *object, struct err *err)
{
    for (int i = 0; i < MEMBERS; i++) {
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, members[i].name);
        void *to = (char *)config + members[i].offset;
        if (!(members[i].uses & CONFIG_CHECKPOINT) || (!item && members[i].uses & MAY_LACK))
            continue;
        if (!is_valid(item, &members[i]))
            return err_set(err, "the checkpoint of '%s' has no valid '%s'", config->resume, members[i].name);
        switch (members[i].type) {
        case MEMBER_TEXT: *(const char **)to = item->valuestring; break;
        case MEMBER_INT: *(int *)to = item->valueint; break;
        case MEMBER_SEED: *(uint64_t *)to = (uint64_t)item->valuedouble; break;
        case MEMBER_NUMBER: *(double *)to = item->valuedouble; break;
        case MEMBER_BOOL: *(bool *)to = cJSON_IsTrue(item); break;
        }
    }
    return 0;
}
