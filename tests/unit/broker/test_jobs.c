/* The life of trainings, from the request to what is left of them after a restart, with scripted nodes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <semaphore.h>
#include <stdio.h>
#include <string.h>

#include "rig.h"
#include "src/broker/job_submit.h"

struct answer {
    int count, status;
    char id[NAME_SIZE], model[NAME_SIZE], error[512];
};

static void on_submitted(void *arg, const struct job *job)
{
    struct answer *answer = arg;
    answer->count++;
    answer->status = job ? 202 : 500;
    snprintf(answer->id, sizeof answer->id, "%s", job ? job->id : "");
    snprintf(answer->model, sizeof answer->model, "%s", job ? job->model_name : "");
}

static void on_cancelled(void *arg, int status)
{
    struct answer *answer = arg;
    answer->count++;
    answer->status = status;
}

static void refused(struct answer *answer, const struct refusal *refusal)
{
    answer->count++;
    answer->status = refusal->status;
    snprintf(answer->error, sizeof answer->error, "%s", refusal->err.text);
}

static void ask_type(struct rig *rig, struct answer *answer, const char *type, const char *node)
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
static void ask(struct rig *rig, struct answer *answer, const char *model, const char *node, const char *option,
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

static const struct job *train(struct rig *rig, const char *model, const char *node)
{
    struct answer answer;
    ask(rig, &answer, model, node, NULL, NULL);
    RIG_WAIT(rig, answer.count);
    if (answer.status != 202)
        fail_msg("%d: %s", answer.status, answer.error);
    return jobs_find(rig->broker.jobs, answer.id);
}

static void ask_to_cancel(struct rig *rig, struct answer *answer, const struct job *job)
{
    *answer = (struct answer){ 0 };
    struct refusal refusal;
    if (jobs_shell_cancel(&rig->broker, job->id, on_cancelled, answer, &refusal))
        refused(answer, &refusal);
}

static void cancel(struct rig *rig, struct answer *answer, const struct job *job)
{
    ask_to_cancel(rig, answer, job);
    RIG_WAIT(rig, answer->count);
}

static void tell(struct peer *peer, const char *format, const char *key)
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
static void hear_train(struct peer *peer, const struct job *job)
{
    cJSON *msg = peer_hear(peer, "SERVER TRAIN");
    assert_string_equal(text_of(msg, "train_key"), job->train_key);
    assert_string_equal(text_of(msg, "modelName"), job->model_name);
    cJSON_Delete(msg);
    tell(peer, BEGUN, job->train_key);
    RIG_WAIT(peer->rig, job->state == JOB_RUNNING);
}

static void inform_of(struct peer *peer, const char *node, const struct job *job, const char *state)
{
    char jobs[256];
    snprintf(jobs, sizeof jobs, "[{\"job\": \"%s\", \"generation\": 1, \"train_key\": \"%s\", \"state\": \"%s\"}]",
             job->id, job->train_key, state);
    peer_inform(peer, node, jobs);
}

/* Submitting */

static void a_job_is_acknowledged_when_it_is_stored_and_not_before(void **state)
{
    struct rig *rig = *state;
    struct answer answer;
    ask(rig, &answer, "m", NULL, NULL, NULL);
    assert_int_equal(answer.count, 0);
    assert_null(jobs_oldest(rig->broker.jobs));
    RIG_WAIT(rig, answer.count);
    assert_int_equal(answer.status, 202);
    rig_restart(rig);
    const struct job *job = jobs_find(rig->broker.jobs, answer.id);
    assert_non_null(job);
    assert_int_equal(job->state, JOB_QUEUED);
    assert_string_equal(job->model_name, "m");
}

static void jobs_on_their_way_to_the_store_hold_their_names(void **state)
{
    struct rig *rig = *state;
    struct answer first, second, third, fourth;
    ask(rig, &first, NULL, NULL, NULL, NULL);
    ask(rig, &second, NULL, NULL, NULL, NULL);
    ask(rig, &third, "m", NULL, NULL, NULL);
    ask(rig, &fourth, "m", NULL, NULL, NULL);
    RIG_WAIT(rig, first.count && second.count && third.count && fourth.count);
    assert_string_equal(first.model, "resnet-1");
    assert_string_equal(second.model, "resnet-2");
    assert_int_equal(third.status, 202);
    assert_int_equal(fourth.status, 409);
    assert_non_null(strstr(fourth.error, "'m'"));
}

