/* `dcls helper`: the process that does small work with bytes of strangers for a broker or a node, so that a crash, a
 * hang or too much memory costs one request. It starts nothing, listens nowhere, and ends with its line. */
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "dcls/base/log.h"
#include "dcls/commands.h"
#include "dcls/nn/dataset_view.h"
#include "dcls/proto/json.h"
#include "line.h"
#include "requests.h"

#define FILES_MAX 256 /* open ones */
#define NICENESS 10   /* trainings and answers come first */

/* Sanitizers reserve more address space than any limit would leave. */
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define MEMORY_IS_LIMITED 0
#else
#define MEMORY_IS_LIMITED 1
#endif

static void limit(int resource, int64_t value)
{
    struct rlimit limits;
    if (getrlimit((__rlimit_resource_t)resource, &limits))
        return;
    rlim_t wanted = (rlim_t)value;
    limits.rlim_cur = limits.rlim_max != RLIM_INFINITY && limits.rlim_max < wanted ? limits.rlim_max : wanted;
    if (setrlimit((__rlimit_resource_t)resource, &limits))
        log_warn("a limit of resources could not be set");
}

static void limit_to(const struct request_kind *kind)
{
    struct timespec used = { 0 };
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    if (MEMORY_IS_LIMITED)
        limit(RLIMIT_AS, kind->memory);
    limit(RLIMIT_CPU, used.tv_sec + 1 + kind->cpu_seconds);
    limit(RLIMIT_FSIZE, kind->file_bytes);
}

/* The HTTP status of what the system is at fault for and not the request, by the last errno; 0: it is not. */
static int status_of(int cause)
{
    switch (cause) {
    case EIO: return 500;
    case ENOMEM: return 503;
    case EDQUOT:
    case ENOSPC: return 507;
    default: return 0;
    }
}

static int run(const struct request_kind *kind, const struct request *request, cJSON *answer, struct err *err)
{
    errno = 0;
    int failed = kind->run(request, answer, err), status = failed ? status_of(errno) : 0;
    if (status) {
        cJSON_DeleteItemFromObjectCaseSensitive(answer, "status");
        cJSON_AddNumberToObject(answer, "status", status);
    }
    return failed;
}

static int do_request(const struct request *request, cJSON *answer, struct err *err)
{
    const char *name = json_text(request->json, "request");
    const struct request_kind *kind = request_kind_find(name);
    if (!kind)
        return err_set(err, "a helper does not know the request '%.80s'", name ? name : "");
    if (request->file_count != kind->files)
        return err_set(err, "the request '%s' has %d files, not %d", name, kind->files, request->file_count);
    limit_to(kind);
    return run(kind, request, answer, err);
}

static int serve(int fd)
{
    struct line line;
    int status = 0;
    struct dataset_view *view = dataset_view_new();
    if (!view)
        return -1;
    line_init(&line, fd);
    while (!status) {
        struct request request;
        struct err err = ERR_INIT;
        enum line_event event = line_next(&line, &request, &err);
        if (event == LINE_ENDED)
            break;
        cJSON *answer = cJSON_CreateObject();
        request.view = view;
        if (answer && (event == LINE_BAD || do_request(&request, answer, &err)) &&
            !cJSON_AddStringToObject(answer, "error", err.text)) {
            cJSON_Delete(answer);
            answer = NULL;
        }
        request_release(&request); /* who is answered knows that its files are closed here */
        status = line_answer(&line, answer);
    }
    line_release(&line);
    dataset_view_free(view);
    return status;
}

int helper_main(int argc, char **argv)
{
    int fd = -1, parent = -1, first, status;
    const struct command_option table[] = {
        { "fd", OPTION_INT, NULL, &fd, .help = "serve whoever is at the other end of socket N", .max = 1 << 20,
          .required = true },
        { "parent", OPTION_INT, "PID", &parent, .help = "that process: end where it is gone", .max = 1 << 30 },
        { 0 },
    };
    const struct command_line line = { .command = "helper",
                                       .operands = "--fd N",
                                       .summary = "Does small work with bytes of strangers for a broker or a node.",
                                       .tables = { table } };
    struct stat info;
    if (options_parse(&line, argc, argv, &first, &status))
        return status;
    signal(SIGPIPE, SIG_IGN);
    log_init("helper");
    /* The signal is only sent for a death after this call, hence the look at who the parent is now. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (parent >= 0 && getppid() != parent)
        return EXIT_FAILED;
    if (fstat(fd, &info) || !S_ISSOCK(info.st_mode)) {
        struct err err = ERR_INIT;
        err_set(&err, "descriptor %d is no socket", fd);
        err_print(&err);
        return EXIT_FAILED;
    }
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    setpriority(PRIO_PROCESS, 0, NICENESS);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_NOFILE, FILES_MAX);
    return serve(fd) ? EXIT_FAILED : EXIT_DONE;
}
