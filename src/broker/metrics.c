/* See metrics.h. */
#include "metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exposition.h"
#include "name_table.h"

#define OTHER "other"

/* Model and node cannot hold a slash: "MODEL/NODE" names the pair. */
struct pair {
    struct name_entry entry;
    struct pair *next;
    uint64_t counts[INFERENCE_OUTCOMES];
    char key[2 * NAME_SIZE];
};

struct metrics {
    struct name_table names;
    struct pair *first, *last; /* in the order of coming */
    size_t pair_count;
    uint64_t other[INFERENCE_OUTCOMES];
    struct histogram inference_seconds, job_seconds;
    uint64_t finished[JOB_STATES];
    uint64_t images;
    uint64_t thumbnails[THUMBNAIL_OUTCOMES];
};

static const double inference_bounds[] = { 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10 };
static const double job_bounds[] = { 5, 15, 60, 300, 900, 1800, 3600, 7200, 14400, 43200, 86400, 259200 };
static const char *const outcome_names[] = { [INFERENCE_ANSWERED] = "answered",
                                             [INFERENCE_FAILED] = "failed",
                                             [INFERENCE_LATE] = "late",
                                             [INFERENCE_LOST] = "lost",
                                             [INFERENCE_REFUSED] = "refused" };

#define COUNT(list) (sizeof(list) / sizeof *(list))

struct metrics *metrics_new(void)
{
    struct metrics *metrics = calloc(1, sizeof *metrics);
    if (!metrics)
        return NULL;
    metrics->inference_seconds.bounds = inference_bounds;
    metrics->inference_seconds.bound_count = COUNT(inference_bounds);
    metrics->job_seconds.bounds = job_bounds;
    metrics->job_seconds.bound_count = COUNT(job_bounds);
    if (!name_table_init(&metrics->names))
        return metrics;
    metrics_free(metrics);
    return NULL;
}

void metrics_free(struct metrics *metrics)
{
    if (!metrics)
        return;
    for (struct pair *pair = metrics->first, *next; pair; pair = next) {
        next = pair->next;
        free(pair);
    }
    name_table_release(&metrics->names);
    free(metrics);
}

/* NULL: there are as many as are kept, or memory lacks. */
static struct pair *find_pair(struct metrics *metrics, const char *model, const char *node)
{
    char key[2 * NAME_SIZE];
    snprintf(key, sizeof key, "%s/%s", model, node);
    struct pair *pair = (struct pair *)name_table_find(&metrics->names, key);
    if (pair || metrics->pair_count >= METRICS_PAIRS_MAX || !(pair = calloc(1, sizeof *pair)))
        return pair;
    memcpy(pair->key, key, sizeof key);
    name_table_add(&metrics->names, &pair->entry, pair->key);
    *(metrics->last ? &metrics->last->next : &metrics->first) = pair;
    metrics->last = pair;
    metrics->pair_count++;
    return pair;
}

void metrics_inference(struct metrics *metrics, const char *model, const char *node, enum inference_outcome outcome,
                       double seconds)
{
    struct pair *pair = find_pair(metrics, model, node);
    (pair ? pair->counts : metrics->other)[outcome]++;
    if (outcome == INFERENCE_ANSWERED)
        histogram_observe(&metrics->inference_seconds, seconds);
}

void metrics_job_ended(struct metrics *metrics, const struct job *job)
{
    metrics->finished[job->state]++;
    if (job->started && job->ended >= job->started)
        histogram_observe(&metrics->job_seconds, (double)(job->ended - job->started) / 1000);
}

/* By epochs and batches within this generation: a message more or less, or one that comes again, counts nothing twice.
 * Of a training that is resumed, or that an earlier run of the broker began, what was done before is not counted. */
void metrics_progress(struct metrics *metrics, struct job *job)
{
    struct job_live *live = job->live;
    if (!live || live->batches <= 0 || job->epoch < 1)
        return;
    int64_t done = (job->epoch - 1) * live->batches + (live->batch < live->batches ? live->batch : live->batches);
    if (live->counted_generation != job->generation) {
        live->counted_generation = job->generation;
        live->counted_batches = job->epoch == 1 ? 0 : done;
    }
    if (done <= live->counted_batches)
        return;
    metrics->images += (uint64_t)(done - live->counted_batches) * (uint64_t)live->options.batch_size;
    live->counted_batches = done;
}

static int write_inferences(struct buf *out, const char *model, const char *node,
                            const uint64_t counts[INFERENCE_OUTCOMES])
{
    for (int i = 0; i < INFERENCE_OUTCOMES; i++) {
        const struct label labels[] = {
            { "model", model }, { "node", node }, { "outcome", outcome_names[i] }, { NULL, NULL }
        };
        if (counts[i] && exposition_sample(out, "dcls_inferences_total", labels, (double)counts[i]))
            return -1;
    }
    return 0;
}

static int write_pair(struct buf *out, const struct pair *pair)
{
    char model[2 * NAME_SIZE];
    const char *slash = strchr(pair->key, '/');
    snprintf(model, sizeof model, "%.*s", (int)(slash - pair->key), pair->key);
    return write_inferences(out, model, slash + 1, pair->counts);
}

void metrics_thumbnail(struct metrics *metrics, enum thumbnail_outcome outcome)
{
    metrics->thumbnails[outcome]++;
}

/* A counter with a sample for each outcome. */
static int write_outcomes(struct buf *out, const char *name, const char *help, const char *const *names,
                          const uint64_t *counts, int count)
{
    if (exposition_family(out, name, "counter", help))
        return -1;
    for (int i = 0; i < count; i++) {
        const struct label labels[] = { { "outcome", names[i] }, { NULL, NULL } };
        if (exposition_sample(out, name, labels, (double)counts[i]))
            return -1;
    }
    return 0;
}

static int write_inference_counts(const struct metrics *metrics, struct buf *out)
{
    if (exposition_family(out, "dcls_inferences_total", "counter",
                          "Images that were to be classified, by model, node and outcome."))
        return -1;
    for (const struct pair *pair = metrics->first; pair; pair = pair->next)
        if (write_pair(out, pair))
            return -1;
    return write_inferences(out, OTHER, "", metrics->other);
}

int metrics_write(const struct metrics *metrics, struct buf *out)
{
    static const char *const thumbnails[] = {
        [THUMBNAIL_CACHED] = "cached", [THUMBNAIL_MADE] = "made", [THUMBNAIL_FAILED] = "failed"
    };
    if (write_outcomes(out, "dcls_jobs_finished_total", "Trainings that have ended, by outcome.",
                       job_state_names + JOB_COMPLETED, metrics->finished + JOB_COMPLETED,
                       JOB_STATES - JOB_COMPLETED) ||
        exposition_histogram(out, "dcls_job_duration_seconds",
                             "Time from the start to the end of trainings that had started.", &metrics->job_seconds) ||
        exposition_value(out, "dcls_training_images_total", "counter",
                         "Images that nodes have trained on, in whole batches.", (double)metrics->images) ||
        write_inference_counts(metrics, out) ||
        exposition_histogram(out, "dcls_inference_duration_seconds",
                             "Time from asking a node for a classification to its answer.",
                             &metrics->inference_seconds))
        return -1;
    return write_outcomes(out, "dcls_thumbnails_total",
                          "Thumbnails that were found in the cache, and those that were made or could not be.",
                          thumbnails, metrics->thumbnails, THUMBNAIL_OUTCOMES);
}
