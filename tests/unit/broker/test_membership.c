/* How nodes come and go, over real connections. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <netinet/tcp.h>

#include "rig.h"
#include "tests/shim/memory.h"

#define SECRET "1111111111111111111111111111111111111111111111111111111111111111"
#define OTHER_SECRET "2222222222222222222222222222222222222222222222222222222222222222"
/* sha256sum of the text SECRET */
#define SECRET_HASH "3138bb9bc78df27c473ecfd1410f7bd45ebac1f59cf3ff9cfe4db77aab7aedd3"
#define BELONGS "the name 'n' belongs to another node: dcls client forget n"

static void connect_as(struct peer *peer, struct rig *rig, const char *name, const char *instance, const char *secret)
{
    char text[512];
    peer_open(peer, rig);
    snprintf(text, sizeof text,
             "{\"type\": \"CLIENT CONNECT\", \"name\": \"%s\", \"protocol\": 1, \"instance\": \"%s\"%s%s%s}", name,
             instance, *secret ? ", \"secret\": \"" : "", secret, *secret ? "\"" : "");
    peer_say(peer, text);
}

static void enter_as(struct peer *peer, struct rig *rig, const char *name, const char *instance, const char *secret)
{
    connect_as(peer, rig, name, instance, secret);
    peer_expect(peer, "SERVER ACK");
}

static void expect_error(struct peer *peer, const char *text)
{
    cJSON *msg = peer_hear(peer, "ERROR");
    assert_string_equal(text_of(msg, "message"), text);
    cJSON_Delete(msg);
}

static bool is_closed(const struct peer *peer)
{
    char byte;
    return recv(peer->fd, &byte, 1, MSG_PEEK) == 0;
}

static void expect_refusal(struct peer *peer, const char *text)
{
    expect_error(peer, text);
    RIG_WAIT(peer->rig, is_closed(peer));
    peer_close(peer);
}

static struct node *node_of(const struct rig *rig, const char *name)
{
    return registry_find(rig->broker.registry, name);
}

static void a_name_is_its_holders_while_that_is_connected(void **state)
{
    struct rig *rig = *state;
    struct peer holder, other;
    enter_as(&holder, rig, "n", "i", SECRET);
    assert_string_equal(node_of(rig, "n")->secret_hash, SECRET_HASH);
    int64_t session = node_of(rig, "n")->session;
    connect_as(&other, rig, "n", "i", OTHER_SECRET);
    expect_refusal(&other, BELONGS);
    connect_as(&other, rig, "n", "i", "");
    expect_refusal(&other, BELONGS);
    peer_open(&other, rig);
    peer_say(&other, "{\"type\": \"CLIENT CONNECT\", \"name\": \"n\"}");
    expect_refusal(&other, BELONGS);
    assert_int_equal(node_of(rig, "n")->session, session);
    cJSON *object = node_json(node_of(rig, "n"));
    char *text = cJSON_PrintUnformatted(object);
    assert_null(strstr(text, "ecret"));
    assert_null(strstr(text, SECRET_HASH));
    cJSON_free(text);
    cJSON_Delete(object);
    peer_leave(&holder, "n");
    enter_as(&other, rig, "n", "i", OTHER_SECRET); /* nothing binds it any more */
    peer_close(&other);
}

static void the_same_node_started_anew_takes_its_name_when_the_old_process_is_silent(void **state)
{
    struct rig *rig = *state;
    struct peer old, again;
    enter_as(&old, rig, "n", "i", SECRET);
    int64_t session = node_of(rig, "n")->session;
    connect_as(&again, rig, "n", "j", SECRET);
    peer_expect(&old, "SERVER PING");
    for (int i = 0; i < 10; i++) { /* whatever the newcomer sends */
        peer_say(&again, "");
        rig_turn_for(rig, 20);
    }
    peer_expect(&again, "SERVER ACK");
    assert_true(node_of(rig, "n")->session > session);
    RIG_WAIT(rig, is_closed(&old));
    peer_close(&old);
    peer_close(&again);
}

static void what_a_newcomer_sends_takes_no_live_nodes_name(void **state)
{
    struct rig *rig = *state;
    struct peer holder, other;
    enter_as(&holder, rig, "n", "i", "");
    int64_t session = node_of(rig, "n")->session;
    connect_as(&other, rig, "n", "j", "");
    peer_expect(&holder, "SERVER PING");
    peer_say(&holder, "{\"type\": \"CLIENT PONG\", \"name\": \"n\"}");
    rig_turn_for(rig, 50);
    for (int i = 0; i < 10; i++) {
        peer_say(&other, "\n\n");
        rig_turn_for(rig, 20);
    }
    expect_refusal(&other, "another live node is already named 'n'");
    assert_int_equal(node_of(rig, "n")->session, session);
    peer_close(&holder);
}

