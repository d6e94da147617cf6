/* See model_writes.h. */
#include "model_writes.h"

#include <assert.h>
#include <stdlib.h>

#include "broker.h"
#include "dcls/base/backoff.h"
#include "dcls/base/log.h"
#include "dcls/net/timer.h"
#include "store.h"

struct model_writes {
    struct broker *broker;
    void (*stored)(void *arg, struct model *model);
    void *arg;
    struct model_list due;
    struct timer *timer;
    int slices;   /* on their way */
    int failures; /* of writes, in a row */
};

/* Of models that are forgotten, or of models that are not. */
struct slice {
    struct model_writes *writes;
    bool forgotten;
    size_t count;
    struct {
        struct model *model;
        uint64_t version;
    } rows[MODEL_WRITES_SLICE];
};

static void on_timer(void *arg)
{
    model_writes_flush(arg);
}

struct model_writes *model_writes_new(struct broker *broker, void (*stored)(void *arg, struct model *model), void *arg)
{
    struct model_writes *writes = calloc(1, sizeof *writes);
    if (!writes)
        return NULL;
    *writes = (struct model_writes){ .broker = broker, .stored = stored, .arg = arg };
    TAILQ_INIT(&writes->due);
    writes->timer = timer_new(broker->base, on_timer, writes);
    if (!writes->timer) {
        free(writes);
        return NULL;
    }
    return writes;
}

void model_writes_free(struct model_writes *writes)
{
    if (!writes)
        return;
    timer_free(writes->timer);
    free(writes);
}

static void set_due(struct model_writes *writes, struct model *model)
{
    if (model->is_due || model->writing || model->version == model->committed)
        return;
    model->is_due = true;
    TAILQ_INSERT_TAIL(&writes->due, model, due);
}

void model_writes_changed(struct model_writes *writes, struct model *model)
{
    model->version++;
    set_due(writes, model);
}

static void retry_later(struct model_writes *writes)
{
    int64_t wait_ms = backoff_ms(writes->failures++, MODEL_WRITES_RETRY_MIN_MS, MODEL_WRITES_RETRY_MAX_MS);
    if (!writes->broker->stopping)
        timer_start(writes->timer, wait_ms);
}

static void is_written(struct slice *slice, bool ok)
{
    struct model_writes *writes = slice->writes;
    for (size_t i = 0; i < slice->count; i++) {
        struct model *model = slice->rows[i].model;
        model->writing = false;
        if (ok)
            model->committed = slice->rows[i].version;
        set_due(writes, model);
        if (ok)
            writes->stored(writes->arg, model);
    }
    free(slice);
    if (ok)
        writes->failures = 0;
    else
        retry_later(writes);
}

static void on_written(void *arg, bool ok)
{
    struct slice *slice = arg;
    struct model_writes *writes = slice->writes;
    writes->slices--;
    is_written(slice, ok);
    if (ok)
        model_writes_flush(writes);
}

static struct slice *slice_new(struct model_writes *writes)
{
    struct slice *slice = malloc(sizeof *slice);
    if (!slice)
        return NULL;
    slice->writes = writes;
    slice->count = 0;
    return slice;
}

static void take(struct slice *slice, struct model *model)
{
    assert(model->is_due && !model->writing && slice->count < MODEL_WRITES_SLICE);
    TAILQ_REMOVE(&slice->writes->due, model, due);
    model->is_due = false;
    model->writing = true;
    slice->forgotten = model->forgotten;
    slice->rows[slice->count].model = model;
    slice->rows[slice->count++].version = model->version;
}

static void write_slice(struct slice *slice)
{
    struct model_writes *writes = slice->writes;
    const struct model *models[MODEL_WRITES_SLICE];
    for (size_t i = 0; i < slice->count; i++)
        models[i] = slice->rows[i].model;
    int failed = slice->forgotten ? store_forget_models(writes->broker, models, slice->count, on_written, slice)
                                  : store_save_models(writes->broker, models, slice->count, on_written, slice);
    if (failed)
        is_written(slice, false);
    else
        writes->slices++;
}

void model_writes_now(struct model_writes *writes, struct model *model)
{
    struct slice *slice = model->is_due ? slice_new(writes) : NULL;
    if (slice) {
        take(slice, model);
        write_slice(slice);
    } else if (model->is_due) {
        retry_later(writes);
    }
}

static void write_next(struct model_writes *writes)
{
    struct slice *slice = slice_new(writes);
    if (!slice) {
        retry_later(writes);
        return;
    }
    bool forgotten = TAILQ_FIRST(&writes->due)->forgotten;
    for (struct model *model = TAILQ_FIRST(&writes->due), *next; model && slice->count < MODEL_WRITES_SLICE;
         model = next) {
        next = TAILQ_NEXT(model, due);
        if (model->forgotten == forgotten)
            take(slice, model);
    }
    write_slice(slice);
}

void model_writes_flush(struct model_writes *writes)
{
    if (!TAILQ_EMPTY(&writes->due) && !writes->slices && !timer_is_running(writes->timer))
        write_next(writes);
}

void model_writes_stop(struct model_writes *writes)
{
    timer_stop(writes->timer);
    for (int failures = writes->failures; !TAILQ_EMPTY(&writes->due) && writes->failures == failures;)
        write_next(writes);
}