static void the_default_name_is_none_that_a_node_has(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    struct answer answer;
    peer_register(&peer, rig, "n");
    peer_say(&peer, "{\"type\": \"NODE INFO\", \"name\": \"n\", \"models\": [\"resnet-1\"]}");
    RIG_WAIT(rig, models_know(rig->broker.models, "resnet-1"));
    ask(rig, &answer, NULL, NULL, NULL, NULL);
    RIG_WAIT(rig, answer.count);
    assert_string_equal(answer.model, "resnet-2");
    peer_close(&peer);
}

static void what_cannot_be_is_refused_by_name(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    struct answer answer;
    peer_register(&peer, rig, "n");
    ask(rig, &answer, "m", "nobody", NULL, NULL);
    assert_int_equal(answer.status, 404);
    assert_string_equal(answer.error, "Node 'nobody' not found");
    ask(rig, &answer, "../m", NULL, NULL, NULL);
    assert_int_equal(answer.status, 400);
    ask(rig, &answer, "m", "n", "seed", "1");
    assert_int_equal(answer.status, 409);
    assert_non_null(strstr(answer.error, "seed"));
    ask(rig, &answer, "m", "n", "imageSize", "64");
    RIG_WAIT(rig, answer.count);
    assert_int_equal(answer.status, 202);
    peer_close(&peer);
}

static void a_type_that_nobody_offers_is_refused_with_what_they_offer(void **state)
{
    struct rig *rig = *state;
    struct peer peer, legacy;
    struct answer answer;
    peer_greet_with(&peer, rig, "n", "\"type:resnet\", \"type:vit\"");
    peer_register_legacy(&legacy, rig, "old");
    ask_type(rig, &answer, "alexnet", NULL);
    assert_int_equal(answer.status, 409);
    assert_string_equal(answer.error, "no node offers 'alexnet': they offer resnet, vit, mobilenet, efficientnet");
    ask_type(rig, &answer, "vit", "old");
    assert_int_equal(answer.status, 409);
    assert_string_equal(answer.error, "node 'old' does not offer 'vit': it offers resnet, mobilenet, efficientnet");
    peer_leave(&peer, "n");
    ask_type(rig, &answer, "vit", NULL);
    RIG_WAIT(rig, answer.count);
    assert_int_equal(answer.status, 202);
    assert_string_equal(jobs_find(rig->broker.jobs, answer.id)->reason, "waits for a node that offers 'vit'");
    peer_close(&legacy);
}

/* Starting */

static void while_no_node_has_come_any_type_waits_and_then_for_one_that_offers_it(void **state)
{
    struct rig *rig = *state;
    struct peer other, peer;
    struct answer answer;
    ask_type(rig, &answer, "vit", NULL);
    RIG_WAIT(rig, answer.count);
    assert_int_equal(answer.status, 202);
    const struct job *job = jobs_find(rig->broker.jobs, answer.id);
    assert_string_equal(job->reason, "waits for a node: none has connected yet");
    peer_register(&other, rig, "a");
    peer_expect_no(&other, "SERVER TRAIN");
    assert_string_equal(job->reason, "waits for a node that offers 'vit'");
    peer_greet_with(&peer, rig, "b", "\"type:vit\"");
    peer_inform(&peer, "b", "[]");
    hear_train(&peer, job);
    peer_close(&other);
    peer_close(&peer);
}

