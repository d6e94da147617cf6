/* The program: finds the subcommand in a table and runs it. Every role is one entry. */
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#include "dcls/commands.h"

/* Who starts us may have closed the three standard streams. What is opened next would get their numbers: log lines
 * would go into a socket or a file of ours. */
static int open_standard_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0)
            return -1;
    return 0;
}

int main(int argc, char **argv)
{
    static const struct command commands[] = {
        { "broker", broker_main, "the one place that clients and nodes talk to" },
        { "node", node_main, "trains and serves models on this machine" },
        { "client", client_main, "train, infer, watch and list from the command line" },
        { "bench", bench_main, "how fast this machine trains and infers" },
        { "worker", worker_main, NULL },
        { "helper", helper_main, NULL },
        { 0 },
    };
    static const struct command_line line = {
        .command = "",
        .operands = "COMMAND",
        .summary = "Trains and serves image classifiers on a handful of plain CPU machines.",
        .commands = commands,
    };
    signal(SIGXFSZ, SIG_IGN); /* a write over a limit of file sizes fails, as one to a full disk does */
    if (open_standard_streams())
        return 1; /* and nowhere to say it */
    return options_run(&line, argc, argv);
}
