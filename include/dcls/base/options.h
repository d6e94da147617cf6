/* The command line of one command: a table of options serves both the parser and --help.
 *
 * Every command also takes --json, --api URL and -h (--help); options may stand before, between and after operands. */
#ifndef DCLS_CLIENT_ARGS_H
#define DCLS_CLIENT_ARGS_H

#include <stddef.h>

#include "src/client/client.h"

struct arg_option {
    const char *flag;  /* without dashes */
    const char *value; /* its placeholder; NULL: a switch */
    const char *help;
    const char *fallback; /* told as the default; NULL: none */
};

struct args {
    const char *operands; /* "TYPE", as the usage line shows it */
    const char *summary;
    int min_operands, max_operands; /* max -1: any number */
    const struct arg_option *options;
    size_t option_count;
    const char *letters; /* short forms of the first options: "o" makes -o of the first; NULL: none */
    /* Called with each option of the table, in order; `value` is NULL of a switch. -1 with err: wrong usage. */
    int (*take)(void *arg, const struct arg_option *option, const char *value, struct err *err);
    void *arg;
};

/* 0: go on, the operands are argv[*first] and what follows. Else help or what is wrong has been printed, and *status is
 * the exit code. */
int args_parse(struct client *client, const struct args *args, int argc, char **argv, int *first, int *status);

/* Tells what is wrong with the use of `command` and gives EXIT_USAGE. */
int args_wrong(const char *command, const struct err *err);

/* Checks the text of --api and cuts slashes at its end. */
int args_set_api(struct client *client, char *text, struct err *err);

#endif
