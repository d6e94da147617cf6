/* The program: finds the subcommand in a table and runs it. Every role is one entry. */
#include <stddef.h>

#include "dcls/commands.h"

int main(int argc, char **argv)
{
    static const struct command commands[] = {
        { "broker", broker_main, "the one place that clients and nodes talk to" },
        { "node", node_main, "trains and serves models on this machine" },
        { "client", client_main, "train, infer, watch and list from the command line" },
        { "bench", bench_main, "how fast this machine trains and infers" },
        { "worker", worker_main, NULL },
        { 0 },
    };
    static const struct command_line line = {
        .command = "",
        .operands = "COMMAND",
        .summary = "Trains and serves image classifiers on a handful of plain CPU machines.",
        .commands = commands,
    };
    return options_run(&line, argc, argv);
}