static void who_asks_for_another_name_while_it_waits_gets_that_one(void **state)
{
    struct rig *rig = *state;
    struct peer holder, other;
    enter_as(&holder, rig, "n", "i", "");
    connect_as(&other, rig, "n", "j", "");
    peer_expect(&holder, "SERVER PING");
    peer_say(&other, "{\"type\": \"CLIENT CONNECT\", \"name\": \"o\", \"protocol\": 1, \"instance\": \"j\"}");
    peer_expect(&other, "SERVER ACK");
    rig_turn_for(rig, 2300);
    assert_non_null(node_of(rig, "o"));
    assert_string_equal(node_of(rig, "n")->instance, "i");
    peer_close(&holder);
    peer_close(&other);
}

static void who_leaves_while_it_waits_is_forgotten(void **state)
{
    struct rig *rig = *state;
    struct peer holder, other;
    enter_as(&holder, rig, "n", "i", "");
    connect_as(&other, rig, "n", "j", "");
    peer_expect(&holder, "SERVER PING");
    peer_close(&other);
    rig_turn_for(rig, 2300);
    assert_string_equal(node_of(rig, "n")->instance, "i");
    peer_close(&holder);
}

static void a_node_speaks_for_itself_alone(void **state)
{
    static const char *const messages[] = {
        "{\"type\": \"NODE INFO\", \"name\": \"n\", \"models\": [\"m\"]}",
        "{\"type\": \"NEW MODEL ADDED\", \"name\": \"n\", \"new_model\": \"m\", \"models\": [\"m\"]}",
        "{\"type\": \"CLIENT PING\", \"name\": \"n\"}",
        "{\"type\": \"CLIENT PONG\", \"name\": \"n\"}",
        "{\"type\": \"TRAINING_COMPLETED\", \"name\": \"n\", \"train_key\": \"t\", \"model_name\": \"m\", \"data\": "
        "{}}",
        "{\"type\": \"TRAINING FAILED\", \"name\": \"n\", \"train_key\": \"t\", \"message\": \"x\"}",
        "{\"type\": \"TRAINING PROGRESS\", \"name\": \"n\", \"train_key\": \"t\", \"epoch\": 1, \"epochs\": 2}",
        "{\"type\": \"JSON_RESPONSE\", \"name\": \"n\", \"json_name\": \"m\", \"data\": {}}",
        "{\"type\": \"MODEL REMOVED\", \"name\": \"n\", \"model_name\": \"m\"}",
        "{\"type\": \"REMOVE FAILED\", \"name\": \"n\", \"model_name\": \"m\", \"message\": \"x\"}",
    };
    struct rig *rig = *state;
    struct peer node, other;
    peer_register(&node, rig, "n");
    peer_register(&other, rig, "o");
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        cJSON *sent = cJSON_Parse(messages[i]);
        char why[128];
        snprintf(why, sizeof why, "'%s' of 'n' came from node 'o'", text_of(sent, "type"));
        cJSON_Delete(sent);
        peer_say(&other, messages[i]);
        expect_error(&other, why);
    }
    assert_int_equal(node_of(rig, "n")->models.count, 0);
    assert_int_equal(node_of(rig, "o")->models.count, 0);
    peer_close(&node);
    peer_close(&other);
}

static void a_goodbye_on_another_connection_counts_of_a_legacy_node_alone(void **state)
{
    struct rig *rig = *state;
    struct peer legacy, node, fresh;
    peer_register_legacy(&legacy, rig, "old");
    enter_as(&node, rig, "n", "i", "");
    peer_open(&fresh, rig);
    peer_say(&fresh, "{\"type\": \"CLIENT DISCONNECT\", \"name\": \"n\"}");
    expect_refusal(&fresh, "only node 'n' itself may take it off");
    peer_say(&node, "{\"type\": \"CLIENT DISCONNECT\", \"name\": \"old\"}"); /* nor may one node take off another */
    expect_error(&node, "only node 'old' itself may take it off");
    assert_non_null(node_of(rig, "n"));
    assert_non_null(node_of(rig, "old"));
    peer_open(&fresh, rig);
    peer_say(&fresh, "{\"type\": \"CLIENT DISCONNECT\", \"name\": \"old\"}");
    peer_expect(&fresh, "SERVER ACK");
    assert_null(node_of(rig, "old"));
    RIG_WAIT(rig, is_closed(&legacy));
    peer_say(&node, "{\"type\": \"CLIENT DISCONNECT\", \"name\": \"n\"}");
    peer_expect(&node, "SERVER ACK");
    assert_null(node_of(rig, "n"));
    peer_close(&legacy);
    peer_close(&node);
    peer_close(&fresh);
}

static void a_legacy_node_of_another_address_is_not_taken_off(void **state)
{
    struct rig *rig = *state;
    struct peer legacy, fresh;
    struct sockaddr_in from = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000002) },
                       to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)links_port(rig->broker.links)),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    peer_register_legacy(&legacy, rig, "old");
    fresh = (struct peer){ .rig = rig, .fd = socket(AF_INET, SOCK_STREAM, 0) };
    assert_int_equal(bind(fresh.fd, (struct sockaddr *)&from, sizeof from), 0);
    assert_int_equal(connect(fresh.fd, (struct sockaddr *)&to, sizeof to), 0);
    assert_int_equal(fcntl(fresh.fd, F_SETFL, O_NONBLOCK), 0);
    peer_say(&fresh, "{\"type\": \"CLIENT DISCONNECT\", \"name\": \"old\"}");
    expect_refusal(&fresh, "only node 'old' itself may take it off");
    assert_non_null(node_of(rig, "old"));
    peer_close(&legacy);
}

