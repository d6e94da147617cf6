/* The program: finds the subcommand in a table and runs it. Every role is one entry. */
#include <stdio.h>
#include <string.h>

#include "dcls/commands.h"

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary; /* NULL: not shown to people */
};

static const struct command commands[] = {
    { "broker", broker_main, "the one place that clients and nodes talk to" },
    { "node", node_main, "trains and serves models on this machine" },
    { "client", client_main, "train, infer, watch and list from the command line" },
    { "bench", bench_main, "how fast this machine trains and infers" },
    { "worker", worker_main, NULL },
};

static void usage(FILE *out)
{
    fputs("usage: dcls COMMAND [OPTION...]\n\n", out);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (commands[i].summary)
            fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].summary);
    fputs("\n'dcls COMMAND --help' tells more; -V or --version prints the version\n", out);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        usage(stderr);
        return EXIT_USAGE;
    }
    if (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help")) {
        usage(stdout);
        return EXIT_DONE;
    }
    if (!strcmp(argv[1], "-V") || !strcmp(argv[1], "--version")) {
        puts("dcls " DCLS_VERSION);
        return EXIT_DONE;
    }
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (!strcmp(argv[1], commands[i].name))
            return commands[i].run(argc - 1, argv + 1);
    fprintf(stderr, "dcls: unknown command '%s'\n", argv[1]);
    usage(stderr);
    return EXIT_USAGE;
}
