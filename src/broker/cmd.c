/* `dcls broker`: its options. */
#include "access.h"
#include "broker.h"
#include "dcls/base/log.h"
#include "dcls/commands.h"

static int take_origins(const struct command_option *option, const char *as, const char *text, struct err *err)
{
    return access_add_origins(option->to, text, err) ? err_prefix(err, "%s", as) : 0;
}

static int take_names(const struct command_option *option, const char *as, const char *text, struct err *err)
{
    return access_add_names(option->to, text, err) ? err_prefix(err, "%s", as) : 0;
}

int broker_main(int argc, char **argv)
{
    struct broker_options options = { .access = access_new() };
    const struct command_option table[] = {
        { "host", OPTION_TEXT, "HOST", &options.host, .help = "address to listen on", .variable = "HOST",
          .fallback = "127.0.0.1" },
        { "port", OPTION_INT, "PORT", &options.port, .help = "for nodes; 0 picks a free one", .max = 65535,
          .variable = "SERVER_PORT", .fallback = "8000" },
        { "api-port", OPTION_INT, "PORT", &options.api_port,
          .help = "HTTP, for clients and browsers; 0 picks a free one", .max = 65535, .variable = "API_PORT",
          .fallback = "8001" },
        { "public-name", OPTION_TEXT, "NAME", options.access,
          .help = "another name of this machine, in the addresses of clients; once for each, or with commas",
          .take = take_names },
        { "allow-origin", OPTION_TEXT, "ORIGIN", options.access,
          .help = "lets in web pages of that origin; once for each, or with commas; * lets in all",
          .take = take_origins },
        { "images", OPTION_TEXT, "DIR", &options.images, .help = "images and dataset that it serves",
          .fallback = "./images" },
        { "follow-links", OPTION_SWITCH, NULL, &options.follow_links,
          .help = "serves what links lead to outside of that folder" },
        { "state", OPTION_TEXT, "DIR", &options.state, .help = "jobs, models and blobs", .fallback = "./broker-state" },
        { "max-http-connections", OPTION_INT, "N", &options.max_http_connections,
          .help = "HTTP connections at a time, a quarter of them for what nodes fetch and send",
          .min = HTTP_CONNECTIONS_MIN, .max = 100000, .fallback = "1024" },
        { "max-nodes", OPTION_INT, "N", &options.max_nodes, .help = "connected at once; further ones are refused",
          .min = 1, .max = 65535, .fallback = "1024" },
        { "keep-jobs", OPTION_INT, "N", &options.keep_jobs,
          .help = "ended trainings that are kept, the newest; 0 keeps all", .max = 1000000, .fallback = "10000" },
        { "thumbnail-quota", OPTION_INT, "MIB", &options.thumbnail_quota,
          .help = "small pictures kept below --state, in MiB", .min = 1, .max = 1 << 20, .fallback = "256" },
        { "port-file", OPTION_TEXT, "FILE", &options.port_file,
          .help = "writes {\"port\": P, \"api_port\": Q} there once both listen" },
        { 0 },
    };
    const struct command_line line = {
        .command = "broker",
        .summary =
            "Takes nodes and clients together: keeps the registry, the queue of trainings and the list of models.",
        .tables = { table },
    };
    struct err err = ERR_INIT;
    int first, status = EXIT_FAILED;
    if (!options.access) {
        err_set(&err, "no memory to start");
        err_print(&err);
        return EXIT_FAILED;
    }
    if (options_parse(&line, argc, argv, &first, &status))
        goto out;
    log_init("broker");
    status = broker_run(&options, &err) ? EXIT_FAILED : EXIT_DONE;
    if (status)
        err_print(&err);
out:
    access_free(options.access);
    return status;
}
