/* GET /metrics: Prometheus' text of what the broker counts (metrics.h) and of what is at hand now. It walks over the
 * nodes, and never over the jobs. */
#include <math.h>

#include "connections.h"
#include "dcls/base/buf.h"
#include "dcls/commands.h"
#include "handlers.h"
#include "src/broker/broker.h"
#include "src/broker/exposition.h"
#include "src/broker/job_table.h"
#include "src/broker/jobs_shell.h"
#include "src/broker/lanes.h"
#include "src/broker/link.h"
#include "src/broker/metrics.h"
#include "src/broker/process_figures.h"
#include "src/broker/registry.h"
#include "src/broker/store.h"

#define TEXT_MAX ((size_t)16 * 1024 * 1024)
#define NODES_MAX 1000 /* that are told of one by one */

#define GAUGE "gauge"
#define COUNTER "counter"

static int put_build(struct buf *out)
{
    static const struct label labels[] = { { "version", DCLS_VERSION }, { NULL, NULL } };
    if (exposition_family(out, "dcls_build_info", GAUGE, "The version of the broker, as a label."))
        return -1;
    return exposition_sample(out, "dcls_build_info", labels, 1);
}

/* A family of a sample for each value of one label. */
static int put_each(struct buf *out, const char *name, const char *type, const char *help, const char *label,
                    const char *const *names, const double *values, size_t count)
{
    if (exposition_family(out, name, type, help))
        return -1;
    for (size_t i = 0; i < count; i++) {
        const struct label labels[] = { { label, names[i] }, { NULL, NULL } };
        if (exposition_sample(out, name, labels, values[i]))
            return -1;
    }
    return 0;
}

struct sums {
    double nodes[2]; /* idle, training */
    double inferences, images_per_second;
};

static struct sums sum_up(const struct broker *broker)
{
    struct sums sums = { 0 };
    for (const struct node *node = registry_first(broker->registry); node; node = registry_next(node)) {
        const struct job *job = *node->job ? jobs_find(broker->jobs, node->job) : NULL;
        sums.nodes[*node->job ? 1 : 0]++;
        sums.inferences += node->pending;
        if (job && job->live && isfinite(job->live->images_per_second))
            sums.images_per_second += job->live->images_per_second;
    }
    return sums;
}

/* A figure that nodes tell; below 0: one did not. */
static double cpu_of(const struct node_figures *figures)
{
    return figures->cpu / 100;
}

static double memory_of(const struct node_figures *figures)
{
    return (double)figures->memory_used;
}

static double queue_of(const struct node_figures *figures)
{
    return (double)figures->queue;
}

static double bytes_of(const struct node_figures *figures)
{
    return (double)figures->bytes;
}

static int put_figures(const struct registry *registry, struct buf *out)
{
    static const struct {
        const char *name, *type, *help;
        double (*value)(const struct node_figures *figures);
    } families[] = {
        { "dcls_node_cpu_usage_ratio", GAUGE, "Share of a node's CPUs that is busy, as it told last.", cpu_of },
        { "dcls_node_memory_used_bytes", GAUGE, "Memory of a node's machine that is used, as it told last.",
          memory_of },
        { "dcls_node_queue_length", GAUGE, "Trainings and inferences that wait on a node, as it told last.", queue_of },
        { "dcls_node_traffic_bytes_total", COUNTER, "Bytes of messages on a node's connection, but for pings.",
          bytes_of },
    };
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        int left = NODES_MAX;
        if (exposition_family(out, families[i].name, families[i].type, families[i].help))
            return -1;
        for (const struct node *node = registry_first(registry); node && left > 0; node = registry_next(node), left--) {
            const struct label labels[] = { { "node", node->name }, { NULL, NULL } };
            double value = families[i].value(&node->load.now);
            if (value >= 0 && exposition_sample(out, families[i].name, labels, value))
                return -1;
        }
    }
    return 0;
}

static int put_nodes(const struct broker *broker, const struct sums *sums, struct buf *out)
{
    static const char *const states[] = { "idle", "training" };
    if (put_each(out, "dcls_nodes", GAUGE, "Nodes that are connected, by what they do.", "state", states, sums->nodes,
                 2))
        return -1;
    return put_figures(broker->registry, out);
}

