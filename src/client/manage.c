/* Commands that change one thing at the broker: cancel a job, delete a model. */
#include <stdio.h>

#include "api.h"
#include "dcls/base/options.h"
#include "client.h"
#include "dcls/proto/name.h"

/* DELETE PREFIX NAME; then says that `what` NAME `is_done`. */
static int remove_at(struct client *client, const char *prefix, const char *name, const char *what, const char *is_done)
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

int client_cancel(struct client *client, int argc, char **argv)
{
    static const struct args args = {
        .operands = "JOB", .summary = "Ends a training that is queued or running.", .min_operands = 1, .max_operands = 1
    };
    struct err err = ERR_INIT;
    int first, status;
    if (args_parse(client, &args, argc, argv, &first, &status) < 0)
        return status;
    if (!name_is_key(argv[first])) {
        err_set(&err, "'%s' is no job", argv[first]);
        return args_wrong(argv[0], &err);
    }
    return remove_at(client, "/jobs/", argv[first], "job", "is cancelled");
}

int client_rm(struct client *client, int argc, char **argv)
{
    static const struct args args = { .operands = "MODEL",
                                      .summary = "Deletes a model from every node that has it.",
                                      .min_operands = 1,
                                      .max_operands = 1 };
    struct err err = ERR_INIT;
    int first, status;
    if (args_parse(client, &args, argc, argv, &first, &status) < 0)
        return status;
    if (!name_is_valid(argv[first])) {
        err_set(&err, "'%s' is no model's name", argv[first]);
        return args_wrong(argv[0], &err);
    }
    return remove_at(client, "/models/", argv[first], "model", "is deleted");
}
