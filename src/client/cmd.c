/* `dcls client`: finds the command in a table and runs it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/base/options.h"
#include "client.h"
#include "dcls/net/http_client.h"
#include "dcls/proto/json.h"
#include "dcls/proto/msg.h"

#define JSON_MAX ((size_t)256 * 1024 * 1024)

struct client_command {
    const char *name;
    int (*run)(struct client *client, int argc, char **argv);
    const char *summary;
};

static const struct client_command commands[] = {
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
};
#define COMMAND_COUNT (sizeof commands / sizeof *commands)

static void usage(FILE *out)
{
    fputs("usage: dcls client [--api URL] COMMAND [OPTION...]\n\n", out);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].summary);
    fputs("\n'dcls client COMMAND --help' tells more; each takes --json; -V or --version prints the version.\n"
          "The broker's address is --api, else $DCLS_API, else http://127.0.0.1:8001.\n",
          out);
}

int client_fail(const struct err *err)
{
    fprintf(stderr, "dcls: %s\n", err->text);
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

static int run(struct client *client, int argc, char **argv)
{
    struct err err = ERR_INIT;
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(argv[0], commands[i].name) != 0)
            continue;
        if (http_global_init(&err))
            return client_fail(&err);
        int status = commands[i].run(client, argc, argv);
        http_global_release();
        /* A full disk behind stdout must not look like success. */
        if (fflush(stdout) != 0 || ferror(stdout)) {
            err_set(&err, "cannot write the results");
            return client_fail(&err);
        }
        return status;
    }
    err_set(&err, "unknown command '%s'", argv[0]);
    return args_wrong("", &err);
}

int client_main(int argc, char **argv)
{
    struct client client = { .api = "http://127.0.0.1:8001" };
    struct err err = ERR_INIT;
    char *api = getenv("DCLS_API");
    int next = 1;
    for (; next < argc && argv[next][0] == '-'; next++) {
        const char *option = argv[next];
        if (strcmp(option, "-h") == 0 || strcmp(option, "--help") == 0) {
            usage(stdout);
            return EXIT_DONE;
        }
        if (strcmp(option, "-V") == 0 || strcmp(option, "--version") == 0) {
            puts("dcls " DCLS_VERSION);
            return EXIT_DONE;
        }
        if (strcmp(option, "--api") == 0 && next + 1 < argc) {
            api = argv[++next];
        } else if (strncmp(option, "--api=", 6) == 0) {
            api = argv[next] + 6;
        } else {
            if (strcmp(option, "--api") == 0)
                err_set(&err, "option '--api' needs a value");
            else
                err_set(&err, "unknown option '%s'", option);
            return args_wrong("", &err);
        }
    }
    if (next == argc) {
        usage(stderr);
        return EXIT_USAGE;
    }
    if (api && *api != '\0' && args_set_api(&client, api, &err) < 0)
        return args_wrong("", &err);
    return run(&client, argc - next, argv + next);
}
