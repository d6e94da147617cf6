/* Children that are shells: what they say, how they end, and what is told of it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "src/node/supervisor.h"

static pid_t undying; /* not even a kill ends it, as far as who waits for it can tell; 0: none */

pid_t waitpid(pid_t pid, int *status, int options)
{
    if (!undying || pid != undying)
        return wait4(pid, status, options, NULL);
    assert_true(options & WNOHANG); /* else it would be waited for without end */
    return 0;
}

struct watched {
    struct event_base *base;
    struct supervisor *supervisor;
    struct child *child;
    int messages, ends;
    enum msg_type last_type;
    char why[512];
};

static int setup(void **state)
{
    struct watched *watched = calloc(1, sizeof *watched);
    signal(SIGPIPE, SIG_IGN);
    watched->base = event_base_new();
    watched->supervisor = supervisor_new(watched->base, NULL);
    *state = watched;
    return watched->supervisor ? 0 : -1;
}

static int teardown(void **state)
{
    struct watched *watched = *state;
    supervisor_free(watched->supervisor);
    event_base_free(watched->base);
    free(watched);
    return 0;
}

static void on_message(void *arg, struct msg *msg)
{
    struct watched *watched = arg;
    assert_int_equal(watched->ends, 0);
    watched->messages++;
    watched->last_type = msg->type;
}

static void on_ended(void *arg, const char *why)
{
    struct watched *watched = arg;
    watched->ends++;
    snprintf(watched->why, sizeof watched->why, "%s", why);
    event_base_loopbreak(watched->base);
}

static void start(struct watched *watched, const char *script)
{
    const char *const argv[] = { "sh", "-c", script, NULL };
    struct child_events events = { .arg = watched, .message = on_message, .ended = on_ended };
    struct err err = ERR_INIT;
    watched->child = child_start(watched->supervisor, "worker", "/bin/sh", argv, &events, &err);
    if (!watched->child)
        fail_msg("%s", err.text);
}

static void run(struct watched *watched)
{
    struct timeval most = { 10, 0 };
    event_base_loopexit(watched->base, &most);
    event_base_dispatch(watched->base);
    assert_int_equal(watched->ends, 1);
}

static void a_signal_is_told_by_its_name_with_the_last_words(void **state)
{
    struct watched *watched = *state;
    start(watched, "echo early >&2; echo 'it hurts' >&2; kill -SEGV $$");
    run(watched);
    assert_non_null(strstr(watched->why, "worker was killed by SIGSEGV: "));
    assert_non_null(strstr(watched->why, "it hurts"));
    assert_null(strchr(watched->why, '\n'));
}

static void a_status_is_told(void **state)
{
    struct watched *watched = *state;
    start(watched, "exit 3");
    run(watched);
    assert_string_equal(watched->why, "worker ended with status 3");
}

static void only_the_end_of_long_words_is_told(void **state)
{
    struct watched *watched = *state;
    start(watched, "i=0; while [ $i -lt 2000 ]; do echo \"line $i\" >&2; i=$((i + 1)); done; exit 1");
    run(watched);
    assert_non_null(strstr(watched->why, "line 1999"));
    assert_null(strstr(watched->why, "line 1900;"));
    assert_true(strlen(watched->why) < 400);
}

static void the_last_message_counts_though_the_child_is_gone(void **state)
{
    struct watched *watched = *state;
    start(watched, "i=0; while [ $i -lt 300 ]; do echo '{\"type\": \"SERVER PING\"}' >&3; i=$((i + 1)); done;"
                   "printf '{\"type\": \"SERVER PONG\"}' >&3; kill -KILL $$");
    run(watched);
    assert_int_equal(watched->messages, 301);
    assert_int_equal(watched->last_type, MSG_SERVER_PONG);
    assert_string_equal(watched->why, "worker was killed by SIGKILL");
}

