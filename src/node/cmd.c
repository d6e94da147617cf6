/* `dcls node`: the command line. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "dcls/net/http_client.h"
#include "dcls/base/cpus.h"
#include "dcls/base/log.h"
#include "dcls/commands.h"
#include "dcls/proto/name.h"
#include "daemon.h"

int node_main(int argc, char **argv)
{
    struct daemon_config config = { .threads = cpus_usable() };
    const struct command_option table[] = {
        { "name", OPTION_TEXT, "NAME", &config.name, .help = "of this node; its folder is ./NAME", .required = true,
          .take = name_take },
        { "host", OPTION_TEXT, "HOST", &config.host, .help = "the broker", .variable = "HOST",
          .fallback = "127.0.0.1" },
        { "port", OPTION_INT, "PORT", &config.port, .help = "the broker's port for nodes", .min = 1, .max = 65535,
          .variable = "SERVER_PORT", .fallback = "8000" },
        { "data-dir", OPTION_TEXT, "DIR", &config.data_dir, .help = "the images",
          .absent = "./NAME/images, else ./images, else the broker's are fetched" },
        { "models-dir", OPTION_TEXT, "DIR", &config.models_dir, .help = "the models", .absent = "./NAME/models" },
        { "threads", OPTION_INT, NULL, &config.threads, .help = "of each worker", .min = 1, .max = CPUS_MAX,
          .absent = "as many as run at once" },
        { "no-thumbnails", OPTION_SWITCH, NULL, &config.no_thumbnails,
          .help = "show nothing of the images, neither pictures nor paths" },
        { 0 },
    };
    const struct command_line line = {
        .command = "node",
        .operands = "--name NAME",
        .summary = "Trains and serves models on this machine, for the broker it connects to.",
        .tables = { table },
    };
    struct err err = ERR_INIT;
    char role[96];
    bool is_stuck = false;
    int first, status;
    if (options_parse(&line, argc, argv, &first, &status))
        return status;
    signal(SIGPIPE, SIG_IGN);
    /* For the workers: OpenMP threads that wait by spinning slow each other down many times over as soon as another
     * worker or program wants a core. */
    setenv("OMP_WAIT_POLICY", "passive", 0);
    snprintf(role, sizeof role, "node %s", config.name);
    log_init(role);
    int failed = http_global_init(&err);
    if (!failed) {
        failed = daemon_run(&config, &is_stuck, &err);
        if (!is_stuck)
            http_global_release();
    }
    if (failed)
        err_print(&err);
    if (is_stuck)
        _exit(failed ? EXIT_FAILED : EXIT_DONE);
    return failed ? EXIT_FAILED : EXIT_DONE;
}
