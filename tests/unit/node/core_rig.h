/* A training core with a clock, a disk and a broker that are no more than what a test says: every action becomes a line
 * of text. */
#ifndef TESTS_UNIT_NODE_CORE_RIG_H
#define TESTS_UNIT_NODE_CORE_RIG_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/base/buf.h"
#include "src/node/training_core.h"

enum rig_disk { DISK_KEEPS, DISK_IS_FULL, DISK_IS_SLOW };

struct core_rig {
    struct training_core *core;
    int64_t now;
    enum rig_disk disk;
    struct outcome *writing; /* of a slow disk */
    struct buf seen;
};

static inline int rig_setup(void **state)
{
    struct core_rig *rig = calloc(1, sizeof *rig);
    struct training_core_config config = training_core_config("node0", "a1");
    rig->now = 1000000;
    rig->core = training_core_new(&config);
    buf_init(&rig->seen, 1 << 20);
    training_core_link(rig->core, TRAINING_LINK_UP);
    *state = rig;
    return rig->core ? 0 : -1;
}

static inline int rig_teardown(void **state)
{
    struct core_rig *rig = *state;
    training_core_free(rig->core);
    buf_release(&rig->seen);
    free(rig);
    return 0;
}

static inline void rig_note(struct core_rig *rig, const struct training_action *action)
{
    const struct msg *msg = action->msg, *about = action->token ? msg : msg ? msg : action->request;
    char token[OUTCOME_TOKEN_SIZE];
    outcome_token(token, about->train_key, about->generation);
    switch (action->kind) {
    case TRAINING_PREPARE: buf_printf(&rig->seen, "prepare %s\n", token); break;
    case TRAINING_START: buf_printf(&rig->seen, "start %s\n", token); break;
    case TRAINING_ASK: buf_printf(&rig->seen, "ask %s\n", token); break;
    case TRAINING_HANG_UP: buf_printf(&rig->seen, "hang up %s\n", token); break;
    case TRAINING_KILL: buf_printf(&rig->seen, "kill %s\n", token); break;
    case TRAINING_KEEP: buf_printf(&rig->seen, "keep %s%s\n", action->token, action->first ? "" : " again"); break;
    case TRAINING_DROP:
        buf_printf(&rig->seen, "drop %s%s\n", action->token, action->given_up ? ", given up" : "");
        break;
    case TRAINING_TELL:
        assert_string_equal(msg->instance, "a1");
        if (msg->type == MSG_TRAINING_PROGRESS)
            buf_printf(&rig->seen, "tell %s: %d/%d %s\n", token, (int)msg->epoch, (int)msg->epochs,
                       msg->message ? msg->message : "-");
        else if (msg->type == MSG_TRAINING_COMPLETED)
            buf_printf(&rig->seen, "tell %s: completed%s\n", token, action->first ? "" : ", again");
        else
            buf_printf(&rig->seen, "tell %s: %s: %s%s\n", token, msg->cancelled == 1 ? "cancelled" : "failed",
                       msg->message, action->token ? "" : " (in passing)");
    }
}

/* Everything that is to be done now. */
static inline void rig_run(struct core_rig *rig)
{
    struct training_action action;
    for (int i = 0; training_core_next(rig->core, rig->now, &action); i++) {
        assert_true(i < 5000);
        rig_note(rig, &action);
        if (action.kind != TRAINING_KEEP)
            continue;
        if (rig->disk == DISK_IS_SLOW)
            rig->writing = action.outcome;
        else
            training_core_kept(rig->core, action.outcome, rig->disk == DISK_KEEPS, rig->now);
    }
    assert_true(training_core_due(rig->core, rig->now) > rig->now);
}

/* Goes on until `ms` have passed, from one time at which something is due to the next. */
static inline void rig_wait(struct core_rig *rig, int64_t ms)
{
    int64_t end = rig->now + ms;
    rig_run(rig);
    for (int64_t due; (due = training_core_due(rig->core, rig->now)) <= end;) {
        rig->now = due;
        rig_run(rig);
    }
    rig->now = end;
    rig_run(rig);
}

/* What was done since the last time. */
static inline void rig_expect(struct core_rig *rig, const char *text)
{
    rig_run(rig);
    assert_string_equal(buf_text(&rig->seen), text);
    buf_clear(&rig->seen);
}

