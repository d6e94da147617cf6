/* Putting the broker together, its loop, and taking it apart. */
#include "broker.h"

#include <errno.h>
#include <event2/thread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dcls/base/buf.h"
#include "dcls/base/clock.h"
#include "dcls/base/fs.h"
#include "dcls/base/log.h"
#include "dcls/net/loop.h"
#include "access.h"
#include "dispatch.h"
#include "events.h"
#include "file_limit.h"
#include "src/broker/http/server.h"
#include "jobs.h"
#include "jobs_shell.h"
#include "lanes.h"
#include "link.h"
#include "metrics.h"
#include "model_remove.h"
#include "models.h"
#include "node_events.h"
#include "pending_replies.h"
#include "registry.h"
#include "removals.h"
#include "store.h"

#define FILES_BESIDE 256 /* open beside connections: the database, what is scanned, hashed and served */

static void on_signal(evutil_socket_t number, short what, void *arg)
{
    (void)what;
    log_info("stops on signal %d", (int)number);
    event_base_loopexit(arg, NULL);
}

static int write_ports(const struct broker *broker, const char *path, struct err *err)
{
    struct buf text;
    buf_init(&text, 256);
    int failed = buf_printf(&text, "{\"port\": %d, \"api_port\": %d}\n", broker->port, broker->api_port)
                     ? err_set(err, "no memory for '%s'", path)
                     : fs_write(path, text.data, text.len, err);
    buf_release(&text);
    return failed;
}

static int restore(struct broker *broker, struct err *err)
{
    struct job *jobs;
    struct model *models;
    struct removal_list removals;
    if (store_load(broker->store, &jobs, &models, &removals, err))
        return -1;
    int failed = jobs_restore(broker->jobs, jobs, clock_moment());
    if (failed)
        err_set(err, "no memory for the jobs of the state's database");
    models_restore(broker->models, models);
    removals_restore(broker->removals, &removals);
    return failed;
}

/* As many nodes and HTTP connections as were asked for, or in proportion where the system allows fewer open files. */
static int share_files(struct broker *broker, const struct broker_options *options, struct err *err)
{
    int asked = options->max_nodes + options->max_http_connections;
    int wanted = asked + BROKER_LINKS_BESIDE + FILES_BESIDE, files = file_limit_raise(wanted);
    int64_t room = files - BROKER_LINKS_BESIDE - FILES_BESIDE;
    broker->max_nodes = options->max_nodes;
    broker->max_http_connections = options->max_http_connections;
    if (files >= wanted)
        return 0;
    broker->max_nodes = (int)(room * options->max_nodes / asked);
    broker->max_http_connections = (int)(room * options->max_http_connections / asked);
    if (broker->max_nodes < 1 || broker->max_http_connections < HTTP_CONNECTIONS_MIN)
        return err_set(err, "the system allows %d open files: too few", files);
    log_warn("the system allows %d open files (see ulimit -n): at most %d nodes and %d HTTP connections", files,
             broker->max_nodes, broker->max_http_connections);
    return 0;
}

/* The names by which this machine is known without being told: its own, and that of mDNS; and the one it listens at. */
static void add_own_names(struct access *access, const char *host)
{
    char name[256], local[256];
    struct err ignored; /* what is no host name nobody can ask for */
    access_add_names(access, host, &ignored);
    if (gethostname(name, sizeof name) < 0)
        return;
    name[sizeof name - 1] = '\0';
    access_add_names(access, name, &ignored);
    name[strcspn(name, ".")] = '\0';
    access_add_names(access, name, &ignored);
    if (snprintf(local, sizeof local, "%s.local", name) < (int)sizeof local)
        access_add_names(access, local, &ignored);
}

static int init(struct broker *broker, const struct broker_options *options, struct err *err)
{
    broker->started_ms = clock_wall_ms();
    broker->images = (struct image_tree){ options->images, options->follow_links };
    add_own_names(options->access, options->host);
    broker->access = options->access;
    broker->state = options->state;
    broker->keep_jobs = (size_t)options->keep_jobs;
    broker->thumbnail_quota = (int64_t)options->thumbnail_quota * 1024 * 1024;
    if (share_files(broker, options, err))
        return -1;
    if (!(broker->metrics = metrics_new()) || !(broker->events = events_new(clock_wall_ms())) ||
        !(broker->registry = registry_new()) || !(broker->node_events = node_events_new(broker)) ||
        !(broker->models = models_new(broker)) || !(broker->jobs = jobs_new(broker->registry)) ||
        !(broker->jobs_shell = jobs_shell_new(broker)) ||
        !(broker->removals = removals_new(broker, model_remove_retry)) ||
        !(broker->pending_replies = pending_replies_new(broker)))
        return err_set(err, "no memory to start");
    if (!(broker->pool = lanes_new(broker->base, err)) || !(broker->store = store_open(broker, err)) ||
        restore(broker, err) ||
        !(broker->links = links_new(broker->base, options->host, options->port, broker->max_nodes + BROKER_LINKS_BESIDE,
                                    &dispatch_events, broker, err)))
        return -1;
    broker->port = links_port(broker->links);
    if (!(broker->server = server_new(broker, options->host, options->api_port, err)))
        return -1;
    broker->api_port = server_port(broker->server);
    return options->port_file ? write_ports(broker, options->port_file, err) : 0;
}

/* Connections go before what their callbacks use; what waits is run to its end, so that what was accepted is stored. */
static void release(struct broker *broker)
{
    broker->stopping = true;
    if (broker->store) {
        models_stop(broker->models);
        jobs_shell_stop(broker);
    }
    server_stop(broker->server);
    thread_pool_drain(broker->pool);
    thread_pool_free(broker->pool);
    broker->pool = NULL;
    pending_replies_free(broker->pending_replies);
    if (broker->removals)
        model_remove_stop(broker);
    server_free(broker->server);
    links_free(broker->links);
    removals_free(broker->removals);
    store_close(broker->store);
    jobs_shell_free(broker->jobs_shell);
    jobs_free(broker->jobs);
    models_free(broker->models);
    node_events_free(broker->node_events);
    registry_free(broker->registry);
    events_free(broker->events);
    metrics_free(broker->metrics);
    if (broker->base)
        event_base_free(broker->base);
}

/* Before anybody can know that the broker is there: who ends it at once ends it well. */
static int watch_signals(struct event_base *base, struct event *signals[2], struct err *err)
{
    static const int numbers[2] = { SIGINT, SIGTERM };
    for (int i = 0; i < 2; i++) {
        signals[i] = evsignal_new(base, numbers[i], on_signal, base);
        if (!signals[i] || event_add(signals[i], NULL))
            return err_set(err, "cannot watch for signals");
    }
    return 0;
}

int broker_run(const struct broker_options *options, struct err *err)
{
    struct broker broker = { 0 };
    struct event *signals[2] = { NULL };
    int status = -1;
    signal(SIGPIPE, SIG_IGN);
    evthread_use_pthreads();
    if (!(broker.base = loop_new())) {
        err_set(err, "no memory to start");
        goto out;
    }
    if (watch_signals(broker.base, signals, err) || init(&broker, options, err))
        goto out;
    log_info("nodes at %s:%d, clients at http://%s:%d", options->host, broker.port, options->host, broker.api_port);
    status = event_base_dispatch(broker.base) < 0 ? err_set(err, "the event loop failed") : 0;
out:
    for (int i = 0; i < 2; i++)
        if (signals[i])
            event_free(signals[i]);
    release(&broker);
    return status;
}
