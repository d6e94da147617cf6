/* Threads that read, resize and augment images ahead of the network.
 *
 * The unit of work is one image: a thread takes the next position of the epoch under the lock, makes that image in its
 * place of its batch's slot without the lock, and counts it done. Batch b lives in slot b % prefetch, so a position may
 * be taken once the batch that lay in its slot before was given back (`limit`). With no threads loader_next does the
 * same work itself.
 *
 * Waits: loader_next waits for images being made, loader_start and loader_free for each thread's one image in hand.
 * Nothing waits for the caller, so none of them can hang but in the file system. */
#include "loader.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "../rng.h"
#include "cache.h"
#include "dcls/base/cpus.h"

#define PREFETCH_MAX 1024
#define IMAGE_SIZE_MAX 4096
#define WHOLE_IMAGES_MAX ((size_t)1 << 30) /* bytes of images that are decoded whole at a time */

struct slot {
    struct batch batch;
    int done;       /* images made, or failed at */
    size_t failed;  /* the first position that failed; SIZE_MAX: none */
    struct err err; /* why */
};

/* What one thread works with. */
struct loader_worker {
    struct loader *loader;
    pthread_t thread;
    struct sample_reader reader;
    uint8_t *pixels;             /* (side, side, 3) */
    struct augmenter *augmenter; /* NULL where nothing is augmented */
};

struct loader {
    struct dataset *dataset;
    struct loader_spec spec;
    size_t samples;
    int batches;
    size_t *order; /* (samples): the sample at each position of this epoch */
    struct slot *slots;
    struct image_budget budget; /* of all workers' large images */
    struct cache *cache;        /* NULL where samples are not decoded, or none are kept */
    struct loader_worker *workers;
    int worker_count; /* at least one: its buffers serve loader_next when there are no threads */

    pthread_mutex_t lock; /* everything below, and the slots' counts and errors */
    pthread_cond_t work, finished;
    int started; /* threads running */
    int epoch;
    size_t next;  /* the position to be taken next */
    size_t limit; /* positions from here on may not be taken yet */
    int busy;     /* threads with an image in hand */
    int handed;   /* batches handed out in this epoch */
    bool failed, stop;
};

static int batch_count(const struct loader *loader, int batch)
{
    size_t left = loader->samples - (size_t)batch * loader->spec.batch_size;
    return left < (size_t)loader->spec.batch_size ? (int)left : loader->spec.batch_size;
}

/* The sample's pixels (side, side, 3), kept or decoded. A sample comes once an epoch, and all work is done when the
 * next epoch starts: no two threads are at the same one. */
static const uint8_t *sample_pixels(struct loader_worker *worker, size_t sample, struct err *err)
{
    struct loader *loader = worker->loader;
    const uint8_t *kept = loader->cache ? cache_get(loader->cache, sample) : NULL;
    if (kept)
        return kept;
    if (dataset_read(loader->dataset, loader->spec.split, sample, &worker->reader, worker->pixels, err))
        return NULL;
    if (loader->cache)
        cache_put(loader->cache, sample, worker->pixels);
    return worker->pixels;
}

/* (S, S, 3) -> (3, S, S) */
static void image_planes(const uint8_t *rgb, int size, uint8_t *planes)
{
    size_t pixels = (size_t)size * size;
    for (size_t i = 0; i < pixels; i++)
        for (size_t c = 0; c < 3; c++)
            planes[c * pixels + i] = rgb[3 * i + c];
}

/* Makes the image of one position in its place. Called without the lock. */
static int make_image(struct loader_worker *worker, size_t position, struct err *err)
{
    struct loader *loader = worker->loader;
    const struct loader_spec *spec = &loader->spec;
    size_t sample = loader->order[position], size = (size_t)spec->image_size;
    struct batch *batch = &loader->slots[position / spec->batch_size % spec->prefetch].batch;
    size_t place = position % spec->batch_size;
    uint8_t *out = batch->planes + place * 3 * size * size;
    int side = augment_side(spec->augment, spec->image_size);
    const uint8_t *pixels = sample_pixels(worker, sample, err);
    if (!pixels)
        return -1;
    if (worker->augmenter) {
        struct augment_params params;
        augment_choose(&params, spec->augment, spec->image_size, spec->seed, loader->epoch, sample);
        const struct planes *planes = augmenter_run(worker->augmenter, &params, pixels, side, err);
        if (!planes)
            return -1;
        for (size_t c = 0; c < 3; c++)
            memcpy(out + c * planes->pixels, planes->bytes + c * planes->stride, planes->pixels);
    } else {
        image_planes(pixels, spec->image_size, out);
    }
    batch->labels[place] = dataset_label(loader->dataset, spec->split, sample);
    return 0;
}

