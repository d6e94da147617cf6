/* Commands that change one thing at the broker: cancel a job, delete a model, forget a node. */
#include <stdio.h>

#include "api.h"
#include "client.h"
#include "commands.h"
#include "text.h"

/* DELETE PREFIX NAME; NULL after the failure was told, or the answer was printed as JSON, with the exit code. */
static cJSON *delete_at(const struct client *client, const char *prefix, const char *name, int *status)
{
    struct err err = ERR_INIT;
    cJSON *answer = api_call_named(client, "DELETE", prefix, name, "", &err);
    *status = EXIT_DONE;
    if (!answer) {
        *status = client_fail(&err);
    } else if (client->json) {
        *status = client_print_json(answer);
        cJSON_Delete(answer);
        answer = NULL;
    }
    return answer;
}

int client_cancel(int argc, char **argv)
{
    static const struct command_line line = { .summary = "Ends a training that is queued or running." };
    struct client client;
    const char *job;
    int status;
    if (client_parse_job(&client, &line, argc, argv, &job, &status))
        return status;
    cJSON *answer = delete_at(&client, "/jobs/", job, &status);
    if (answer)
        printf("job '%s' is cancelled\n", job);
    cJSON_Delete(answer);
    return status;
}

/* A line a node. */
static void print_nodes(const cJSON *answer, const char *which, const char *model, const char *what)
{
    const cJSON *node;
    cJSON_ArrayForEach(node, cJSON_GetObjectItemCaseSensitive(answer, which))
    {
        if (!cJSON_IsString(node))
            continue;
        text_print(node->valuestring, TEXT_ONE_LINE);
        printf(": model '%s' %s\n", model, what);
    }
}

int client_rm(int argc, char **argv)
{
    static const struct command_line line = { .summary = "Deletes a model from every node that has it." };
    struct client client;
    const char *model;
    int status;
    if (client_parse_model(&client, &line, argc, argv, &model, &status))
        return status;
    cJSON *answer = delete_at(&client, "/models/", model, &status);
    print_nodes(answer, "nodes", model, "is deleted");
    print_nodes(answer, "pending", model, "will be deleted when the node is back");
    if (answer && !cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(answer, "nodes")) &&
        !cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(answer, "pending")))
        printf("model '%s' is deleted\n", model);
    cJSON_Delete(answer);
    return status;
}

int client_forget(int argc, char **argv)
{
    static const struct command_line line = {
        .summary =
            "Frees the name of a node that is gone for good: its training ends, and another node may have the name.",
    };
    struct client client;
    const char *node;
    int status;
    if (client_parse_node(&client, &line, argc, argv, &node, &status))
        return status;
    cJSON *answer = delete_at(&client, "/nodes/", node, &status);
    const cJSON *job;
    cJSON_ArrayForEach(job, cJSON_GetObjectItemCaseSensitive(answer, "jobs"))
    {
        if (cJSON_IsString(job)) {
            printf("job '");
            text_print(job->valuestring, TEXT_ONE_LINE);
            printf("' has failed\n");
        }
    }
    if (answer)
        printf("node '%s' is forgotten\n", node);
    cJSON_Delete(answer);
    return status;
}
