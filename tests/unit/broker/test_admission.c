/* Who may have a node's name. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "src/broker/admission.h"

#define A "aaaa"
#define B "bbbb"

/* A node that is connected, process "old", heard five times and at 900 last. */
static const struct name_holder connected = {
    .session = 1, .instance = "old", .secret_hash = "", .heard_ms = 900, .messages = 5
};

static enum admission decide(const char *instance, const char *secret_hash, const struct name_holder *holder,
                             struct probe *probe, int64_t now, const char *why)
{
    const struct newcomer newcomer = { "n", instance, secret_hash };
    struct err err = ERR_INIT;
    enum admission admission = admission_decide(&newcomer, holder, probe, now, &err);
    assert_string_equal(err.text, why);
    return admission;
}

static void assert_at_once(enum admission wanted, const char *instance, const char *secret_hash,
                           struct name_holder holder)
{
    struct probe probe = { 0 };
    const char *why = wanted == ADMISSION_REFUSE ? "the name 'n' belongs to another node: dcls client forget n" : "";
    assert_int_equal(decide(instance, secret_hash, &holder, &probe, 1000, why), wanted);
}

static struct name_holder with_secret(const char *secret_hash)
{
    struct name_holder holder = connected;
    holder.secret_hash = secret_hash;
    return holder;
}

static struct name_holder away_with_job(const char *job_hash)
{
    return (struct name_holder){ .secret_hash = "", .job_hash = job_hash };
}

static void a_free_name_is_anybodys(void **state)
{
    (void)state;
    const struct name_holder nobody = { .secret_hash = "" };
    assert_at_once(ADMISSION_ENTER, "new", "", nobody);
    assert_at_once(ADMISSION_ENTER, "new", A, nobody);
    assert_at_once(ADMISSION_ENTER, NULL, "", nobody);
}

static void the_secret_of_who_is_connected_binds_the_name(void **state)
{
    (void)state;
    assert_at_once(ADMISSION_ENTER, "old", A, with_secret(A));
    assert_at_once(ADMISSION_REFUSE, "old", B, with_secret(A));
    assert_at_once(ADMISSION_REFUSE, "new", B, with_secret(A));
    assert_at_once(ADMISSION_REFUSE, "new", "", with_secret(A));
    assert_at_once(ADMISSION_REFUSE, NULL, "", with_secret(A)); /* a legacy peer */
}

static void the_secret_of_who_has_a_job_binds_the_name_while_it_is_away(void **state)
{
    (void)state;
    assert_at_once(ADMISSION_ENTER, "new", A, away_with_job(A));
    assert_at_once(ADMISSION_REFUSE, "new", B, away_with_job(A));
    assert_at_once(ADMISSION_REFUSE, NULL, "", away_with_job(A));
    assert_at_once(ADMISSION_ENTER, "new", B, away_with_job("")); /* of a node without one */
    assert_at_once(ADMISSION_ENTER, "new", B, away_with_job(NULL));
}

static void the_same_process_or_one_that_cannot_tell_takes_its_own_place(void **state)
{
    (void)state;
    struct name_holder itself = connected, untold = connected;
    itself.is_newcomer = true;
    untold.instance = NULL;
    assert_at_once(ADMISSION_ENTER, "old", "", connected);
    assert_at_once(ADMISSION_ENTER, "new", "", itself);
    assert_at_once(ADMISSION_ENTER, "new", "", untold);
    assert_at_once(ADMISSION_ENTER, NULL, "", connected);
}

static void a_connection_may_not_take_another_secret_under_its_name(void **state)
{
    (void)state;
    struct name_holder itself = with_secret(A);
    itself.is_newcomer = true;
    assert_at_once(ADMISSION_ENTER, "old", A, itself);
    assert_at_once(ADMISSION_REFUSE, "old", B, itself);
    assert_at_once(ADMISSION_REFUSE, "old", "", itself);
}

static void another_process_is_let_in_where_the_holder_keeps_silent(void **state)
{
    (void)state;
    struct probe probe = { 0 };
    assert_int_equal(decide("new", A,
                            &(struct name_holder){
                                .session = 1, .instance = "old", .secret_hash = A, .heard_ms = 1000, .messages = 5 },
                            &probe, 1000, ""),
                     ADMISSION_PROBE);
    struct name_holder silent = with_secret(A);
    silent.heard_ms = 1000; /* in the millisecond of the ping, but before it */
    assert_int_equal(decide("new", A, &silent, &probe, 3000, ""), ADMISSION_ENTER);
}

