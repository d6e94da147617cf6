/* Messages over a socket whose other end the test holds: what comes, what leaves, and every way to end. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dcls/base/clock.h"
#include "dcls/base/log.h"
#include "dcls/net/message_stream.h"
#include "dcls/proto/legacy_queue.h"

#define PATIENCE_MS 5000
#define PING "{\"type\": \"SERVER PING\"}"
#define PONG "{\"type\": \"SERVER PONG\"}"

struct fixture {
    struct event_base *base;
    struct message_stream *stream; /* NULL once closed */
    int peer;                      /* the other end; -1 once closed */
    int connected, messages, refusals, sent, closed;
    enum msg_type last;
    char text[256], why[512], key[64];
    bool close_at_message, answer; /* what `message` does */
};

static void on_connected(void *arg)
{
    struct fixture *fixture = arg;
    fixture->connected++;
}

static void on_message(void *arg, struct msg *msg, const char *text, size_t len)
{
    struct fixture *fixture = arg;
    assert_int_equal(fixture->closed, 0);
    fixture->messages++;
    fixture->last = msg->type;
    snprintf(fixture->text, sizeof fixture->text, "%.*s", (int)len, text);
    if (fixture->answer) {
        struct msg answer;
        msg_init(&answer, MSG_SERVER_PONG);
        message_stream_send(fixture->stream, &answer, NULL, NULL);
        msg_release(&answer);
    }
    if (fixture->close_at_message)
        message_stream_close(fixture->stream, "that was enough");
}

static void on_refused(void *arg, const char *text, size_t len, const struct err *why)
{
    struct fixture *fixture = arg;
    fixture->refusals++;
    snprintf(fixture->text, sizeof fixture->text, "%.*s", (int)len, text ? text : "");
    snprintf(fixture->why, sizeof fixture->why, "%s", why->text);
}

static void on_sent(void *arg, const char *key)
{
    struct fixture *fixture = arg;
    fixture->sent++;
    snprintf(fixture->key, sizeof fixture->key, "%s", key);
}

static void on_closed(void *arg, const char *why)
{
    struct fixture *fixture = arg;
    fixture->closed++;
    message_stream_free(fixture->stream);
    fixture->stream = NULL;
    snprintf(fixture->why, sizeof fixture->why, "%s", why); /* outlives the stream */
}

