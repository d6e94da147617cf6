/* The core of jobs alone, with a time that the test sets, a store that keeps copies, and nodes that are names: what the
 * core wants done is done as the shell does it, and written down as words. After each step what must always hold is
 * checked: what is shown was committed, and a node is busy exactly with what is assigned to it. */
#ifndef DCLS_TESTS_BROKER_CORE_H
#define DCLS_TESTS_BROKER_CORE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/base/log.h"
#include "src/broker/job_reports.h"
#include "src/broker/jobs.h"
#include "src/broker/registry.h"

#define CORE_JOBS 16

enum core_store { STORE_WORKS, STORE_FAILS, STORE_HOLDS };

struct core {
    struct registry *registry;
    struct jobs *jobs;
    struct moment now;
    enum core_store store;
    bool links_break;            /* nothing can be sent */
    bool links_wait;             /* what is sent to a legacy node waits behind something else */
    struct job *rows[CORE_JOBS]; /* by id: what is committed; NULL: nothing */
    /* Held writes, in order. */
    struct core_write {
        struct job *job, *copy;
        uint64_t version;
    } writes[CORE_JOBS];
    size_t write_count;
    char links; /* their addresses are handles */
    char said[2048];
    int published;
};

static inline void core_say(struct core *core, const char *format, ...) __attribute__((format(printf, 2, 3)));
static inline void core_say(struct core *core, const char *format, ...)
{
    size_t used = strlen(core->said);
    va_list args;
    va_start(args, format);
    vsnprintf(core->said + used, sizeof core->said - used, format, args);
    va_end(args);
}

/* What was done since it was asked last. */
#define assert_said(core, expected)                                                                                    \
    do {                                                                                                               \
        char said_[sizeof(core)->said];                                                                                \
        memcpy(said_, (core)->said, sizeof said_);                                                                     \
        (core)->said[0] = '\0';                                                                                        \
        assert_string_equal(said_, expected);                                                                          \
    } while (0)

static inline size_t core_row(const char *id)
{
    size_t row = (size_t)strtol(id, NULL, 10);
    assert_in_range(row, 1, CORE_JOBS - 1);
    return row;
}

/* Takes `copy`. */
static inline void core_commit(struct core *core, struct job *job, uint64_t version, struct job *copy, bool ok)
{
    if (ok) {
        struct job **row = &core->rows[core_row(copy->id)];
        job_free(*row);
        *row = copy;
    } else {
        job_free(copy);
    }
    jobs_stored(core->jobs, job, version, ok, core->now);
}

static inline void core_act(struct core *core, const struct job_action *action)
{
    struct job *job = action->job;
    struct job *copy;
    switch (action->what) {
    case JOB_STORE:
        assert_non_null(copy = job_copy_stored(job));
        assert_in_range(copy->state, JOB_QUEUED, JOB_CANCELLED);
        assert_int_not_equal(copy->state, JOB_ENDING);
        if (core->store == STORE_HOLDS)
            core->writes[core->write_count++] = (struct core_write){ job, copy, action->version };
        else
            core_commit(core, job, action->version, copy, core->store == STORE_WORKS);
        break;
    case JOB_ADDED: core_say(core, "added %s %d;", job->id, action->status); break;
    case JOB_SEND_TRAIN:
        assert_int_equal(core->rows[core_row(job->id)]->state, JOB_STARTING);
        core_say(core, "train %s.%d %s;", job->id, (int)job->generation, action->node->name);
        jobs_train_sent(core->jobs, job, !core->links_break, core->now);
        if (node_is_legacy(action->node) && !core->links_wait)
            job_reports_train_left(core->jobs, action->node, job->train_key);
        break;
    case JOB_SEND_CANCEL: core_say(core, "cancel %s.%d %s;", job->id, (int)job->generation, action->node->name); break;
    case JOB_SEND_ACK:
        assert_true(job_is_over(core->rows[core_row(job->id)]));
        core_say(core, "ack %s.%d %s;", job->id, (int)job->generation, action->node->name);
        break;
    case JOB_ANSWER_CANCEL: core_say(core, "answer %s %d;", job->id, action->status); break;
    case JOB_ENDED:
        assert_non_null(job->live);
        core_say(core, "ended %s %s;", job->id, job_state_names[job->state]);
        break;
    case JOB_PUBLISH: core->published++; break;
    case JOB_ACTIONS: fail();
    }
}

/* What must always hold. */
static inline void core_check(const struct core *core)
{
    for (const struct job *job = jobs_oldest(core->jobs); job; job = job_newer(core->jobs, job)) {
        const struct job *row = core->rows[core_row(job->id)];
        assert_non_null(row);
        if (job_shown(job) != JOB_ENDING)
            assert_int_equal(job_shown(job), row->state);
        if (job_is_over(job))
            assert_int_equal(job->state, row->state);
    }
    for (const struct node *node = registry_first(core->registry); node; node = registry_next(node)) {
        const struct job *job = jobs_at(core->jobs, node->name);
        assert_string_equal(node->job, job ? job->id : "");
    }
}

