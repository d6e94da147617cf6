/* `dcls node`: the command line. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "dcls/net/http_client.h"
#include "dcls/base/cpus.h"
#include "dcls/base/log.h"
#include "dcls/commands.h"
#include "dcls/proto/name.h"
#include "daemon.h"

#define THREADS_MAX 1024

static void usage(FILE *out)
{
    fputs("usage: dcls node --name NAME [OPTION...]\n\n"
          "Trains and serves models on this machine, for the broker it connects to.\n\n"
          "  --name NAME        of this node; its folder is ./NAME\n"
          "  --host HOST        the broker (default: $HOST, else 127.0.0.1)\n"
          "  --port PORT        the broker's port for nodes (default: $SERVER_PORT, else 8000)\n"
          "  --data-dir DIR     the images (default: ./NAME/images, else ./images, else the broker's are fetched)\n"
          "  --models-dir DIR   the models (default: ./NAME/models)\n"
          "  --threads N        of each worker (default: every core)\n"
          "  -h, --help         print this\n"
          "  -V, --version      print the version\n",
          out);
}

static int wrong(const char *what, const char *text)
{
    fprintf(stderr, "dcls node: '%s' is no %s\n", text, what);
    return EXIT_USAGE;
}

static int parse_number(const char *text, long min, long max, int *number)
{
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (end == text || *end || errno || value < min || value > max)
        return -1;
    *number = (int)value;
    return 0;
}

/* Exit code, or -1: go on. */
static int parse(struct daemon_config *config, int argc, char **argv)
{
    enum { OPTION_NAME = 256, OPTION_HOST, OPTION_PORT, OPTION_DATA, OPTION_MODELS, OPTION_THREADS };
    static const struct option options[] = {
        { "name", required_argument, NULL, OPTION_NAME },
        { "host", required_argument, NULL, OPTION_HOST },
        { "port", required_argument, NULL, OPTION_PORT },
        { "data-dir", required_argument, NULL, OPTION_DATA },
        { "models-dir", required_argument, NULL, OPTION_MODELS },
        { "threads", required_argument, NULL, OPTION_THREADS },
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, 'V' },
        { 0 },
    };
    const char *port = getenv("SERVER_PORT");
    for (int c; (c = getopt_long(argc, argv, "hV", options, NULL)) != -1;)
        switch (c) {
        case OPTION_NAME:
            config->name = optarg;
            break;
        case OPTION_HOST:
            config->host = optarg;
            break;
        case OPTION_PORT:
            port = optarg;
            break;
        case OPTION_DATA:
            config->data_dir = optarg;
            break;
        case OPTION_MODELS:
            config->models_dir = optarg;
            break;
        case OPTION_THREADS:
            if (parse_number(optarg, 1, THREADS_MAX, &config->threads))
                return wrong("number of threads", optarg);
            break;
        case 'h':
            usage(stdout);
            return EXIT_DONE;
        case 'V':
            puts("dcls " DCLS_VERSION);
            return EXIT_DONE;
        default:
            usage(stderr);
            return EXIT_USAGE;
        }
    if (optind < argc) {
        fprintf(stderr, "dcls node: unexpected '%s'\n", argv[optind]);
        return EXIT_USAGE;
    }
    if (!config->name) {
        fputs("dcls node: --name is needed\n", stderr);
        return EXIT_USAGE;
    }
    if (!name_is_valid(config->name))
        return wrong("name for a node", config->name);
    if (port && *port && parse_number(port, 1, 65535, &config->port))
        return wrong("port", port);
    return -1;
}

int node_main(int argc, char **argv)
{
    struct daemon_config config = { .host = getenv("HOST"), .port = 8000, .threads = cpus_usable() };
    struct err err = ERR_INIT;
    char role[96];
    if (!config.host || !*config.host)
        config.host = "127.0.0.1";
    int code = parse(&config, argc, argv);
    if (code >= 0)
        return code;
    signal(SIGPIPE, SIG_IGN);
    /* For the workers: OpenMP threads that wait by spinning slow each other down many times over as soon as another
     * worker or program wants a core. */
    setenv("OMP_WAIT_POLICY", "passive", 0);
    snprintf(role, sizeof role, "node %s", config.name);
    log_init(role);
    int failed = http_global_init(&err);
    if (!failed) {
        failed = daemon_run(&config, &err);
        http_global_release();
    }
    if (failed)
        fprintf(stderr, "dcls node: %s\n", err.text);
    return failed ? EXIT_FAILED : EXIT_DONE;
}
