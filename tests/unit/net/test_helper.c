/* A helper process is asked one thing at a time, and what happens to it costs one request. The process is this program
 * itself, which does as the request says. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dcls/base/fs.h"
#include "dcls/net/helper.h"
#include "dcls/net/timer.h"
#include "dcls/proto/json.h"

#define PATIENCE_MS 10000
#define WAITING_MAX 8

/* The process. */

static int count_open(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int count = -3; /* ".", ".." and the folder itself */
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

static void obey(const char *what, const cJSON *request, int file)
{
    char text[256] = "{}\n", bytes[64] = "";
    if (!strcmp(what, "die"))
        kill(getpid(), SIGKILL);
    if (!strcmp(what, "exit"))
        _exit(3);
    if (!strcmp(what, "answer and exit")) {
        if (fs_put(3, "{\"last\": 1}\n", 12))
            _exit(1);
        _exit(4);
    }
    if (!strcmp(what, "hang"))
        for (;;)
            pause();
    if (!strcmp(what, "endless"))
        for (int i = 0; i < 2 * HELPER_LINE_MAX / 256; i++) {
            memset(text, 'x', sizeof text);
            if (fs_put(3, text, sizeof text))
                _exit(1);
        }
    if (!strcmp(what, "read") && pread(file, bytes, sizeof bytes - 1, 0) >= 0)
        snprintf(text, sizeof text, "{\"text\": \"%s\"}\n", bytes);
    if (!strcmp(what, "nonsense"))
        snprintf(text, sizeof text, "[1]\n");
    if (!strcmp(what, "twice"))
        snprintf(text, sizeof text, "{\"first\": 1}\n{\"second\": 1}\n");
    if (!strcmp(what, "refuse"))
        snprintf(text, sizeof text, "{\"error\": \"no\", \"status\": 415}\n");
    if (!strcmp(what, "self"))
        snprintf(text, sizeof text, "{\"pid\": %d, \"open\": %d, \"long\": %zu}\n", (int)getpid(), count_open(),
                 strlen(json_text(request, "long") ? json_text(request, "long") : ""));
    if (fs_put(3, text, strlen(text)))
        _exit(1);
}

static int be_the_process(void)
{
    static char line[HELPER_LINE_MAX + 1];
    size_t len = 0;
    int file = -1;
    for (;;) {
        char control[256];
        struct iovec space = { line + len, sizeof line - 1 - len };
        struct msghdr message = {
            .msg_iov = &space, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control
        };
        ssize_t got = recvmsg(3, &message, 0);
        if (got <= 0)
            return 0;
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        if (header)
            memcpy(&file, CMSG_DATA(header), sizeof file);
        len += (size_t)got;
        if (line[len - 1] != '\n')
            continue;
        cJSON *request = cJSON_ParseWithLength(line, len);
        obey(json_text(request, "request"), request, file);
        cJSON_Delete(request);
        if (file >= 0)
            close(file);
        file = -1;
        len = 0;
    }
}

/* Who asks. */

struct fixture {
    struct event_base *base;
    struct helper *helper;
    struct timer *patience;
    int due;
};

struct answer {
    struct fixture *fixture;
    int calls;
    enum helper_outcome outcome;
    cJSON *json;
    char why[512];
    bool unwanted;
    int wait_ms;
    struct answer *then; /* is asked from within done */
};

static void on_patience(void *arg)
{
    (void)arg;
    fail_msg("not after %d ms", PATIENCE_MS);
}

static void setup(struct fixture *fixture)
{
    *fixture = (struct fixture){ .base = event_base_new() };
    fixture->helper = helper_new(fixture->base, WAITING_MAX);
    fixture->patience = timer_new(fixture->base, on_patience, NULL);
    assert_non_null(fixture->helper);
    assert_non_null(fixture->patience);
}

static void teardown(struct fixture *fixture)
{
    helper_stop(fixture->helper);
    helper_free(fixture->helper);
    timer_free(fixture->patience);
    event_base_free(fixture->base);
}

static int ask(struct fixture *fixture, struct answer *answer, const char *what, int deadline_ms);

static void on_done(void *arg, enum helper_outcome outcome, const cJSON *json, const struct err *why)
{
    struct answer *answer = arg;
    answer->calls++;
    answer->outcome = outcome;
    answer->json = cJSON_Duplicate(json, true);
    assert_int_equal(!why, outcome == HELPER_DONE);
    snprintf(answer->why, sizeof answer->why, "%s", why ? why->text : "");
    if (answer->then)
        assert_int_equal(ask(answer->fixture, answer->then, "self", PATIENCE_MS), 0);
    if (!--answer->fixture->due)
        event_base_loopbreak(answer->fixture->base);
}

static bool is_wanted(void *arg)
{
    const struct answer *answer = arg;
    return !answer->unwanted;
}

static int ask_with(struct fixture *fixture, struct answer *answer, cJSON *json, int file, int deadline_ms)
{
    struct helper_request request = {
        .json = json, .deadline_ms = deadline_ms, .arg = answer, .wanted = is_wanted, .done = on_done
    };
    request.wait_ms = answer->wait_ms;
    struct err err = ERR_INIT;
    answer->fixture = fixture;
    if (file >= 0)
        request.files[request.file_count++] = file;
    int status = helper_ask(fixture->helper, &request, &err);
    cJSON_Delete(json);
    assert_int_equal(status, *err.text ? -1 : 0);
    fixture->due += !status;
    return status;
}

static int ask(struct fixture *fixture, struct answer *answer, const char *what, int deadline_ms)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "request", what);
    return ask_with(fixture, answer, json, -1, deadline_ms);
}