static inline void core_drain(struct core *core)
{
    struct job_action action;
    jobs_tick(core->jobs, core->now);
    while (jobs_next(core->jobs, core->now, &action))
        core_act(core, &action);
    core_check(core);
    assert_true(jobs_due(core->jobs) > core->now.ms);
}

/* Each time the core asked for passes on the way. */
static inline void core_pass(struct core *core, int64_t ms)
{
    int64_t end = core->now.ms + ms;
    while (core->now.ms < end) {
        int64_t due = jobs_due(core->jobs), to = due < end ? due : end;
        core->now.wall_ms += to - core->now.ms;
        core->now.ms = to;
        core_drain(core);
    }
}

/* What the store held is told, in order. */
static inline void core_release(struct core *core, bool ok)
{
    struct core_write writes[CORE_JOBS];
    size_t count = core->write_count;
    memcpy(writes, core->writes, sizeof writes);
    core->write_count = 0;
    for (size_t i = 0; i < count; i++)
        core_commit(core, writes[i].job, writes[i].version, writes[i].copy, ok);
    core_drain(core);
}

static inline int core_setup(void **state)
{
    struct core *core = calloc(1, sizeof *core);
    assert_non_null(core);
    log_set_level(LOG_ERROR);
    core->now = (struct moment){ .ms = 1000, .wall_ms = 1700000000000 };
    assert_non_null(core->registry = registry_new());
    assert_non_null(core->jobs = jobs_new(core->registry));
    *state = core;
    return 0;
}

static inline void core_take_apart(struct core *core)
{
    jobs_free(core->jobs);
    registry_free(core->registry);
    for (size_t i = 0; i < core->write_count; i++)
        job_free(core->writes[i].copy);
    core->write_count = 0;
}

static inline int core_teardown(void **state)
{
    struct core *core = *state;
    core_take_apart(core);
    for (size_t i = 0; i < CORE_JOBS; i++)
        job_free(core->rows[i]);
    free(core);
    return 0;
}

/* The broker dies, with what the store holds, and begins anew with what was committed; no node is there. */
static inline void core_restart(struct core *core)
{
    struct job *first = NULL, **end = &first;
    core_take_apart(core);
    for (size_t i = 0; i < CORE_JOBS; i++)
        if (core->rows[i]) {
            assert_non_null(*end = job_copy_stored(core->rows[i]));
            end = &(*end)->next;
        }
    assert_non_null(core->registry = registry_new());
    assert_non_null(core->jobs = jobs_new(core->registry));
    assert_int_equal(jobs_restore(core->jobs, first, core->now), 0);
    core_drain(core);
}

/* Clients */

static inline struct job *core_new_job(const char *model, const char *node)
{
    struct job *job = job_new();
    assert_non_null(job);
    snprintf(job->model_name, sizeof job->model_name, "%s", model);
    snprintf(job->model_type, sizeof job->model_type, "resnet");
    snprintf(job->requested_node, sizeof job->requested_node, "%s", node ? node : "");
    return job;
}

/* NULL: it was not committed yet, or refused. */
static inline struct job *core_add(struct core *core, const char *model, const char *node)
{
    struct job *job = core_new_job(model, node);
    char id[JOB_ID_SIZE];
    assert_int_equal(jobs_add(core->jobs, job, core->now), 0);
    memcpy(id, job->id, sizeof id);
    core_drain(core);
    return jobs_find(core->jobs, id);
}

static inline int core_cancel(struct core *core, struct job *job)
{
    struct refusal refusal;
    int status = jobs_cancel(core->jobs, job, core->now, &refusal) ? refusal.status : 0;
    core_drain(core);
    return status;
}

/* Nodes */

#define DCLS_FEATURES "\"train\", \"cancel\", \"heartbeat\", \"generations\", \"option:imageSize\""

static inline void core_decode(struct msg *msg, const char *text)
{
    struct err err = ERR_INIT;
    if (msg_decode(msg, text, strlen(text), &err))
        fail_msg("%s: %s", text, err.text);
}

static inline struct node *core_connect(struct core *core, const char *text)
{
    struct msg msg;
    core_decode(&msg, text);
    struct node *node = registry_prepare(core->registry, &msg, "");
    assert_non_null(node);
    registry_enter(core->registry, node, (struct link *)&core->links);
    msg_release(&msg);
    job_reports_node_came(core->jobs, node);
    core_drain(core);
    return node;
}

static inline void core_inform(struct core *core, struct node *node, const char *jobs)
{
    char text[2048];
    struct msg msg;
    const cJSON *entry;
    snprintf(text, sizeof text, "{\"type\": \"NODE INFO\", \"name\": \"%s\", \"models\": [], \"jobs\": %s}", node->name,
             jobs);
    core_decode(&msg, text);
    assert_int_equal(node_set_info(core->registry, node, &msg), 0);
    job_reports_node_info(core->jobs, node, msg.jobs, core->now);
    cJSON_ArrayForEach(entry, msg.jobs)
    {
        if (job_reports_is_stale(core->jobs, node, entry))
            core_say(core, "stale %s;", cJSON_GetObjectItem(entry, "train_key")->valuestring);
    }
    msg_release(&msg);
    core_drain(core);
}

