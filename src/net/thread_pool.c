/* A few threads, a queue a lane of what waits and one queue of what has run; an eventfd wakes the loop. A thread takes
 * what has waited longest among the lanes that it serves and where nothing runs. */
#include "dcls/net/thread_pool.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <time.h>
#include <unistd.h>

#include "dcls/base/log.h"
#include "dcls/base/wake.h"

#define LANES (THREAD_POOL_LANES + 1) /* NO_LANE is the first */
#define THREADS (THREAD_POOL_THREADS + THREAD_POOL_LANES)
#define JOIN_SECONDS 2 /* what takes longer cannot be stopped: a name look-up, a disk that hangs */

struct work {
    work_run run;
    work_done done;
    void *arg;
    int lane;
    uint64_t number; /* in the order of submission */
    atomic_bool stop;
    int result;
    struct err err;
    STAILQ_ENTRY(work) queued;
};

STAILQ_HEAD(work_queue, work);

struct lane {
    struct work_queue waiting;
    size_t depth, waiting_count;
    size_t waiting_max; /* 0: the pool's */
    bool taken;         /* what it has runs: the rest waits for that */
    bool own_thread;
    pthread_cond_t more; /* for its own thread */
};

struct thread {
    struct thread_pool *pool;
    struct lane *only; /* the lane that it serves; NULL: all that have no thread of their own */
    pthread_t id;
    struct work *running;
};

struct thread_pool {
    struct thread threads[THREADS];
    int thread_count;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t more;  /* to run: for the threads that serve all */
    pthread_cond_t ran;   /* for thread_pool_drain */
    struct lane lanes[LANES];
    struct work_queue finished;
    size_t waiting, waiting_max; /* in lanes without a bound of their own */
    size_t depth;
    uint64_t submitted;
    bool closing;
    int wake_fd;
    struct event *wake;
};

static struct work *queue_take(struct work_queue *queue)
{
    struct work *work = STAILQ_FIRST(queue);
    if (work)
        STAILQ_REMOVE_HEAD(queue, queued);
    return work;
}

static struct lane *lane_of(struct thread_pool *pool, int lane)
{
    assert(lane >= NO_LANE && lane < THREAD_POOL_LANES);
    return &pool->lanes[lane - NO_LANE];
}

static bool serves(const struct thread *thread, const struct lane *lane)
{
    return thread->only ? thread->only == lane : !lane->own_thread;
}

/* Under the lock. NULL: nothing may run now. */
static struct work *take_next(const struct thread *thread)
{
    struct thread_pool *pool = thread->pool;
    struct lane *next = NULL;
    for (struct lane *lane = pool->lanes; lane < pool->lanes + LANES; lane++) {
        const struct work *first = STAILQ_FIRST(&lane->waiting);
        if (first && !lane->taken && serves(thread, lane) &&
            (!next || first->number < STAILQ_FIRST(&next->waiting)->number))
            next = lane;
    }
    if (!next)
        return NULL;
    next->taken = next != lane_of(pool, NO_LANE);
    next->waiting_count--;
    pool->waiting -= !next->waiting_max;
    return queue_take(&next->waiting);
}

static void work_execute(struct work *work)
{
    if (atomic_load(&work->stop))
        work->result = err_set(&work->err, "stopped");
    else
        work->result = work->run(work->arg, &work->stop, &work->err);
}

/* Under the lock. */
static void put_finished(struct thread_pool *pool, struct work *work)
{
    struct lane *lane = lane_of(pool, work->lane);
    assert(lane->taken == (work->lane != NO_LANE) && lane->depth > lane->waiting_count && pool->depth > pool->waiting);
    lane->taken = false;
    lane->depth--;
    pool->depth--;
    STAILQ_INSERT_TAIL(&pool->finished, work, queued);
    pthread_cond_signal(&pool->ran);
    wake_write(pool->wake_fd);
}

