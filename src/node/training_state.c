/* See training_state.h. */
#include "training_state.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

struct training *run_of(const struct training_core *core)
{
    return core->run == RUN_NONE ? NULL : STAILQ_FIRST(&core->queue);
}

void training_set_state(struct training *training, enum training_state state)
{
    assert(state > training->state);
    training->state = state;
}

void training_set_message(struct training *training, const char *message)
{
    snprintf(training->message, sizeof training->message, "%s", message ? message : "");
    training->tell = true;
}

void training_forget(struct training_core *core, struct training *training)
{
    STAILQ_REMOVE(&core->queue, training, training, queued);
    core->count--;
    outcome_free(training->outcome);
    msg_release(&training->request);
    free(training);
}

void training_conclude(struct training_core *core, struct training *training, int64_t now)
{
    training_set_state(training, TRAINING_ENDING);
    outcomes_add(&core->outcomes, training->outcome, false, now);
    training->outcome = NULL;
}

void training_fail(struct training_core *core, struct training *training, const char *why, bool cancelled, int64_t now)
{
    if (training->state == TRAINING_ENDING)
        return;
    /* Where memory lacks, the reason that it was made with stays. */
    (void)msg_set(&training->outcome->msg.message, why);
    training->outcome->msg.cancelled = cancelled;
    training_conclude(core, training, now);
}

void training_abort(struct training_core *core, struct training *training, int64_t now)
{
    assert(training->state == TRAINING_ENDING);
    if (training != run_of(core)) {
        training_forget(core, training);
    } else {
        /* One that is ready is started before anything else happens, so an event of the run is due. */
        assert(core->run != RUN_IS_READY);
        run_demand(core, RUN_IS_KILLED, now);
    }
}

void run_demand(struct training_core *core, enum run_demand demanded, int64_t now)
{
    if (core->demanded >= demanded)
        return;
    core->demanded = demanded;
    core->demanded_ms = now;
}

void run_kill(struct training_core *core, const char *why, bool cancelled, int64_t now)
{
    if (core->demanded == RUN_IS_KILLED)
        return;
    snprintf(core->killed_why, sizeof core->killed_why, "%s", why);
    core->is_cancelled = cancelled;
    run_demand(core, RUN_IS_KILLED, now);
}

void run_is_over(struct training_core *core)
{
    training_forget(core, run_of(core));
    core->run = RUN_NONE;
    core->is_silent = false;
    core->demanded = core->done = RUN_MAY_GO_ON;
    core->killed_why[0] = '\0';
}
