/* The outcomes of trainings, as the broker is told them until it acknowledges each: TRAINING_COMPLETED or TRAINING
 * FAILED, by (train_key, generation). Part of the training core (training_core.h), and pure as that is.
 *
 *     kept on disk, or tried in vain → told → acknowledged: dropped
 *
 * One that cannot be kept is told all the same, and keeping it is tried again, later and later, until it is
 * acknowledged. What was told and is not acknowledged is told again in each new session, and every while; at most
 * OUTCOMES_UNDER_WAY are without an answer at a time, so that no broker is flooded. A word in passing (of a training
 * that is not known, or was superseded) is told once, in this session or never, and not kept.
 *
 * A legacy broker acknowledges nothing: there an outcome is dropped when it has left. */
#ifndef DCLS_NODE_OUTCOMES_H
#define DCLS_NODE_OUTCOMES_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "dcls/proto/msg.h"
#include "dcls/proto/name.h"

#define OUTCOMES_MAX 1000 /* the oldest is given up for one more */
#define OUTCOMES_UNDER_WAY 16
#define OUTCOMES_IN_PASSING 64
#define OUTCOME_TOKEN_SIZE (NAME_SIZE + 24) /* "KEY@GENERATION", or "KEY" without one; no key has an '@' */

struct outcome_times {
    int64_t keep_first_ms, keep_last_ms; /* between two attempts to keep one: the first pause, and the longest */
    int64_t tell_again_ms;
};

/* Read by all, changed by outcomes.c alone. */
struct outcome {
    struct msg msg;
    char token[OUTCOME_TOKEN_SIZE];
    bool in_passing;
    bool is_writing; /* an answer of the disk is due: it stays here, as it is, until then */
    bool is_on_disk; /* or may be */
    bool was_tried;  /* to be kept, to the end */
    bool is_kept;    /* as it is */
    bool is_new;     /* not told yet, and of this session */
    bool is_gone;    /* acknowledged, or given up */
    bool is_given_up;
    int failures;    /* to keep it, in a row */
    int64_t keep_ms; /* not before */
    int64_t session; /* in which it was told last; 0: never */
    int64_t told_ms;
    TAILQ_ENTRY(outcome) listed;
};
TAILQ_HEAD(outcome_list, outcome);

struct outcomes {
    struct outcome_times times;
    struct outcome_list list; /* oldest first */
    struct outcome *done;     /* of the last action; off the list */
    int count, in_passing;
    bool is_legacy;
    int64_t session; /* 0: the broker is away */
};

void outcomes_init(struct outcomes *outcomes, const struct outcome_times *times);
void outcomes_release(struct outcomes *outcomes);

/* The token of a training. */
void outcome_token(char token[OUTCOME_TOKEN_SIZE], const char *train_key, int64_t generation);
/* A TRAINING FAILED about the training that `about` is about, of no list, with a reason that stands until it is given a
 * better one; NULL where memory lacks. */
struct outcome *outcome_new(const struct msg *about, const char *name, const char *instance);
void outcome_free(struct outcome *outcome); /* of no list; NULL is fine */

/* Makes it the TRAINING_COMPLETED that a worker told, whose members are taken out. -1 where that cannot be sent: then
 * it is as before. */
int outcome_complete(struct outcome *outcome, struct msg *completed, struct err *err);

/* Takes it over, to be kept and told; there is none of its token. `is_kept`: it is on disk already. */
void outcomes_add(struct outcomes *outcomes, struct outcome *outcome, bool is_kept, int64_t now);
/* Takes it over, to be told in passing. */
void outcomes_pass(struct outcomes *outcomes, struct outcome *outcome);

/* The one of that token, or the newest of that key; NULL: none. Neither in passing nor gone. */
struct outcome *outcomes_find(const struct outcomes *outcomes, const char *token);
struct outcome *outcomes_newest(const struct outcomes *outcomes, const char *train_key);
/* It is to be told again now. */
void outcome_tell_again(struct outcome *outcome);
/* It is done with. */
void outcome_acknowledge(struct outcome *outcome);
/* All of that key. */
void outcomes_acknowledge(struct outcomes *outcomes, const char *train_key);

/* A new session, or none (0). */
void outcomes_link(struct outcomes *outcomes, int64_t session, bool is_legacy);
void outcomes_kept(struct outcomes *outcomes, struct outcome *outcome, bool kept, int64_t now);

/* What is to be done, as struct training_action has it. `outcome` is valid until it was answered (KEEP), or until the
 * next call of any of these (DROP and TELL). */
enum outcome_action { OUTCOME_NOTHING, OUTCOME_KEEP, OUTCOME_DROP, OUTCOME_TELL };
enum outcome_action outcomes_next(struct outcomes *outcomes, int64_t now, struct outcome **outcome, bool *first);
/* When there is something to be done once outcomes_next had nothing; INT64_MAX: never. */
int64_t outcomes_due(const struct outcomes *outcomes, int64_t now);

/* Adds one for each to NODE INFO's "jobs": -1 where memory lacks. */
int outcomes_list(const struct outcomes *outcomes, cJSON *jobs);
/* One of "jobs", about the training that `about` is about; NULL where memory lacks. */
cJSON *outcome_entry(const struct msg *about, const char *instance, const char *state);

#endif
