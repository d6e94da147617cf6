/* A node: the parts it is made of and what they share. Everything here runs on the loop's one thread; what may block
 * is work of the thread pool, what computes is a child of the supervisor. */
#ifndef DCLS_NODE_DAEMON_H
#define DCLS_NODE_DAEMON_H

#include <event2/event.h>
#include <stdbool.h>

#include "dcls/net/thread_pool.h"
#include "dcls/base/err.h"
#include "dcls/proto/msg.h"
#include "host_load.h"
#include "inferences.h"
#include "trainings.h"
#include "uplink.h"
#include "model_removals.h"
#include "model_store.h"
#include "model_work.h"
#include "secret.h"
#include "supervisor.h"
#include "views.h"

#define INSTANCE_SIZE 17 /* 16 hex digits: random per process */

struct daemon_config {
    const char *name;
    const char *host; /* of the broker */
    int port;
    const char *data_dir;   /* NULL: ./NAME/images, else ./images, else the broker's */
    const char *models_dir; /* NULL: ./NAME/models */
    int threads;            /* of each worker */
    bool no_thumbnails;     /* nothing of its images is shown */
};

struct daemon {
    struct daemon_config config;
    struct event_base *base;
    struct event *signals[2];
    struct thread_pool *pool;
    struct supervisor *supervisor;
    struct uplink *link;
    struct model_store *model_store;
    struct model_work *model_work;
    struct model_removals *model_removals;
    struct trainings *trainings;
    struct inferences *inferences;
    struct views *views;
    char *models_dir, *jobs_dir;
    char *images_dir;    /* ./NAME/images: where a fetched dataset goes */
    char *manifest_path; /* of that dataset; the file is there where it was fetched */
    char *weights_dir, *scratch_dir;
    cJSON *dataset; /* its summary; NULL: none */
    struct host_load load;
    int lock_fd;
    char instance[INSTANCE_SIZE];
    char secret[SECRET_SIZE]; /* whose the node's name is; never logged */
    bool stopping;
};

/* Runs until SIGINT or SIGTERM. *is_stuck: a thread does not end, and what it uses is still there. Then the process has
 * to end without its handlers, which would take the libraries' state from under it. */
int daemon_run(const struct daemon_config *config, bool *is_stuck, struct err *err);

#endif
