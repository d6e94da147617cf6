/* The list of models: shown when stored, tried until it is, and quick however many there are. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <sys/resource.h>
#include <time.h>

#include "dcls/base/buf.h"
#include "rig.h"

#define DIGEST "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define OTHER_DIGEST "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define MANY 9000
#define AT_MOST_MS 50 /* that one message may hold up the loop */

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define SLOWER 8
#else
#define SLOWER 1
#endif

/* What is written from now on fails. */
static void limit_files(struct rlimit *before, bool on)
{
    struct rlimit none = { 1, RLIM_INFINITY };
    if (on)
        assert_int_equal(getrlimit(RLIMIT_FSIZE, before), 0);
    none.rlim_max = before->rlim_max;
    signal(SIGXFSZ, on ? SIG_IGN : SIG_DFL);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, on ? &none : before), 0);
}

static int shown(const struct rig *rig)
{
    cJSON *json = models_json(rig->broker.models);
    int count = cJSON_GetArraySize(cJSON_GetObjectItem(json, "models"));
    cJSON_Delete(json);
    return count;
}

static const struct model *model_of(const struct rig *rig, const char *name)
{
    return models_first_of(rig->broker.models, name);
}

/* How many events of models came since `after`, and how many of those of models that are gone. */
static int events_of(const struct rig *rig, uint64_t after, int *gone)
{
    struct event_record event;
    int count = 0;
    *gone = 0;
    for (uint64_t at = after + 1; events_get(rig->broker.events, at, &event); at++) {
        bool of_model = !strcmp(event.kind, "model");
        count += of_model;
        *gone += of_model && strstr(event.text, "\"gone\":true");
    }
    return count;
}

static void a_model_is_shown_and_told_of_when_it_is_stored(void **state)
{
    struct rig *rig = *state;
    int gone;
    uint64_t before = events_last(rig->broker.events);
    models_completed(rig->broker.models, "m", DIGEST, NULL, "7", "n", 99);
    assert_true(models_know(rig->broker.models, "m"));
    assert_int_equal(shown(rig), 0);
    assert_int_equal(events_of(rig, before, &gone), 0);
    RIG_WAIT(rig, shown(rig));
    assert_int_equal(events_of(rig, before, &gone), 1);
    assert_int_equal(gone, 0);
    models_completed(rig->broker.models, "m", DIGEST, NULL, "8", "n", 100);
    RIG_WAIT(rig, events_of(rig, before, &gone) == 2);
}

static void a_model_that_cannot_be_stored_is_tried_again(void **state)
{
    struct rig *rig = *state;
    struct rlimit limit;
    limit_files(&limit, true);
    models_completed(rig->broker.models, "m", DIGEST, NULL, "7", "n", 99);
    models_drop_holder(rig->broker.models, "m", DIGEST, "n");
    models_completed(rig->broker.models, "o", DIGEST, NULL, "8", "n", 100);
    rig_turn_for(rig, 700); /* more than once */
    assert_int_equal(shown(rig), 0);
    limit_files(&limit, false);
    RIG_WAIT(rig, shown(rig) == 2);
    rig_restart(rig);
    assert_string_equal(model_of(rig, "m")->job, "7");
    assert_int_equal(model_of(rig, "m")->holders.count, 0);
    assert_string_equal(model_of(rig, "o")->job, "8");
}

static void what_waits_to_be_stored_is_when_the_broker_stops(void **state)
{
    struct rig *rig = *state;
    struct rlimit limit;
    limit_files(&limit, true);
    models_completed(rig->broker.models, "m", DIGEST, NULL, "7", "n", 99);
    rig_turn_for(rig, 100);
    limit_files(&limit, false);
    rig_restart(rig);
    assert_string_equal(model_of(rig, "m")->job, "7");
}

static void a_row_that_cannot_be_deleted_is_tried_again(void **state)
{
    struct rig *rig = *state;
    struct rlimit limit;
    int gone;
    uint64_t before = events_last(rig->broker.events);
    models_completed(rig->broker.models, "m", DIGEST, NULL, "7", "n", 99);
    RIG_WAIT(rig, shown(rig));
    limit_files(&limit, true);
    models_drop_holder(rig->broker.models, "m", DIGEST, "n");
    models_forget(rig->broker.models, "m");
    assert_false(models_know(rig->broker.models, "m"));
    rig_turn_for(rig, 100);
    assert_int_equal(events_of(rig, before, &gone), 2);
    assert_int_equal(gone, 1);
    limit_files(&limit, false);
    rig_turn_for(rig, 1500);
    rig_restart(rig);
    assert_false(models_know(rig->broker.models, "m"));
}

