/* What the commands of `dcls client` share: where the broker is, and how results and failures are told.
 *
 * Results go to stdout, everything else to stderr, each failure as one line behind "dcls: ". With --json stdout gets
 * one JSON document and nothing else. */
#ifndef DCLS_CLIENT_CLIENT_H
#define DCLS_CLIENT_CLIENT_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "dcls/base/err.h"
#include "dcls/commands.h"

#define EXIT_INTERRUPTED 130 /* Ctrl-C while a job was watched: as a shell reports a command that SIGINT ended */

struct client {
    const char *api; /* "http://host:port", no slash at the end */
    bool json;
};

/* One a command: argv[0] is its name, the result the exit code. */
int client_train(struct client *client, int argc, char **argv);
int client_infer(struct client *client, int argc, char **argv);
int client_nodes(struct client *client, int argc, char **argv);
int client_models(struct client *client, int argc, char **argv);
int client_images(struct client *client, int argc, char **argv);
int client_jobs(struct client *client, int argc, char **argv);
int client_report(struct client *client, int argc, char **argv);
int client_log(struct client *client, int argc, char **argv);
int client_export(struct client *client, int argc, char **argv);
int client_watch(struct client *client, int argc, char **argv);
int client_cancel(struct client *client, int argc, char **argv);
int client_rm(struct client *client, int argc, char **argv);

/* Prints "dcls: TEXT" and gives EXIT_FAILED. */
int client_fail(const struct err *err);

/* Prints a JSON document; gives the exit code. */
int client_print_json(const cJSON *document);

#endif