static void a_child_hears_what_is_sent_and_that_the_line_ends(void **state)
{
    struct watched *watched = *state;
    struct msg msg;
    start(watched, "read -r line <&3; case $line in *CANCEL*) ;; *) exit 9;; esac; read -r line <&3; exit 5");
    msg_init(&msg, MSG_SERVER_CANCEL);
    assert_int_equal(msg_set(&msg.train_key, "train:1") | msg_set(&msg.job, "1"), 0);
    msg.generation = 1;
    assert_int_equal(child_send(watched->child, &msg, NULL), 0);
    msg_release(&msg);
    /* Only once the line has been read may it end. */
    struct timeval soon = { 0, 200000 };
    event_base_loopexit(watched->base, &soon);
    event_base_dispatch(watched->base);
    child_hang_up(watched->child);
    run(watched);
    assert_string_equal(watched->why, "worker ended with status 5");
}

static void a_killed_child_ends(void **state)
{
    struct watched *watched = *state;
    start(watched, "while :; do sleep 1; done");
    child_kill(watched->child);
    run(watched);
    assert_string_equal(watched->why, "worker was killed by SIGKILL");
}

static void on_pid(void *arg, struct msg *msg)
{
    struct watched *watched = arg;
    undying = (pid_t)strtol(msg->message, NULL, 10);
    event_base_loopbreak(watched->base);
}

static void a_child_that_not_even_a_kill_ends_is_left(void **state)
{
    struct watched *watched = *state;
    struct child_events events = { .arg = watched, .message = on_pid };
    const char *const argv[] = { "sh", "-c",
                                 "echo '{\"type\": \"ERROR\", \"message\": \"'$$'\"}' >&3; while :; do sleep 1; done",
                                 NULL };
    assert_non_null(child_start(watched->supervisor, "worker", "/bin/sh", argv, &events, NULL));
    event_base_dispatch(watched->base);
    assert_true(undying > 0);
    supervisor_free(watched->supervisor);
    watched->supervisor = NULL;
    assert_int_equal(wait4(undying, NULL, 0, NULL), undying); /* it was killed, though nobody saw it */
    undying = 0;
}

static void a_grandchild_that_holds_the_pipes_delays_the_end_only_shortly(void **state)
{
    struct watched *watched = *state;
    start(watched, "sleep 5 & exit 4");
    run(watched);
    assert_string_equal(watched->why, "worker ended with status 4");
}

static void a_program_that_is_not_there_is_an_error(void **state)
{
    struct watched *watched = *state;
    const char *const argv[] = { "x", NULL };
    struct child_events events = { .arg = watched };
    struct err err = ERR_INIT;
    assert_null(child_start(watched->supervisor, "worker", "/nowhere/x", argv, &events, &err));
    assert_non_null(strstr(err.text, "/nowhere/x"));
}

static void children_are_inherited_no_descriptors(void **state)
{
    struct watched *watched = *state;
    start(watched, "while :; do sleep 1; done"); /* its line and pipes must not reach the next */
    start(watched, "ls /proc/self/fd | tr '\\n' ' ' >&2; exit 1");
    run(watched);
    /* 0 to 3, and the one that ls reads the folder by */
    assert_non_null(strstr(watched->why, "0 1 2 3 4"));
    assert_null(strstr(watched->why, "5"));
}

int main(void)
{
#define WATCHED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        WATCHED(a_signal_is_told_by_its_name_with_the_last_words),
        WATCHED(a_status_is_told),
        WATCHED(only_the_end_of_long_words_is_told),
        WATCHED(the_last_message_counts_though_the_child_is_gone),
        WATCHED(a_child_hears_what_is_sent_and_that_the_line_ends),
        WATCHED(a_killed_child_ends),
        WATCHED(a_child_that_not_even_a_kill_ends_is_left),
        WATCHED(a_grandchild_that_holds_the_pipes_delays_the_end_only_shortly),
        WATCHED(a_program_that_is_not_there_is_an_error),
        WATCHED(children_are_inherited_no_descriptors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