static void a_job_starts_when_a_node_has_told_what_it_runs(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    peer_greet(&peer, rig, "n");
    const struct job *job = train(rig, "m", NULL);
    peer_expect_no(&peer, "SERVER TRAIN");
    assert_string_equal(job->reason, "waits for a free node");
    peer_inform(&peer, "n", "[]");
    cJSON *msg = peer_hear(&peer, "SERVER TRAIN");
    assert_string_equal(text_of(msg, "train_key"), job->train_key);
    assert_string_equal(text_of(msg, "job"), job->id);
    assert_int_equal(number_of(msg, "generation"), 1);
    assert_int_equal(number_of(msg, "epochs"), 10);
    cJSON_Delete(msg);
    assert_int_equal(job_shown(job), JOB_STARTING);
    assert_string_equal(job->node, "n");
    tell(&peer, BEGUN, job->train_key);
    RIG_WAIT(rig, job_shown(job) == JOB_RUNNING);
    peer_close(&peer);
}

static void a_node_trains_one_at_a_time_and_the_rest_in_order(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    peer_register(&peer, rig, "n");
    const struct job *first = train(rig, "m", NULL), *second = train(rig, "m2", "n"), *third = train(rig, "m3", NULL);
    hear_train(&peer, first);
    peer_expect_no(&peer, "SERVER TRAIN");
    assert_int_equal(second->state, JOB_QUEUED);
    assert_string_equal(second->reason, "waits for node 'n'");
    tell(&peer, FAILED, first->train_key);
    hear_train(&peer, second);
    assert_int_equal(first->state, JOB_FAILED);
    assert_string_equal(first->error, "out of memory");
    tell(&peer, FAILED, second->train_key);
    hear_train(&peer, third);
    peer_close(&peer);
}

static void a_fourth_job_waits_for_three_nodes_and_runs_on_the_first_that_is_free(void **state)
{
    struct rig *rig = *state;
    struct peer peers[3];
    const char *const names[] = { "a", "b", "c" };
    const struct job *jobs[4];
    for (int i = 0; i < 3; i++)
        peer_register(&peers[i], rig, names[i]);
    for (int i = 0; i < 4; i++)
        jobs[i] = train(rig, NULL, NULL);
    for (int i = 0; i < 3; i++)
        hear_train(&peers[i], jobs[i]);
    assert_int_equal(jobs[3]->state, JOB_QUEUED);
    tell(&peers[1], FAILED, jobs[1]->train_key);
    hear_train(&peers[1], jobs[3]);
    for (int i = 0; i < 3; i++)
        peer_close(&peers[i]);
}

static void a_job_waits_for_a_node_that_offers_its_options_and_says_so(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    struct answer answer;
    peer_register(&peer, rig, "n");
    ask(rig, &answer, "m", NULL, "seed", "1");
    RIG_WAIT(rig, answer.count);
    assert_int_equal(answer.status, 202);
    peer_expect_no(&peer, "SERVER TRAIN");
    assert_string_equal(jobs_find(rig->broker.jobs, answer.id)->reason, "waits for a node that offers 'seed'");
    peer_close(&peer);
}

static void a_legacy_node_is_sent_what_the_reference_sends(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    peer_register_legacy(&peer, rig, "old");
    const struct job *job = train(rig, "m", "old");
    cJSON *msg = peer_hear(&peer, "SERVER TRAIN");
    char *text = cJSON_PrintUnformatted(msg), expected[512];
    snprintf(expected, sizeof expected,
             "{\"type\":\"SERVER TRAIN\",\"modelName\":\"m\",\"modelType\":\"resnet\",\"epochs\":10,\"batchSize\":32,"
             "\"learningRate\":0.001,\"train_key\":\"%s\"}",
             job->train_key);
    assert_string_equal(text, expected);
    cJSON_free(text);
    cJSON_Delete(msg);
    RIG_WAIT(rig, job_shown(job) == JOB_RUNNING);
    tell(&peer, "{\"type\": \"TRAINING_COMPLETED\", \"train_key\": \"%s\", \"model_name\": \"m\", \"data\": {}}",
         job->train_key);
    RIG_WAIT(rig, job->state == JOB_COMPLETED);
    peer_expect_no(&peer, "SERVER JOB ACK");
    peer_close(&peer);
}

/* Ending */

