/* The image is opened and looked for in the cache on the pool. What is not there becomes a picture: it is made by the
 * helper process, kept on the pool, and sent to all who asked for it meanwhile; a picture that nobody waits for any
 * more, as where somebody scrolls on, is not made. */
#include "thumbnails.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dcls/base/clock.h"
#include "dcls/base/fs.h"
#include "dcls/base/log.h"
#include "dcls/net/helper.h"
#include "dcls/proto/json.h"
#include "exchange.h"
#include "negotiation.h"
#include "shared_bytes.h"
#include "src/broker/broker.h"
#include "src/broker/images.h"
#include "src/broker/lanes.h"
#include "src/broker/metrics.h"
#include "src/broker/picture_failures.h"
#include "src/broker/thumbnail_cache.h"

#define WAITING_MAX 64 /* pictures: of ten browsers, each of which asks for six at a time */
#define WAIT_MS 15000  /* for its turn; longer than one may take, so that a slow image costs those behind it nothing */
#define DEADLINE_MS 10000
#define CACHE_CONTROL "private, max-age=3600"

struct picture;

/* One who asks; the exchange's context. */
struct viewer {
    STAILQ_ENTRY(viewer) queued;
    struct thumbnails *thumbnails;
    struct exchange *exchange;
    const char *path;
    int width;
    int file; /* the image; -1: not open, or the picture's */
    char key[SHA256_HEX_SIZE];
    char *bytes; /* from the cache */
    size_t count;
};

STAILQ_HEAD(viewers, viewer);

struct picture {
    LIST_ENTRY(picture) listed;
    struct thumbnails *thumbnails;
    char key[SHA256_HEX_SIZE];
    int image, out;
    struct viewers viewers;
    char *bytes;
    size_t count;
};

struct thumbnails {
    struct broker *broker;
    struct thumbnail_cache *cache;
    struct helper *helper;
    LIST_HEAD(pictures, picture) pictures; /* under way */
    struct picture_failures failures;
};

static int run_scan(void *arg, const atomic_bool *stop, struct err *err)
{
    struct thumbnails *thumbnails = arg;
    (void)stop, (void)err;
    thumbnail_cache_scan(thumbnails->cache);
    return 0;
}

static void done_scan(void *arg, int result, const struct err *err)
{
    (void)arg, (void)result, (void)err;
}

struct thumbnails *thumbnails_new(struct broker *broker)
{
    struct thumbnails *thumbnails = calloc(1, sizeof *thumbnails);
    char *dir = fs_join(broker->state, "thumbnails");
    if (thumbnails && dir) {
        thumbnails->broker = broker;
        thumbnails->cache = thumbnail_cache_new(dir, broker->thumbnail_quota);
        thumbnails->helper = helper_new(broker->base, WAITING_MAX);
    }
    free(dir);
    if (thumbnails && thumbnails->cache && thumbnails->helper)
        return thumbnails;
    thumbnails_free(thumbnails);
    return NULL;
}

void thumbnails_start(struct thumbnails *thumbnails)
{
    if (!thread_pool_submit(thumbnails->broker->pool, LANE_THUMBNAILS, run_scan, done_scan, thumbnails))
        log_warn("the thumbnails are not counted: too much is under way");
}

void thumbnails_stop(struct thumbnails *thumbnails)
{
    helper_stop(thumbnails->helper);
}

void thumbnails_free(struct thumbnails *thumbnails)
{
    if (!thumbnails)
        return;
    assert(LIST_EMPTY(&thumbnails->pictures));
    helper_free(thumbnails->helper);
    thumbnail_cache_free(thumbnails->cache);
    free(thumbnails);
}

static void viewer_release(void *context)
{
    struct viewer *viewer = context;
    if (viewer->file >= 0)
        close(viewer->file);
    free(viewer->bytes);
}

static void refuse_for_now(struct exchange *exchange, const char *why)
{
    exchange_add_header(exchange, "Retry-After", "1");
    exchange_error(exchange, 503, "%s", why);
}

/* Tells of which picture the answer is; false where the client has it and was told so. */
static bool announce(struct exchange *exchange, const char *key)
{
    char etag[SHA256_HEX_SIZE + 2];
    snprintf(etag, sizeof etag, "\"%s\"", key);
    exchange_add_header(exchange, "ETag", etag);
    exchange_add_header(exchange, "Cache-Control", CACHE_CONTROL);
    if (!negotiation_has(exchange_header(exchange, "If-None-Match"), etag))
        return true;
    exchange_empty(exchange, 304);
    return false;
}

