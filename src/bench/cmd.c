/* `dcls bench`: the command line. It measures and prints; what is measured is the engine's (dcls/nn/bench.h). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/base/cpus.h"
#include "dcls/commands.h"
#include "dcls/nn/models.h"
#include "memory.h"
#include "peak.h"
#include "report.h"

struct bench_command {
    struct bench_spec spec;
    int steps;
    bool json;
};

#define LIST_SIZE 256

/* "onednn|reference" */
static void list_backends(char *list, size_t size)
{
    size_t used = 0;
    for (int i = 0; bench_backend(i) && used < size; i++)
        used += (size_t)snprintf(list + used, size - used, "%s%s", i ? "|" : "", bench_backend(i));
}

/* "train TYPE" or "infer TYPE". */
static int take_operands(struct bench_spec *spec, const char *mode, const char *type, const char *types,
                         struct err *err)
{
    const struct network *network = network_find(type);
    spec->train = !strcmp(mode, "train");
    if (!spec->train && strcmp(mode, "infer"))
        return err_set(err, "'%s' is neither train nor infer", mode);
    if (!network)
        return err_set(err, "unknown type '%s': it is one of %s", type, types);
    spec->type = network->name;
    if (!spec->batch_size)
        spec->batch_size = spec->train ? 32 : 1;
    return 0;
}

/* The result is as options_parse's. */
static int parse(struct bench_command *command, int argc, char **argv, int *status)
{
    struct bench_spec *spec = &command->spec;
    char types[LIST_SIZE], backends[LIST_SIZE], summary[LIST_SIZE + 64];
    network_names(types, sizeof types);
    list_backends(backends, sizeof backends);
    snprintf(summary, sizeof summary, "Times steps on synthetic images. TYPE: %s", types);
    const struct command_option table[] = {
        { "threads", OPTION_INT, NULL, &spec->threads, .help = "that compute", .min = 1, .max = CPUS_MAX,
          .absent = "as many as run at once" },
        { "batch-size", OPTION_INT, NULL, &spec->batch_size, .help = "images a step", .min = 1, .max = 65536,
          .absent = "32 of train, 1 of infer" },
        { "image-size", OPTION_INT, NULL, &spec->image_size, .help = "edge of the images, in pixels", .min = 1,
          .max = 8192, .fallback = "224" },
        { "classes", OPTION_INT, NULL, &spec->classes, .help = "outputs of the network", .min = 1, .max = 1000000,
          .fallback = "1000" },
        { "steps", OPTION_INT, NULL, &command->steps, .help = "that are timed", .min = 1, .max = 100000,
          .fallback = "10" },
        { "backend", OPTION_CHOICE, NULL, &spec->backend, .help = "which implementation of the operations computes",
          .choices = backends, .fallback = bench_backend(0) },
        { "verbose", OPTION_SWITCH, NULL, &spec->profile,
          .help = "what each operation takes, and what share of the CPU's peak it reaches" },
        { "json", OPTION_SWITCH, NULL, &command->json, .help = "print one JSON document and nothing else" },
        { 0 },
    };
    const struct command_line line = {
        .command = "bench",
        .operands = "train|infer TYPE",
        .summary = summary,
        .min_operands = 2,
        .max_operands = 2,
        .tables = { table },
    };
    struct err err = ERR_INIT;
    int first;
    if (options_parse(&line, argc, argv, &first, status))
        return -1;
    if (!take_operands(spec, argv[first], argv[first + 1], types, &err))
        return 0;
    *status = options_wrong(line.command, &err);
    return -1;
}

static int run(const struct bench_command *command, struct err *err)
{
    struct bench_report report = { .spec = &command->spec };
    struct bench *bench = bench_new(&command->spec, err);
    double *seconds = calloc((size_t)command->steps, sizeof *seconds);
    int result = -1;
    if (!bench)
        goto out;
    if (!seconds) {
        err_set(err, "no memory for the times of %d steps", command->steps);
        goto out;
    }
    if (bench_run(bench, command->steps, seconds, err))
        goto out;
    report_times(&report, seconds, command->steps);
    report.threads = bench_threads(bench);
    report.peak_bytes = memory_peak();
    struct layers layers = { .bench = bench, .seconds = report.mean, .threads = report.threads };
    if (command->spec.profile) {
        layers.peak = peak_flops(&layers.isa);
        report.layers = &layers;
    }
    if (command->json) {
        result = report_print_json(&report, err);
    } else {
        report_print(&report);
        result = 0;
    }
out:
    free(seconds);
    bench_free(bench);
    return result;
}

int bench_main(int argc, char **argv)
{
    struct bench_command command = { .steps = 0 };
    struct err err = ERR_INIT;
    int status;
    if (parse(&command, argc, argv, &status))
        return status;
    if (!run(&command, &err))
        return EXIT_DONE;
    err_print(&err);
    return EXIT_FAILED;
}
