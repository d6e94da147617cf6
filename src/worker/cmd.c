/* `dcls worker`: the process that computes. A node starts it with a socket (--fd) and it dies with that node; --job
 * runs one training from a file, without a node. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "channel.h"
#include "dcls/base/log.h"
#include "dcls/commands.h"
#include "jobfile.h"
#include "serving.h"
#include "training.h"

static void usage(FILE *out)
{
    fputs("usage: dcls worker --job FILE\n"
          "       dcls worker --fd N [--parent PID]\n\n"
          "  --job FILE     run the training that FILE describes (a WORKER TRAIN object); messages go to stdout\n"
          "  --fd N         serve the node at the other end of socket N\n"
          "  --parent PID   that node: end where it is gone\n"
          "  -h, --help     print this\n"
          "  -V, --version  print the version\n",
          out);
}

static int fail(const struct err *err)
{
    fprintf(stderr, "dcls worker: %s\n", err->text);
    return EXIT_FAILED;
}

static int run_file(const char *path)
{
    struct msg request;
    struct err err = ERR_INIT;
    struct channel *channel = NULL;
    int result = jobfile_read(path, &request, &err);
    if (!result) {
        channel = channel_new_output(STDOUT_FILENO, &err);
        result = channel ? training_run(channel, &request, &err) : -1;
    }
    channel_free(channel);
    msg_release(&request);
    return result ? fail(&err) : EXIT_DONE;
}

/* One training and done, or inference until the line ends. */
static int run_socket(int fd)
{
    struct err err = ERR_INIT;
    struct serving *serving = serving_new();
    struct channel *channel = serving ? channel_new_socket(fd, &err) : NULL;
    int result = 0;
    if (!channel) {
        serving_free(serving);
        return fail(&err);
    }
    for (bool more = true; more && !result;) {
        struct msg request;
        more = channel_next(channel, &request);
        if (more && request.type == MSG_WORKER_TRAIN) {
            struct err outcome = ERR_INIT;
            if (training_run(channel, &request, &outcome))
                log_info("training '%s' ended: %s", request.model_name, outcome.text);
            more = false;
        } else if (more && request.type == MSG_WORKER_INFERENCE) {
            result = serving_answer(serving, channel, &request, &err);
        } else if (more) {
            log_warn("a worker does not take %s", msg_type_name(request.type));
        }
        msg_release(&request);
    }
    channel_free(channel);
    serving_free(serving);
    return result ? fail(&err) : EXIT_DONE;
}

static bool parse_number(const char *text, long max, long *number)
{
    char *end;
    errno = 0;
    *number = strtol(text, &end, 10);
    return end != text && !*end && !errno && *number >= 0 && *number <= max;
}

int worker_main(int argc, char **argv)
{
    enum { OPTION_FD = 256, OPTION_PARENT, OPTION_JOB };
    static const struct option options[] = {
        { "fd", required_argument, NULL, OPTION_FD },   { "parent", required_argument, NULL, OPTION_PARENT },
        { "job", required_argument, NULL, OPTION_JOB }, { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, 'V' },          { 0 },
    };
    const char *job = NULL;
    long fd = -1, parent = -1;
    for (int c; (c = getopt_long(argc, argv, "hV", options, NULL)) != -1;)
        switch (c) {
        case OPTION_FD:
            if (!parse_number(optarg, 1 << 20, &fd)) {
                fprintf(stderr, "dcls worker: '%s' is no file descriptor\n", optarg);
                return EXIT_USAGE;
            }
            break;
        case OPTION_PARENT:
            if (!parse_number(optarg, 1L << 30, &parent)) {
                fprintf(stderr, "dcls worker: '%s' is no process\n", optarg);
                return EXIT_USAGE;
            }
            break;
        case OPTION_JOB:
            job = optarg;
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
    bool has_job = job, has_fd = fd >= 0;
    if (optind < argc || has_job == has_fd) {
        usage(stderr);
        return EXIT_USAGE;
    }
    signal(SIGPIPE, SIG_IGN);
    log_init("worker");
    if (job)
        return run_file(job);
    /* The signal is only sent for a death after this call, hence the look at who the parent is now. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (parent >= 0 && getppid() != (pid_t)parent)
        return EXIT_FAILED;
    return run_socket((int)fd);
}
