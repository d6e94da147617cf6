/* The entry of each subcommand. argv[0] is the subcommand's name; the result is the process's exit code:
 * 0 done, 1 failed (one line on stderr says why), 2 wrong usage. */
#ifndef DCLS_COMMANDS_H
#define DCLS_COMMANDS_H

#define DCLS_VERSION "0.1.0"

enum exit_code { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

int broker_main(int argc, char **argv);
int node_main(int argc, char **argv);
int worker_main(int argc, char **argv);
int client_main(int argc, char **argv);
int bench_main(int argc, char **argv);

#endif
