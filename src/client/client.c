/* Command lines, failures and JSON documents of all commands. */
#include "client.h"

#include <stdio.h>
#include <string.h>

#include "dcls/base/buf.h"
#include "dcls/proto/json.h"
#include "dcls/proto/name.h"

#define JSON_MAX ((size_t)256 * 1024 * 1024)

/* Without slashes at its end. */
static int take_api(const struct command_option *option, const char *as, const char *text, struct err *err)
{
    struct client *client = option->to;
    size_t size = strlen(text);
    if (strncmp(text, "http://", 7) && strncmp(text, "https://", 8))
        return err_set(err, "'%s' is '%s': it must start with http:// or https://", as, text);
    while (text[size - 1] == '/')
        size--;
    if (size >= sizeof client->api)
        return err_set(err, "'%s' has more than %zu characters", as, sizeof client->api - 1);
    snprintf(client->api, sizeof client->api, "%.*s", (int)size, text);
    return 0;
}

static void list_common(struct client *client, struct command_option common[3])
{
    *client = (struct client){ .json = false };
    common[0] = (struct command_option){ "json", OPTION_SWITCH, NULL, &client->json,
                                         .help = "print one JSON document and nothing else" };
    common[1] = (struct command_option){ "api",
                                         OPTION_TEXT,
                                         "URL",
                                         client,
                                         .help = "the broker's HTTP address",
                                         .variable = "DCLS_API",
                                         .fallback = "http://127.0.0.1:8001",
                                         .take = take_api };
    common[2] = (struct command_option){ 0 };
}

int client_parse(struct client *client, const struct command_line *line, int argc, char **argv, int *first, int *status)
{
    struct command_option common[3];
    struct command_line whole = *line;
    char name[NAME_SIZE];
    list_common(client, common);
    snprintf(name, sizeof name, "client %s", argv[0]);
    whole.command = name;
    whole.tables[2] = common;
    return options_parse(&whole, argc, argv, first, status);
}

static int parse_one(struct client *client, const struct command_line *line, int argc, char **argv, const char *kind,
                     bool (*is_valid)(const char *text), const char **operand, int *status)
{
    struct err err = ERR_INIT;
    struct command_line one = *line;
    int first;
    one.operands = kind;
    one.min_operands = one.max_operands = 1;
    if (client_parse(client, &one, argc, argv, &first, status))
        return -1;
    *operand = argv[first];
    if (is_valid(*operand))
        return 0;
    err_set(&err, "'%s' is no %s", *operand, kind);
    *status = client_wrong(argv[0], &err);
    return -1;
}

int client_parse_model(struct client *client, const struct command_line *line, int argc, char **argv,
                       const char **model, int *status)
{
    return parse_one(client, line, argc, argv, "MODEL", name_is_valid, model, status);
}

int client_parse_node(struct client *client, const struct command_line *line, int argc, char **argv, const char **node,
                      int *status)
{
    return parse_one(client, line, argc, argv, "NODE", name_is_valid, node, status);
}

int client_parse_job(struct client *client, const struct command_line *line, int argc, char **argv, const char **job,
                     int *status)
{
    return parse_one(client, line, argc, argv, "JOB", name_is_key, job, status);
}

int client_run(const struct command *commands, int argc, char **argv)
{
    struct client client;
    struct command_option common[3];
    list_common(&client, common);
    const struct command_line line = {
        .command = "client",
        .operands = "COMMAND",
        .summary = "Asks the broker: trains, classifies, watches and lists.",
        .tables = { common },
        .commands = commands,
    };
    return options_run(&line, argc, argv);
}

int client_wrong(const char *command, const struct err *err)
{
    char name[32];
    snprintf(name, sizeof name, "client %s", command);
    return options_wrong(name, err);
}

int client_fail(const struct err *err)
{
    err_print(err);
    return EXIT_FAILED;
}

int client_print_json(const cJSON *document)
{
    struct buf text;
    struct err err = ERR_INIT;
    int status = EXIT_DONE;
    buf_init(&text, JSON_MAX);
    if (!json_print_spaced(document, &text)) {
        puts(buf_text(&text));
    } else {
        err_set(&err, "no memory");
        status = client_fail(&err);
    }
    buf_release(&text);
    return status;
}
