/* See outcomes.h. */
#include "outcomes.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/base/backoff.h"
#include "dcls/proto/json.h"

void outcomes_init(struct outcomes *outcomes, const struct outcome_times *times)
{
    *outcomes = (struct outcomes){ .times = *times };
    TAILQ_INIT(&outcomes->list);
}

void outcome_free(struct outcome *outcome)
{
    if (!outcome)
        return;
    msg_release(&outcome->msg);
    free(outcome);
}

/* Takes it off the list, not out of memory. */
static void take_off(struct outcomes *outcomes, struct outcome *outcome)
{
    assert(!outcome->is_writing);
    TAILQ_REMOVE(&outcomes->list, outcome, listed);
    if (outcome->in_passing)
        outcomes->in_passing--;
    else
        outcomes->count--;
}

static void forget(struct outcomes *outcomes, struct outcome *outcome)
{
    take_off(outcomes, outcome);
    outcome_free(outcome);
}

void outcomes_release(struct outcomes *outcomes)
{
    while (!TAILQ_EMPTY(&outcomes->list)) {
        struct outcome *outcome = TAILQ_FIRST(&outcomes->list);
        outcome->is_writing = false;
        forget(outcomes, outcome);
    }
    outcome_free(outcomes->done);
    outcomes->done = NULL;
}

void outcome_token(char token[OUTCOME_TOKEN_SIZE], const char *train_key, int64_t generation)
{
    if (generation < 0)
        snprintf(token, OUTCOME_TOKEN_SIZE, "%s", train_key);
    else
        snprintf(token, OUTCOME_TOKEN_SIZE, "%s@%lld", train_key, (long long)generation);
}

struct outcome *outcome_new(const struct msg *about, const char *name, const char *instance)
{
    struct outcome *outcome = calloc(1, sizeof *outcome);
    if (!outcome)
        return NULL;
    struct msg *msg = &outcome->msg;
    if (msg_init_about(msg, MSG_TRAINING_FAILED, about) || msg_set(&msg->name, name) ||
        msg_set(&msg->instance, instance) || msg_set(&msg->message, "it ended, and there was no memory to say why")) {
        outcome_free(outcome);
        return NULL;
    }
    msg->cancelled = false;
    outcome_token(outcome->token, about->train_key, about->generation);
    return outcome;
}

int outcome_complete(struct outcome *outcome, struct msg *completed, struct err *err)
{
    struct msg named = *completed; /* what it points to stays theirs */
    struct buf text;
    named.name = outcome->msg.name;
    named.instance = outcome->msg.instance;
    buf_init(&text, MSG_MAX);
    int failed = msg_encode(&named, &text, err);
    buf_release(&text);
    if (failed)
        return err_prefix(err, "its outcome cannot be told");
    free(completed->name);
    free(completed->instance);
    completed->name = completed->instance = NULL;
    outcome->msg.name = outcome->msg.instance = NULL;
    struct msg failure = outcome->msg;
    outcome->msg = named;
    *completed = failure;
    return 0;
}

/* Makes room for one more. What is given up is dropped in its turn. */
static void give_up_oldest(struct outcomes *outcomes)
{
    int left = 0;
    struct outcome *oldest = NULL;
    for (struct outcome *outcome = TAILQ_FIRST(&outcomes->list); outcome; outcome = TAILQ_NEXT(outcome, listed)) {
        if (outcome->in_passing || outcome->is_gone)
            continue;
        oldest = oldest ? oldest : outcome;
        left++;
    }
    if (left < OUTCOMES_MAX)
        return;
    oldest->is_given_up = true;
    outcome_acknowledge(oldest);
}

void outcomes_add(struct outcomes *outcomes, struct outcome *outcome, bool is_kept, int64_t now)
{
    assert(!outcomes_find(outcomes, outcome->token));
    if (outcomes->count >= OUTCOMES_MAX)
        give_up_oldest(outcomes);
    outcome->was_tried = outcome->is_kept = outcome->is_on_disk = is_kept;
    outcome->is_new = !is_kept && outcomes->session;
    outcome->keep_ms = now;
    TAILQ_INSERT_TAIL(&outcomes->list, outcome, listed);
    outcomes->count++;
}

