/* The broker: what its parts share. One loop; everything here belongs to the loop's thread but what runs in the thread
 * pool.
 *
 *     link.c      TCP connections of nodes        registry.c  who is there, with which models
 *     dispatch.c  what each message does          jobs.c      trainings, queued and running
 *     requests.c  answers that nodes owe          models.c    what has been trained
 *     store.c     SQLite                          scheduler.c decisions, as pure functions
 *     http.c …    the HTTP side                   events.c    what happened, for event streams */
#ifndef DCLS_BROKER_BROKER_H
#define DCLS_BROKER_BROKER_H

#include <event2/event.h>

#include "dcls/base/err.h"

/* Lanes of the thread pool. What shares one is ordered: a blob's removal against its writing, a job's states. */
enum broker_lane {
    LANE_DISK, /* all there is: SQLite, blobs, scans */
};

#define BROKER_THREADS 1
#define BROKER_WAITING_MAX 16384 /* far more than clients may ask at a time, so that no state is lost */

struct broker {
    struct event_base *base;
    struct thread_pool *pool;
    struct store *store;
    struct events *events;
    struct registry *registry;
    struct models *models;
    struct jobs *jobs;
    struct pending_replies *pending_replies;
    struct links *links;
    struct http *http;
    const char *images; /* --images */
    const char *state;  /* --state */
    int port, api_port; /* as bound */
};

struct broker_options {
    const char *host, *images, *state, *port_file;
    int port, api_port;
};

/* Serves until SIGINT or SIGTERM. -1 with err where it cannot start. */
int broker_run(const struct broker_options *options, struct err *err);

#endif
