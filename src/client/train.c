/* `dcls client train`: the options of the training table plus a few of its own, one request, then watching.
 *
 * What the table says of an option (flag, bounds, default, help) is said nowhere else; --weights alone is looked at
 * here, because its file is the client's and travels as a blob. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "dcls/base/options.h"
#include "client.h"
#include "dcls/base/sha256.h"
#include "dcls/nn/models.h"
#include "dcls/proto/name.h"
#include "dcls/proto/train_options.h"
#include "interrupt.h"
#include "weights.h"
#include "watch.h"

static const struct arg_option own_options[] = {
    { "name", "MODEL", "the model's name", "TYPE-N, the first free N" },
    { "node", "NAME", "the node that trains", "a free one" },
    { "nodes", "A,B,...|all", "several nodes that train one model together", NULL },
    { "detach", NULL, "print the job's number and do not wait for it", NULL },
};
#define OWN_COUNT (sizeof own_options / sizeof *own_options)

struct train_command {
    const char *type, *name, *node;
    cJSON *nodes;             /* "all", or an array of names; NULL: not given */
    const char *weights_file; /* or its URL; NULL: nothing to upload */
    bool detach;
    struct train_options options;
};

static int take_weights(struct train_command *train, const struct train_option *option, const char *value,
                        struct err *err)
{
    train->weights_file = NULL;
    if (strstr(value, "://") && strncmp(value, "https://", 8) != 0)
        return err_set(err, "--weights '%s' is no https:// URL", value);
    if (strcmp(value, "none") == 0 || strcmp(value, "imagenet") == 0 || strncmp(value, "sha256:", 7) == 0)
        return train_option_parse(&train->options, option, value, err);
    train->weights_file = value;
    return 0;
}

/* "all", or names between commas. */
static int take_nodes(struct train_command *train, const char *value, struct err *err)
{
    bool all = strcmp(value, "all") == 0;
    cJSON_Delete(train->nodes);
    train->nodes = all ? cJSON_CreateString(value) : cJSON_CreateArray();
    for (const char *at = value; !all; at++) {
        char name[NAME_SIZE] = "";
        size_t size = strcspn(at, ",");
        if (size < sizeof name)
            memcpy(name, at, size);
        if (!name_is_valid(name))
            return err_set(err, "--nodes '%s': '%.*s' is no name of a node", value, (int)size, at);
        if (!cJSON_AddItemToArray(train->nodes, cJSON_CreateString(name)))
            return err_set(err, "no memory");
        at += size;
        if (*at == '\0')
            break;
    }
    return 0;
}

static int take(void *arg, const struct arg_option *given, const char *value, struct err *err)
{
    struct train_command *train = arg;
    const struct train_option *option = train_option_by_flag(given->flag);
    if (option && strcmp(option->name, "weights") == 0)
        return take_weights(train, option, value, err);
    if (option)
        return train_option_parse(&train->options, option, value, err);
    if (strcmp(given->flag, "detach") == 0)
        train->detach = true;
    else if (strcmp(given->flag, "nodes") == 0)
        return take_nodes(train, value, err);
    else if (!name_is_valid(value))
        return err_set(err, "--%s '%s' is no name: letters, digits, '.', '_' and '-', at most 64", given->flag, value);
    else if (strcmp(given->flag, "node") == 0)
        train->node = value;
    else
        train->name = value;
    return 0;
}

static const char *placeholder(const struct train_option *option)
{
    switch (option->type) {
    case OPTION_INT:
        return "N";
    case OPTION_NUMBER:
        return "X";
    case OPTION_CHOICE:
        return option->choices;
    case OPTION_SWITCH:
        return NULL;
    case OPTION_TEXT:
        break;
    }
    return strcmp(option->name, "weights") == 0 ? "imagenet|none|FILE|URL" : "MODEL";
}

/* Torchvision's name of a network becomes ours; whether a node offers one of another name is the broker's to say. */
static int take_type(struct train_command *train, const char *type, struct err *err)
{
    const struct network *network = network_find(type);
    train->type = network ? network->name : type;
    return name_is_valid(type) ? 0 : err_set(err, "'%s' is no type of network", type);
}

/* Reads the command line; the result is as args_parse's. */
static int parse(struct client *client, struct train_command *train, int argc, char **argv, int *status)
{
    struct err err = ERR_INIT;
    int first, result = -1;
    struct arg_option *options = calloc(OWN_COUNT + train_option_count, sizeof *options);
    if (!options) {
        err_set(&err, "no memory");
        *status = client_fail(&err);
        return -1;
    }
    memcpy(options, own_options, sizeof own_options);
    for (size_t i = 0; i < train_option_count; i++) {
        const struct train_option *row = &train_option_table[i];
        bool told = row->type != OPTION_SWITCH && *row->fallback;
        options[OWN_COUNT + i] =
            (struct arg_option){ row->flag, placeholder(row), row->help, told ? row->fallback : NULL };
    }
    train_options_init(&train->options);
    struct args args = {
        .operands = "TYPE",
        .min_operands = 1,
        .max_operands = 1,
        .options = options,
        .option_count = OWN_COUNT + train_option_count,
        .take = take,
        .arg = train,
        .summary = "Trains a network of TYPE (resnet, mobilenet, efficientnet, or another that a node "
                   "offers) on\na node's images, and watches it. Ctrl-C ends the watching alone: the training goes on."
    };
    if (args_parse(client, &args, argc, argv, &first, status) < 0)
        goto out;
    if (!take_type(train, argv[first], &err) && train->node && train->nodes)
        err_set(&err, "--node and --nodes exclude each other");
    else if (*train->options.resume != '\0' && train->weights_file)
        err_set(&err, "--resume and --weights exclude each other");
    else
        (void)train_options_check(&train->options, &err);
    if (err.text[0] != '\0')
        *status = args_wrong(argv[0], &err);
    else
        result = 0;
out:
    free(options);
    return result;
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
    if (answer && *api_text(answer, "job") == '\0') {
        err_set(err, "the broker took the training without naming its job");
        cJSON_Delete(answer);
        return NULL;
    }
    return answer;
}

int client_train(struct client *client, int argc, char **argv)
{
    struct train_command train = { .type = NULL };
    struct err err = ERR_INIT;
    cJSON *body = NULL, *answer = NULL;
    char digest[SHA256_HEX_SIZE], weights[SHA256_HEX_SIZE + 8];
    int status;

    if (parse(client, &train, argc, argv, &status) < 0)
        goto out;
    interrupt_catch();
    if (train.weights_file) {
        if (upload_weights(client, train.weights_file, digest, &err) < 0)
            goto fail;
        snprintf(weights, sizeof weights, "sha256:%s", digest);
        if (train_option_parse(&train.options, train_option_by_name("weights"), weights, &err))
            goto fail;
    }
    body = describe(&train, &err);
    if (!body)
        goto fail;
    answer = submit(client, body, &err);
    if (!answer)
        goto fail;
    if (!train.detach) {
        status = watch_job(client, api_text(answer, "job"));
    } else if (client->json) {
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
