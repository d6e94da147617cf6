/* Commands that change one thing at the broker: cancel a job, delete a model. */
#include <stdio.h>

#include "api.h"
#include "client.h"
#include "commands.h"

/* DELETE PREFIX NAME; then says that `what` NAME `is_done`. */
static int remove_at(const struct client *client, const char *prefix, const char *name, const char *what,
                     const char *is_done)
{
    struct err err = ERR_INIT;
    cJSON *answer = api_call_named(client, "DELETE", prefix, name, "", &err);
    int status = EXIT_DONE;
    if (!answer)
        return client_fail(&err);
    if (client->json)
        status = client_print_json(answer);
    else
        printf("%s '%s' %s\n", what, name, is_done);
    cJSON_Delete(answer);
    return status;
}

int client_cancel(int argc, char **argv)
{
    static const struct command_line line = { .summary = "Ends a training that is queued or running." };
    struct client client;
    const char *job;
    int status;
    if (client_parse_job(&client, &line, argc, argv, &job, &status))
        return status;
    return remove_at(&client, "/jobs/", job, "job", "is cancelled");
}

int client_rm(int argc, char **argv)
{
    static const struct command_line line = { .summary = "Deletes a model from every node that has it." };
    struct client client;
    const char *model;
    int status;
    if (client_parse_model(&client, &line, argc, argv, &model, &status))
        return status;
    return remove_at(&client, "/models/", model, "model", "is deleted");
}
