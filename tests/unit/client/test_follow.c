/* Following a job over connections that break, against a server of fixed answers on the loopback interface. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dcls/base/clock.h"
#include "dcls/net/http_client.h"
#include "dcls/proto/json.h"
#include "src/client/api.h"
#include "src/client/follow.h"
#include "src/client/interrupt.h"

#define STREAM "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
#define EVENT(id, batch, state)                                                                                        \
    "event: job\nid: " id "\ndata: {\"id\": \"3\", \"state\": \"" state "\", \"batch\": " batch "}\n\n"
#define ANSWERS_MAX 4

/* Gives one answer a connection, then closes it; after the last it closes its port. */
struct server {
    const char *answers[ANSWERS_MAX];
    char requests[ANSWERS_MAX][2048];
    int listener, served;
    pthread_t thread;
    struct client client;
};

static void *serve(void *arg)
{
    struct server *server = arg;
    for (; server->served < ANSWERS_MAX && server->answers[server->served]; server->served++) {
        char *request = server->requests[server->served];
        const char *answer = server->answers[server->served];
        int peer = accept(server->listener, NULL, NULL);
        size_t used = 0;
        while (peer >= 0 && !strstr(request, "\r\n\r\n") && used < sizeof server->requests[0] - 1) {
            ssize_t count = read(peer, request + used, sizeof server->requests[0] - 1 - used);
            if (count <= 0)
                break;
            used += (size_t)count;
        }
        if (peer < 0 || write(peer, answer, strlen(answer)) < 0)
            return NULL;
        close(peer);
    }
    close(server->listener);
    return NULL;
}

static void server_start(struct server *server)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    server->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(server->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(server->listener, 4), 0);
    assert_int_equal(getsockname(server->listener, (struct sockaddr *)&address, &size), 0);
    snprintf(server->client.api, sizeof server->client.api, "http://127.0.0.1:%d", ntohs(address.sin_port));
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

struct seen {
    char batches[256];
    int lost;
    bool interrupt; /* press Ctrl-C at the first state */
};

static void on_state(void *arg, const cJSON *job)
{
    struct seen *seen = arg;
    size_t used = strlen(seen->batches);
    snprintf(seen->batches + used, sizeof seen->batches - used, "%.0f ", json_number(job, "batch", -1));
    if (seen->interrupt)
        raise(SIGINT);
}

static void on_lost(void *arg, const char *why, int seconds_left)
{
    struct seen *seen = arg;
    assert_true(*why && seconds_left >= 0);
    seen->lost++;
}

static enum follow_end follow(struct server *server, struct seen *seen, int patience, cJSON **job, struct err *err)
{
    struct follow_observer observer = { patience, seen, on_state, on_lost };
    server_start(server);
    enum follow_end end = follow_job(&server->client, "3", &observer, job, err);
    pthread_join(server->thread, NULL);
    return end;
}

static void a_broken_stream_is_taken_up_after_the_last_event_seen(void **state)
{
    struct server server = { .answers = { STREAM EVENT("41", "1", "running") EVENT("42", "2", "running") "id: 43\ndata",
                                          STREAM EVENT("43", "3", "running") EVENT("44", "4", "completed") } };
    struct seen seen = { 0 };
    struct err err = ERR_INIT;
    cJSON *job;
    (void)state;
    assert_int_equal(follow(&server, &seen, 20, &job, &err), FOLLOW_DONE);
    assert_string_equal(seen.batches, "1 2 3 4 ");
    assert_string_equal(api_text(job, "state"), "completed");
    assert_int_equal(server.served, 2);
    assert_non_null(strstr(server.requests[0], "GET /jobs/3/events HTTP"));
    assert_null(strstr(server.requests[0], "Last-Event-ID"));
    assert_non_null(strstr(server.requests[1], "Last-Event-ID: 42\r\n"));
    assert_int_equal(seen.lost, 0);
    cJSON_Delete(job);
}

static void a_broker_that_is_out_of_order_for_a_while_is_asked_again(void **state)
{
    struct server server = { .answers = { "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", "",
                                          STREAM EVENT("1", "9", "failed") } };
    struct seen seen = { 0 };
    struct err err = ERR_INIT;
    cJSON *job;
    (void)state;
    assert_int_equal(follow(&server, &seen, 20, &job, &err), FOLLOW_DONE);
    assert_string_equal(api_text(job, "state"), "failed");
    assert_int_equal(seen.lost, 2);
    cJSON_Delete(job);
}

static void a_job_that_the_broker_does_not_know_fails_at_once(void **state)
{
    struct server server = { .answers = { "HTTP/1.1 404 Not Found\r\nContent-Length: 28\r\n\r\n"
                                          "{\"error\": \"there is no '3'\"} " } };
    struct seen seen = { 0 };
    struct err err = ERR_INIT;
    cJSON *job;
    (void)state;
    assert_int_equal(follow(&server, &seen, 20, &job, &err), FOLLOW_FAILED);
    assert_null(job);
    assert_string_equal(err.text, "there is no '3'");
    assert_int_equal(server.served, 1);
}

static void a_broker_that_stays_away_is_given_up_on_after_the_patience(void **state)
{
    struct server server = { .answers = { STREAM EVENT("1", "1", "running") } };
    struct seen seen = { 0 };
    struct err err = ERR_INIT;
    cJSON *job;
    double start = clock_seconds();
    (void)state;
    assert_int_equal(follow(&server, &seen, 1, &job, &err), FOLLOW_FAILED);
    assert_true(clock_seconds() - start < 10);
    assert_true(seen.lost > 0);
    assert_non_null(strstr(err.text, "job '3'"));
}

/* The last: Ctrl-C stays pressed. */
static void ctrl_c_ends_the_watching(void **state)
{
    struct server server = { .answers = { STREAM EVENT("1", "1", "running") } };
    struct seen seen = { .interrupt = true };
    struct err err = ERR_INIT;
    cJSON *job;
    (void)state;
    interrupt_catch();
    assert_int_equal(follow(&server, &seen, 20, &job, &err), FOLLOW_INTERRUPTED);
    assert_null(job);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_broken_stream_is_taken_up_after_the_last_event_seen),
        cmocka_unit_test(a_broker_that_is_out_of_order_for_a_while_is_asked_again),
        cmocka_unit_test(a_job_that_the_broker_does_not_know_fails_at_once),
        cmocka_unit_test(a_broker_that_stays_away_is_given_up_on_after_the_patience),
        cmocka_unit_test(ctrl_c_ends_the_watching),
    };
    struct err err = ERR_INIT;
    if (http_global_init(&err))
        return 1;
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    http_global_release();
    return failures;
}