static void a_model_that_comes_back_before_its_row_is_deleted_stays(void **state)
{
    struct rig *rig = *state;
    struct rlimit limit;
    for (int storing = 0; storing < 2; storing++) {
        models_completed(rig->broker.models, "m", DIGEST, NULL, "7", "n", 99);
        RIG_WAIT(rig, shown(rig));
        if (!storing)
            limit_files(&limit, true);
        models_drop_holder(rig->broker.models, "m", DIGEST, "n");
        models_forget(rig->broker.models, "m");
        if (!storing)
            rig_turn_for(rig, 50); /* else its deletion is on its way */
        models_completed(rig->broker.models, "m", DIGEST, NULL, "8", "n", 100);
        assert_int_equal(shown(rig), 0);
        if (!storing)
            limit_files(&limit, false);
        RIG_WAIT(rig, shown(rig));
        rig_restart(rig);
        assert_string_equal(model_of(rig, "m")->job, "8");
        assert_int_equal(shown(rig), 1);
    }
}

/* NODE INFO of a node that holds "m" of that digest, until that is stored. */
static void tell_of(struct rig *rig, struct peer *peer, const char *name, const char *digest)
{
    peer_inform_model(peer, name, "m", digest);
    RIG_WAIT(rig, models_digest(rig->broker.models, "m", name) &&
                      !strcmp(models_digest(rig->broker.models, "m", name), digest) && !store_depth(rig->broker.store));
}

static void a_model_that_its_last_holder_replaced_is_forgotten(void **state)
{
    struct rig *rig = *state;
    struct peer a, b;
    int gone;
    peer_greet(&a, rig, "a");
    peer_greet(&b, rig, "b");
    tell_of(rig, &a, "a", DIGEST);
    tell_of(rig, &b, "b", DIGEST);
    uint64_t before = events_last(rig->broker.events);
    tell_of(rig, &a, "a", OTHER_DIGEST);
    RIG_WAIT(rig, shown(rig) == 2);
    peer_leave(&b, "b"); /* it holds the old one still */
    peer_leave(&a, "a");
    peer_greet(&a, rig, "a");
    tell_of(rig, &a, "a", OTHER_DIGEST);
    assert_int_equal(shown(rig), 2);
    peer_greet(&b, rig, "b");
    tell_of(rig, &b, "b", OTHER_DIGEST);
    RIG_WAIT(rig, shown(rig) == 1);
    events_of(rig, before, &gone);
    assert_int_equal(gone, 1);
    assert_string_equal(model_of(rig, "m")->sha256, OTHER_DIGEST);
    peer_close(&a);
    peer_close(&b);
    rig_restart(rig);
    assert_int_equal(shown(rig), 1);
}

static void a_model_that_nobody_holds_goes_when_another_of_its_name_is_told(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    models_completed(rig->broker.models, "m", DIGEST, NULL, "7", "a", 99);
    models_drop_holder(rig->broker.models, "m", DIGEST, "a");
    RIG_WAIT(rig, shown(rig) == 1);
    peer_greet(&peer, rig, "n");
    tell_of(rig, &peer, "n", OTHER_DIGEST);
    RIG_WAIT(rig, shown(rig) == 1 && !strcmp(model_of(rig, "m")->sha256, OTHER_DIGEST));
    peer_close(&peer);
}

/* The node comes, with the one model that it has. */
static void come_with(struct peer *peer, struct rig *rig, const char *name, const char *model, const char *sha256)
{
    peer_greet(peer, rig, name);
    peer_inform_model(peer, name, model, sha256);
    RIG_WAIT(rig, registry_find(rig->broker.registry, name)->ready);
}

/* Whether exactly one event of models came since: of that digest, and whether it is gone. */
static bool was_told(const struct rig *rig, uint64_t after, const char *sha256, bool is_gone)
{
    struct event_record event;
    int gone, count = events_of(rig, after, &gone);
    for (uint64_t at = after + 1; events_get(rig->broker.events, at, &event); at++)
        if (!strcmp(event.kind, "model") && strstr(event.text, sha256))
            return count == 1 && gone == is_gone;
    return false;
}

