/* The entry of each subcommand. argv[0] is the subcommand's name; the result is the process's exit code. */
#ifndef DCLS_COMMANDS_H
#define DCLS_COMMANDS_H

#include "dcls/base/options.h"
#include "dcls/version.h"

int broker_main(int argc, char **argv);
int node_main(int argc, char **argv);
int worker_main(int argc, char **argv);
int helper_main(int argc, char **argv);
int client_main(int argc, char **argv);
int bench_main(int argc, char **argv);

#endif