static void epochs_are_kept_and_those_missed_come_with_the_report(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    peer_register(&peer, rig, "n");
    const struct job *job = train(rig, "m", NULL);
    hear_train(&peer, job);
    tell(&peer, EPOCH, job->train_key);
    tell(&peer, EPOCH, job->train_key);
    RIG_WAIT(rig, job->live->batch == 7);
    rig_turn_for(rig, 50);
    cJSON *results = rig_results(rig, job->id);
    assert_int_equal(cJSON_GetArraySize(results), 1);
    cJSON_Delete(results);
    tell(&peer, COMPLETED, job->train_key);
    RIG_WAIT(rig, job->state == JOB_COMPLETED);
    assert_null(job->results); /* all are in the store */
    results = rig_results(rig, job->id);
    assert_int_equal(cJSON_GetArraySize(results), 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(number_of(cJSON_GetArrayItem(results, i), "epoch"), i + 1);
    cJSON_Delete(results);
    peer_close(&peer);
}

static void notices_are_kept_once_each_also_by_a_restarted_broker(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    peer_register(&peer, rig, "n");
    const struct job *job = train(rig, "m", NULL);
    hear_train(&peer, job);
    for (int i = 0; i < 2; i++) {
        tell(&peer, NOTICE("2 files are left out"), job->train_key);
        tell(&peer, NOTICE("it starts at random"), job->train_key);
    }
    RIG_WAIT(rig, job->notices && job->notices->count == 2);
    peer_close(&peer);
    rig_restart(rig);
    job = jobs_find(rig->broker.jobs, "1");
    assert_int_equal(job->notices->count, 2);
    peer_greet(&peer, rig, "n");
    inform_of(&peer, "n", job, "completed");
    tell(&peer, COMPLETED, job->train_key); /* whose report has one that was not heard */
    peer_expect(&peer, "SERVER JOB ACK");
    cJSON *json = job_json(job), *notices = cJSON_GetObjectItem(json, "notices");
    assert_int_equal(cJSON_GetArraySize(notices), 3);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetArrayItem(notices, 0)), "2 files are left out");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetArrayItem(notices, 2)), "a checkpoint is missing");
    cJSON_Delete(json);
    peer_close(&peer);
}

static void on_ended(void *arg, const struct job *job)
{
    const struct job **heard = arg;
    assert_null(*heard);
    *heard = job;
}

static void an_outcome_is_told_once_and_acknowledged_each_time(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    const struct job *heard = NULL;
    peer_register(&peer, rig, "n");
    const struct job *job = train(rig, "m", NULL);
    struct jobs_waiter waiter = { .job = job, .ended = on_ended, .arg = &heard };
    jobs_shell_wait(&rig->broker, &waiter);
    hear_train(&peer, job);
    for (int i = 0; i < 2; i++) {
        tell(&peer, COMPLETED, job->train_key);
        cJSON *ack = peer_hear(&peer, "SERVER JOB ACK");
        assert_string_equal(text_of(ack, "train_key"), job->train_key);
        assert_string_equal(text_of(ack, "job"), job->id);
        cJSON_Delete(ack);
    }
    assert_ptr_equal(heard, job);
    assert_string_equal(models_newest(rig->broker.models), "m");
    assert_string_equal(models_digest(rig->broker.models, "m", NULL), DIGEST);
    peer_close(&peer);
}

static void an_outcome_that_cannot_be_stored_is_not_acknowledged(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    peer_register(&peer, rig, "n");
    const struct job *job = train(rig, "m", NULL);
    hear_train(&peer, job);
    /* A key that is taken makes the write fail, as a full disk would. */
    snprintf(((struct job *)job)->id, sizeof job->id, "999");
    tell(&peer, COMPLETED, job->train_key);
    peer_expect_no(&peer, "SERVER JOB ACK");
    assert_int_equal(job_shown(job), JOB_ENDING);
    tell(&peer, COMPLETED, job->train_key);
    peer_expect_no(&peer, "SERVER JOB ACK");
    snprintf(((struct job *)job)->id, sizeof job->id, "1");
    peer_expect(&peer, "SERVER JOB ACK"); /* it is tried again */
    assert_int_equal(job_shown(job), JOB_COMPLETED);
    peer_close(&peer);
}