static void *serve(void *arg)
{
    struct thread *thread = arg;
    struct thread_pool *pool = thread->pool;
    pthread_mutex_lock(&pool->lock);
    for (;;) {
        struct work *work;
        while (!(work = take_next(thread)) && !pool->closing)
            pthread_cond_wait(thread->only ? &thread->only->more : &pool->more, &pool->lock);
        if (!work)
            break;
        thread->running = work;
        pthread_mutex_unlock(&pool->lock);
        work_execute(work);
        pthread_mutex_lock(&pool->lock);
        thread->running = NULL;
        put_finished(pool, work);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

static void finish_all(struct thread_pool *pool)
{
    for (;;) {
        pthread_mutex_lock(&pool->lock);
        struct work *work = queue_take(&pool->finished);
        pthread_mutex_unlock(&pool->lock);
        if (!work)
            return;
        work->done(work->arg, work->result, &work->err);
        free(work);
    }
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    uint64_t count;
    (void)what;
    if (read((int)fd, &count, sizeof count) == (ssize_t)sizeof count)
        finish_all(arg);
}

/* Under the lock. */
static int start_thread(struct thread_pool *pool, struct lane *only, struct err *err)
{
    assert(pool->thread_count < THREADS);
    struct thread *thread = &pool->threads[pool->thread_count];
    *thread = (struct thread){ .pool = pool, .only = only };
    int failed = pthread_create(&thread->id, NULL, serve, thread);
    if (failed)
        return err_set(err, "cannot start a thread: %s", strerror(failed));
    pool->thread_count++;
    return 0;
}

struct thread_pool *thread_pool_new(struct event_base *base, int threads, size_t waiting_max, struct err *err)
{
    assert(threads > 0 && threads <= THREAD_POOL_THREADS);
    struct thread_pool *pool = calloc(1, sizeof *pool);
    if (!pool) {
        err_set(err, "no memory for threads");
        return NULL;
    }
    pool->waiting_max = waiting_max;
    for (int i = 0; i < LANES; i++) {
        STAILQ_INIT(&pool->lanes[i].waiting);
        pthread_cond_init(&pool->lanes[i].more, NULL);
    }
    STAILQ_INIT(&pool->finished);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->more, NULL);
    pthread_cond_init(&pool->ran, NULL);
    pool->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pool->wake = pool->wake_fd < 0 ? NULL : event_new(base, pool->wake_fd, EV_READ | EV_PERSIST, on_wake, pool);
    if (!pool->wake || event_add(pool->wake, NULL)) {
        err_set(err, "cannot watch the threads");
        goto fail;
    }
    while (pool->thread_count < threads)
        if (start_thread(pool, NULL, err))
            goto fail;
    return pool;
fail:
    thread_pool_free(pool);
    return NULL;
}

void thread_pool_bound_lane(struct thread_pool *pool, int lane, size_t waiting_max)
{
    pthread_mutex_lock(&pool->lock);
    assert(!lane_of(pool, lane)->depth && waiting_max > 0);
    lane_of(pool, lane)->waiting_max = waiting_max;
    pthread_mutex_unlock(&pool->lock);
}

int thread_pool_own_thread(struct thread_pool *pool, int lane, struct err *err)
{
    struct lane *own = lane_of(pool, lane);
    pthread_mutex_lock(&pool->lock);
    assert(lane != NO_LANE && !own->depth && !own->own_thread);
    int status = start_thread(pool, own, err);
    own->own_thread = !status;
    pthread_mutex_unlock(&pool->lock);
    return status;
}

void thread_pool_drain(struct thread_pool *pool)
{
    if (!pool)
        return;
    for (bool more = true; more;) {
        pthread_mutex_lock(&pool->lock);
        while (STAILQ_EMPTY(&pool->finished) && pool->depth)
            pthread_cond_wait(&pool->ran, &pool->lock);
        more = !STAILQ_EMPTY(&pool->finished);
        pthread_mutex_unlock(&pool->lock);
        finish_all(pool);
    }
}

static void stop_all(struct thread_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->closing = true;
    for (int i = 0; i < LANES; i++)
        for (struct work *work = STAILQ_FIRST(&pool->lanes[i].waiting); work; work = STAILQ_NEXT(work, queued))
            work_stop(work);
    for (int i = 0; i < pool->thread_count; i++)
        if (pool->threads[i].running)
            work_stop(pool->threads[i].running);
    pthread_cond_broadcast(&pool->more);
    for (int i = 0; i < LANES; i++)
        pthread_cond_signal(&pool->lanes[i].more);
    pthread_mutex_unlock(&pool->lock);
}

int thread_pool_free(struct thread_pool *pool)
{
    if (!pool)
        return 0;
    stop_all(pool);
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += JOIN_SECONDS;
    bool stuck = false;
    for (int i = 0; i < pool->thread_count; i++)
        stuck = pthread_timedjoin_np(pool->threads[i].id, NULL, &until) || stuck;
    finish_all(pool);
    if (stuck) {
        /* A thread may still touch the pool, so it is left as it is; the process is about to end. */
        log_warn("a thread did not end within %d s", JOIN_SECONDS);
        return -1;
    }
    if (pool->wake)
        event_free(pool->wake);
    if (pool->wake_fd >= 0)
        close(pool->wake_fd);
    pthread_mutex_destroy(&pool->lock);
    pthread_cond_destroy(&pool->more);
    pthread_cond_destroy(&pool->ran);
    for (int i = 0; i < LANES; i++)
        pthread_cond_destroy(&pool->lanes[i].more);
    free(pool);
    return 0;
}

struct work *thread_pool_submit(struct thread_pool *pool, int number, work_run run, work_done done, void *arg)
{
    struct work *work = calloc(1, sizeof *work);
    if (!work)
        return NULL;
    *work = (struct work){ .run = run, .done = done, .arg = arg, .lane = number };
    struct lane *lane = lane_of(pool, number);
    pthread_mutex_lock(&pool->lock);
    bool full = lane->waiting_max ? lane->waiting_count >= lane->waiting_max : pool->waiting >= pool->waiting_max;
    bool refused = pool->closing || full;
    if (!refused) {
        work->number = pool->submitted++;
        STAILQ_INSERT_TAIL(&lane->waiting, work, queued);
        lane->depth++;
        lane->waiting_count++;
        pool->depth++;
        pool->waiting += !lane->waiting_max;
        pthread_cond_signal(lane->own_thread ? &lane->more : &pool->more);
    }
    pthread_mutex_unlock(&pool->lock);
    if (!refused)
        return work;
    free(work);
    return NULL;
}

void work_stop(struct work *work)
{
    atomic_store(&work->stop, true);
}

size_t thread_pool_depth(struct thread_pool *pool, int lane)
{
    pthread_mutex_lock(&pool->lock);
    size_t depth = lane_of(pool, lane)->depth;
    pthread_mutex_unlock(&pool->lock);
    return depth;
}