static void nodes_beyond_the_most_are_told_so_and_known_ones_come_back(void **state)
{
    struct rig *rig = *state;
    struct peer peers[RIG_NODES_MAX], further;
    char name[16];
    for (int i = 0; i < RIG_NODES_MAX; i++) {
        snprintf(name, sizeof name, "n%d", i);
        enter_as(&peers[i], rig, name, "i", SECRET);
    }
    connect_as(&further, rig, "more", "i", SECRET);
    expect_refusal(&further, "the broker has as many nodes as it takes: see its --max-nodes");
    enter_as(&further, rig, "n0", "i", SECRET); /* the same process, over another connection */
    assert_int_equal(registry_count(rig->broker.registry), RIG_NODES_MAX);
    for (int i = 0; i < RIG_NODES_MAX; i++)
        peer_close(&peers[i]);
    peer_close(&further);
}

static void connections_beyond_the_most_are_told_so(void **state)
{
    struct rig *rig = *state;
    enum { LINKS = RIG_NODES_MAX + BROKER_LINKS_BESIDE };
    struct peer peers[LINKS], further;
    for (int i = 0; i < LINKS; i++) {
        peer_open(&peers[i], rig);
        rig_turn(rig);
    }
    peer_open(&further, rig);
    expect_refusal(&further, "the broker has 72 connections, as many as it takes: see its --max-nodes");
    peer_close(&peers[0]);
    rig_turn_for(rig, 50);
    enter_as(&further, rig, "n", "i", "");
    peer_close(&further);
    for (int i = 1; i < LINKS; i++)
        peer_close(&peers[i]);
}

/* Each allocation of a message fails in turn: the connection may end, and what is listed is true. */
static void memory_that_lacks_for_a_second_connect_leaves_no_half_node(void **state)
{
    static const char again[] =
        "{\"type\": \"CLIENT CONNECT\", \"name\": \"n\", \"protocol\": 1, \"instance\": \"i\","
        " \"secret\": \"" SECRET
        "\", \"version\": \"2\", \"features\": [\"train\", \"type:x\"], \"dataset\": {\"images\": 1}}\n";
    static const char ping[] = "{\"type\": \"CLIENT PING\", \"name\": \"n\"}\n";
    const int on = 1;
    static const char info[] = "{\"type\": \"NODE INFO\", \"name\": \"n\", \"models\": [\"m\", \"o\"], \"modelInfo\":"
                               " [{\"name\": \"m\", \"sha256\": \"" SECRET_HASH "\"}], \"jobs\": []}\n";
    struct rig *rig = *state;
    int failures = 0;
    for (int of_info = 0; of_info < 2; of_info++)
        for (int at = 1, failed = 1; failed; at++) {
            struct peer peer;
            enter_as(&peer, rig, "n", "i", SECRET);
            assert_int_equal(setsockopt(peer.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
            peer_inform(&peer, "n", "[]");
            RIG_WAIT(rig, node_of(rig, "n")->ready);
            const char *text = of_info ? info : again; /* in one piece, so that it comes whole */
            assert_int_equal(write(peer.fd, text, strlen(text)), strlen(text));
            memory_fail_at(at);
            rig_turn_for(rig, 3);
            failed = memory_failed();
            failures += failed;
            if (send(peer.fd, ping, strlen(ping), MSG_NOSIGNAL) > 0) /* else it is closed */
                rig_turn_for(rig, 3);
            const struct node *node = node_of(rig, "n");
            assert_true(!node || !node->models.count || node_has_model(node, "m") == node_has_model(node, "o"));
            cJSON_Delete(registry_json(rig->broker.registry));
            peer_close(&peer);
            RIG_WAIT(rig, !node_of(rig, "n"));
        }
    assert_true(failures > 40);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_name_is_its_holders_while_that_is_connected),
        TEST(the_same_node_started_anew_takes_its_name_when_the_old_process_is_silent),
        TEST(what_a_newcomer_sends_takes_no_live_nodes_name),
        TEST(who_asks_for_another_name_while_it_waits_gets_that_one),
        TEST(who_leaves_while_it_waits_is_forgotten),
        TEST(a_node_speaks_for_itself_alone),
        TEST(a_goodbye_on_another_connection_counts_of_a_legacy_node_alone),
        TEST(a_legacy_node_of_another_address_is_not_taken_off),
        TEST(nodes_beyond_the_most_are_told_so_and_known_ones_come_back),
        TEST(connections_beyond_the_most_are_told_so),
        TEST(memory_that_lacks_for_a_second_connect_leaves_no_half_node),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
