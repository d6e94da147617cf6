/* What the core of jobs wants done. */
#include "jobs_shell.h"

#include <assert.h>
#include <stdlib.h>

#include "broker.h"
#include "dcls/base/clock.h"
#include "dcls/net/timer.h"
#include "dcls/proto/json.h"
#include "events.h"
#include "job_send.h"
#include "jobs.h"
#include "link.h"
#include "metrics.h"
#include "node_events.h"
#include "registry.h"
#include "store.h"

#define FORGET_AT_ONCE 100 /* with their results some milliseconds */

/* Who asked for something of a job, once. */
struct asker {
    struct asker *next;
    const struct job *job;
    jobs_added *added;
    jobs_cancelled *cancelled;
    void *arg;
};

struct jobs_shell {
    struct broker *broker;
    struct timer *timer;
    struct asker *adding, *cancelling;
    struct jobs_waiter *waiters;
    bool draining;
    bool forgetting; /* what was kept for too long is being deleted */
};

static void on_timer(void *arg)
{
    struct jobs_shell *shell = arg;
    jobs_shell_drain(shell->broker);
}

struct jobs_shell *jobs_shell_new(struct broker *broker)
{
    struct jobs_shell *shell = calloc(1, sizeof *shell);
    if (!shell)
        return NULL;
    shell->broker = broker;
    shell->timer = timer_new(broker->base, on_timer, shell);
    if (!shell->timer) {
        jobs_shell_free(shell);
        return NULL;
    }
    timer_start(shell->timer, 0); /* what was restored may have something to do */
    return shell;
}

static void free_askers(struct asker *asker)
{
    for (struct asker *next; asker; asker = next) {
        next = asker->next;
        free(asker);
    }
}

void jobs_shell_free(struct jobs_shell *shell)
{
    if (!shell)
        return;
    timer_free(shell->timer);
    free_askers(shell->adding);
    free_askers(shell->cancelling);
    free(shell);
}

/* Those of that job, taken out of the list. */
static struct asker *take_askers(struct asker **list, const struct job *job)
{
    struct asker *taken = NULL;
    for (struct asker **at = list; *at;) {
        struct asker *asker = *at;
        if (asker->job != job) {
            at = &asker->next;
            continue;
        }
        *at = asker->next;
        asker->next = taken;
        taken = asker;
    }
    return taken;
}

static void tell_added(struct jobs_shell *shell, const struct job *job, int status)
{
    for (struct asker *asker = take_askers(&shell->adding, job), *next; asker; asker = next) {
        next = asker->next;
        asker->added(asker->arg, status == 202 ? job : NULL);
        free(asker);
    }
}

static void tell_cancelled(struct jobs_shell *shell, const struct job *job, int status)
{
    for (struct asker *asker = take_askers(&shell->cancelling, job), *next; asker; asker = next) {
        next = asker->next;
        asker->cancelled(asker->arg, status);
        free(asker);
    }
}

static void tell_ended(struct jobs_shell *shell, const struct job *job)
{
    for (struct jobs_waiter **at = &shell->waiters; *at;) {
        struct jobs_waiter *waiter = *at;
        if (waiter->job != job) {
            at = &waiter->next;
            continue;
        }
        *at = waiter->next;
        waiter->ended(waiter->arg, job);
        at = &shell->waiters; /* the callback may have changed the list */
    }
}

/* The store */

struct writing {
    struct jobs_shell *shell;
    struct job *job;
    uint64_t version;
};

static void on_stored(void *arg, bool ok)
{
    const struct writing writing = *(struct writing *)arg;
    struct broker *broker = writing.shell->broker;
    free(arg);
    jobs_stored(broker->jobs, writing.job, writing.version, ok, clock_moment());
    jobs_shell_drain(broker);
}

static void store(struct jobs_shell *shell, struct job *job, uint64_t version)
{
    struct broker *broker = shell->broker;
    struct writing *writing = malloc(sizeof *writing);
    if (writing)
        *writing = (struct writing){ shell, job, version };
    if (writing && !store_save_job(broker, job, on_stored, writing))
        return;
    free(writing);
    jobs_stored(broker->jobs, job, version, false, clock_moment());
}

static void act(struct jobs_shell *shell, const struct job_action *action)
{
    struct broker *broker = shell->broker;
    struct job *job = action->job;
    switch (action->what) {
    case JOB_STORE: store(shell, job, action->version); break;
    case JOB_ADDED: tell_added(shell, job, action->status); break;
    case JOB_SEND_TRAIN: jobs_train_sent(broker->jobs, job, !job_send_train(job, action->node), clock_moment()); break;
    case JOB_SEND_CANCEL: job_send_cancel(job, action->node); break;
    case JOB_SEND_ACK: job_send_ack(job, action->node); break;
    case JOB_ANSWER_CANCEL: tell_cancelled(shell, job, action->status); break;
    case JOB_ENDED:
        metrics_job_ended(broker->metrics, job);
        tell_ended(shell, job);
        break;
    case JOB_PUBLISH: events_publish_job(broker->events, job, clock_ms()); break;
    case JOB_ACTIONS: break;
    }
}

