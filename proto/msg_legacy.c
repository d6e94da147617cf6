/* The form of a message for a peer of the existing system, which reads 4096 bytes at most and would lose the rest.
 *
 * What is too long is shortened where that leaves it useful, least missed first: a log keeps its last lines; a training
 * report drops what the existing system does not know, then epochs from the middle; an inference report drops the least
 * probable classes. A report that was shortened says "truncated": true. */
#include <stdlib.h>
#include <string.h>

#include "dcls/proto/json.h"
#include "dcls/proto/msg.h"
#include "msg_encode.h"
#include "msg_table.h"

enum { PRINTED_MAX = 64 * MSG_MAX }; /* a report on disk may be longer than any message */

/* Members of a report, its arguments and its epochs, that the existing system writes too. */
static const char *const report_members[] = { "timestamp",       "arguments",           "epochs", "results",
                                              "model_save_path", "total_training_time", "image",  "predicted_class",
                                              "output",          "truncated",           NULL };
static const char *const argument_members[] = { "data_dir",      "base_model",      "epochs",           "batch_size",
                                                "learning_rate", "model_save_path", "report",           "output_file",
                                                "image_path",    "model_path",      "class_names_path", NULL };
static const char *const epoch_members[] = { "epoch",     "train_loss",    "train_accuracy",
                                             "test_loss", "test_accuracy", "epoch_time_seconds",
                                             NULL };

static size_t printed_size(const cJSON *value)
{
    struct buf text;
    buf_init(&text, PRINTED_MAX);
    size_t size = json_print_spaced(value, &text) ? PRINTED_MAX : text.len;
    buf_release(&text);
    return size;
}

static void keep_only(cJSON *object, const char *const *members)
{
    for (cJSON *child = cJSON_IsObject(object) ? object->child : NULL, *next; child; child = next) {
        next = child->next;
        const char *const *member = members;
        while (*member && strcmp(*member, child->string))
            member++;
        if (!*member)
            cJSON_Delete(cJSON_DetachItemViaPointer(object, child));
    }
}

static void drop_optional(cJSON *report)
{
    keep_only(report, report_members);
    keep_only(cJSON_GetObjectItemCaseSensitive(report, "arguments"), argument_members);
    cJSON *results = cJSON_GetObjectItemCaseSensitive(report, "results");
    for (cJSON *epoch = cJSON_IsArray(results) ? results->child : NULL; epoch; epoch = epoch->next)
        keep_only(epoch, epoch_members);
}

/* Deletes items of a list until it is `excess` bytes shorter: from the middle outwards, or from the end, but never the
 * first, nor, from the middle, the last. */
static void shorten_list(cJSON *list, size_t excess, bool from_middle)
{
    if (!cJSON_IsArray(list))
        return;
    size_t count = (size_t)cJSON_GetArraySize(list), gone = 0;
    if (count < 2)
        return;
    cJSON *item = list->child;
    if (!from_middle) {
        for (item = list->child->prev; gone < excess && item != list->child;) {
            cJSON *before = item->prev;
            gone += printed_size(item) + 2;
            cJSON_Delete(cJSON_DetachItemViaPointer(list, item));
            item = before;
        }
        return;
    }
    for (size_t i = 0; i < count / 2; i++)
        item = item->next;
    /* `item` and what follows it go, and what lies before it, in turn. */
    cJSON *before = item->prev;
    for (bool forward = true; gone < excess; forward = !forward) {
        bool after_left = item && item->next, before_left = before != list->child;
        if (!after_left && !before_left)
            break;
        cJSON *victim = (forward && after_left) || !before_left ? item : before;
        if (victim == item)
            item = item->next;
        else
            before = before->prev;
        gone += printed_size(victim) + 2;
        cJSON_Delete(cJSON_DetachItemViaPointer(list, victim));
    }
}

