/* See training_actions.h. */
#include "training_actions.h"

#include <stdio.h>

#include "silence.h"
#include "training_state.h"

/* What time alone changes of the run. */
static void look_at_run(struct training_core *core, int64_t now)
{
    const struct training_core_config *config = &core->config;
    struct training *training = run_of(core);
    if (!training)
        return;
    if (core->demanded != RUN_MAY_GO_ON && now - core->demanded_ms >= config->end_ms) {
        if (core->demanded < RUN_IS_KILLED && training->state == TRAINING_RUNNING)
            run_kill(core, "cancelled", true, now);
        else if (core->demanded < RUN_IS_KILLED)
            run_demand(core, RUN_IS_KILLED, now);
        else if (training->state == TRAINING_RUNNING) /* and not even that ends it */
            training_fail(core, training, core->killed_why, core->is_cancelled, now);
    }
    if (training->state != TRAINING_RUNNING)
        return;
    int64_t silent_ms = silence_look(&core->silence, now);
    if (silent_ms >= config->lost_ms) {
        char why[128];
        snprintf(why, sizeof why, "its worker did not answer for %lld s", (long long)(config->lost_ms / 1000));
        run_kill(core, why, false, now);
    } else if (silent_ms >= config->silent_ms && !core->is_silent) {
        core->is_silent = training->tell = true;
    }
}

static bool next_of_run(struct training_core *core, int64_t now, struct training_action *action)
{
    struct training *training = STAILQ_FIRST(&core->queue);
    if (!training)
        return false;
    action->request = &training->request;
    if (core->done < core->demanded) {
        core->done = core->demanded;
        action->kind = core->demanded == RUN_IS_ASKED     ? TRAINING_ASK
                       : core->demanded == RUN_IS_HUNG_UP ? TRAINING_HANG_UP
                                                          : TRAINING_KILL;
        return true;
    }
    if (core->run == RUN_NONE) {
        training_set_state(training, TRAINING_PREPARING);
        training_set_message(training, "preparing");
        core->run = RUN_FETCHES;
        action->kind = TRAINING_PREPARE;
        return true;
    }
    if (training->state == TRAINING_PREPARING && core->run == RUN_IS_READY) {
        training_set_state(training, TRAINING_RUNNING);
        training_set_message(training, "starting its worker");
        silence_end(&core->silence, now);
        core->run = RUN_WORKS;
        action->kind = TRAINING_START;
        return true;
    }
    return false;
}

static bool next_of_outcomes(struct training_core *core, int64_t now, struct training_action *action)
{
    switch (outcomes_next(&core->outcomes, now, &action->outcome, &action->first)) {
    case OUTCOME_KEEP: action->kind = TRAINING_KEEP; break;
    case OUTCOME_DROP: action->kind = TRAINING_DROP; break;
    case OUTCOME_TELL: action->kind = TRAINING_TELL; break;
    case OUTCOME_NOTHING: return false;
    }
    action->msg = &action->outcome->msg;
    action->token = action->outcome->in_passing ? NULL : action->outcome->token;
    action->given_up = action->outcome->is_given_up;
    return true;
}

static bool wants_tell(const struct training_core *core, const struct training *training, int64_t now)
{
    if (core->link != TRAINING_LINK_UP || training->state == TRAINING_ENDING)
        return false;
    return training->tell || training->session != core->session || now - training->told_ms >= core->config.tell_ms;
}

static void say_silence(const struct training_core *core, char *text, size_t size, int64_t now)
{
    struct silence silence = core->silence;
    snprintf(text, size, "its worker has not answered for %lld s", (long long)(silence_look(&silence, now) / 1000));
}

static bool next_to_tell(struct training_core *core, int64_t now, struct training_action *action)
{
    struct training *training = STAILQ_FIRST(&core->queue);
    char silence[80] = "";
    while (training && !wants_tell(core, training, now))
        training = STAILQ_NEXT(training, queued);
    if (!training)
        return false;
    training->tell = false;
    training->session = core->session;
    training->told_ms = now;
    if (core->is_silent && training->state == TRAINING_RUNNING)
        say_silence(core, silence, sizeof silence, now);
    const char *message = *silence ? silence : training->message;
    msg_release(&core->told);
    if (msg_init_about(&core->told, MSG_TRAINING_PROGRESS, &training->request) ||
        msg_set(&core->told.instance, core->config.instance) || msg_set(&core->told.message, *message ? message : NULL))
        return false; /* at the next time */
    core->told.epoch = training->epoch;
    core->told.epochs = training->epochs;
    action->kind = TRAINING_TELL;
    action->msg = &core->told;
    return true;
}

bool training_core_next(struct training_core *core, int64_t now, struct training_action *action)
{
    *action = (struct training_action){ 0 };
    look_at_run(core, now);
    return next_of_run(core, now, action) || next_of_outcomes(core, now, action) || next_to_tell(core, now, action);
}

static void sooner(int64_t *due, int64_t other)
{
    if (other < *due)
        *due = other;
}

int64_t training_core_due(const struct training_core *core, int64_t now)
{
    const struct training *training = run_of(core);
    int64_t due = outcomes_due(&core->outcomes, now);
    if (training && core->demanded != RUN_MAY_GO_ON &&
        (core->demanded != RUN_IS_KILLED || training->state == TRAINING_RUNNING))
        sooner(&due, core->demanded_ms + core->config.end_ms);
    if (training && training->state == TRAINING_RUNNING)
        sooner(&due, core->silence.looked_ms + SILENCE_LOOK_MS);
    for (training = STAILQ_FIRST(&core->queue); training; training = STAILQ_NEXT(training, queued))
        if (core->link == TRAINING_LINK_UP && training->state != TRAINING_ENDING)
            sooner(&due, training->told_ms + core->config.tell_ms);
    return due;
}
