/* `dcls client train`: the options of the training table plus a few of its own, one request, then watching.
 *
 * What the table says of an option (flag, bounds, default, help) is said nowhere else; --weights alone is looked at
 * here, because its file is the client's and travels as a blob. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "client.h"
#include "commands.h"
#include "dcls/base/sha256.h"
#include "dcls/nn/models.h"
#include "dcls/proto/json.h"
#include "dcls/proto/name.h"
#include "dcls/proto/train_options.h"
#include "interrupt.h"
#include "weights.h"
#include "watch.h"

struct train_command {
    const char *type, *name, *node;
    cJSON *nodes;             /* "all", or an array of names; NULL: not given */
    const char *weights_file; /* or its URL; NULL: nothing to upload */
    bool detach;
    struct train_options options;
};

/* "all", or names between commas. */
static int take_nodes(const struct command_option *option, const char *as, const char *text, struct err *err)
{
    struct train_command *train = option->to;
    bool all = !strcmp(text, "all");
    cJSON_Delete(train->nodes);
    train->nodes = all ? cJSON_CreateString(text) : cJSON_CreateArray();
    for (const char *at = text; !all; at++) {
        char name[NAME_SIZE] = "";
        size_t size = strcspn(at, ",");
        if (size < sizeof name)
            memcpy(name, at, size);
        if (!name_is_valid(name))
            return err_set(err, "'%s' is '%s': '%.*s' is no name of a node", as, text, (int)size, at);
        if (!json_append(train->nodes, cJSON_CreateString(name)))
            return err_set(err, "no memory");
        at += size;
        if (!*at)
            break;
    }
    return 0;
}

/* An option of the training itself, but for weights that are a file or its URL. */
static int take_option(const struct command_option *given, const char *as, const char *text, struct err *err)
{
    struct train_command *train = given->to;
    const struct train_option *option = train_option_by_flag(given->flag);
    bool is_weights = !strcmp(option->name, "weights");
    if (!is_weights)
        return train_option_parse(&train->options, option, text, err);
    train->weights_file = NULL;
    if (strstr(text, "://") && strncmp(text, "https://", 8))
        return err_set(err, "'%s' is '%s': it must start with https://", as, text);
    if (!strcmp(text, "none") || !strcmp(text, "imagenet") || !strncmp(text, "sha256:", 7))
        return train_option_parse(&train->options, option, text, err);
    train->weights_file = text;
    return 0;
}

/* The table of training options as one of a command line; its end is there already. */
static void list_options(struct train_command *train, struct command_option *list)
{
    for (const struct train_option *row = train_option_table; row < train_option_table + train_option_count; row++) {
        bool tells_default = row->type != OPTION_SWITCH && *row->fallback;
        *list++ = (struct command_option){ .flag = row->flag,
                                           .type = row->type,
                                           .value = row->value,
                                           .to = train,
                                           .help = row->help,
                                           .choices = row->choices,
                                           .absent = tells_default ? row->fallback : NULL,
                                           .take = take_option };
    }
}