static void picture_free(struct picture *picture)
{
    assert(STAILQ_EMPTY(&picture->viewers));
    LIST_REMOVE(picture, listed);
    if (picture->image >= 0)
        close(picture->image);
    if (picture->out >= 0)
        close(picture->out);
    free(picture->bytes);
    free(picture);
}

static struct exchange *next_viewer(struct picture *picture)
{
    struct viewer *viewer = STAILQ_FIRST(&picture->viewers);
    if (!viewer)
        return NULL;
    STAILQ_REMOVE_HEAD(&picture->viewers, queued);
    return viewer->exchange;
}

static void refuse_all(struct picture *picture, int status, const char *why)
{
    struct exchange *exchange;
    while ((exchange = next_viewer(picture))) {
        if (status == 503)
            refuse_for_now(exchange, why);
        else
            exchange_error(exchange, status, "%s", why);
    }
    picture_free(picture);
}

/* It could not be made. */
static void fail(struct picture *picture, int status, const char *why)
{
    metrics_thumbnail(picture->thumbnails->broker->metrics, THUMBNAIL_FAILED);
    refuse_all(picture, status, why);
}

/* It could not be made, and the image may be why. */
static void fail_of_image(struct picture *picture, enum picture_fault fault, int status, const struct err *why)
{
    picture_failures_add(&picture->thumbnails->failures, picture->key, fault, status, why, clock_ms());
    fail(picture, status, why->text);
}

static int run_keep(void *arg, const atomic_bool *stop, struct err *err)
{
    struct picture *picture = arg;
    struct stat info;
    (void)stop;
    if (fstat(picture->out, &info) || info.st_size < 1 || info.st_size > THUMBNAIL_BYTES_MAX)
        return err_set(err, "the thumbnail was lost");
    picture->count = (size_t)info.st_size;
    picture->bytes = malloc(picture->count);
    if (!picture->bytes)
        return err_set(err, "no memory for a thumbnail");
    if (pread(picture->out, picture->bytes, picture->count, 0) != info.st_size)
        return err_set(err, "the thumbnail was lost");
    thumbnail_cache_put(picture->thumbnails->cache, picture->key, picture->bytes, picture->count);
    return 0;
}

static void done_keep(void *arg, int result, const struct err *err)
{
    struct picture *picture = arg;
    struct exchange *exchange;
    metrics_thumbnail(picture->thumbnails->broker->metrics, result ? THUMBNAIL_FAILED : THUMBNAIL_MADE);
    struct shared_bytes *shared = result ? NULL : shared_bytes_new(picture->bytes, picture->count);
    if (!result)
        picture->bytes = NULL;
    while (shared && (exchange = next_viewer(picture)))
        if (announce(exchange, picture->key))
            exchange_shared(exchange, shared, "image/jpeg");
    shared_bytes_let_go(shared);
    refuse_all(picture, 500, result ? err->text : "no memory for a thumbnail");
}

static bool is_wanted(void *arg)
{
    const struct picture *picture = arg;
    for (const struct viewer *viewer = STAILQ_FIRST(&picture->viewers); viewer; viewer = STAILQ_NEXT(viewer, queued))
        if (exchange_is_awaited(viewer->exchange))
            return true;
    return false;
}

static void on_made(void *arg, enum helper_outcome outcome, const cJSON *answer, const struct err *why)
{
    struct picture *picture = arg;
    int status = helper_status(answer, 422);
    switch (outcome) {
    case HELPER_DONE:
        if (!thread_pool_submit(picture->thumbnails->broker->pool, LANE_THUMBNAILS, run_keep, done_keep, picture))
            fail(picture, 503, "too much is under way");
        break;
    case HELPER_REFUSED:
        if (status < 500)
            fail_of_image(picture, FAULT_CERTAIN, status, why);
        else
            fail(picture, status, why->text);
        break;
    case HELPER_LATE: fail_of_image(picture, FAULT_MAYBE, 504, why); break;
    case HELPER_ENDED: fail_of_image(picture, FAULT_MAYBE, 500, why); break;
    case HELPER_NOT_ASKED: fail(picture, 503, why->text); break;
    case HELPER_DROPPED: refuse_all(picture, 503, why->text); break;
    }
}

