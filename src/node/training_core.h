/* The node's trainings: which is on, which wait, how they end, and who is told of it. It decides what is to be done,
 * and knows nothing of how.
 *
 *     waiting → preparing → running → ending → (gone)
 *         (fetches)   (a worker trains)  (its outcome is known, the worker or the fetching is not over yet)
 *
 * Pure: events come in, with their time where it matters (milliseconds of a clock that never goes back), and what is to
 * be done comes out of training_core_next, which is called after each event, and at training_core_due, until it returns
 * false. What is still to be done follows from the state alone, so nothing is forgotten where an action fails: it comes
 * again.
 *
 * One training at a time is prepared or has a worker: the run. What happens to it comes in as training_core_prepared,
 * training_core_message and training_core_ended, without a name.
 *
 * A training is (train_key, generation). Asked for twice, it is done once, and told of again. A later generation of a
 * key replaces an earlier one, which is ended without a word; an earlier one than is known is refused. Absent is the
 * earliest generation.
 *
 * Every training ends in an outcome (outcomes.h) that its broker has to acknowledge. What a training needs to end is
 * allocated when it is taken. */
#ifndef DCLS_NODE_TRAINING_CORE_H
#define DCLS_NODE_TRAINING_CORE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "dcls/proto/msg.h"
#include "training_actions.h"
#include "training_state.h"

#define TRAININGS_MAX 64 /* waiting and on */

/* What a node lives by: 10 s, 15 s, 120 s, 10 s; outcomes: 0.5 s to 30 s, 60 s. */
struct training_core_config training_core_config(const char *name, const char *instance);

/* NULL where memory lacks. */
struct training_core *training_core_new(const struct training_core_config *config);
void training_core_free(struct training_core *core);

/* The broker's requests */

/* An outcome that was found on disk, oldest first, before all else; its members are taken out. */
int training_core_load(struct training_core *core, struct msg *outcome);
/* A SERVER TRAIN; its members may be taken out. `refusal`: why it cannot be done; NULL: nothing speaks against it. Any
 * SERVER TRAIN of a valid key may come with a refusal, whatever else it lacks. True where a training was taken. */
bool training_core_request(struct training_core *core, struct msg *request, const char *refusal, int64_t now);
/* A SERVER CANCEL: of that generation, or of any where it says none. */
void training_core_cancel(struct training_core *core, const struct msg *cancel, int64_t now);
/* A SERVER JOB ACK: drops the outcome of that generation, or all of the key where it says none. */
void training_core_acknowledge(struct training_core *core, const struct msg *ack);

/* The link to the broker */

/* Registered, or lost. Each that is not DOWN is a new session: everything is told again. */
void training_core_link(struct training_core *core, enum training_link link);
/* A message with that token has left for a legacy broker, which acknowledges nothing. */
void training_core_sent(struct training_core *core, const char *token);

/* The run */

/* The answer to TRAINING_PREPARE, also where TRAINING_KILL came between. `failure`: NULL where all is there. True:
 * TRAINING_START is to be done before another event comes in; false: the run is over. */
bool training_core_prepared(struct training_core *core, const char *failure, int64_t now);
/* What its worker said, or a TRAINING PROGRESS about what is being prepared. `msg` gets the `instance` that was given
 * the training; members of an outcome are taken out. */
enum training_word {
    TRAINING_WORD_TAKEN,
    TRAINING_WORD_PASS_ON, /* to the broker, as it is */
    TRAINING_WORD_UNASKED  /* not about this training, or no word of a worker's */
};
enum training_word training_core_message(struct training_core *core, struct msg *msg, int64_t now);
/* The worker is gone, or could not be started. Nothing of it follows. */
void training_core_ended(struct training_core *core, const char *why, int64_t now);

/* The answer to TRAINING_KEEP; false: it is tried again later. */
void training_core_kept(struct training_core *core, struct outcome *outcome, bool kept, int64_t now);

/* Fails everything that has not ended, and begins nothing any more. */
void training_core_stop(struct training_core *core, int64_t now);

/* What there is */

/* NODE INFO's "jobs": what waits or is on, and the outcomes. NULL where memory lacks. */
cJSON *training_core_list(const struct training_core *core);
/* True while a training may write that model. */
bool training_core_uses(const struct training_core *core, const char *model);
/* How many there are, with one that is ending. */
int training_core_count(const struct training_core *core);
/* And how many of them have not begun. */
int training_core_waiting(const struct training_core *core);

#endif
