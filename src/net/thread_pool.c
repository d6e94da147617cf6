/* A few threads, a list of errands to run and one of those that are done; an eventfd wakes the loop. */
#include "dcls/net/thread_pool.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "dcls/base/log.h"

#define THREADS_MAX 16
#define JOIN_SECONDS 10 /* only a name look-up can take that long: it cannot be stopped */

struct errand {
    errand_run run;
    errand_done done;
    void *arg;
    volatile bool stop;
    int result;
    struct err err;
    struct errand *next;
};

struct errands {
    struct errand *first, **end;
};

struct crew {
    pthread_t threads[THREADS_MAX];
    int thread_count;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t changed;
    struct errands waiting, finished;
    struct errand *running[THREADS_MAX];
    bool closing;
    int wake_fd;
    struct event *wake;
};

struct member {
    struct crew *crew;
    int index;
};

static void append(struct errands *list, struct errand *errand)
{
    errand->next = NULL;
    *list->end = errand;
    list->end = &errand->next;
}

static struct errand *take_first(struct errands *list)
{
    struct errand *errand = list->first;
    if (errand && !(list->first = errand->next))
        list->end = &list->first;
    return errand;
}

static void *work(void *arg)
{
    struct member member = *(struct member *)arg;
    struct crew *crew = member.crew;
    free(arg);
    pthread_mutex_lock(&crew->lock);
    for (;;) {
        struct errand *errand;
        while (!(errand = take_first(&crew->waiting)) && !crew->closing)
            pthread_cond_wait(&crew->changed, &crew->lock);
        if (!errand)
            break;
        crew->running[member.index] = errand;
        pthread_mutex_unlock(&crew->lock);
        errand->result =
            errand->stop ? err_set(&errand->err, "stopped") : errand->run(errand->arg, &errand->stop, &errand->err);
        pthread_mutex_lock(&crew->lock);
        crew->running[member.index] = NULL;
        append(&crew->finished, errand);
        uint64_t one = 1;
        while (write(crew->wake_fd, &one, sizeof one) < 0 && errno == EINTR)
            ;
    }
    pthread_mutex_unlock(&crew->lock);
    return NULL;
}

static void finish_all(struct crew *crew)
{
    for (;;) {
        pthread_mutex_lock(&crew->lock);
        struct errand *errand = take_first(&crew->finished);
        pthread_mutex_unlock(&crew->lock);
        if (!errand)
            return;
        errand->done(errand->arg, errand->result, &errand->err);
        free(errand);
    }
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    uint64_t count;
    (void)what;
    if (read((int)fd, &count, sizeof count) == (ssize_t)sizeof count)
        finish_all(arg);
}

struct crew *crew_new(struct event_base *base, int threads, struct err *err)
{
    struct crew *crew = calloc(1, sizeof *crew);
    if (!crew) {
        err_set(err, "no memory for threads");
        return NULL;
    }
    pthread_mutex_init(&crew->lock, NULL);
    pthread_cond_init(&crew->changed, NULL);
    crew->waiting.end = &crew->waiting.first;
    crew->finished.end = &crew->finished.first;
    crew->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    crew->wake = crew->wake_fd < 0 ? NULL : event_new(base, crew->wake_fd, EV_READ | EV_PERSIST, on_wake, crew);
    if (!crew->wake || event_add(crew->wake, NULL)) {
        err_set(err, "cannot watch the threads");
        goto fail;
    }
    for (int i = 0; i < threads && i < THREADS_MAX; i++) {
        struct member *member = malloc(sizeof *member);
        int failed = ENOMEM;
        if (member) {
            *member = (struct member){ crew, i };
            failed = pthread_create(&crew->threads[i], NULL, work, member);
        }
        if (failed) {
            free(member);
            err_set(err, "cannot start a thread: %s", strerror(failed));
            goto fail;
        }
        crew->thread_count++;
    }
    return crew;
fail:
    crew_free(crew);
    return NULL;
}

void crew_free(struct crew *crew)
{
    if (!crew)
        return;
    pthread_mutex_lock(&crew->lock);
    crew->closing = true;
    for (struct errand *errand = crew->waiting.first; errand; errand = errand->next)
        errand->stop = true;
    for (int i = 0; i < THREADS_MAX; i++)
        if (crew->running[i])
            crew->running[i]->stop = true;
    pthread_cond_broadcast(&crew->changed);
    pthread_mutex_unlock(&crew->lock);
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += JOIN_SECONDS;
    bool stuck = false;
    for (int i = 0; i < crew->thread_count; i++)
        stuck = pthread_timedjoin_np(crew->threads[i], NULL, &until) || stuck;
    finish_all(crew);
    if (stuck) {
        /* A thread may still touch the crew, so it is left as it is; the process is about to end. */
        log_warn("a thread did not end within %d s", JOIN_SECONDS);
        return;
    }
    if (crew->wake)
        event_free(crew->wake);
    if (crew->wake_fd >= 0)
        close(crew->wake_fd);
    pthread_mutex_destroy(&crew->lock);
    pthread_cond_destroy(&crew->changed);
    free(crew);
}

struct errand *crew_start(struct crew *crew, errand_run run, errand_done done, void *arg)
{
    struct errand *errand = calloc(1, sizeof *errand);
    if (!errand)
        return NULL;
    errand->run = run;
    errand->done = done;
    errand->arg = arg;
    pthread_mutex_lock(&crew->lock);
    append(&crew->waiting, errand);
    pthread_cond_signal(&crew->changed);
    pthread_mutex_unlock(&crew->lock);
    return errand;
}

void errand_stop(struct errand *errand)
{
    errand->stop = true;
}