static int ask(struct picture *picture, int width, struct err *err)
{
    cJSON *json = cJSON_CreateObject();
    struct helper_request request = { .json = json,
                                      .files = { picture->image, picture->out },
                                      .file_count = 2,
                                      .wait_ms = WAIT_MS,
                                      .deadline_ms = DEADLINE_MS,
                                      .arg = picture,
                                      .wanted = is_wanted,
                                      .done = on_made };
    int status = -1;
    if (!cJSON_AddStringToObject(json, "request", "thumbnail") || !cJSON_AddNumberToObject(json, "width", width))
        err_set(err, "no memory for a thumbnail");
    else
        status = helper_ask(picture->thumbnails->helper, &request, err);
    cJSON_Delete(json);
    return status;
}

static struct picture *find_picture(const struct thumbnails *thumbnails, const char *key)
{
    struct picture *picture = LIST_FIRST(&thumbnails->pictures);
    while (picture && strcmp(picture->key, key))
        picture = LIST_NEXT(picture, listed);
    return picture;
}

/* Has the viewer's picture made, or joins who waits for it. */
static void await_picture(struct viewer *viewer)
{
    struct thumbnails *thumbnails = viewer->thumbnails;
    struct err err = ERR_INIT;
    struct picture *picture = find_picture(thumbnails, viewer->key);
    const struct picture_failure *failure = picture_failures_find(&thumbnails->failures, viewer->key, clock_ms());
    if (picture) {
        STAILQ_INSERT_TAIL(&picture->viewers, viewer, queued);
        return;
    }
    if (failure) {
        metrics_thumbnail(thumbnails->broker->metrics, THUMBNAIL_FAILED);
        exchange_error(viewer->exchange, failure->status, "%s", failure->err.text);
        return;
    }
    if (!(picture = calloc(1, sizeof *picture))) {
        refuse_for_now(viewer->exchange, "no memory for a thumbnail");
        return;
    }
    *picture = (struct picture){ .thumbnails = thumbnails, .image = viewer->file };
    viewer->file = -1;
    memcpy(picture->key, viewer->key, sizeof picture->key);
    STAILQ_INIT(&picture->viewers);
    LIST_INSERT_HEAD(&thumbnails->pictures, picture, listed);
    STAILQ_INSERT_TAIL(&picture->viewers, viewer, queued);
    picture->out = memfd_create("thumbnail", MFD_CLOEXEC);
    if (picture->out < 0)
        err_set(&err, "no file for a thumbnail: %s", strerror(errno));
    if (picture->out < 0 || ask(picture, viewer->width, &err))
        fail(picture, 503, err.text);
}

static int run_find(void *arg, const atomic_bool *stop, struct err *err)
{
    struct viewer *viewer = arg;
    const char *type;
    int64_t size;
    struct stat info;
    (void)stop;
    viewer->file = images_open(&viewer->thumbnails->broker->images, viewer->path, &size, &type);
    if (viewer->file < 0 || fstat(viewer->file, &info))
        return err_set(err, "Image not found");
    if (thumbnail_key(viewer->path, &info, viewer->width, viewer->key, err))
        *viewer->key = '\0';
    else
        viewer->bytes = thumbnail_cache_get(viewer->thumbnails->cache, viewer->key, &viewer->count);
    return 0;
}

static void send_cached(struct viewer *viewer)
{
    char *bytes = viewer->bytes;
    if (!announce(viewer->exchange, viewer->key))
        return;
    viewer->bytes = NULL;
    exchange_text(viewer->exchange, 200, "image/jpeg", bytes, viewer->count);
}

static void done_find(void *arg, int result, const struct err *err)
{
    struct viewer *viewer = arg;
    struct exchange *exchange = viewer->exchange;
    if (result) {
        exchange_error(exchange, 404, "%s", err->text);
    } else if (!*viewer->key) {
        refuse_for_now(exchange, "no memory for a thumbnail");
    } else if (!viewer->bytes) {
        await_picture(viewer);
    } else {
        metrics_thumbnail(exchange->broker->metrics, THUMBNAIL_CACHED);
        send_cached(viewer);
    }
}

void thumbnails_answer(struct thumbnails *thumbnails, struct exchange *exchange, const char *path, int width)
{
    struct viewer *viewer = exchange_context(exchange, sizeof *viewer, viewer_release);
    if (!viewer)
        return;
    *viewer =
        (struct viewer){ .thumbnails = thumbnails, .exchange = exchange, .path = path, .width = width, .file = -1 };
    exchange_submit(exchange, NO_LANE, run_find, done_find);
}