static void on_forgotten(void *arg, bool ok)
{
    struct jobs_shell *shell = arg;
    (void)ok; /* what could not be deleted is restored by the next start, and forgotten then */
    shell->forgetting = false;
    jobs_shell_drain(shell->broker);
}

/* The oldest beyond those that are kept: some at a time, so that no commit waits for long, and the next when those are
 * deleted. */
static void forget_oldest(struct jobs_shell *shell)
{
    const struct broker *broker = shell->broker;
    char id[JOB_ID_SIZE];
    if (!broker->keep_jobs || shell->forgetting || broker->stopping)
        return;
    cJSON *ids = cJSON_CreateArray();
    for (int i = 0; i < FORGET_AT_ONCE && jobs_forget_oldest(broker->jobs, broker->keep_jobs, id); i++)
        json_append(ids, cJSON_CreateNumber((double)strtoll(id, NULL, 10)));
    if (ids && ids->child)
        shell->forgetting = !store_forget_jobs(shell->broker, ids, on_forgotten, shell);
    cJSON_Delete(ids);
}

static void wake_when_due(struct jobs_shell *shell)
{
    int64_t due_ms = jobs_due(shell->broker->jobs);
    if (due_ms == INT64_MAX) {
        timer_stop(shell->timer);
        return;
    }
    int64_t in_ms = due_ms - clock_ms();
    timer_start(shell->timer, in_ms > 0 ? in_ms : 0);
}

void jobs_shell_drain(struct broker *broker)
{
    struct jobs_shell *shell = broker->jobs_shell;
    struct job_action action;
    if (shell->draining)
        return; /* whoever does finds it */
    shell->draining = true;
    jobs_tick(broker->jobs, clock_moment());
    while (jobs_next(broker->jobs, clock_moment(), &action))
        act(shell, &action);
    shell->draining = false;
    node_events_publish(broker);
    forget_oldest(shell);
    wake_when_due(shell);
}

void jobs_shell_stop(struct broker *broker)
{
    jobs_stop(broker->jobs, clock_moment());
    jobs_shell_drain(broker);
}

/* Who asks */

int jobs_shell_add(struct broker *broker, struct job *job, jobs_added *done, void *arg)
{
    struct jobs_shell *shell = broker->jobs_shell;
    struct asker *asker = malloc(sizeof *asker);
    if (!asker) {
        job_free(job);
        return -1;
    }
    if (jobs_add(broker->jobs, job, clock_moment())) {
        free(asker);
        return -1;
    }
    *asker = (struct asker){ .next = shell->adding, .job = job, .added = done, .arg = arg };
    shell->adding = asker;
    jobs_shell_drain(broker);
    return 0;
}

/* It does not train what it was not told of. */
static void withdraw_train(const struct broker *broker, struct job *job)
{
    const struct node *node = job->state == JOB_STARTING ? registry_find(broker->registry, job->node) : NULL;
    if (node && job->live->sent && link_withdraw_train(node->link, job->train_key))
        jobs_train_withdrawn(job);
}

int jobs_shell_cancel(struct broker *broker, const char *id, jobs_cancelled *done, void *arg, struct refusal *refusal)
{
    struct jobs_shell *shell = broker->jobs_shell;
    struct job *job = jobs_find(broker->jobs, id);
    if (!job)
        return refuse(refusal, 404, "job '%s' not found", id);
    struct asker *asker = malloc(sizeof *asker);
    if (!asker)
        return refuse(refusal, 500, "no memory to cancel job '%s'", id);
    *asker = (struct asker){ .next = shell->cancelling, .job = job, .cancelled = done, .arg = arg };
    shell->cancelling = asker;
    withdraw_train(broker, job);
    if (jobs_cancel(broker->jobs, job, clock_moment(), refusal)) {
        shell->cancelling = asker->next;
        free(asker);
        return -1;
    }
    jobs_shell_drain(broker);
    return 0;
}

void jobs_shell_wait(struct broker *broker, struct jobs_waiter *waiter)
{
    struct jobs_shell *shell = broker->jobs_shell;
    /* Over, and nothing of it is on its way. */
    if (job_is_over(waiter->job) && waiter->job->version == waiter->job->committed) {
        waiter->ended(waiter->arg, waiter->job);
        return;
    }
    waiter->next = shell->waiters;
    shell->waiters = waiter;
}

size_t jobs_shell_unstored(const struct broker *broker)
{
    size_t depth = store_depth(broker->store), failed = jobs_unstored(broker->jobs);
    return depth > failed ? depth : failed;
}

void jobs_shell_stop_waiting(struct broker *broker, const struct jobs_waiter *waiter)
{
    struct jobs_waiter **at = &broker->jobs_shell->waiters;
    while (*at && *at != waiter)
        at = &(*at)->next;
    if (*at)
        *at = waiter->next;
}