/* Keeps the last lines of the log: drops at least `excess` printed bytes, then the rest of that line. */
static void shorten_log(cJSON *data, size_t excess)
{
    cJSON *log = cJSON_GetObjectItemCaseSensitive(data, "output_contents");
    if (!cJSON_IsString(log))
        return;
    size_t start = 0, left = strlen(log->valuestring);
    const char *text = log->valuestring;
    while (left && excess) {
        /* A line's printed form is longer than it is by its escapes. */
        size_t line = strcspn(text + start, "\n");
        line += text[start + line] == '\n';
        cJSON printed = { .type = cJSON_String };
        char *copy = strndup(text + start, line);
        if (!copy)
            return;
        printed.valuestring = copy;
        size_t size = printed_size(&printed) - 2;
        free(copy);
        excess -= size < excess ? size : excess;
        start += line;
        left -= line;
    }
    char *kept = strdup(text + start);
    if (kept)
        (void)cJSON_SetValuestring(log, kept);
    free(kept);
}

/* How many bytes the message is too long, as it stands; 0 where it fits. */
static int measure(const struct msg *msg, size_t *excess, struct err *err)
{
    struct buf text;
    buf_init(&text, PRINTED_MAX);
    int status = msg_put(msg, true, PRINTED_MAX, &text, err);
    *excess = text.len > MSG_MAX_LEGACY ? text.len - MSG_MAX_LEGACY : 0;
    buf_release(&text);
    return status > 0 ? err_set(err, "%s is too long to be shortened", msg_type_name(msg->type)) : status;
}

static int shorten(struct msg *msg, struct err *err)
{
    size_t excess;
    cJSON *data = msg->data;
    if (msg->type == MSG_JSON_RESPONSE) {
        cJSON_DeleteItemFromObjectCaseSensitive(data, "truncated");
        if (!cJSON_AddTrueToObject(data, "truncated"))
            return err_set(err, "out of memory");
        drop_optional(data);
        if (measure(msg, &excess, err))
            return -1;
        shorten_list(cJSON_GetObjectItemCaseSensitive(data, "results"), excess, true);
        if (measure(msg, &excess, err))
            return -1;
        shorten_list(cJSON_GetObjectItemCaseSensitive(data, "output"), excess, false);
    } else {
        if (measure(msg, &excess, err))
            return -1;
        shorten_log(data, excess);
    }
    return 0;
}

/* A copy of what is shortened: the caller's message stays whole. */
static int copy_of(const struct msg *msg, struct msg *copy, struct err *err)
{
    msg_init(copy, msg->type);
    copy->data = cJSON_Duplicate(msg->data, true);
    if (!copy->data || msg_set(&copy->name, msg->name) || msg_set(&copy->train_key, msg->train_key) ||
        msg_set(&copy->model_name, msg->model_name) || msg_set(&copy->inference_key, msg->inference_key) ||
        msg_set(&copy->json_name, msg->json_name))
        return err_set(err, "out of memory");
    return 0;
}

int msg_encode_legacy(const struct msg *msg, struct buf *out, struct err *err)
{
    const char *what = msg_type_name(msg->type);
    if (msg_table[msg->type].since > 0)
        return err_set(err, "%s is unknown to a peer without protocol", what);
    int status = msg_put(msg, true, MSG_MAX_LEGACY, out, err);
    if (status == MSG_NO_ROOM && msg->data) {
        struct msg copy;
        status = copy_of(msg, &copy, err);
        if (!status)
            status = shorten(&copy, err);
        if (!status)
            status = msg_put(&copy, true, MSG_MAX_LEGACY, out, err);
        msg_release(&copy);
    }
    if (status == MSG_NO_ROOM)
        return err_set(err, "%s is longer than the %d bytes that a peer without protocol takes", what, MSG_MAX_LEGACY);
    return status ? -1 : 0;
}

bool msg_wants_answer(enum msg_type type)
{
    switch (type) {
    case MSG_CLIENT_CONNECT:
    case MSG_CLIENT_PING:
    case MSG_CLIENT_PONG:
    case MSG_CLIENT_DISCONNECT:
    case MSG_SERVER_INFERENCE:
    case MSG_GET_JSON: return true;
    default: return false;
    }
}
