/* `dcls bench`: the command line. It measures and prints; what is measured is the engine's (dcls/nn/bench.h). */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/commands.h"
#include "dcls/nn/models.h"
#include "memory.h"
#include "peak.h"
#include "report.h"

#define THREADS_MAX 1024
#define BATCH_MAX 65536
#define SIDE_MAX 8192
#define CLASSES_MAX 1000000
#define STEPS_MAX 100000

struct command_line {
    struct bench_spec spec;
    int steps;
    bool json;
};

static const char *type_name(int index)
{
    const struct network *network = network_at(index);
    return network ? network->name : NULL;
}

/* "resnet, mobilenet": all that `name` gives, up to NULL. */
static void print_names(FILE *out, const char *(*name)(int index))
{
    for (int i = 0; name(i); i++)
        fprintf(out, "%s%s", i ? ", " : "", name(i));
}

static void usage(FILE *out)
{
    fputs("usage: dcls bench train TYPE [OPTION...]\n"
          "       dcls bench infer TYPE [OPTION...]\n\n"
          "Times steps on synthetic images. TYPE: ",
          out);
    print_names(out, type_name);
    fputs("\n\n"
          "  --threads N        (default: one a processor)\n"
          "  --batch-size N     images a step (default: 32 of train, 1 of infer)\n"
          "  --image-size N     (default: 224)\n"
          "  --classes N        (default: 1000)\n"
          "  --steps N          that are timed (default: 10)\n",
          out);
    fputs("  --backend ", out);
    for (int i = 0; bench_backend(i); i++)
        fprintf(out, "%s%s", i ? "|" : "", bench_backend(i));
    fprintf(out, "  (default: %s)\n", bench_backend(0));
    fputs("  --verbose          what each operation takes, and what share of the CPU's peak it reaches\n"
          "  --json             print one JSON document and nothing else\n"
          "  -h, --help         print this\n"
          "  -V, --version      print the version\n",
          out);
}

/* Option --name VALUE with a number in 1 … max. */
static int parse_number(const char *name, const char *text, long max, int *number)
{
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (end == text || *end || errno || value < 1 || value > max) {
        fprintf(stderr, "dcls bench: --%s '%s' is no number from 1 to %ld\n", name, text, max);
        return -1;
    }
    *number = (int)value;
    return 0;
}

/* The name's own text, not the argument's; NULL and a line that lists what there is. */
static const char *choose(const char *what, const char *text, const char *(*name)(int index))
{
    for (int i = 0; name(i); i++)
        if (!strcmp(text, name(i)))
            return name(i);
    fprintf(stderr, "dcls bench: unknown %s '%s': ", what, text);
    print_names(stderr, name);
    fputs("\n", stderr);
    return NULL;
}

/* "train TYPE" or "infer TYPE". */
static int parse_operands(struct command_line *line, int count, char **operands)
{
    if (count > 0 && strcmp(operands[0], "train") && strcmp(operands[0], "infer")) {
        fprintf(stderr, "dcls bench: '%s' is neither train nor infer\n", operands[0]);
        return -1;
    }
    if (count < 2) {
        fputs("dcls bench: needs train or infer, and a type: ", stderr);
        print_names(stderr, type_name);
        fputs("\n", stderr);
        return -1;
    }
    if (count > 2) {
        fprintf(stderr, "dcls bench: unexpected '%s'\n", operands[2]);
        return -1;
    }
    line->spec.train = !strcmp(operands[0], "train");
    if (!line->spec.batch_size)
        line->spec.batch_size = line->spec.train ? 32 : 1;
    const struct network *network = network_find(operands[1]);
    return (line->spec.type = network ? network->name : choose("type", operands[1], type_name)) ? 0 : -1;
}

/* Exit code, or -1: go on. */
static int parse(struct command_line *line, int argc, char **argv)
{
    enum { OPTION_BACKEND = 256, OPTION_VERBOSE, OPTION_JSON, OPTION_NUMBER };
    struct bench_spec *spec = &line->spec;
    const struct {
        const char *name;
        long max;
        int *number;
    } numbers[] = {
        { "threads", THREADS_MAX, &spec->threads },    { "batch-size", BATCH_MAX, &spec->batch_size },
        { "image-size", SIDE_MAX, &spec->image_size }, { "classes", CLASSES_MAX, &spec->classes },
        { "steps", STEPS_MAX, &line->steps },
    };
    enum { NUMBERS = sizeof numbers / sizeof *numbers };
    struct option options[NUMBERS + 6] = {
        { "backend", required_argument, NULL, OPTION_BACKEND },
        { "verbose", no_argument, NULL, OPTION_VERBOSE },
        { "json", no_argument, NULL, OPTION_JSON },
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, 'V' },
    };
    for (int i = 0; i < NUMBERS; i++)
        options[5 + i] = (struct option){ numbers[i].name, required_argument, NULL, OPTION_NUMBER + i };
    for (int c; (c = getopt_long(argc, argv, "hV", options, NULL)) != -1;)
        switch (c) {
        case OPTION_BACKEND:
            if (!(spec->backend = choose("backend", optarg, bench_backend)))
                return EXIT_USAGE;
            break;
        case OPTION_VERBOSE:
            spec->profile = true;
            break;
        case OPTION_JSON:
            line->json = true;
            break;
        case 'h':
            usage(stdout);
            return EXIT_DONE;
        case 'V':
            puts("dcls " DCLS_VERSION);
            return EXIT_DONE;
        case '?':
            usage(stderr);
            return EXIT_USAGE;
        default:
            if (parse_number(numbers[c - OPTION_NUMBER].name, optarg, numbers[c - OPTION_NUMBER].max,
                             numbers[c - OPTION_NUMBER].number))
                return EXIT_USAGE;
        }
    return parse_operands(line, argc - optind, argv + optind) ? EXIT_USAGE : -1;
}

static int run(const struct command_line *line, struct err *err)
{
    struct bench_report report = { .spec = &line->spec };
    struct bench *bench = bench_new(&line->spec, err);
    double *seconds = calloc((size_t)line->steps, sizeof *seconds);
    int result = -1;
    if (!bench)
        goto out;
    if (!seconds) {
        err_set(err, "no memory for the times of %d steps", line->steps);
        goto out;
    }
    if (bench_run(bench, line->steps, seconds, err))
        goto out;
    report_times(&report, seconds, line->steps);
    report.threads = bench_threads(bench);
    report.peak_bytes = memory_peak();
    struct layers layers = { .bench = bench, .seconds = report.mean, .threads = report.threads };
    if (line->spec.profile) {
        layers.peak = peak_flops(&layers.isa);
        report.layers = &layers;
    }
    if (line->json) {
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
    struct command_line line = { .spec = { .backend = bench_backend(0), .image_size = 224, .classes = 1000 },
                                 .steps = 10 };
    struct err err = ERR_INIT;
    int code = parse(&line, argc, argv);
    if (code >= 0)
        return code;
    if (!run(&line, &err))
        return EXIT_DONE;
    fprintf(stderr, "dcls bench: %s\n", err.text);
    return EXIT_FAILED;
}