void outcomes_pass(struct outcomes *outcomes, struct outcome *outcome)
{
    outcome->in_passing = true;
    TAILQ_INSERT_TAIL(&outcomes->list, outcome, listed);
    outcomes->in_passing++;
    /* Nobody there, or somebody who asks faster than can be answered. */
    if (!outcomes->session || outcomes->in_passing > OUTCOMES_IN_PASSING)
        forget(outcomes, outcome);
}

struct outcome *outcomes_find(const struct outcomes *outcomes, const char *token)
{
    struct outcome *outcome = TAILQ_FIRST(&outcomes->list);
    while (outcome && (outcome->in_passing || outcome->is_gone || strcmp(outcome->token, token)))
        outcome = TAILQ_NEXT(outcome, listed);
    return outcome;
}

static bool is_of(const struct outcome *outcome, const char *train_key)
{
    return !outcome->in_passing && !outcome->is_gone && !strcmp(outcome->msg.train_key, train_key);
}

struct outcome *outcomes_newest(const struct outcomes *outcomes, const char *train_key)
{
    struct outcome *newest = NULL;
    for (struct outcome *outcome = TAILQ_FIRST(&outcomes->list); outcome; outcome = TAILQ_NEXT(outcome, listed))
        if (is_of(outcome, train_key) && (!newest || outcome->msg.generation > newest->msg.generation))
            newest = outcome;
    return newest;
}

void outcome_tell_again(struct outcome *outcome)
{
    outcome->session = 0;
}

void outcome_acknowledge(struct outcome *outcome)
{
    outcome->is_gone = true;
}

void outcomes_acknowledge(struct outcomes *outcomes, const char *train_key)
{
    for (struct outcome *outcome = TAILQ_FIRST(&outcomes->list); outcome; outcome = TAILQ_NEXT(outcome, listed))
        if (is_of(outcome, train_key))
            outcome_acknowledge(outcome);
}

void outcomes_link(struct outcomes *outcomes, int64_t session, bool is_legacy)
{
    outcomes->session = session;
    outcomes->is_legacy = is_legacy;
    for (struct outcome *outcome = TAILQ_FIRST(&outcomes->list), *next; outcome; outcome = next) {
        next = TAILQ_NEXT(outcome, listed);
        outcome->is_new = false;
        if (outcome->in_passing)
            forget(outcomes, outcome);
    }
}

void outcomes_kept(struct outcomes *outcomes, struct outcome *outcome, bool kept, int64_t now)
{
    assert(outcome->is_writing);
    outcome->is_writing = false;
    outcome->was_tried = true;
    outcome->is_kept = kept;
    if (kept)
        return;
    const struct outcome_times *times = &outcomes->times;
    outcome->keep_ms = now + backoff_ms(outcome->failures++, times->keep_first_ms, times->keep_last_ms);
}

/* What is to be done */

static bool wants_keep(const struct outcome *outcome)
{
    return !outcome->in_passing && !outcome->is_gone && !outcome->is_kept && !outcome->is_writing;
}

/* It was told and its answer is waited for. */
static bool is_under_way(const struct outcomes *outcomes, const struct outcome *outcome, int64_t now)
{
    if (outcome->is_gone || outcome->session != outcomes->session)
        return false;
    return outcomes->is_legacy || now - outcome->told_ms < outcomes->times.tell_again_ms;
}

static bool wants_tell(const struct outcomes *outcomes, const struct outcome *outcome, int64_t now)
{
    if (outcome->in_passing)
        return true;
    return outcome->was_tried && !outcome->is_gone && !is_under_way(outcomes, outcome, now);
}

