/* The broker: what its parts share. One loop; everything here belongs to the loop's thread but what runs in the thread
 * pool. The layers, each calling those below it alone:
 *
 *     http/                the HTTP server and its endpoints
 *     dispatch, membership what each message of a node does; how nodes come and go
 *     job_submit, node_reports                 a training: what a client asks for, and what nodes tell of it
 *     inference_router, model_remove           what is asked of nodes about models
 *     node_forget                              a node that does not come back
 *     jobs_shell                               does what the core of jobs wants: store, links, events, who waits
 *     models, removals, pending_replies        the tables: models, removals and answers that nodes owe
 *     model_writes                             rows of models on their way to the store
 *     job_send, scheduler, admission           messages about trainings; decisions, as pure functions
 *     node_load            how busy nodes are
 *     link, registry       connections of nodes; who is there, with which models, which is pure
 *     store, events        SQLite; what happened, for event streams
 *     metrics, exposition, process_figures     what was counted, and Prometheus' text of it
 *     access, origin       who may use HTTP, by the host and the origin of a request; pure
 *     lanes                the thread pool's: what may block beside what
 *     job, model, removal  what they are
 *
 * Beside them the core of jobs, pure: it calls nothing but the registry.
 *
 *     jobs, job_reports                         events of clients, of the shell and of nodes; the actions that are due
 *     job_schedule, job_deadlines, job_storing  which job starts where; what passes in silence; versions and commits
 *     job_transitions, job_table                the steps between the states; how jobs are found */
#ifndef DCLS_BROKER_BROKER_H
#define DCLS_BROKER_BROKER_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "dcls/base/err.h"
#include "image_tree.h"

#define BROKER_LINKS_BESIDE                                                                                            \
    64 /* connections beside those of the most nodes: of who registers, is refused or leaves                           \
        */

#define HTTP_CONNECTIONS_MIN 16 /* the least --max-http-connections */

struct broker {
    struct event_base *base;
    struct thread_pool *pool; /* with the lanes of lanes.h */
    struct store *store;
    struct events *events;
    struct node_events *node_events;
    struct metrics *metrics;
    struct registry *registry;
    struct models *models;
    struct jobs *jobs;
    struct jobs_shell *jobs_shell;
    struct removals *removals;
    struct pending_replies *pending_replies;
    struct links *links;
    struct server *server;       /* HTTP */
    const struct access *access; /* who is let in there */
    struct image_tree images;
    const char *state;        /* --state */
    size_t keep_jobs;         /* --keep-jobs; 0: all */
    int64_t thumbnail_quota;  /* --thumbnail-quota, in bytes */
    int port, api_port;       /* as bound */
    int64_t started_ms;       /* wall clock */
    int max_nodes;            /* --max-nodes, or fewer where the system allows fewer open files */
    int max_http_connections; /* likewise */
    int64_t full_logged_ms;   /* when it was logged last that they are all there; 0: never */
    bool stopping;            /* the loop no longer turns: what was accepted is stored, and nothing starts */
};

struct broker_options {
    const char *host, *images, *state, *port_file;
    int port, api_port, max_nodes, max_http_connections, keep_jobs, thumbnail_quota;
    bool follow_links;
    struct access *access; /* with --allow-origin and --public-name; this machine's own names are added */
};

/* Serves until SIGINT or SIGTERM. -1 with err where it cannot start. */
int broker_run(const struct broker_options *options, struct err *err);

#endif