static const struct message_stream_events events = {
    .connected = on_connected, .message = on_message, .refused = on_refused, .sent = on_sent, .closed = on_closed
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    int fds[2];
    signal(SIGPIPE, SIG_IGN);
    assert_non_null(fixture);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_int_equal(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
    fixture->base = event_base_new();
    fixture->stream = message_stream_new(fixture->base, fds[0], &events, fixture, NULL);
    fixture->peer = fds[1];
    assert_non_null(fixture->stream);
    *state = fixture;
    return 0;
}

static void hang_up(struct fixture *fixture)
{
    if (fixture->peer >= 0)
        close(fixture->peer);
    fixture->peer = -1;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    message_stream_free(fixture->stream);
    hang_up(fixture);
    event_base_free(fixture->base);
    free(fixture);
    return 0;
}

static void turn(struct fixture *fixture)
{
    event_base_loop(fixture->base, EVLOOP_NONBLOCK);
    usleep(500);
}

static void turn_for(struct fixture *fixture, int ms)
{
    for (int64_t end = clock_ms() + ms; clock_ms() < end;)
        turn(fixture);
}

#define WAIT(fixture, condition)                                                                                       \
    do {                                                                                                               \
        for (int64_t end_ = clock_ms() + PATIENCE_MS; !(condition);) {                                                 \
            if (clock_ms() > end_)                                                                                     \
                fail_msg("not in time: %s", #condition);                                                               \
            turn(fixture);                                                                                             \
        }                                                                                                              \
    } while (0)

static void say(const struct fixture *fixture, const char *text)
{
    assert_int_equal(write(fixture->peer, text, strlen(text)), strlen(text));
}

/* At once, as one write. */
static void say_pings(const struct fixture *fixture, int count)
{
    size_t size = sizeof PING; /* with a newline for its NUL */
    char *text = malloc(size * (size_t)count);
    assert_non_null(text);
    for (int i = 0; i < count; i++)
        memcpy(text + size * (size_t)i, PING "\n", size);
    assert_int_equal(write(fixture->peer, text, size * (size_t)count), size * (size_t)count);
    free(text);
}

static int send_error(struct fixture *fixture, const char *text, const char *key, struct err *err)
{
    struct msg msg;
    msg_init(&msg, MSG_ERROR);
    assert_int_equal(msg_set(&msg.message, text), 0);
    int result = message_stream_send(fixture->stream, &msg, key, err);
    msg_release(&msg);
    return result;
}

static int send_type(struct fixture *fixture, enum msg_type type)
{
    struct msg msg;
    msg_init(&msg, type);
    if (type != MSG_ERROR)
        assert_int_equal(msg_set(&msg.name, "n"), 0);
    int result = message_stream_send(fixture->stream, &msg, NULL, NULL);
    msg_release(&msg);
    return result;
}

/* What has reached the peer by now. */
static size_t hear(const struct fixture *fixture, char *text, size_t size)
{
    ssize_t got = read(fixture->peer, text, size - 1);
    text[got > 0 ? got : 0] = '\0';
    return got > 0 ? (size_t)got : 0;
}

/* As much as the peer's buffers take and then `extra` bytes: messages of 64 KiB each. */
static void send_much(struct fixture *fixture, size_t extra)
{
    char *text = calloc(1, 1 << 16);
    assert_non_null(text);
    memset(text, 'x', (1 << 16) - 1);
    while (fixture->stream && message_stream_backlog(fixture->stream) <= extra) {
        if (send_error(fixture, text, NULL, NULL))
            break;
        turn(fixture);
    }
    free(text);
}

static void a_message_in_pieces_waits_for_the_last_one(void **state)
{
    struct fixture *fixture = *state;
    for (const char *byte = PING; *byte; byte++) {
        assert_int_equal(fixture->messages, 0);
        assert_int_equal(write(fixture->peer, byte, 1), 1);
        turn(fixture);
    }
    WAIT(fixture, fixture->messages == 1);
    assert_int_equal(fixture->last, MSG_SERVER_PING);
    assert_string_equal(fixture->text, PING);
}

static void several_messages_in_one_read_come_in_order(void **state)
{
    struct fixture *fixture = *state;
    say(fixture, PING "\n" PING PONG "\n" PING "\n" PONG);
    WAIT(fixture, fixture->messages == 5);
    assert_int_equal(fixture->last, MSG_SERVER_PONG);
    assert_int_equal(fixture->refusals, 0);
}

static void what_is_no_message_is_refused_with_its_text_and_the_next_counts(void **state)
{
    struct fixture *fixture = *state;
    say(fixture, "{\"type\": \"NO SUCH\"}\nno JSON\n" PING "\n");
    WAIT(fixture, fixture->messages == 1);
    assert_int_equal(fixture->refusals, 2);
    assert_non_null(fixture->stream);
    say(fixture, "{\"type\": \"ERROR\"}\n");
    WAIT(fixture, fixture->refusals == 3);
    assert_string_equal(fixture->text, "{\"type\": \"ERROR\"}");
    assert_non_null(strstr(fixture->why, "message"));
}

static void a_message_too_long_is_refused_once_and_the_next_counts(void **state)
{
    struct fixture *fixture = *state;
    char *text = malloc(MSG_MAX);
    assert_non_null(text);
    memset(text, 'x', MSG_MAX);
    for (int part = 0; part < 3; part++)
        for (size_t at = 0; at < MSG_MAX;) {
            ssize_t count = write(fixture->peer, text + at, MSG_MAX - at);
            at += count > 0 ? (size_t)count : 0;
            turn(fixture);
        }
    free(text);
    say(fixture, "\n" PING "\n");
    WAIT(fixture, fixture->messages == 1);
    assert_int_equal(fixture->refusals, 1);
    assert_string_equal(fixture->text, PING);
    assert_string_equal(fixture->why, "a message is longer than 1048576 bytes");
}

static void the_end_is_told_after_all_that_came_before_it(void **state)
{
    struct fixture *fixture = *state;
    say_pings(fixture, 10 * MESSAGE_STREAM_MESSAGES_A_WAKE);
    say(fixture, PONG); /* without a newline */
    hang_up(fixture);
    WAIT(fixture, fixture->closed);
    assert_int_equal(fixture->messages, 10 * MESSAGE_STREAM_MESSAGES_A_WAKE + 1);
    assert_int_equal(fixture->last, MSG_SERVER_PONG);
    assert_string_equal(fixture->why, "the peer closed the connection");
    assert_int_equal(fixture->closed, 1);
}

static void what_came_before_is_handled_though_writing_fails(void **state)
{
    struct fixture *fixture = *state;
    say_pings(fixture, 10 * MESSAGE_STREAM_MESSAGES_A_WAKE);
    event_base_loop(fixture->base, EVLOOP_ONCE); /* all is read, the first have been handled */
    hang_up(fixture);
    fixture->answer = true;
    WAIT(fixture, fixture->closed);
    assert_int_equal(fixture->messages, 10 * MESSAGE_STREAM_MESSAGES_A_WAKE);
}

static void where_nothing_can_be_sent_any_more_the_input_has_a_while_to_end(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(shutdown(fixture->peer, SHUT_RD), 0); /* it goes on to send, and never ends */
    fixture->answer = true;
    say(fixture, PING);
    WAIT(fixture, fixture->messages == 1);
    turn_for(fixture, 100);
    say(fixture, PING);
    WAIT(fixture, fixture->messages == 2);
    assert_int_equal(fixture->closed, 0);
    WAIT(fixture, fixture->closed);
    assert_string_equal(fixture->why, strerror(EPIPE));
}

static void a_wake_up_handles_a_bounded_number_of_messages(void **state)
{
    struct fixture *fixture = *state;
    say_pings(fixture, 5 * MESSAGE_STREAM_MESSAGES_A_WAKE);
    for (int wakes = 1; wakes <= 5; wakes++) {
        event_base_loop(fixture->base, EVLOOP_ONCE);
        if (wakes == 1) /* the socket was writable too, which is a wake-up without messages */
            while (!fixture->messages)
                event_base_loop(fixture->base, EVLOOP_ONCE);
        assert_int_equal(fixture->messages, wakes * MESSAGE_STREAM_MESSAGES_A_WAKE);
    }
}

static void a_stream_closed_by_its_own_message_handles_no_further_one(void **state)
{
    struct fixture *fixture = *state;
    fixture->close_at_message = true;
    say(fixture, PING "\n" PING "\n" PING "\n");
    WAIT(fixture, fixture->closed);
    assert_int_equal(fixture->messages, 1);
    assert_string_equal(fixture->why, "that was enough");
}

static void the_last_words_leave_before_the_connection_is_cut(void **state)
{
    struct fixture *fixture = *state;
    char text[256];
    assert_int_equal(send_error(fixture, "farewell", NULL, NULL), 0);
    message_stream_close(fixture->stream, "told to");
    message_stream_close(fixture->stream, "told again");
    assert_false(message_stream_is_open(fixture->stream));
    assert_int_equal(send_error(fixture, "too late", NULL, NULL), -1);
    assert_int_equal(fixture->closed, 0); /* never at once */
    WAIT(fixture, fixture->closed);
    assert_string_equal(fixture->why, "told to");
    hear(fixture, text, sizeof text);
    assert_non_null(strstr(text, "farewell"));
    assert_null(strstr(text, "too late"));
    assert_int_equal(read(fixture->peer, text, 1), 0);
}

static void a_close_with_nothing_to_say_does_not_wait(void **state)
{
    struct fixture *fixture = *state;
    turn(fixture);
    message_stream_close(fixture->stream, "told to");
    assert_int_equal(fixture->closed, 0);
    event_base_loop(fixture->base, EVLOOP_ONCE);
    assert_int_equal(fixture->closed, 1);
}

static void a_peer_that_does_not_read_is_closed_before_memory_runs_out(void **state)
{
    struct fixture *fixture = *state;
    struct err err = ERR_INIT;
    send_much(fixture, 9 << 20);
    assert_int_equal(send_error(fixture, "more", NULL, &err), -1);
    WAIT(fixture, fixture->closed);
    assert_string_equal(fixture->why, "the peer does not read what it is sent");
}

static void a_peer_that_takes_nothing_for_too_long_is_closed(void **state)
{
    struct fixture *fixture = *state;
    message_stream_set_write_ms(fixture->stream, 200);
    turn_for(fixture, 400); /* nothing waits: no deadline */
    assert_int_equal(fixture->closed, 0);
    int64_t begun = clock_ms();
    send_much(fixture, 1 << 20);
    WAIT(fixture, fixture->closed);
    assert_in_range(clock_ms() - begun, 190, 3000);
    assert_string_equal(fixture->why, "the peer takes nothing of what it is sent");
}

static void a_slow_peer_is_not_closed_while_it_takes_something(void **state)
{
    struct fixture *fixture = *state;
    char *text = malloc(1 << 17);
    assert_non_null(text);
    message_stream_set_write_ms(fixture->stream, 1000);
    send_much(fixture, 1 << 20);
    for (int64_t end = clock_ms() + 2500; clock_ms() < end; turn_for(fixture, 50))
        hear(fixture, text, 1 << 15);
    assert_int_equal(fixture->closed, 0);
    free(text);
}

static void the_end_of_output_is_read_after_what_was_sent_and_input_goes_on(void **state)
{
    struct fixture *fixture = *state;
    char text[256];
    assert_int_equal(send_error(fixture, "the last", NULL, NULL), 0);
    message_stream_end_output(fixture->stream);
    assert_int_equal(send_error(fixture, "too late", NULL, NULL), -1);
    turn_for(fixture, 20);
    assert_true(hear(fixture, text, sizeof text) > 0);
    assert_non_null(strstr(text, "the last"));
    assert_int_equal(read(fixture->peer, text, 1), 0);
    say(fixture, PING "\n");
    WAIT(fixture, fixture->messages == 1);
    assert_int_equal(fixture->closed, 0);
}

static void a_legacy_peer_gets_one_message_at_a_time_and_its_answer_frees_the_next(void **state)
{
    struct fixture *fixture = *state;
    char text[4096];
    message_stream_set_legacy(fixture->stream, 10000);
    assert_true(message_stream_is_legacy(fixture->stream));
    assert_int_equal(send_type(fixture, MSG_CLIENT_PING), 0);
    assert_int_equal(send_error(fixture, "second", NULL, NULL), 0);
    turn_for(fixture, 2 * LEGACY_QUEUE_INTERVAL_MS);
    hear(fixture, text, sizeof text);
    assert_non_null(strstr(text, "CLIENT PING"));
    assert_null(strstr(text, "second"));
    assert_int_equal(message_stream_queued(fixture->stream), 1);
    message_stream_answered(fixture->stream);
    turn_for(fixture, 20);
    hear(fixture, text, sizeof text);
    assert_non_null(strstr(text, "second"));
    assert_int_equal(message_stream_queued(fixture->stream), 0);
}

static void a_legacy_peers_messages_are_told_by_their_keys_once_they_have_left(void **state)
{
    struct fixture *fixture = *state;
    message_stream_set_legacy(fixture->stream, 10000);
    assert_int_equal(send_error(fixture, "first", "train:1", NULL), 0);
    assert_int_equal(send_error(fixture, "second", "train:2", NULL), 0);
    assert_int_equal(fixture->sent, 0);
    WAIT(fixture, fixture->sent == 1);
    assert_string_equal(fixture->key, "train:1");
    WAIT(fixture, fixture->sent == 2);
    assert_string_equal(fixture->key, "train:2");
}

static void a_legacy_peer_that_never_answers_is_closed_when_too_much_waits(void **state)
{
    struct fixture *fixture = *state;
    struct err err = ERR_INIT;
    message_stream_set_legacy(fixture->stream, 10000);
    for (int i = 0; i <= LEGACY_QUEUE_MAX; i++) /* one leaves at once */
        assert_int_equal(send_error(fixture, "x", NULL, &err), 0);
    assert_int_equal(send_error(fixture, "x", NULL, &err), -1);
    assert_string_equal(err.text, "512 messages wait already");
    WAIT(fixture, fixture->closed);
    assert_string_equal(fixture->why, "the peer does not answer what it is sent");
}

static void a_message_that_cannot_be_encoded_is_an_error_and_no_end(void **state)
{
    struct fixture *fixture = *state;
    struct err err = ERR_INIT;
    struct msg msg;
    msg_init(&msg, MSG_ERROR); /* without its text */
    assert_int_equal(message_stream_send(fixture->stream, &msg, NULL, &err), -1);
    assert_non_null(strstr(err.text, "message"));
    msg_release(&msg);
    assert_true(message_stream_is_open(fixture->stream));
}

static void the_last_bytes_that_came_are_dated(void **state)
{
    struct fixture *fixture = *state;
    int64_t before = message_stream_heard_ms(fixture->stream);
    turn_for(fixture, 30);
    assert_true(message_stream_heard_ms(fixture->stream) == before);
    say(fixture, "{");
    turn_for(fixture, 10);
    assert_true(message_stream_heard_ms(fixture->stream) >= before + 30);
}

/* Connecting */

struct listener {
    int fd;
    struct sockaddr_in address;
};

static void listener_open(struct listener *listener)
{
    socklen_t size = sizeof listener->address;
    *listener = (struct listener){ .fd = socket(AF_INET, SOCK_STREAM, 0) };
    listener->address.sin_family = AF_INET;
    listener->address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(listener->fd, (struct sockaddr *)&listener->address, size), 0);
    assert_int_equal(getsockname(listener->fd, (struct sockaddr *)&listener->address, &size), 0);
    assert_int_equal(listen(listener->fd, 1), 0);
}

static void connect_stream(struct fixture *fixture, const struct listener *listener)
{
    message_stream_free(fixture->stream);
    fixture->stream = message_stream_connect(fixture->base, (const struct sockaddr *)&listener->address,
                                             sizeof listener->address, &events, fixture, NULL);
    assert_non_null(fixture->stream);
    assert_false(message_stream_is_open(fixture->stream));
}

static void a_stream_connects_to_an_address(void **state)
{
    struct fixture *fixture = *state;
    struct listener listener;
    char text[256];
    listener_open(&listener);
    connect_stream(fixture, &listener);
    WAIT(fixture, fixture->connected == 1);
    assert_true(message_stream_is_open(fixture->stream));
    hang_up(fixture);
    fixture->peer = accept(listener.fd, NULL, NULL);
    assert_true(fixture->peer >= 0);
    say(fixture, PING "\n");
    WAIT(fixture, fixture->messages == 1);
    assert_int_equal(send_error(fixture, "hello", NULL, NULL), 0);
    turn_for(fixture, 20);
    hear(fixture, text, sizeof text);
    assert_non_null(strstr(text, "hello"));
    close(listener.fd);
}

static void a_connection_that_is_refused_is_closed_and_says_why(void **state)
{
    struct fixture *fixture = *state;
    struct listener listener;
    listener_open(&listener);
    close(listener.fd);
    connect_stream(fixture, &listener);
    assert_int_equal(fixture->closed, 0);
    WAIT(fixture, fixture->closed);
    assert_string_equal(fixture->why, strerror(ECONNREFUSED));
    assert_int_equal(fixture->connected, 0);
}

static void a_stream_may_be_closed_while_it_connects(void **state)
{
    struct fixture *fixture = *state;
    struct listener listener;
    listener_open(&listener);
    connect_stream(fixture, &listener);
    message_stream_close(fixture->stream, "no longer wanted");
    WAIT(fixture, fixture->closed);
    assert_int_equal(fixture->connected, 0);
    assert_string_equal(fixture->why, "no longer wanted");
    close(listener.fd);
}

int main(void)
{
#define STREAM(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        STREAM(a_message_in_pieces_waits_for_the_last_one),
        STREAM(several_messages_in_one_read_come_in_order),
        STREAM(what_is_no_message_is_refused_with_its_text_and_the_next_counts),
        STREAM(a_message_too_long_is_refused_once_and_the_next_counts),
        STREAM(the_end_is_told_after_all_that_came_before_it),
        STREAM(what_came_before_is_handled_though_writing_fails),
        STREAM(where_nothing_can_be_sent_any_more_the_input_has_a_while_to_end),
        STREAM(a_wake_up_handles_a_bounded_number_of_messages),
        STREAM(a_stream_closed_by_its_own_message_handles_no_further_one),
        STREAM(the_last_words_leave_before_the_connection_is_cut),
        STREAM(a_close_with_nothing_to_say_does_not_wait),
        STREAM(a_peer_that_does_not_read_is_closed_before_memory_runs_out),
        STREAM(a_peer_that_takes_nothing_for_too_long_is_closed),
        STREAM(a_slow_peer_is_not_closed_while_it_takes_something),
        STREAM(the_end_of_output_is_read_after_what_was_sent_and_input_goes_on),
        STREAM(a_legacy_peer_gets_one_message_at_a_time_and_its_answer_frees_the_next),
        STREAM(a_legacy_peers_messages_are_told_by_their_keys_once_they_have_left),
        STREAM(a_legacy_peer_that_never_answers_is_closed_when_too_much_waits),
        STREAM(a_message_that_cannot_be_encoded_is_an_error_and_no_end),
        STREAM(the_last_bytes_that_came_are_dated),
        STREAM(a_stream_connects_to_an_address),
        STREAM(a_connection_that_is_refused_is_closed_and_says_why),
        STREAM(a_stream_may_be_closed_while_it_connects),
    };
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
