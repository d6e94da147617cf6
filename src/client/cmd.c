/* `dcls client`: finds the command in a table and runs it. */
#include <stdio.h>

#include "client.h"
#include "commands.h"
#include "dcls/commands.h"
#include "dcls/net/http_client.h"

static const struct command commands[] = {
    { "train", client_train, "train a model and watch it" },
    { "infer", client_infer, "tell what images show" },
    { "nodes", client_nodes, "list the machines that train and serve" },
    { "models", client_models, "list the trained models" },
    { "images", client_images, "list the broker's images" },
    { "jobs", client_jobs, "list the trainings: queued, running and ended" },
    { "report", client_report, "show a model's training, epoch by epoch" },
    { "log", client_log, "print a model's training log" },
    { "export", client_export, "save a model's weights for other programs" },
    { "watch", client_watch, "follow a training until it ends" },
    { "cancel", client_cancel, "end a training" },
    { "rm", client_rm, "delete a model from every node" },
    { "forget", client_forget, "free the name of a node that does not come back" },
    { 0 },
};

int client_main(int argc, char **argv)
{
    struct err err = ERR_INIT;
    if (http_global_init(&err))
        return client_fail(&err);
    int status = client_run(commands, argc, argv);
    http_global_release();
    /* A full disk behind stdout must not look like success. */
    if (!fflush(stdout) && !ferror(stdout))
        return status;
    err_set(&err, "cannot write the results");
    return client_fail(&err);
}