/* The one that was told longest ago, those that were not told at all first. */
static struct outcome *next_to_tell(const struct outcomes *outcomes, int64_t now)
{
    struct outcome *best = NULL;
    int under_way = 0;
    for (struct outcome *outcome = TAILQ_FIRST(&outcomes->list); outcome; outcome = TAILQ_NEXT(outcome, listed)) {
        if (outcome->in_passing)
            return outcome;
        under_way += is_under_way(outcomes, outcome, now);
        if (!wants_tell(outcomes, outcome, now))
            continue;
        bool untold = outcome->session != outcomes->session, best_untold = best && best->session != outcomes->session;
        if (!best || (untold && !best_untold) || (untold == best_untold && outcome->told_ms < best->told_ms))
            best = outcome;
    }
    return under_way < OUTCOMES_UNDER_WAY ? best : NULL;
}

enum outcome_action outcomes_next(struct outcomes *outcomes, int64_t now, struct outcome **action, bool *first)
{
    *first = false;
    outcome_free(outcomes->done);
    outcomes->done = NULL;
    for (struct outcome *outcome = TAILQ_FIRST(&outcomes->list), *next; outcome; outcome = next) {
        next = TAILQ_NEXT(outcome, listed);
        *action = outcome;
        if (outcome->is_gone && !outcome->is_writing) {
            take_off(outcomes, outcome);
            outcomes->done = outcome;
            if (outcome->is_on_disk)
                return OUTCOME_DROP;
            outcome_free(outcome);
            outcomes->done = NULL;
        } else if (wants_keep(outcome) && now >= outcome->keep_ms) {
            *first = !outcome->was_tried;
            outcome->is_writing = outcome->is_on_disk = true;
            return OUTCOME_KEEP;
        }
    }
    struct outcome *outcome = outcomes->session ? next_to_tell(outcomes, now) : NULL;
    if (!outcome)
        return OUTCOME_NOTHING;
    *action = outcome;
    *first = outcome->is_new;
    outcome->is_new = false;
    outcome->session = outcomes->session;
    outcome->told_ms = now;
    if (outcome->in_passing) {
        take_off(outcomes, outcome);
        outcomes->done = outcome;
    }
    return OUTCOME_TELL;
}

int64_t outcomes_due(const struct outcomes *outcomes, int64_t now)
{
    int64_t due = INT64_MAX;
    for (const struct outcome *outcome = TAILQ_FIRST(&outcomes->list); outcome; outcome = TAILQ_NEXT(outcome, listed)) {
        if (wants_keep(outcome) && outcome->keep_ms < due)
            due = outcome->keep_ms;
        /* Those beyond what may be under way are due when one of these is. */
        if (outcomes->session && !outcomes->is_legacy && is_under_way(outcomes, outcome, now) &&
            outcome->told_ms + outcomes->times.tell_again_ms < due)
            due = outcome->told_ms + outcomes->times.tell_again_ms;
    }
    return due;
}

cJSON *outcome_entry(const struct msg *about, const char *instance, const char *state)
{
    cJSON *entry = cJSON_CreateObject();
    bool failed =
        !entry || (about->job && !cJSON_AddStringToObject(entry, "job", about->job)) ||
        (about->generation >= 0 && !cJSON_AddNumberToObject(entry, "generation", (double)about->generation)) ||
        (instance && !cJSON_AddStringToObject(entry, "instance", instance)) ||
        !cJSON_AddStringToObject(entry, "train_key", about->train_key) ||
        (about->model_name && !cJSON_AddStringToObject(entry, "model_name", about->model_name)) ||
        !cJSON_AddStringToObject(entry, "state", state);
    if (!failed)
        return entry;
    cJSON_Delete(entry);
    return NULL;
}

static const char *state_of(const struct outcome *outcome)
{
    if (!outcome->was_tried)
        return "running"; /* what may be lost with this process has not been said yet */
    if (outcome->msg.type == MSG_TRAINING_COMPLETED)
        return "completed";
    return outcome->msg.cancelled == 1 ? "cancelled" : "failed";
}

int outcomes_list(const struct outcomes *outcomes, cJSON *jobs)
{
    for (const struct outcome *outcome = TAILQ_FIRST(&outcomes->list); outcome; outcome = TAILQ_NEXT(outcome, listed)) {
        if (outcome->in_passing || outcome->is_gone)
            continue;
        if (!json_append(jobs, outcome_entry(&outcome->msg, outcome->msg.instance, state_of(outcome))))
            return -1;
    }
    return 0;
}