static int put_work(const struct broker *broker, const struct sums *sums, struct buf *out)
{
    double jobs[JOB_STATES];
    for (int state = 0; state < JOB_STATES; state++)
        jobs[state] = (double)jobs_in_state(broker->jobs, (enum job_state)state);
    if (put_each(out, "dcls_jobs", GAUGE, "Trainings that are known, by state.", "state", job_state_names, jobs,
                 JOB_STATES) ||
        exposition_value(out, "dcls_training_images_per_second", GAUGE, "Rate of all trainings that run, together.",
                         sums->images_per_second))
        return -1;
    return exposition_value(out, "dcls_inferences_pending", GAUGE, "Inferences that nodes owe an answer to.",
                            sums->inferences);
}

static int put_link(const struct broker *broker, struct buf *out)
{
    struct links_traffic traffic = links_traffic(broker->links);
    if (exposition_value(out, "dcls_link_connections", GAUGE, "Connections on the port of nodes.",
                         traffic.connections) ||
        exposition_value(out, "dcls_link_received_bytes_total", COUNTER, "Bytes that came on the port of nodes.",
                         (double)traffic.received))
        return -1;
    return exposition_value(out, "dcls_link_sent_bytes_total", COUNTER, "Bytes of messages that were sent to nodes.",
                            (double)traffic.sent);
}

static int put_http(const struct http *http, struct buf *out)
{
    static const char *const shares[SHARES] = {
        [SHARE_CLIENTS] = "clients", [SHARE_STREAMS] = "streams", [SHARE_NODES] = "nodes"
    };
    struct connections_traffic traffic = connections_traffic(http->connections);
    double under_way[SHARES];
    for (int share = 0; share < SHARES; share++)
        under_way[share] = connections_share_used(http->connections, (enum share)share);
    if (exposition_value(out, "dcls_http_connections", GAUGE, "Open HTTP connections.", traffic.open) ||
        put_each(out, "dcls_http_requests_under_way", GAUGE,
                 "Requests that are being answered, by whom they are for: event streams are 'streams'.", "share",
                 shares, under_way, SHARES) ||
        exposition_value(out, "dcls_http_received_bytes_total", COUNTER, "Bytes that came on the HTTP port.",
                         (double)traffic.received))
        return -1;
    return exposition_value(out, "dcls_http_sent_bytes_total", COUNTER, "Bytes that left by the HTTP port.",
                            (double)traffic.sent);
}

static int put_storing(const struct broker *broker, struct buf *out)
{
    double depths[BROKER_LANES];
    int64_t since;
    for (int lane = 0; lane < BROKER_LANES; lane++)
        depths[lane] = (double)thread_pool_depth(broker->pool, lane);
    if (put_each(out, "dcls_lane_depth", GAUGE, "What waits or runs in a lane of the thread pool.", "lane",
                 broker_lane_names, depths, BROKER_LANES) ||
        exposition_value(out, "dcls_store_failing", GAUGE, "1 while not all of the last writes could be stored.",
                         store_failing(broker->store, &since) ? 1 : 0))
        return -1;
    return exposition_value(out, "dcls_store_unstored", GAUGE, "Writes that are under way or wait to be tried again.",
                            (double)jobs_shell_unstored(broker));
}

void handle_metrics(struct exchange *exchange)
{
    const struct broker *broker = exchange->broker;
    struct sums sums = sum_up(broker);
    struct buf text;
    buf_init(&text, TEXT_MAX);
    bool failed = put_build(&text) || put_nodes(broker, &sums, &text) || put_work(broker, &sums, &text) ||
                  metrics_write(broker->metrics, &text) || put_link(broker, &text) || put_http(exchange->http, &text) ||
                  put_storing(broker, &text) || process_figures_write(&text, broker->started_ms);
    if (failed)
        exchange_error(exchange, 503, "no memory");
    else
        exchange_text(exchange, 200, EXPOSITION_TYPE, text.data, text.len);
    if (failed)
        buf_release(&text);
}