/* A node has a model that another node's training has replaced. */
static void an_outdated_model_is_listed_and_told_of_while_its_node_is_there(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    int gone;
    come_with(&peer, rig, "a", "m", DIGEST);
    RIG_WAIT(rig, shown(rig) == 1);
    peer_leave(&peer, "a");
    assert_int_equal(shown(rig), 1);
    uint64_t before = events_last(rig->broker.events);
    models_completed(rig->broker.models, "m", OTHER_DIGEST, NULL, "7", "b", 99);
    RIG_WAIT(rig, events_of(rig, before, &gone) == 2);
    assert_int_equal(gone, 1);
    assert_int_equal(shown(rig), 1);
    for (int i = 0; i < 2; i++) {
        before = events_last(rig->broker.events);
        come_with(&peer, rig, "a", "m", DIGEST);
        assert_true(was_told(rig, before, DIGEST, false));
        assert_int_equal(shown(rig), 2);
        before = events_last(rig->broker.events);
        peer_leave(&peer, "a");
        assert_true(was_told(rig, before, DIGEST, true));
        assert_int_equal(shown(rig), 1);
        if (!i)
            rig_restart(rig);
    }
}

static void an_outdated_model_is_listed_again_when_the_newer_one_is_gone(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    int gone;
    come_with(&peer, rig, "a", "m", DIGEST);
    RIG_WAIT(rig, shown(rig) == 1);
    peer_leave(&peer, "a");
    uint64_t before = events_last(rig->broker.events);
    models_completed(rig->broker.models, "m", OTHER_DIGEST, NULL, "7", "b", 99);
    RIG_WAIT(rig, events_of(rig, before, &gone) == 2);
    before = events_last(rig->broker.events);
    models_drop_holder(rig->broker.models, "m", OTHER_DIGEST, "b");
    models_forget(rig->broker.models, "m");
    assert_int_equal(events_of(rig, before, &gone), 2);
    assert_int_equal(gone, 1);
    assert_int_equal(shown(rig), 1);
}

static void a_node_that_comes_again_with_what_is_known_of_it_is_no_news_of_models(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    int gone;
    come_with(&peer, rig, "a", "m", DIGEST);
    RIG_WAIT(rig, shown(rig) == 1);
    uint64_t before = events_last(rig->broker.events);
    peer_leave(&peer, "a");
    come_with(&peer, rig, "a", "m", DIGEST);
    rig_turn_for(rig, 100);
    assert_int_equal(events_of(rig, before, &gone), 0);
    peer_close(&peer);
}

static void a_listed_model_tells_when_it_was_completed(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    models_completed(rig->broker.models, "m", DIGEST, NULL, "7", "n", 1700000000123);
    come_with(&peer, rig, "a", "o", OTHER_DIGEST);
    RIG_WAIT(rig, shown(rig) == 2);
    cJSON *json = models_json(rig->broker.models), *list = cJSON_GetObjectItem(json, "models");
    const cJSON *made = cJSON_GetArrayItem(list, 0), *brought = cJSON_GetArrayItem(list, 1);
    assert_string_equal(text_of(made, "name"), "m");
    assert_true(number_of(made, "completed") == 1700000000123.0);
    assert_string_equal(text_of(brought, "name"), "o");
    assert_null(cJSON_GetObjectItem(brought, "completed"));
    cJSON_Delete(json);
    peer_close(&peer);
}

static void a_removal_whose_row_cannot_be_deleted_is_tried_again(void **state)
{
    struct rig *rig = *state;
    struct rlimit limit;
    struct removals *removals = rig->broker.removals;
    assert_non_null(removals_add(removals, "a", "m", DIGEST, "", NULL));
    assert_int_equal(store_save_removals(&rig->broker, removals_first(removals), NULL, NULL, NULL), 0);
    rig_restart(rig);
    removals = rig->broker.removals;
    assert_non_null(removals_first(removals));
    limit_files(&limit, true);
    removals_drop(removals, removals_first(removals));
    rig_turn_for(rig, 100);
    limit_files(&limit, false);
    rig_turn_for(rig, 1500);
    rig_restart(rig);
    assert_null(removals_first(rig->broker.removals));
}

static void a_removal_that_is_wanted_anew_is_not_deleted_with_the_old_one(void **state)
{
    struct rig *rig = *state;
    struct rlimit limit;
    struct removals *removals = rig->broker.removals;
    assert_non_null(removals_add(removals, "a", "m", DIGEST, "", NULL));
    assert_int_equal(store_save_removals(&rig->broker, removals_first(removals), NULL, NULL, NULL), 0);
    rig_restart(rig);
    removals = rig->broker.removals;
    limit_files(&limit, true);
    removals_drop(removals, removals_first(removals));
    rig_turn_for(rig, 100);
    limit_files(&limit, false);
    assert_non_null(removals_add(removals, "a", "m", DIGEST, "", NULL));
    assert_int_equal(store_save_removals(&rig->broker, removals_first(removals), NULL, NULL, NULL), 0);
    rig_turn_for(rig, 1500);
    rig_restart(rig);
    assert_non_null(removals_first(rig->broker.removals));
}

