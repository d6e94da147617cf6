/* Trainings that a test asks the broker of rig.h for, and what scripted nodes say of them. */
#ifndef DCLS_TESTS_BROKER_JOB_RIG_H
#define DCLS_TESTS_BROKER_JOB_RIG_H

#include <stdio.h>
#include <string.h>

#include "rig.h"
#include "src/broker/job_submit.h"

struct answer {
    int count, status;
    char id[NAME_SIZE], model[NAME_SIZE], error[512];
};

static inline void on_submitted(void *arg, const struct job *job)
{
    struct answer *answer = arg;
    answer->count++;
    answer->status = job ? 202 : 500;
    snprintf(answer->id, sizeof answer->id, "%s", job ? job->id : "");
    snprintf(answer->model, sizeof answer->model, "%s", job ? job->model_name : "");
}

static inline void on_cancelled(void *arg, int status)
{
    struct answer *answer = arg;
    answer->count++;
    answer->status = status;
}

static inline void refused(struct answer *answer, const struct refusal *refusal)
{
    answer->count++;
    answer->status = refusal->status;
    snprintf(answer->error, sizeof answer->error, "%s", refusal->err.text);
}

static inline void ask_type(struct rig *rig, struct answer *answer, const char *type, const char *node)
{
    struct train_options options;
    train_options_init(&options);
    *answer = (struct answer){ 0 };
    struct job_submission submission = { type, NULL, node, &options };
    struct refusal refusal;
    if (job_submit(&rig->broker, &submission, on_submitted, answer, &refusal))
        refused(answer, &refusal);
}

/* Asks for a training; `option` and `value` may be NULL. The answer may come later. */
static inline void ask(struct rig *rig, struct answer *answer, const char *model, const char *node, const char *option,
                       const char *value)
{
    struct train_options options;
    struct err err = ERR_INIT;
    train_options_init(&options);
    if (option)
        assert_int_equal(train_option_parse(&options, train_option_by_name(option), value, &err), 0);
    *answer = (struct answer){ 0 };
    struct job_submission submission = { "resnet", model, node, &options };
    struct refusal refusal;
    if (job_submit(&rig->broker, &submission, on_submitted, answer, &refusal))
        refused(answer, &refusal);
}

static inline const struct job *train(struct rig *rig, const char *model, const char *node)
{
    struct answer answer;
    ask(rig, &answer, model, node, NULL, NULL);
    RIG_WAIT(rig, answer.count);
    if (answer.status != 202)
        fail_msg("%d: %s", answer.status, answer.error);
    return jobs_find(rig->broker.jobs, answer.id);
}

static inline void ask_to_cancel(struct rig *rig, struct answer *answer, const struct job *job)
{
    *answer = (struct answer){ 0 };
    struct refusal refusal;
    if (jobs_shell_cancel(&rig->broker, job->id, on_cancelled, answer, &refusal))
        refused(answer, &refusal);
}

static inline void cancel(struct rig *rig, struct answer *answer, const struct job *job)
{
    ask_to_cancel(rig, answer, job);
    RIG_WAIT(rig, answer->count);
}

static inline void tell(struct peer *peer, const char *format, const char *key)
{
    char text[2048];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(text, sizeof text, format, key);
#pragma GCC diagnostic pop
    peer_say(peer, text);
}

#define DIGEST "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define COMPLETED                                                                                                      \
    "{\"type\": \"TRAINING_COMPLETED\", \"train_key\": \"%s\", \"model_name\": \"m\","                                 \
    " \"data\": {\"output_contents\": \"Epoch [1/3]\"}, \"report\": {\"results\": [{\"epoch\": 1}, {\"epoch\": 2},"    \
    " {\"epoch\": 3}], \"notices\": [\"a checkpoint is missing\", 4]}, \"modelInfo\": [{\"name\": \"m\", \"sha256\": " \
    "\"" DIGEST "\", \"type\": \"resnet\"}]}"
#define FAILED "{\"type\": \"TRAINING FAILED\", \"train_key\": \"%s\", \"message\": \"out of memory\"}"
#define CANCELLED                                                                                                      \
    "{\"type\": \"TRAINING FAILED\", \"train_key\": \"%s\", \"message\": \"cancelled\", \"cancelled\": true}"
#define NOTICE(line)                                                                                                   \
    "{\"type\": \"TRAINING PROGRESS\", \"train_key\": \"%s\", \"epoch\": 0, \"epochs\": 3, \"notice\": \"" line "\"}"
#define EPOCH                                                                                                          \
    "{\"type\": \"TRAINING PROGRESS\", \"train_key\": \"%s\", \"epoch\": 3, \"epochs\": 3, \"batch\": 7,"              \
    " \"batches\": 9, \"result\": {\"epoch\": 3, \"train_loss\": 0.5}}"

#define BEGUN "{\"type\": \"TRAINING PROGRESS\", \"train_key\": \"%s\", \"epoch\": 0, \"epochs\": 3}"

/* Waits for SERVER TRAIN of that job, and begins it. */
static inline void hear_train(struct peer *peer, const struct job *job)
{
    cJSON *msg = peer_hear(peer, "SERVER TRAIN");
    assert_string_equal(text_of(msg, "train_key"), job->train_key);
    assert_string_equal(text_of(msg, "modelName"), job->model_name);
    cJSON_Delete(msg);
    tell(peer, BEGUN, job->train_key);
    RIG_WAIT(peer->rig, job->state == JOB_RUNNING);
}

static inline void inform_of(struct peer *peer, const char *node, const struct job *job, const char *state)
{
    char jobs[256];
    snprintf(jobs, sizeof jobs, "[{\"job\": \"%s\", \"generation\": 1, \"train_key\": \"%s\", \"state\": \"%s\"}]",
             job->id, job->train_key, state);
    peer_inform(peer, node, jobs);
}

#endif