/* Takes a position, makes its image and counts it. Called and left with the lock held. */
static void make_next(struct loader *loader, struct loader_worker *worker)
{
    struct err err = ERR_INIT;
    size_t position = loader->next++;
    int batch = (int)(position / loader->spec.batch_size);
    struct slot *slot = &loader->slots[batch % loader->spec.prefetch];
    loader->busy++;
    pthread_mutex_unlock(&loader->lock);
    int status = make_image(worker, position, &err);
    pthread_mutex_lock(&loader->lock);
    loader->busy--;
    slot->done++;
    /* The first in order is told, whichever thread met one first. */
    if (status && position < slot->failed) {
        slot->failed = position;
        slot->err = err;
    }
    if (slot->done == batch_count(loader, batch) || !loader->busy)
        pthread_cond_broadcast(&loader->finished);
}

static void *work(void *arg)
{
    struct loader_worker *worker = arg;
    struct loader *loader = worker->loader;
    pthread_mutex_lock(&loader->lock);
    while (!loader->stop) {
        if (loader->next < loader->limit)
            make_next(loader, worker);
        else
            pthread_cond_wait(&loader->work, &loader->lock);
    }
    pthread_mutex_unlock(&loader->lock);
    return NULL;
}

/* Lets the threads take the positions of batches before `batches`. Called with the lock held. */
static void allow(struct loader *loader, int64_t batches)
{
    size_t limit = batches < loader->batches ? (size_t)batches * loader->spec.batch_size : loader->samples;
    loader->limit = limit;
    pthread_cond_broadcast(&loader->work);
}

static int spec_check(const struct loader_spec *spec, struct err *err)
{
    if (spec->batch_size < 1 || spec->image_size < 1 || spec->image_size > IMAGE_SIZE_MAX)
        return err_set(err, "cannot load batches of %d images of size %d (at most %d)", spec->batch_size,
                       spec->image_size, IMAGE_SIZE_MAX);
    if (spec->threads < 0 || spec->threads > CPUS_MAX || spec->prefetch < 1 || spec->prefetch > PREFETCH_MAX)
        return err_set(err, "cannot load with %d threads %d batches ahead", spec->threads, spec->prefetch);
    return 0;
}

static int allocate(struct loader *loader, struct err *err)
{
    const struct loader_spec *spec = &loader->spec;
    size_t image = (size_t)spec->image_size * spec->image_size * 3;
    int side = augment_side(spec->augment, spec->image_size);
    /* No slot need hold more images than there are. */
    size_t room = loader->samples < (size_t)spec->batch_size ? loader->samples : (size_t)spec->batch_size;
    loader->order = calloc(loader->samples, sizeof(*loader->order));
    loader->slots = calloc((size_t)spec->prefetch, sizeof(*loader->slots));
    loader->workers = calloc((size_t)loader->worker_count, sizeof(*loader->workers));
    if (!loader->order || !loader->slots || !loader->workers)
        return err_set(err, "no memory to load images");
    for (int i = 0; i < spec->prefetch; i++) {
        struct batch *batch = &loader->slots[i].batch;
        batch->size = spec->image_size;
        batch->planes = room <= SIZE_MAX / image ? malloc(room * image) : NULL;
        batch->labels = calloc(room, sizeof(int));
        if (!batch->planes || !batch->labels)
            return err_set(err, "no memory for batches of %zu images of size %d", room, spec->image_size);
    }
    size_t pixels = (size_t)side * side * 3;
    if (spec->cache_bytes >= pixels && dataset_decodes(loader->dataset, spec->split) &&
        !(loader->cache = cache_new(loader->samples, pixels, spec->cache_bytes, err)))
        return -1;
    for (int i = 0; i < loader->worker_count; i++) {
        struct loader_worker *worker = &loader->workers[i];
        worker->loader = loader;
        worker->pixels = malloc(pixels);
        if (spec->augment != AUGMENT_NONE)
            worker->augmenter = augmenter_new(spec->image_size, ISA_BEST);
        if (sample_reader_init(&worker->reader, side, spec->decoding, err))
            return -1;
        worker->reader.image.budget = &loader->budget;
        if (!worker->pixels || (spec->augment != AUGMENT_NONE && !worker->augmenter))
            return err_set(err, "no memory to load images");
    }
    return 0;
}