/* A dcls node without its NODE INFO. */
static inline struct node *core_greet_with(struct core *core, const char *name, const char *instance,
                                           const char *features)
{
    char text[512];
    snprintf(text, sizeof text,
             "{\"type\": \"CLIENT CONNECT\", \"name\": \"%s\", \"protocol\": 1, \"instance\": \"%s\", \"cores\": 2,"
             " \"features\": [%s]}",
             name, instance, features);
    return core_connect(core, text);
}

static inline struct node *core_greet(struct core *core, const char *name, const char *instance)
{
    return core_greet_with(core, name, instance, DCLS_FEATURES);
}

static inline struct node *core_join(struct core *core, const char *name, const char *instance)
{
    struct node *node = core_greet(core, name, instance);
    core_inform(core, node, "[]");
    return node;
}

static inline struct node *core_join_legacy(struct core *core, const char *name)
{
    char text[128];
    snprintf(text, sizeof text, "{\"type\": \"CLIENT CONNECT\", \"name\": \"%s\"}", name);
    struct node *node = core_connect(core, text);
    core_inform(core, node, "[]");
    return node;
}

static inline void core_leave(struct core *core, struct node *node)
{
    node->ready = false;
    job_reports_node_gone(core->jobs, node, core->now);
    registry_remove(core->registry, node);
    core_drain(core);
}

/* Of NODE INFO: an entry of the job's current generation; `more` are further members. */
static inline void core_inform_of(struct core *core, struct node *node, const struct job *job, const char *state,
                                  const char *more)
{
    char jobs[512];
    snprintf(jobs, sizeof jobs, "[{\"job\": \"%s\", \"train_key\": \"%s\", \"generation\": %d, \"state\": \"%s\"%s}]",
             job->id, job->train_key, (int)job->generation, state, more);
    core_inform(core, node, jobs);
}

static inline bool core_progress(struct core *core, const struct node *node, const struct job *job, const char *more)
{
    char text[512];
    struct msg msg;
    snprintf(text, sizeof text,
             "{\"type\": \"TRAINING PROGRESS\", \"train_key\": \"%s\", \"generation\": %d, \"epoch\": 0,"
             " \"epochs\": 3%s}",
             job->train_key, (int)job->generation, more);
    core_decode(&msg, text);
    bool counts = job_reports_progress(core->jobs, node, &msg, core->now);
    msg_release(&msg);
    core_drain(core);
    return counts;
}

static inline enum job_outcome core_outcome(struct core *core, const struct node *node, const char *text)
{
    struct msg msg;
    core_decode(&msg, text);
    enum job_outcome outcome = job_reports_outcome(core->jobs, node, &msg, core->now);
    msg_release(&msg);
    core_drain(core);
    return outcome;
}

static inline enum job_outcome core_completed(struct core *core, const struct node *node, const struct job *job,
                                              int generation, const char *more)
{
    char text[512];
    snprintf(text, sizeof text,
             "{\"type\": \"TRAINING_COMPLETED\", \"train_key\": \"%s\", \"model_name\": \"m\", \"generation\": %d,"
             " \"data\": {\"output_contents\": \"log\"}, \"report\": {\"results\": [{\"epoch\": 1}]}%s}",
             job->train_key, generation, more);
    return core_outcome(core, node, text);
}

static inline enum job_outcome core_failed(struct core *core, const struct node *node, const struct job *job,
                                           const char *more)
{
    char text[512];
    snprintf(text, sizeof text,
             "{\"type\": \"TRAINING FAILED\", \"train_key\": \"%s\", \"generation\": %d, \"message\": \"no memory\"%s}",
             job->train_key, (int)job->generation, more);
    return core_outcome(core, node, text);
}

/* `more` are further members. */
static inline bool core_error(struct core *core, const struct node *node, const char *message, const char *more)
{
    char text[256];
    struct msg msg;
    snprintf(text, sizeof text, "{\"type\": \"ERROR\", \"message\": \"%s\"%s}", message, more);
    core_decode(&msg, text);
    bool counts = job_reports_error(core->jobs, node, &msg, core->now);
    msg_release(&msg);
    core_drain(core);
    return counts;
}

/* A job that runs at the node. */
static inline struct job *core_run(struct core *core, const struct node *node, const char *model)
{
    struct job *job = core_add(core, model, node->name);
    assert_non_null(job);
    assert_true(core_progress(core, node, job, ""));
    assert_int_equal(job_shown(job), JOB_RUNNING);
    core->said[0] = '\0';
    return job;
}

#define CORE_TEST(name) cmocka_unit_test_setup_teardown(name, core_setup, core_teardown)

#endif