/* This thread's, so that what else the machine does is not counted. */
static int64_t cpu_ms(void)
{
    struct timespec time;
    assert_int_equal(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time), 0);
    return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* All that make_info tells with that shift are shown, and no others. */
static bool are_shown(const struct rig *rig, unsigned shift)
{
    char sha256[SHA256_HEX_SIZE];
    const struct model *model = model_of(rig, "m0");
    snprintf(sha256, sizeof sha256, "%064x", shift);
    return model && !strcmp(model->sha256, sha256) && shown(rig) == MANY;
}

/* A NODE INFO of MANY models, each of another digest: the longest of all turns of the loop until they are stored. */
static int64_t longest_turn(struct rig *rig, struct peer *peer, const char *text, size_t len, unsigned shift)
{
    int64_t longest = 0, said = clock_ms(), end = clock_ms() + 6 * RIG_PATIENCE_MS;
    for (size_t sent = 0; sent < len || !are_shown(rig, shift);) {
        ssize_t wrote = sent < len ? send(peer->fd, text + sent, len - sent, MSG_NOSIGNAL) : 0;
        sent += wrote > 0 ? (size_t)wrote : 0;
        int64_t began = cpu_ms();
        event_base_loop(rig->broker.base, EVLOOP_NONBLOCK);
        int64_t took = cpu_ms() - began;
        longest = took > longest ? took : longest;
        if (sent == len && clock_ms() - said > 1000) { /* it lives */
            said = clock_ms();
            peer_say(peer, "{\"type\": \"CLIENT PING\", \"name\": \"n\"}");
        }
        if (clock_ms() > end)
            fail_msg("%d of %d models are shown", shown(rig), MANY);
        usleep(1000);
    }
    return longest;
}

static void make_info(struct buf *text, const char *name, unsigned shift)
{
    buf_init(text, MSG_MAX);
    assert_int_equal(buf_printf(text, "{\"type\": \"NODE INFO\", \"name\": \"%s\", \"models\": [", name), 0);
    for (unsigned i = 0; i < MANY; i++)
        assert_int_equal(buf_printf(text, "%s\"m%u\"", i ? "," : "", i), 0);
    assert_int_equal(buf_puts(text, "], \"modelInfo\": ["), 0);
    for (unsigned i = 0; i < MANY; i++)
        assert_int_equal(buf_printf(text, "%s{\"name\":\"m%u\",\"sha256\":\"%064x\"}", i ? "," : "", i, i + shift), 0);
    assert_int_equal(buf_puts(text, "], \"jobs\": []}\n"), 0);
}

static void thousands_of_models_hold_nothing_up(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    struct buf text;
    make_info(&text, "n", 0);
    peer_greet(&peer, rig, "n");
    int64_t first = longest_turn(rig, &peer, text.data, text.len, 0);
    buf_release(&text);
    make_info(&text, "n", 1); /* each name has another model now */
    int64_t second = longest_turn(rig, &peer, text.data, text.len, 1);
    buf_release(&text);
    int64_t began = cpu_ms();
    cJSON_Delete(models_json(rig->broker.models));
    print_message("%d models: a turn took %d and %d ms at most, listing %d ms\n", MANY, (int)first, (int)second,
                  (int)(cpu_ms() - began));
    assert_in_range(first, 0, AT_MOST_MS * SLOWER);
    assert_in_range(second, 0, AT_MOST_MS * SLOWER);
    assert_int_equal(registry_find(rig->broker.registry, "n")->models.count, MANY);
    int gone;
    uint64_t before = events_last(rig->broker.events);
    peer_leave(&peer, "n");
    assert_int_equal(events_of(rig, before, &gone), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_model_is_shown_and_told_of_when_it_is_stored),
        TEST(a_model_that_cannot_be_stored_is_tried_again),
        TEST(what_waits_to_be_stored_is_when_the_broker_stops),
        TEST(a_row_that_cannot_be_deleted_is_tried_again),
        TEST(a_model_that_comes_back_before_its_row_is_deleted_stays),
        TEST(a_model_that_its_last_holder_replaced_is_forgotten),
        TEST(a_model_that_nobody_holds_goes_when_another_of_its_name_is_told),
        TEST(an_outdated_model_is_listed_and_told_of_while_its_node_is_there),
        TEST(an_outdated_model_is_listed_again_when_the_newer_one_is_gone),
        TEST(a_node_that_comes_again_with_what_is_known_of_it_is_no_news_of_models),
        TEST(a_listed_model_tells_when_it_was_completed),
        TEST(a_removal_whose_row_cannot_be_deleted_is_tried_again),
        TEST(a_removal_that_is_wanted_anew_is_not_deleted_with_the_old_one),
        TEST(thousands_of_models_hold_nothing_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