static void an_outcome_of_no_known_job_is_acknowledged_and_its_model_listed(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    peer_register(&peer, rig, "n");
    tell(&peer, COMPLETED, "train:12345");
    cJSON *ack = peer_hear(&peer, "SERVER JOB ACK");
    assert_string_equal(text_of(ack, "train_key"), "train:12345");
    cJSON_Delete(ack);
    assert_true(models_know(rig->broker.models, "m"));
    assert_null(jobs_oldest(rig->broker.jobs));
    peer_close(&peer);
}

/* Cancelling */

static void a_queued_job_is_cancelled_at_once_and_for_good(void **state)
{
    struct rig *rig = *state;
    struct answer answer;
    const struct job *job = train(rig, "m", NULL);
    char id[NAME_SIZE];
    snprintf(id, sizeof id, "%s", job->id);
    cancel(rig, &answer, job);
    assert_int_equal(answer.status, 200);
    assert_int_equal(job->state, JOB_CANCELLED);
    cancel(rig, &answer, job);
    assert_int_equal(answer.status, 409);
    rig_restart(rig);
    assert_int_equal(jobs_find(rig->broker.jobs, id)->state, JOB_CANCELLED);
}

static void a_running_job_is_cancelled_by_its_node(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    struct answer answer;
    peer_register(&peer, rig, "n");
    const struct job *job = train(rig, "m", NULL);
    hear_train(&peer, job);
    cancel(rig, &answer, job);
    assert_int_equal(answer.status, 202);
    cJSON *msg = peer_hear(&peer, "SERVER CANCEL");
    assert_string_equal(text_of(msg, "train_key"), job->train_key);
    cJSON_Delete(msg);
    assert_int_equal(job->state, JOB_RUNNING);
    tell(&peer, CANCELLED, job->train_key);
    peer_expect(&peer, "SERVER JOB ACK");
    assert_int_equal(job->state, JOB_CANCELLED);
    assert_null(job->error);
    peer_close(&peer);
}

static void a_job_cancelled_while_its_node_was_away_is_stopped_there(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    struct answer answer;
    peer_register(&peer, rig, "n");
    const struct job *job = train(rig, "m", NULL);
    hear_train(&peer, job);
    peer_leave(&peer, "n");
    cancel(rig, &answer, job);
    assert_int_equal(answer.status, 200);
    peer_greet(&peer, rig, "n");
    inform_of(&peer, "n", job, "running");
    peer_expect(&peer, "SERVER CANCEL");
    assert_int_equal(job->state, JOB_CANCELLED);
    peer_close(&peer);
}

/* Coming back */

static void a_node_that_comes_back_with_its_job_goes_on_with_it(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    peer_register(&peer, rig, "n");
    const struct job *job = train(rig, "m", NULL);
    hear_train(&peer, job);
    peer_leave(&peer, "n");
    assert_int_equal(job->state, JOB_RUNNING);
    assert_string_equal(job->reason, "node 'n' is away");
    assert_true(job->live->lost_ms);
    peer_greet(&peer, rig, "n");
    inform_of(&peer, "n", job, "running");
    RIG_WAIT(rig, !job->live->lost_ms);
    assert_string_equal(registry_find(rig->broker.registry, "n")->job, job->id);
    assert_null(job->reason);
    peer_expect_no(&peer, "SERVER TRAIN");
    peer_close(&peer);
}

static void a_node_that_comes_back_without_its_job_fails_it_and_takes_the_next(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    peer_register(&peer, rig, "n");
    const struct job *job = train(rig, "m", NULL), *next = train(rig, "m2", NULL);
    hear_train(&peer, job);
    peer_leave(&peer, "n");
    peer_register(&peer, rig, "n");
    hear_train(&peer, next);
    RIG_WAIT(rig, job->state == JOB_FAILED); /* its end is committed later than the next start may be */
    assert_string_equal(job->error, "node 'n' no longer has it");
    peer_close(&peer);
}

