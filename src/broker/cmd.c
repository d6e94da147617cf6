/* `dcls broker`: its options. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "broker.h"
#include "dcls/base/log.h"
#include "dcls/commands.h"

static const char help[] =
    "usage: dcls broker [OPTION...]\n"
    "\n"
    "Takes nodes and clients together: keeps the registry, the queue of trainings and the list of models.\n"
    "\n"
    "  --host HOST       address to listen on (127.0.0.1, or $HOST)\n"
    "  --port PORT       for nodes; 0 picks a free one (8000, or $SERVER_PORT)\n"
    "  --api-port PORT   HTTP, for clients and browsers; 0 picks a free one (8001, or $API_PORT)\n"
    "  --images DIR      images and dataset that it serves (./images)\n"
    "  --state DIR       jobs, models and blobs (./broker-state)\n"
    "  --port-file FILE  writes {\"port\": P, \"api_port\": Q} there once both listen\n"
    "  -h, --help        this text\n"
    "  -V, --version     the version\n";

static int wrong(const char *format, const char *what)
{
    fputs("dcls broker: ", stderr);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    fprintf(stderr, format, what);
#pragma GCC diagnostic pop
    fputs("\n'dcls broker --help' tells more\n", stderr);
    return EXIT_USAGE;
}

static int parse_port(const char *text, int *port)
{
    char *end;
    long number = strtol(text, &end, 10);
    if (!*text || *end || number < 0 || number > 65535)
        return -1;
    *port = (int)number;
    return 0;
}

static const char *or_default(const char *variable, const char *fallback)
{
    const char *value = getenv(variable);
    return value && *value ? value : fallback;
}

int broker_main(int argc, char **argv)
{
    enum { HOST = 256, PORT, API_PORT, IMAGES, STATE, PORT_FILE };
    static const struct option flags[] = {
        { "host", required_argument, NULL, HOST },
        { "port", required_argument, NULL, PORT },
        { "api-port", required_argument, NULL, API_PORT },
        { "images", required_argument, NULL, IMAGES },
        { "state", required_argument, NULL, STATE },
        { "port-file", required_argument, NULL, PORT_FILE },
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, 'V' },
        { 0 },
    };
    struct broker_options options = { .host = or_default("HOST", "127.0.0.1"),
                                      .images = "./images",
                                      .state = "./broker-state" };
    const char *port = or_default("SERVER_PORT", "8000"), *api_port = or_default("API_PORT", "8001");
    struct err err = ERR_INIT;
    int flag;
    opterr = 0;
    while ((flag = getopt_long(argc, argv, ":hV", flags, NULL)) != -1)
        switch (flag) {
        case HOST:
            options.host = optarg;
            break;
        case PORT:
            port = optarg;
            break;
        case API_PORT:
            api_port = optarg;
            break;
        case IMAGES:
            options.images = optarg;
            break;
        case STATE:
            options.state = optarg;
            break;
        case PORT_FILE:
            options.port_file = optarg;
            break;
        case 'h':
            fputs(help, stdout);
            return EXIT_DONE;
        case 'V':
            puts("dcls " DCLS_VERSION);
            return EXIT_DONE;
        case ':':
            return wrong("option '%s' needs a value", argv[optind - 1]);
        default:
            return wrong("unknown option '%s'", argv[optind - 1]);
        }
    if (optind < argc)
        return wrong("unexpected argument '%s'", argv[optind]);
    if (parse_port(port, &options.port))
        return wrong("port '%s' is no number from 0 to 65535", port);
    if (parse_port(api_port, &options.api_port))
        return wrong("api port '%s' is no number from 0 to 65535", api_port);
    log_init("broker");
    if (!broker_run(&options, &err))
        return EXIT_DONE;
    fprintf(stderr, "dcls: %s\n", err.text);
    return EXIT_FAILED;
}
