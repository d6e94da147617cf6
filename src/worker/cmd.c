/* `dcls worker`: the process that computes. A node starts it with a socket (--fd) and it dies with that node; --job
 * runs one training from a file, without a node. */
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "channel.h"
#include "dcls/base/log.h"
#include "dcls/commands.h"
#include "jobfile.h"
#include "serving.h"
#include "training.h"

#define LOG_PATIENCE_MS 2000 /* its last words are worth that; a reader that is not there costs it once */

static int fail(const struct err *err)
{
    err_print(err);
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

int worker_main(int argc, char **argv)
{
    const char *job = NULL;
    int fd = -1, parent = -1, first, status;
    const struct command_option table[] = {
        { "job", OPTION_TEXT, "FILE", &job,
          .help = "run the training that FILE describes (a WORKER TRAIN object); messages go to stdout" },
        { "fd", OPTION_INT, NULL, &fd, .help = "serve the node at the other end of socket N", .max = 1 << 20 },
        { "parent", OPTION_INT, "PID", &parent, .help = "that node: end where it is gone", .max = 1 << 30 },
        { 0 },
    };
    const struct command_line line = { .command = "worker",
                                       .operands = "--job FILE | --fd N",
                                       .summary = "Computes: one training, or answers for as long as its node asks.",
                                       .tables = { table } };
    struct err err = ERR_INIT;
    if (options_parse(&line, argc, argv, &first, &status))
        return status;
    bool has_job = job, has_fd = fd >= 0;
    if (has_job == has_fd) {
        err_set(&err, "worker needs one of --job and --fd");
        return options_wrong(line.command, &err);
    }
    signal(SIGPIPE, SIG_IGN);
    log_init("worker");
    log_set_patience(LOG_PATIENCE_MS);
    if (job)
        return run_file(job);
    /* The signal is only sent for a death after this call, hence the look at who the parent is now. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (parent >= 0 && getppid() != parent)
        return EXIT_FAILED;
    return run_socket(fd);
}