/* The result is as options_parse's. */
static int parse(struct client *client, struct train_command *train, int argc, char **argv, int *status)
{
    struct command_option options[TRAIN_OPTIONS_MAX + 1] = { 0 };
    const struct command_option own[] = {
        { "name", OPTION_TEXT, "MODEL", &train->name, .help = "the model's name", .take = name_take,
          .absent = "TYPE-N, the first free N" },
        { "node", OPTION_TEXT, "NAME", &train->node, .help = "the node that trains", .take = name_take,
          .absent = "a free one" },
        { "nodes", OPTION_TEXT, "A,B,...|all", train, .help = "several nodes that train one model together",
          .take = take_nodes },
        { "detach", OPTION_SWITCH, NULL, &train->detach, .help = "print the job's number and do not wait for it" },
        { 0 },
    };
    char types[256], summary[512];
    network_names(types, sizeof types);
    snprintf(summary, sizeof summary,
             "Trains a network of TYPE (%s, or another that a node offers) on a node's images, and watches it. Ctrl-C "
             "ends the watching alone: the training goes on.",
             types);
    const struct command_line line = {
        .operands = "TYPE",
        .min_operands = 1,
        .max_operands = 1,
        .summary = summary,
        .tables = { own, options },
    };
    struct err err = ERR_INIT;
    int first;
    train_options_init(&train->options);
    list_options(train, options);
    if (client_parse(client, &line, argc, argv, &first, status))
        return -1;
    const struct network *network = network_find(argv[first]);
    /* Whether a node offers networks that are not known here is the broker's to say. */
    train->type = network ? network->name : argv[first];
    if (!name_is_valid(train->type))
        err_set(&err, "'%s' is no type of network", train->type);
    else if (train->node && train->nodes)
        err_set(&err, "--node and --nodes exclude each other");
    else if (*train->options.resume && train->weights_file)
        err_set(&err, "--resume and --weights exclude each other");
    else if (!train_options_check(&train->options, &err))
        return 0;
    *status = client_wrong(argv[0], &err);
    return -1;
}

/* The body of POST /train; NULL with err where memory lacks. */
static cJSON *describe(const struct train_command *train, struct err *err)
{
    cJSON *body = cJSON_CreateObject();
    bool ok = cJSON_AddStringToObject(body, "modelType", train->type);
    if (train->name)
        ok = ok && cJSON_AddStringToObject(body, "modelName", train->name);
    if (train->node)
        ok = ok && cJSON_AddStringToObject(body, "node", train->node);
    if (train->nodes)
        ok = ok && cJSON_AddItemReferenceToObject(body, "nodes", train->nodes);
    if (ok && !train_options_to_json(&train->options, body))
        return body;
    err_set(err, "no memory");
    cJSON_Delete(body);
    return NULL;
}

/* Gives the answer, {"job": ID}. */
static cJSON *submit(const struct client *client, const cJSON *body, struct err *err)
{
    char *text = cJSON_PrintUnformatted(body);
    if (!text) {
        err_set(err, "no memory");
        return NULL;
    }
    struct api_request request = { .method = "POST",
                                   .path = "/train",
                                   .content_type = "application/json",
                                   .body = text,
                                   .body_size = strlen(text),
                                   .async = true };
    cJSON *answer = api_json(client, &request, err);
    free(text);
    if (answer && !*api_text(answer, "job")) {
        err_set(err, "the broker took the training without naming its job");
        cJSON_Delete(answer);
        return NULL;
    }
    return answer;
}

int client_train(int argc, char **argv)
{
    struct client client;
    struct train_command train = { .type = NULL };
    struct err err = ERR_INIT;
    cJSON *body = NULL, *answer = NULL;
    char digest[SHA256_HEX_SIZE], weights[SHA256_HEX_SIZE + 8];
    int status;

    if (parse(&client, &train, argc, argv, &status))
        goto out;
    interrupt_catch();
    if (train.weights_file) {
        if (upload_weights(&client, train.weights_file, digest, &err))
            goto fail;
        snprintf(weights, sizeof weights, "sha256:%s", digest);
        if (train_option_parse(&train.options, train_option_by_name("weights"), weights, &err))
            goto fail;
    }
    body = describe(&train, &err);
    if (!body)
        goto fail;
    answer = submit(&client, body, &err);
    if (!answer)
        goto fail;
    if (!train.detach) {
        status = watch_job(&client, api_text(answer, "job"));
    } else if (client.json) {
        status = client_print_json(answer);
    } else {
        puts(api_text(answer, "job"));
        status = EXIT_DONE;
    }
    goto out;
fail:
    status = *interrupt_flag() ? EXIT_INTERRUPTED : EXIT_FAILED;
    if (status == EXIT_INTERRUPTED)
        err_set(&err, "interrupted before the training began");
    client_fail(&err);
out:
    cJSON_Delete(answer);
    cJSON_Delete(body);
    cJSON_Delete(train.nodes);
    return status;
}
