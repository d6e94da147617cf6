/* See progress.h. */
#include "progress.h"

#include <stdio.h>

#include "dcls/base/fs.h"
#include "dcls/base/log.h"
#include "daemon.h"
#include "prepare.h"

void progress_send(struct daemon *daemon, const struct msg *request, const char *message, const char *notice)
{
    struct msg msg;
    if (uplink_is_legacy(daemon->link))
        return;
    msg_init(&msg, MSG_TRAINING_PROGRESS);
    msg.generation = request->generation;
    msg.epoch = 0;
    msg.epochs = request->options.epochs;
    if (msg_set(&msg.train_key, request->train_key) || msg_set(&msg.job, request->job) ||
        msg_set(&msg.model_name, request->model_name) || msg_set(&msg.message, message) || msg_set(&msg.notice, notice))
        log_warn("no memory to tell of '%s'", request->train_key);
    else
        daemon_send(daemon, &msg, NULL);
    msg_release(&msg);
}

void progress_download(struct daemon *daemon, const struct msg *request, const struct preparation *preparation,
                       int64_t *told)
{
    char text[160];
    int64_t size = preparation->part ? fs_size(preparation->part) : -1;
    if (size <= 0 || size == *told)
        return;
    *told = size;
    snprintf(text, sizeof text, "fetching '%.80s', %.1f MB so far", preparation->file, (double)size / 1e6);
    progress_send(daemon, request, text, NULL);
}