static void a_word_of_the_holder_behind_the_ping_keeps_its_name(void **state)
{
    (void)state;
    const char *why = "another live node is already named 'n'";
    struct probe probe = { 0 };
    struct name_holder holder = connected;
    assert_int_equal(decide("new", "", &holder, &probe, 900, ""), ADMISSION_PROBE);
    struct probe begun = probe;
    holder.messages++; /* in the same millisecond */
    assert_int_equal(decide("new", "", &holder, &probe, 2900, why), ADMISSION_REFUSE);
    holder = connected;
    holder.heard_ms = 901; /* a part of a line */
    assert_int_equal(decide("new", "", &holder, &begun, 2900, why), ADMISSION_REFUSE);
}

static void whoever_got_the_name_meanwhile_is_asked_in_turn(void **state)
{
    (void)state;
    struct probe probe = { 0 };
    struct name_holder holder = connected;
    assert_int_equal(decide("new", "", &holder, &probe, 1000, ""), ADMISSION_PROBE);
    holder.session = 2;
    holder.instance = "third";
    holder.messages = 1;
    holder.heard_ms = 2500;
    assert_int_equal(decide("new", "", &holder, &probe, 3000, ""), ADMISSION_PROBE);
    assert_int_equal(decide("new", "", &holder, &probe, 5000, ""), ADMISSION_ENTER);
}

static void a_name_that_got_free_or_bound_meanwhile_is_so(void **state)
{
    (void)state;
    struct probe probe = { 0 };
    assert_int_equal(decide("new", A, &connected, &probe, 1000, ""), ADMISSION_PROBE);
    struct probe begun = probe;
    const struct name_holder free_name = { .secret_hash = "" };
    assert_int_equal(decide("new", A, &free_name, &probe, 3000, ""), ADMISSION_ENTER);
    struct name_holder bound = away_with_job(B);
    assert_int_equal(
        decide("new", A, &bound, &begun, 3000, "the name 'n' belongs to another node: dcls client forget n"),
        ADMISSION_REFUSE);
}

static void a_broker_that_is_full_refuses_new_names_alone(void **state)
{
    (void)state;
    struct probe probe = { 0 };
    struct name_holder nobody = { .secret_hash = "", .is_full = true }, known = connected;
    known.is_full = true;
    assert_int_equal(
        decide("new", A, &nobody, &probe, 1000, "the broker has as many nodes as it takes: see its --max-nodes"),
        ADMISSION_FULL);
    assert_int_equal(decide("old", "", &known, &probe, 1000, ""), ADMISSION_ENTER);
}

static void only_a_node_itself_or_a_legacy_one_of_the_same_address_may_take_it_off(void **state)
{
    (void)state;
    assert_true(admission_may_dismiss(true, false, true));
    assert_true(admission_may_dismiss(false, true, true));
    assert_false(admission_may_dismiss(false, true, false));
    assert_false(admission_may_dismiss(false, false, true));
    assert_false(admission_may_dismiss(false, false, false));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_free_name_is_anybodys),
        cmocka_unit_test(the_secret_of_who_is_connected_binds_the_name),
        cmocka_unit_test(the_secret_of_who_has_a_job_binds_the_name_while_it_is_away),
        cmocka_unit_test(the_same_process_or_one_that_cannot_tell_takes_its_own_place),
        cmocka_unit_test(a_connection_may_not_take_another_secret_under_its_name),
        cmocka_unit_test(another_process_is_let_in_where_the_holder_keeps_silent),
        cmocka_unit_test(a_word_of_the_holder_behind_the_ping_keeps_its_name),
        cmocka_unit_test(whoever_got_the_name_meanwhile_is_asked_in_turn),
        cmocka_unit_test(a_name_that_got_free_or_bound_meanwhile_is_so),
        cmocka_unit_test(a_broker_that_is_full_refuses_new_names_alone),
        cmocka_unit_test(only_a_node_itself_or_a_legacy_one_of_the_same_address_may_take_it_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