static void a_job_that_was_given_up_but_still_runs_is_taken_up_again(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    peer_register(&peer, rig, "n");
    const struct job *job = train(rig, "m", NULL);
    hear_train(&peer, job);
    peer_leave(&peer, "n");
    peer_register(&peer, rig, "n");
    RIG_WAIT(rig, job->state == JOB_FAILED);
    inform_of(&peer, "n", job, "running");
    RIG_WAIT(rig, job->state == JOB_RUNNING);
    assert_null(job->error);
    tell(&peer, COMPLETED, job->train_key);
    RIG_WAIT(rig, job->state == JOB_COMPLETED);
    peer_close(&peer);
}

static void a_restarted_broker_knows_what_runs_and_takes_its_outcome(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    char key[NAME_SIZE];
    peer_register(&peer, rig, "n");
    const struct job *job = train(rig, "m", NULL);
    hear_train(&peer, job);
    snprintf(key, sizeof key, "%s", job->train_key);
    train(rig, "m2", NULL);
    peer_close(&peer);
    rig_restart(rig);
    job = jobs_find(rig->broker.jobs, "1");
    assert_int_equal(job->state, JOB_RUNNING);
    assert_string_equal(job->reason, "node 'n' is away");
    assert_int_equal(jobs_find(rig->broker.jobs, "2")->state, JOB_QUEUED);
    peer_greet(&peer, rig, "n");
    inform_of(&peer, "n", job, "completed");
    tell(&peer, COMPLETED, key);
    peer_expect(&peer, "SERVER JOB ACK");
    assert_int_equal(job->state, JOB_COMPLETED);
    hear_train(&peer, jobs_find(rig->broker.jobs, "2"));
    const struct job *third = train(rig, NULL, NULL);
    assert_string_equal(third->id, "3");
    assert_string_not_equal(third->train_key, key);
    peer_close(&peer);
}

static void a_start_that_falls_into_the_brokers_stop_waits_for_the_next_run(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    struct answer answer;
    peer_register(&peer, rig, "n");
    ask(rig, &answer, "m", NULL, NULL, NULL);
    rig_restart(rig); /* without one turn of the loop */
    peer_close(&peer);
    assert_int_equal(answer.status, 202);
    assert_int_equal(jobs_find(rig->broker.jobs, answer.id)->state, JOB_QUEUED);
    peer_register(&peer, rig, "n");
    hear_train(&peer, jobs_find(rig->broker.jobs, answer.id));
    peer_close(&peer);
}

struct hold {
    struct rig *rig;
    struct answer answer;
    sem_t go_on;
    bool held;
};

static int hold_run(void *arg, const atomic_bool *stop, struct err *err)
{
    struct hold *hold = arg;
    (void)stop;
    (void)err;
    return sem_wait(&hold->go_on);
}

static void hold_done(void *arg, int result, const struct err *err)
{
    struct hold *hold = arg;
    (void)result;
    (void)err;
    hold->held = false;
}

/* Called between the job's commit and its start: what that writes waits behind this. */
static void on_submitted_hold(void *arg, const struct job *job)
{
    struct hold *hold = arg;
    on_submitted(&hold->answer, job);
    hold->held = thread_pool_submit(hold->rig->broker.pool, LANE_STORE, hold_run, hold_done, hold);
}

static const struct job *start_held(struct rig *rig, struct hold *hold)
{
    struct train_options options;
    train_options_init(&options);
    *hold = (struct hold){ .rig = rig };
    assert_int_equal(sem_init(&hold->go_on, 0, 0), 0);
    struct job_submission submission = { "resnet", "m", NULL, &options };
    struct refusal refusal;
    assert_int_equal(job_submit(&rig->broker, &submission, on_submitted_hold, hold, &refusal), 0);
    RIG_WAIT(rig, hold->held);
    const struct job *job = jobs_find(rig->broker.jobs, hold->answer.id);
    assert_int_equal(job->state, JOB_STARTING);
    assert_int_equal(job_shown(job), JOB_QUEUED);
    assert_false(job->live->sent);
    return job;
}

static void start_release(struct hold *hold)
{
    sem_post(&hold->go_on);
    RIG_WAIT(hold->rig, !hold->held);
    sem_destroy(&hold->go_on);
}