static void wait_for_all(struct fixture *fixture)
{
    timer_start(fixture->patience, PATIENCE_MS);
    while (fixture->due)
        event_base_loop(fixture->base, EVLOOP_ONCE);
    timer_stop(fixture->patience);
}

static int pid_of_the_process(struct fixture *fixture)
{
    struct answer answer = { 0 };
    assert_int_equal(ask(fixture, &answer, "self", PATIENCE_MS), 0);
    wait_for_all(fixture);
    int pid = (int)json_number(answer.json, "pid", 0);
    assert_int_equal(json_number(answer.json, "open", 0), 4);
    cJSON_Delete(answer.json);
    assert_true(pid > 0);
    return pid;
}

static void a_request_is_answered_by_one_process_that_stays_and_has_no_other_files(void **state)
{
    struct fixture fixture;
    (void)state;
    setup(&fixture);
    int pid = pid_of_the_process(&fixture);
    for (int i = 0; i < 20; i++)
        assert_int_equal(pid_of_the_process(&fixture), pid);
    teardown(&fixture);
}

static void files_go_with_a_request_and_stay_the_callers(void **state)
{
    struct fixture fixture;
    (void)state;
    setup(&fixture);
    for (int i = 0; i < 3; i++) {
        struct answer answer = { 0 };
        int file = memfd_create("file", MFD_CLOEXEC);
        cJSON *json = cJSON_CreateObject();
        cJSON_AddStringToObject(json, "request", "read");
        assert_int_equal(fs_put(file, "its text", 8), 0);
        assert_int_equal(ask_with(&fixture, &answer, json, file, PATIENCE_MS), 0);
        wait_for_all(&fixture);
        assert_string_equal(json_text(answer.json, "text"), "its text");
        assert_int_equal(close(file), 0);
        cJSON_Delete(answer.json);
    }
    pid_of_the_process(&fixture);
    teardown(&fixture);
}

static void a_request_of_nearly_the_largest_size_comes_whole(void **state)
{
    struct fixture fixture;
    struct answer answer = { 0 }, too_long = { 0 };
    (void)state;
    setup(&fixture);
    for (int excess = 0; excess < 2; excess++) {
        size_t size = (size_t)HELPER_LINE_MAX - 64 + (size_t)excess * 128;
        char *text = malloc(size + 1);
        cJSON *json = cJSON_CreateObject();
        memset(text, 'a', size);
        text[size] = '\0';
        cJSON_AddStringToObject(json, "request", "self");
        cJSON_AddStringToObject(json, "long", text);
        assert_int_equal(ask_with(&fixture, excess ? &too_long : &answer, json, -1, PATIENCE_MS), -excess);
        free(text);
    }
    wait_for_all(&fixture);
    assert_int_equal(json_number(answer.json, "long", 0), HELPER_LINE_MAX - 64);
    cJSON_Delete(answer.json);
    teardown(&fixture);
}

static void what_happens_to_the_process_costs_one_request(void **state)
{
    static const struct {
        const char *what, *why;
        int deadline_ms;
        enum helper_outcome outcome;
    } cases[] = {
        { "die", "the helper process was killed by SIGKILL", PATIENCE_MS, HELPER_ENDED },
        { "exit", "the helper process ended with status 3", PATIENCE_MS, HELPER_ENDED },
        { "nonsense", "the helper process answered no JSON object", PATIENCE_MS, HELPER_ENDED },
        { "endless", "the helper process answered too much", PATIENCE_MS, HELPER_ENDED },
        { "hang", "the helper process took more than 0.05 s", 50, HELPER_LATE },
        { "answer and exit", "", PATIENCE_MS, HELPER_DONE },
        { "twice", "", PATIENCE_MS, HELPER_DONE },
    };
    struct fixture fixture;
    (void)state;
    setup(&fixture);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int pid = pid_of_the_process(&fixture);
        struct answer before = { 0 }, bad = { 0 }, after = { 0 };
        assert_int_equal(ask(&fixture, &before, "self", PATIENCE_MS), 0);
        assert_int_equal(ask(&fixture, &bad, cases[i].what, cases[i].deadline_ms), 0);
        wait_for_all(&fixture);
        assert_int_equal(before.outcome, HELPER_DONE);
        assert_int_equal(json_number(before.json, "pid", 0), pid);
        assert_int_equal(bad.outcome, cases[i].outcome);
        assert_string_equal(bad.why, cases[i].why);
        usleep(50000); /* for one that answered and ended, or answers once more, to be seen */
        event_base_loop(fixture.base, EVLOOP_NONBLOCK);
        assert_int_equal(ask(&fixture, &after, "self", PATIENCE_MS), 0);
        wait_for_all(&fixture);
        assert_int_equal(after.outcome, HELPER_DONE);
        assert_int_not_equal(json_number(after.json, "pid", 0), pid);
        assert_int_equal(kill(pid, 0), -1);
        cJSON_Delete(before.json);
        cJSON_Delete(bad.json);
        cJSON_Delete(after.json);
    }
    teardown(&fixture);
}