/* With all signals blocked: they are for the thread that runs the process. */
static int start_threads(struct loader *loader, struct err *err)
{
    sigset_t all, before;
    int code = 0;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    while (loader->started < loader->spec.threads && !code) {
        struct loader_worker *worker = &loader->workers[loader->started];
        code = pthread_create(&worker->thread, NULL, work, worker);
        loader->started += !code;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code ? err_set(err, "cannot start a loader thread: %s", strerror(code)) : 0;
}

struct loader *loader_new(struct dataset *dataset, const struct loader_spec *spec, struct err *err)
{
    struct loader *loader = NULL;
    if (spec_check(spec, err))
        return NULL;
    if (!(loader = calloc(1, sizeof(*loader)))) {
        err_set(err, "no memory to load images");
        return NULL;
    }
    loader->dataset = dataset;
    loader->spec = *spec;
    loader->samples = dataset_count(dataset, spec->split);
    loader->batches = (int)((loader->samples + (size_t)spec->batch_size - 1) / (size_t)spec->batch_size);
    loader->worker_count = spec->threads ? spec->threads : 1;
    pthread_mutex_init(&loader->lock, NULL);
    pthread_cond_init(&loader->work, NULL);
    pthread_cond_init(&loader->finished, NULL);
    image_budget_init(&loader->budget, cache_limit(WHOLE_IMAGES_MAX));
    if (allocate(loader, err) || start_threads(loader, err)) {
        loader_free(loader);
        return NULL;
    }
    return loader;
}

static void free_parts(struct loader *loader)
{
    for (int i = 0; loader->slots && i < loader->spec.prefetch; i++) {
        free(loader->slots[i].batch.planes);
        free(loader->slots[i].batch.labels);
    }
    for (int i = 0; loader->workers && i < loader->worker_count; i++) {
        sample_reader_release(&loader->workers[i].reader);
        free(loader->workers[i].pixels);
        augmenter_free(loader->workers[i].augmenter);
    }
    cache_free(loader->cache);
    free(loader->slots);
    free(loader->workers);
    free(loader->order);
}

void loader_free(struct loader *loader)
{
    if (!loader)
        return;
    pthread_mutex_lock(&loader->lock);
    loader->stop = true;
    pthread_cond_broadcast(&loader->work);
    pthread_mutex_unlock(&loader->lock);
    for (int i = 0; i < loader->started; i++)
        pthread_join(loader->workers[i].thread, NULL);
    pthread_mutex_destroy(&loader->lock);
    pthread_cond_destroy(&loader->work);
    pthread_cond_destroy(&loader->finished);
    free_parts(loader);
    image_budget_release(&loader->budget);
    free(loader);
}

int loader_batches(const struct loader *loader)
{
    return loader->batches;
}

size_t loader_cache_bytes(const struct loader *loader)
{
    return loader->cache ? cache_bytes(loader->cache) : 0;
}

void batch_normalise(const struct batch *batch, float *images)
{
    size_t image = (size_t)batch->size * batch->size * 3;
    for (int i = 0; i < batch->count; i++)
        planes_normalise(batch->planes + (size_t)i * image, batch->size, images + (size_t)i * image);
}

/* Fisher and Yates. */
static void make_order(struct loader *loader)
{
    for (size_t i = 0; i < loader->samples; i++)
        loader->order[i] = i;
    if (!loader->spec.shuffle)
        return;
    for (size_t i = loader->samples; i-- > 1;) {
        size_t other = rng_bits(loader->spec.seed, rng_stream(RNG_ORDER, loader->epoch), i) % (i + 1);
        size_t kept = loader->order[i];
        loader->order[i] = loader->order[other];
        loader->order[other] = kept;
    }
}

static void slot_clear(struct slot *slot)
{
    slot->done = 0;
    slot->failed = SIZE_MAX;
}

void loader_start(struct loader *loader, int epoch)
{
    pthread_mutex_lock(&loader->lock);
    loader->limit = 0;
    while (loader->busy)
        pthread_cond_wait(&loader->finished, &loader->lock);
    loader->epoch = epoch;
    loader->next = 0;
    loader->handed = 0;
    loader->failed = false;
    for (int i = 0; i < loader->spec.prefetch; i++)
        slot_clear(&loader->slots[i]);
    make_order(loader);
    allow(loader, loader->spec.prefetch);
    pthread_mutex_unlock(&loader->lock);
}

/* Waits for, or makes, the batch to be handed out. Called with the lock held. */
static const struct batch *finish(struct loader *loader, struct err *err)
{
    int count = batch_count(loader, loader->handed);
    struct slot *slot = &loader->slots[loader->handed % loader->spec.prefetch];
    while (slot->done < count) {
        if (loader->spec.threads)
            pthread_cond_wait(&loader->finished, &loader->lock);
        else
            make_next(loader, &loader->workers[0]);
    }
    loader->handed++;
    if (slot->failed != SIZE_MAX) {
        loader->failed = true;
        loader->limit = 0; /* no work for an epoch that is lost */
        if (err)
            *err = slot->err;
        return NULL;
    }
    slot->batch.count = count;
    return &slot->batch;
}

const struct batch *loader_next(struct loader *loader, struct err *err)
{
    const struct batch *batch = NULL;
    pthread_mutex_lock(&loader->lock);
    if (!loader->epoch)
        err_set(err, "no epoch was started");
    else if (loader->failed)
        err_set(err, "an image of this epoch could not be read");
    else if (loader->handed >= loader->batches)
        err_set(err, "the epoch has no further batch");
    else {
        if (loader->handed) { /* the batch handed out last is given back */
            slot_clear(&loader->slots[(loader->handed - 1) % loader->spec.prefetch]);
            allow(loader, (int64_t)loader->handed + loader->spec.prefetch);
        }
        batch = finish(loader, err);
    }
    pthread_mutex_unlock(&loader->lock);
    return batch;
}
