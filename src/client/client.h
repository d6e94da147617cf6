/* What the commands of `dcls client` share: where the broker is, the options that each has, and how results and
 * failures are told.
 *
 * Results go to stdout, everything else to stderr, each failure as one line behind "dcls: ". With --json stdout gets
 * one JSON document and nothing else. */
#ifndef DCLS_CLIENT_CLIENT_H
#define DCLS_CLIENT_CLIENT_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "dcls/base/err.h"
#include "dcls/base/options.h"

#define EXIT_INTERRUPTED 130 /* Ctrl-C while a job was watched: as a shell reports a command that SIGINT ended */

struct client {
    char api[1024]; /* "http://host:port", no slash at the end */
    bool json;
};

/* options_parse of the command argv[0]: `line` lacks its name and, in its last table, the options that all commands
 * have. */
int client_parse(struct client *client, const struct command_line *line, int argc, char **argv, int *first,
                 int *status);

/* The same of a command whose one operand is a model, a node or a job. */
int client_parse_model(struct client *client, const struct command_line *line, int argc, char **argv,
                       const char **model, int *status);
int client_parse_node(struct client *client, const struct command_line *line, int argc, char **argv, const char **node,
                      int *status);
int client_parse_job(struct client *client, const struct command_line *line, int argc, char **argv, const char **job,
                     int *status);

/* options_run of the client itself. */
int client_run(const struct command *commands, int argc, char **argv);

/* Prints what is wrong with the use of that command; gives EXIT_USAGE. */
int client_wrong(const char *command, const struct err *err);

/* Prints "dcls: TEXT" and gives EXIT_FAILED. */
int client_fail(const struct err *err);

/* Prints a JSON document; gives the exit code. */
int client_print_json(const cJSON *document);

#endif