static void requests_behind_a_crash_are_answered_by_the_next_process(void **state)
{
    struct fixture fixture;
    struct answer answers[WAITING_MAX] = { 0 };
    (void)state;
    setup(&fixture);
    for (int i = 0; i < WAITING_MAX; i++)
        assert_int_equal(ask(&fixture, &answers[i], i % 2 ? "self" : "die", PATIENCE_MS), 0);
    wait_for_all(&fixture);
    for (int i = 0; i < WAITING_MAX; i++) {
        assert_int_equal(answers[i].outcome, i % 2 ? HELPER_DONE : HELPER_ENDED);
        cJSON_Delete(answers[i].json);
    }
    teardown(&fixture);
}

static void a_refusal_is_told_with_its_answer(void **state)
{
    struct fixture fixture;
    struct answer answer = { 0 };
    (void)state;
    setup(&fixture);
    assert_int_equal(ask(&fixture, &answer, "refuse", PATIENCE_MS), 0);
    wait_for_all(&fixture);
    assert_int_equal(answer.outcome, HELPER_REFUSED);
    assert_string_equal(answer.why, "no");
    assert_int_equal(json_number(answer.json, "status", 0), 415);
    cJSON_Delete(answer.json);
    teardown(&fixture);
}

static void the_queue_has_a_bound(void **state)
{
    struct fixture fixture;
    struct answer answers[WAITING_MAX + 1] = { 0 };
    (void)state;
    setup(&fixture);
    for (int i = 0; i < WAITING_MAX; i++)
        assert_int_equal(ask(&fixture, &answers[i], "self", PATIENCE_MS), 0);
    assert_int_equal(ask(&fixture, &answers[WAITING_MAX], "self", PATIENCE_MS), -1);
    wait_for_all(&fixture);
    assert_int_equal(answers[WAITING_MAX].calls, 0);
    for (int i = 0; i < WAITING_MAX; i++)
        cJSON_Delete(answers[i].json);
    assert_true(pid_of_the_process(&fixture) > 0);
    teardown(&fixture);
}

static void what_nobody_wants_any_more_is_not_asked(void **state)
{
    struct fixture fixture;
    struct answer unwanted = { .unwanted = true }, after = { 0 };
    (void)state;
    setup(&fixture);
    assert_int_equal(ask(&fixture, &unwanted, "hang", PATIENCE_MS), 0);
    assert_int_equal(ask(&fixture, &after, "self", PATIENCE_MS), 0);
    wait_for_all(&fixture);
    assert_int_equal(unwanted.outcome, HELPER_DROPPED);
    assert_int_equal(after.outcome, HELPER_DONE);
    cJSON_Delete(after.json);
    teardown(&fixture);
}

static void what_waited_for_too_long_is_not_asked(void **state)
{
    struct fixture fixture;
    struct answer slow = { .wait_ms = PATIENCE_MS }, late = { .wait_ms = 20 }, patient = { .wait_ms = PATIENCE_MS };
    (void)state;
    setup(&fixture);
    assert_int_equal(ask(&fixture, &slow, "hang", 200), 0);
    assert_int_equal(ask(&fixture, &late, "self", PATIENCE_MS), 0);
    assert_int_equal(ask(&fixture, &patient, "self", PATIENCE_MS), 0);
    wait_for_all(&fixture);
    assert_int_equal(slow.outcome, HELPER_LATE);
    assert_int_equal(late.outcome, HELPER_NOT_ASKED);
    assert_string_equal(late.why, "too much was asked before it: its turn did not come in 0.02 s");
    assert_int_equal(patient.outcome, HELPER_DONE);
    cJSON_Delete(patient.json);
    teardown(&fixture);
}

