/* The memory of a message: what is absent, what it owns. */
#include "dcls/proto/msg.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void msg_init(struct msg *msg, enum msg_type type)
{
    *msg = (struct msg){ .type = type,
                         .protocol = -1,
                         .cores = -1,
                         .memory = -1,
                         .api_port = -1,
                         .generation = -1,
                         .epoch = -1,
                         .epochs = -1,
                         .batch = -1,
                         .batches = -1,
                         .threads = -1,
                         .cancelled = -1,
                         .wrong = -1,
                         .index = -1,
                         .width = -1,
                         .limit = -1,
                         .offset = -1,
                         .status = -1,
                         .images_per_second = NAN,
                         .loss = NAN,
                         .accuracy = NAN };
    /* Their defaults are texts that are parsed, a quarter of what a short message costs. */
    if (type == MSG_SERVER_TRAIN || type == MSG_WORKER_TRAIN)
        train_options_init(&msg->options);
}

int msg_init_about(struct msg *msg, enum msg_type type, const struct msg *about)
{
    msg_init(msg, type);
    msg->generation = about->generation;
    bool failed = msg_set(&msg->train_key, about->train_key) || msg_set(&msg->job, about->job) ||
                  msg_set(&msg->model_name, about->model_name);
    return failed ? -1 : 0;
}

void msg_release(struct msg *msg)
{
    char **texts[] = { &msg->name,         &msg->model_name, &msg->model_type,   &msg->train_key,  &msg->inference_key,
                       &msg->json_name,    &msg->new_model,  &msg->message,      &msg->image_path, &msg->image_sha256,
                       &msg->model_sha256, &msg->version,    &msg->instance,     &msg->cpu,        &msg->job,
                       &msg->data_dir,     &msg->models_dir, &msg->weights_file, &msg->image_file, &msg->notice,
                       &msg->secret,       &msg->view_key,   &msg->split,        &msg->label,      &msg->predicted };
    cJSON *values[] = { msg->dataset,    msg->result, msg->data, msg->report,
                        msg->model_info, msg->jobs,   msg->puts, msg->load };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        free(*texts[i]);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        cJSON_Delete(values[i]);
    strings_release(&msg->models);
    strings_release(&msg->features);
    strings_release(&msg->addresses);
    strings_release(&msg->notices);
    msg_init(msg, msg->type);
}

int msg_set(char **member, const char *text)
{
    char *copy = text ? strdup(text) : NULL;
    if (text && !copy)
        return -1;
    free(*member);
    *member = copy;
    return 0;
}

int strings_add(struct strings *strings, const char *text)
{
    /* Room doubles: it is full whenever the count is a power of two. */
    size_t count = strings->count;
    if (!(count & (count - 1))) {
        char **items = reallocarray(strings->items, count ? 2 * count : 1, sizeof *items);
        if (!items)
            return -1;
        strings->items = items;
    }
    char *copy = strdup(text);
    if (!copy)
        return -1;
    strings->items[strings->count++] = copy;
    return 0;
}

bool strings_has(const struct strings *strings, const char *text)
{
    for (size_t i = 0; i < strings->count; i++)
        if (!strcmp(strings->items[i], text))
            return true;
    return false;
}

bool strings_remove(struct strings *strings, const char *text)
{
    for (size_t i = 0; i < strings->count; i++)
        if (!strcmp(strings->items[i], text)) {
            free(strings->items[i]);
            strings->items[i] = strings->items[--strings->count];
            return true;
        }
    return false;
}

void strings_release(struct strings *strings)
{
    for (size_t i = 0; i < strings->count; i++)
        free(strings->items[i]);
    free(strings->items);
    *strings = (struct strings){ 0 };
}