static void a_start_that_was_not_sent_before_the_brokers_stop_waits_too(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    struct hold hold;
    peer_register(&peer, rig, "n");
    start_held(rig, &hold);
    sem_post(&hold.go_on);
    rig_restart(rig); /* the start is committed on the way out */
    sem_destroy(&hold.go_on);
    peer_close(&peer);
    const struct job *job = jobs_find(rig->broker.jobs, hold.answer.id);
    assert_int_equal(job->state, JOB_QUEUED);
    peer_register(&peer, rig, "n");
    hear_train(&peer, job);
    peer_close(&peer);
}

static void a_start_whose_node_goes_meanwhile_waits_for_another(void **state)
{
    struct rig *rig = *state;
    struct peer peer, other;
    struct hold hold;
    peer_register(&peer, rig, "n");
    const struct job *job = start_held(rig, &hold);
    peer_leave(&peer, "n");
    assert_int_equal(job->state, JOB_QUEUED);
    assert_int_equal(job->started, 0);
    start_release(&hold);
    assert_int_equal(job->state, JOB_QUEUED);
    peer_register(&other, rig, "o");
    hear_train(&other, job);
    assert_false(job->live->lost_ms);
    assert_int_equal(job->generation, 2);
    peer_close(&other);
}

static void a_job_cancelled_before_its_start_is_stored_never_starts(void **state)
{
    struct rig *rig = *state;
    struct peer peer;
    struct hold hold;
    struct answer answer;
    peer_register(&peer, rig, "n");
    const struct job *job = start_held(rig, &hold);
    ask_to_cancel(rig, &answer, job);
    start_release(&hold);
    RIG_WAIT(rig, answer.count);
    assert_int_equal(answer.status, 200);
    assert_int_equal(job->state, JOB_CANCELLED);
    peer_expect_no(&peer, "SERVER TRAIN");
    peer_close(&peer);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_job_is_acknowledged_when_it_is_stored_and_not_before),
        TEST(jobs_on_their_way_to_the_store_hold_their_names),
        TEST(the_default_name_is_none_that_a_node_has),
        TEST(what_cannot_be_is_refused_by_name),
        TEST(a_type_that_nobody_offers_is_refused_with_what_they_offer),
        TEST(while_no_node_has_come_any_type_waits_and_then_for_one_that_offers_it),
        TEST(a_job_starts_when_a_node_has_told_what_it_runs),
        TEST(a_node_trains_one_at_a_time_and_the_rest_in_order),
        TEST(a_fourth_job_waits_for_three_nodes_and_runs_on_the_first_that_is_free),
        TEST(a_job_waits_for_a_node_that_offers_its_options_and_says_so),
        TEST(a_legacy_node_is_sent_what_the_reference_sends),
        TEST(epochs_are_kept_and_those_missed_come_with_the_report),
        TEST(notices_are_kept_once_each_also_by_a_restarted_broker),
        TEST(an_outcome_is_told_once_and_acknowledged_each_time),
        TEST(an_outcome_that_cannot_be_stored_is_not_acknowledged),
        TEST(an_outcome_of_no_known_job_is_acknowledged_and_its_model_listed),
        TEST(a_queued_job_is_cancelled_at_once_and_for_good),
        TEST(a_running_job_is_cancelled_by_its_node),
        TEST(a_job_cancelled_while_its_node_was_away_is_stopped_there),
        TEST(a_node_that_comes_back_with_its_job_goes_on_with_it),
        TEST(a_node_that_comes_back_without_its_job_fails_it_and_takes_the_next),
        TEST(a_job_that_was_given_up_but_still_runs_is_taken_up_again),
        TEST(a_restarted_broker_knows_what_runs_and_takes_its_outcome),
        TEST(a_start_that_falls_into_the_brokers_stop_waits_for_the_next_run),
        TEST(a_start_that_was_not_sent_before_the_brokers_stop_waits_too),
        TEST(a_start_whose_node_goes_meanwhile_waits_for_another),
        TEST(a_job_cancelled_before_its_start_is_stored_never_starts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
