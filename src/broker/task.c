/* A queue, a thread, and a queue back. The loop is woken through an eventfd. */
#include "task.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct task {
    void (*run)(void *arg);
    void (*done)(void *arg);
    void *arg;
    struct task *next;
};

struct queue {
    struct task *first, **end;
};

struct tasks {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t more;
    struct queue waiting, finished;
    bool stop, started;
    int wake_fd;
    struct event *wake;
};

static void queue_init(struct queue *queue)
{
    queue->first = NULL;
    queue->end = &queue->first;
}

static void queue_put(struct queue *queue, struct task *task)
{
    task->next = NULL;
    *queue->end = task;
    queue->end = &task->next;
}

static struct task *queue_take(struct queue *queue)
{
    struct task *task = queue->first;
    if (task && !(queue->first = task->next))
        queue->end = &queue->first;
    return task;
}

static void *work(void *arg)
{
    struct tasks *tasks = arg;
    pthread_mutex_lock(&tasks->mutex);
    for (;;) {
        struct task *task = queue_take(&tasks->waiting);
        if (!task) {
            if (tasks->stop)
                break;
            pthread_cond_wait(&tasks->more, &tasks->mutex);
            continue;
        }
        pthread_mutex_unlock(&tasks->mutex);
        task->run(task->arg);
        pthread_mutex_lock(&tasks->mutex);
        queue_put(&tasks->finished, task);
        const uint64_t one = 1;
        /* Fails only when the counter is full, and then the loop is awake. */
        ssize_t written = write(tasks->wake_fd, &one, sizeof one);
        (void)written;
    }
    pthread_mutex_unlock(&tasks->mutex);
    return NULL;
}

static void complete(struct tasks *tasks)
{
    for (;;) {
        pthread_mutex_lock(&tasks->mutex);
        struct task *task = queue_take(&tasks->finished);
        pthread_mutex_unlock(&tasks->mutex);
        if (!task)
            return;
        task->done(task->arg);
        free(task);
    }
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    uint64_t count;
    ssize_t got = read(fd, &count, sizeof count);
    (void)got; /* non-blocking: nothing there means nothing to do */
    complete(arg);
}

struct tasks *tasks_new(struct event_base *base, struct err *err)
{
    struct tasks *tasks = calloc(1, sizeof *tasks);
    if (!tasks) {
        err_set(err, "no memory for the task thread");
        return NULL;
    }
    pthread_mutex_init(&tasks->mutex, NULL);
    pthread_cond_init(&tasks->more, NULL);
    queue_init(&tasks->waiting);
    queue_init(&tasks->finished);
    tasks->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    tasks->wake = tasks->wake_fd < 0 ? NULL : event_new(base, tasks->wake_fd, EV_READ | EV_PERSIST, on_wake, tasks);
    int failed =
        !tasks->wake || event_add(tasks->wake, NULL) ? errno : pthread_create(&tasks->thread, NULL, work, tasks);
    tasks->started = tasks->wake && !failed;
    if (!tasks->started) {
        err_set(err, "cannot start the task thread: %s", strerror(failed));
        tasks_free(tasks);
        return NULL;
    }
    return tasks;
}

void tasks_free(struct tasks *tasks)
{
    if (!tasks)
        return;
    if (tasks->started) {
        /* A completion may submit another task, so stop only when both queues stay empty. */
        bool busy = true;
        while (busy) {
            pthread_mutex_lock(&tasks->mutex);
            busy = tasks->waiting.first;
            tasks->stop = true;
            pthread_cond_signal(&tasks->more);
            pthread_mutex_unlock(&tasks->mutex);
            pthread_join(tasks->thread, NULL);
            complete(tasks);
            pthread_mutex_lock(&tasks->mutex);
            busy = tasks->waiting.first;
            tasks->stop = false;
            pthread_mutex_unlock(&tasks->mutex);
            if (busy && pthread_create(&tasks->thread, NULL, work, tasks))
                busy = false; /* no thread to be had: what waits is lost with the process */
        }
    }
    if (tasks->wake)
        event_free(tasks->wake);
    if (tasks->wake_fd >= 0)
        close(tasks->wake_fd);
    pthread_cond_destroy(&tasks->more);
    pthread_mutex_destroy(&tasks->mutex);
    free(tasks);
}

int tasks_submit(struct tasks *tasks, void (*run)(void *arg), void (*done)(void *arg), void *arg)
{
    struct task *task = malloc(sizeof *task);
    if (!task)
        return -1;
    *task = (struct task){ .run = run, .done = done, .arg = arg };
    pthread_mutex_lock(&tasks->mutex);
    queue_put(&tasks->waiting, task);
    pthread_cond_signal(&tasks->more);
    pthread_mutex_unlock(&tasks->mutex);
    return 0;
}