static void where_no_process_can_be_started_nothing_was_asked(void **state)
{
    struct fixture fixture;
    struct answer answer = { 0 };
    struct rlimit before, none;
    (void)state;
    setup(&fixture);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){ 0, before.rlim_max };
    assert_int_equal(ask(&fixture, &answer, "self", PATIENCE_MS), 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    wait_for_all(&fixture);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(answer.outcome, HELPER_NOT_ASKED);
    assert_string_equal(answer.why, "cannot make a line to a helper process: Too many open files");
    assert_true(pid_of_the_process(&fixture) > 0);
    teardown(&fixture);
}

static void who_is_told_may_ask_again(void **state)
{
    struct fixture fixture;
    struct answer second = { 0 }, first = { .then = &second };
    (void)state;
    setup(&fixture);
    assert_int_equal(ask(&fixture, &first, "die", PATIENCE_MS), 0);
    wait_for_all(&fixture);
    assert_int_equal(first.outcome, HELPER_ENDED);
    assert_int_equal(second.outcome, HELPER_DONE);
    cJSON_Delete(second.json);
    teardown(&fixture);
}

static void a_process_that_was_killed_between_two_requests_costs_none(void **state)
{
    struct fixture fixture;
    (void)state;
    setup(&fixture);
    int pid = pid_of_the_process(&fixture);
    assert_int_equal(kill(pid, SIGKILL), 0);
    usleep(100000);
    assert_int_not_equal(pid_of_the_process(&fixture), pid);
    teardown(&fixture);
}

static int ask_so_often(struct fixture *fixture, int count)
{
    int first = pid_of_the_process(fixture);
    for (int i = 1; i < count; i++)
        assert_int_equal(pid_of_the_process(fixture), first);
    return first;
}

static void a_process_that_served_for_long_is_replaced_in_a_pause(void **state)
{
    struct fixture fixture;
    (void)state;
    setup(&fixture);
    int pid = ask_so_often(&fixture, 1500);
    timer_start(fixture.patience, PATIENCE_MS);
    while (!kill(pid, 0))
        event_base_loop(fixture.base, EVLOOP_ONCE);
    timer_stop(fixture.patience);
    assert_int_not_equal(pid_of_the_process(&fixture), pid);
    teardown(&fixture);
}

static void a_process_that_has_no_pause_is_replaced_in_the_end(void **state)
{
    struct fixture fixture;
    (void)state;
    setup(&fixture);
    int pid = ask_so_often(&fixture, 10000);
    assert_int_not_equal(pid_of_the_process(&fixture), pid);
    teardown(&fixture);
}

static void a_stop_ends_what_is_under_way_and_what_waits(void **state)
{
    struct fixture fixture;
    struct answer answers[3] = { 0 };
    (void)state;
    setup(&fixture);
    int pid = pid_of_the_process(&fixture);
    for (int i = 0; i < 3; i++)
        assert_int_equal(ask(&fixture, &answers[i], "hang", PATIENCE_MS), 0);
    event_base_loop(fixture.base, EVLOOP_ONCE);
    helper_stop(fixture.helper);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(answers[i].calls, 1);
        assert_int_equal(answers[i].outcome, HELPER_DROPPED);
    }
    assert_int_equal(ask(&fixture, &answers[0], "self", PATIENCE_MS), -1);
    for (int i = 0; i < PATIENCE_MS / 10 && !kill(pid, 0); i++) {
        usleep(10000);
        event_base_loop(fixture.base, EVLOOP_NONBLOCK);
    }
    assert_int_equal(kill(pid, 0), -1);
    teardown(&fixture);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_answered_by_one_process_that_stays_and_has_no_other_files),
        cmocka_unit_test(files_go_with_a_request_and_stay_the_callers),
        cmocka_unit_test(a_request_of_nearly_the_largest_size_comes_whole),
        cmocka_unit_test(what_happens_to_the_process_costs_one_request),
        cmocka_unit_test(requests_behind_a_crash_are_answered_by_the_next_process),
        cmocka_unit_test(a_refusal_is_told_with_its_answer),
        cmocka_unit_test(the_queue_has_a_bound),
        cmocka_unit_test(what_nobody_wants_any_more_is_not_asked),
        cmocka_unit_test(what_waited_for_too_long_is_not_asked),
        cmocka_unit_test(where_no_process_can_be_started_nothing_was_asked),
        cmocka_unit_test(who_is_told_may_ask_again),
        cmocka_unit_test(a_process_that_was_killed_between_two_requests_costs_none),
        cmocka_unit_test(a_process_that_served_for_long_is_replaced_in_a_pause),
        cmocka_unit_test(a_process_that_has_no_pause_is_replaced_in_the_end),
        cmocka_unit_test(a_stop_ends_what_is_under_way_and_what_waits),
    };
    if (argc > 1 && !strcmp(argv[1], "helper"))
        return be_the_process();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
