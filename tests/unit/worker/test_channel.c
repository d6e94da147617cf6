/* The worker's line: messages, a cancel that is heard while nobody asks, and the end. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdlib.h>
#include <string.h>

#include "dcls/base/clock.h"
#include "src/worker/channel.h"

struct ends {
    int ours;
    struct channel *channel;
};

static int setup(void **state)
{
    struct ends *ends = calloc(1, sizeof *ends);
    int fds[2];
    if (!ends || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
        return -1;
    ends->ours = fds[0];
    ends->channel = channel_new_socket(fds[1], NULL);
    *state = ends;
    return ends->channel ? 0 : -1;
}

static int teardown(void **state)
{
    struct ends *ends = *state;
    channel_free(ends->channel);
    close(ends->ours);
    free(ends);
    return 0;
}

static void say(int fd, const char *text)
{
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static bool becomes_cancelled(const struct channel *channel)
{
    for (int64_t end = clock_ms() + 5000; clock_ms() < end; usleep(2000))
        if (channel_cancelled(channel))
            return true;
    return false;
}

static void a_cancel_is_heard_without_being_asked_for(void **state)
{
    struct ends *ends = *state;
    assert_false(channel_cancelled(ends->channel));
    say(ends->ours, "{\"type\": \"SERVER CANCEL\", \"train_key\": \"train:1\"}\n");
    assert_true(becomes_cancelled(ends->channel));
}

static void messages_come_in_order_and_what_is_none_is_passed_over(void **state)
{
    struct ends *ends = *state;
    struct msg msg;
    say(ends->ours, "{\"type\": \"SERVER PING\"}\nno message\n{\"type\": \"SERV");
    say(ends->ours, "ER PONG\"}\n");
    assert_true(channel_next(ends->channel, &msg));
    assert_int_equal(msg.type, MSG_SERVER_PING);
    msg_release(&msg);
    assert_true(channel_next(ends->channel, &msg));
    assert_int_equal(msg.type, MSG_SERVER_PONG);
    msg_release(&msg);
    assert_false(channel_cancelled(ends->channel));
}

static void the_end_of_the_line_ends_and_cancels(void **state)
{
    struct ends *ends = *state;
    struct msg msg;
    say(ends->ours, "{\"type\": \"SERVER PING\"}\n");
    shutdown(ends->ours, SHUT_WR);
    assert_true(channel_next(ends->channel, &msg));
    msg_release(&msg);
    assert_false(channel_next(ends->channel, &msg));
    msg_release(&msg);
    assert_true(channel_cancelled(ends->channel));
}

static void what_is_sent_is_one_line(void **state)
{
    struct ends *ends = *state;
    struct msg msg;
    char text[512];
    msg_init(&msg, MSG_ERROR);
    assert_int_equal(msg_set(&msg.message, "two\nlines"), 0);
    assert_int_equal(channel_send(ends->channel, &msg, NULL), 0);
    msg_release(&msg);
    ssize_t got = read(ends->ours, text, sizeof text - 1);
    assert_true(got > 0);
    text[got] = 0;
    assert_ptr_equal(strchr(text, '\n'), text + got - 1);
}

/* The next bytes, as a text; empty where none come in time. */
static void hear(int fd, char *text, size_t size)
{
    struct pollfd ready = { .fd = fd, .events = POLLIN };
    ssize_t got = poll(&ready, 1, 8000) == 1 ? read(fd, text, size - 1) : 0;
    text[got > 0 ? got : 0] = 0;
}

static void a_sign_of_life_comes_though_the_main_thread_says_nothing(void **state)
{
    struct ends *ends = *state;
    char text[512];
    int64_t begin = clock_ms();
    hear(ends->ours, text, sizeof text);
    assert_string_equal(text, "{\"type\": \"WORKER ALIVE\"}\n");
    assert_true(clock_ms() - begin > 4000);
}

static void *send_much(void *arg)
{
    struct ends *ends = arg;
    struct msg msg;
    msg_init(&msg, MSG_ERROR);
    msg_set(&msg.message, "a message of some length, so that few of them are more than a socket holds");
    while (!channel_send(ends->channel, &msg, NULL))
        ;
    msg_release(&msg);
    return NULL;
}

static void a_node_that_does_not_read_is_heard_all_the_same(void **state)
{
    struct ends *ends = *state;
    pthread_t sender;
    assert_int_equal(pthread_create(&sender, NULL, send_much, ends), 0);
    usleep(6 * 1000 * 1000); /* a sign of life was due meanwhile, and could not be sent */
    say(ends->ours, "{\"type\": \"SERVER CANCEL\", \"train_key\": \"train:1\"}\n");
    assert_true(becomes_cancelled(ends->channel));
    shutdown(ends->ours, SHUT_RDWR);
    assert_int_equal(pthread_join(sender, NULL), 0);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_cancel_is_heard_without_being_asked_for, setup, teardown),
        cmocka_unit_test_setup_teardown(messages_come_in_order_and_what_is_none_is_passed_over, setup, teardown),
        cmocka_unit_test_setup_teardown(the_end_of_the_line_ends_and_cancels, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_sent_is_one_line, setup, teardown),
        cmocka_unit_test_setup_teardown(a_sign_of_life_comes_though_the_main_thread_says_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_node_that_does_not_read_is_heard_all_the_same, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