static inline void rig_forget(struct core_rig *rig)
{
    rig_run(rig);
    buf_clear(&rig->seen);
}

static inline void rig_message(struct msg *msg, enum msg_type type, const char *key, int64_t generation)
{
    msg_init(msg, type);
    msg->generation = generation;
    assert_int_equal(msg_set(&msg->train_key, key) | msg_set(&msg->job, "7"), 0);
    if (type != MSG_SERVER_CANCEL && type != MSG_SERVER_JOB_ACK)
        assert_int_equal(msg_set(&msg->model_name, "m1"), 0);
}

static inline bool rig_request(struct core_rig *rig, const char *key, int64_t generation, const char *refusal)
{
    struct msg msg;
    rig_message(&msg, MSG_SERVER_TRAIN, key, generation);
    msg.options.epochs = 3;
    bool taken = training_core_request(rig->core, &msg, refusal, rig->now);
    msg_release(&msg);
    return taken;
}

static inline void rig_cancel(struct core_rig *rig, const char *key, int64_t generation)
{
    struct msg msg;
    rig_message(&msg, MSG_SERVER_CANCEL, key, generation);
    training_core_cancel(rig->core, &msg, rig->now);
    msg_release(&msg);
}

static inline void rig_acknowledge(struct core_rig *rig, const char *key, int64_t generation)
{
    struct msg msg;
    rig_message(&msg, MSG_SERVER_JOB_ACK, key, generation);
    training_core_acknowledge(rig->core, &msg);
    msg_release(&msg);
}

/* What a worker says of a training. */
static inline enum training_word rig_progress(struct core_rig *rig, const char *key, int64_t generation, int epoch,
                                              int batch, const char *message)
{
    struct msg msg;
    rig_message(&msg, MSG_TRAINING_PROGRESS, key, generation);
    msg.epoch = epoch;
    msg.epochs = epoch ? 3 : 0;
    msg.batch = batch;
    assert_int_equal(msg_set(&msg.message, message), 0);
    enum training_word word = training_core_message(rig->core, &msg, rig->now);
    if (word == TRAINING_WORD_PASS_ON)
        assert_string_equal(msg.instance, "a1");
    msg_release(&msg);
    return word;
}

static inline enum training_word rig_completed(struct core_rig *rig, const char *key, int64_t generation)
{
    struct msg msg;
    rig_message(&msg, MSG_TRAINING_COMPLETED, key, generation);
    msg.data = cJSON_CreateObject();
    enum training_word word = training_core_message(rig->core, &msg, rig->now);
    msg_release(&msg);
    return word;
}

static inline enum training_word rig_failed(struct core_rig *rig, const char *key, int64_t generation, const char *why,
                                            bool cancelled)
{
    struct msg msg;
    rig_message(&msg, MSG_TRAINING_FAILED, key, generation);
    msg.cancelled = cancelled;
    assert_int_equal(msg_set(&msg.message, why), 0);
    enum training_word word = training_core_message(rig->core, &msg, rig->now);
    msg_release(&msg);
    return word;
}

static inline void rig_alive(struct core_rig *rig)
{
    struct msg msg;
    msg_init(&msg, MSG_WORKER_ALIVE);
    assert_int_equal(training_core_message(rig->core, &msg, rig->now), TRAINING_WORD_TAKEN);
    msg_release(&msg);
}

/* A training that has a worker. */
static inline void rig_start(struct core_rig *rig, const char *key, int64_t generation)
{
    assert_true(rig_request(rig, key, generation, NULL));
    rig_run(rig);
    training_core_prepared(rig->core, NULL, rig->now);
    rig_forget(rig);
}

/* One that has ended, told and not acknowledged. */
static inline void rig_end(struct core_rig *rig, const char *key, int64_t generation)
{
    rig_start(rig, key, generation);
    assert_int_equal(rig_completed(rig, key, generation), TRAINING_WORD_TAKEN);
    rig_run(rig);
    training_core_ended(rig->core, "worker ended with status 0", rig->now);
    rig_forget(rig);
}

#define RIGGED(test) cmocka_unit_test_setup_teardown(test, rig_setup, rig_teardown)

#endif
