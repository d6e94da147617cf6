/* See views.h. An image comes from the helper in a file in memory, for its line is for short things. */
#include "views.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon.h"
#include "dcls/base/answers_file.h"
#include "dcls/base/base64.h"
#include "dcls/base/fs.h"
#include "dcls/base/log.h"
#include "dcls/net/helper.h"
#include "dcls/proto/json.h"
#include "local_dataset.h"

#define WAITING_MAX 256
#define WAIT_MS 15000      /* by then the broker has given up */
#define DEADLINE_MS 120000 /* a folder that takes longer than the broker waits is open the next time */
#define JPEG_MAX 700000    /* bytes: as base64 it fits a message */

struct views {
    struct daemon *daemon;
    struct helper *helper;
};

/* One question under way. */
struct view {
    struct views *views;
    enum msg_type asked;
    char *key;
    int fd; /* the image to be written, or the answers to be read; -1: none */
};

static void view_free(struct view *view)
{
    if (view->fd >= 0)
        close(view->fd);
    free(view->key);
    free(view);
}

static void send_failed(const struct views *views, const char *key, int status, const char *why)
{
    struct msg msg;
    msg_init(&msg, MSG_VIEW_FAILED);
    msg.status = status;
    if (msg_set(&msg.view_key, key) || msg_set(&msg.message, why))
        log_error("no memory to answer the broker"); /* which gives up by itself */
    else
        uplink_send(views->daemon->link, &msg, NULL);
    msg_release(&msg);
}

/* Takes `data`; NULL: memory lacks. */
static void send_view(const struct views *views, const char *key, cJSON *data)
{
    struct msg msg;
    msg_init(&msg, MSG_VIEW);
    msg.data = data;
    if (!data || msg_set(&msg.view_key, key))
        send_failed(views, key, 503, "no memory on the node");
    else if (uplink_send(views->daemon->link, &msg, NULL) && uplink_is_up(views->daemon->link))
        send_failed(views, key, 502, "the answer is too long to send");
    msg_release(&msg);
}

/* {"jpeg", "width", "height"} out of the file that the helper wrote; NULL with err. */
static cJSON *image_data(const struct view *view, const cJSON *answer, struct err *err)
{
    struct stat info;
    cJSON *data = NULL;
    if (fstat(view->fd, &info) || info.st_size < 1 || info.st_size > JPEG_MAX) {
        err_set(err, "the image is too large to send: a smaller width may do");
        return NULL;
    }
    size_t size = (size_t)info.st_size;
    char *bytes = malloc(size), *text = NULL;
    if (bytes && pread(view->fd, bytes, size, 0) == (ssize_t)size && (text = base64_encode(bytes, size)))
        data = cJSON_CreateObject();
    if (!cJSON_AddStringToObject(data, "jpeg", text ? text : "") ||
        !cJSON_AddNumberToObject(data, "width", json_number(answer, "width", 0)) ||
        !cJSON_AddNumberToObject(data, "height", json_number(answer, "height", 0))) {
        cJSON_Delete(data);
        data = NULL;
        err_set(err, "no memory on the node");
    }
    free(text);
    free(bytes);
    return data;
}

/* Where the images are from, before what the helper tells of them. */
static cJSON *dataset_data(const struct daemon *daemon, const cJSON *answer)
{
    bool is_fetched = local_dataset_root(daemon) == daemon->images_dir && fs_is_file(daemon->manifest_path);
    cJSON *data = cJSON_Duplicate(answer, true);
    if (cJSON_AddStringToObject(data, "source", is_fetched ? "broker" : "node"))
        return data;
    cJSON_Delete(data);
    return NULL;
}

static void on_done(void *arg, enum helper_outcome outcome, const cJSON *answer, const struct err *why)
{
    struct view *view = arg;
    const struct views *views = view->views;
    struct err err = ERR_INIT;
    cJSON *data;
    if (outcome != HELPER_DONE) {
        int fallback = outcome == HELPER_LATE ? 504 : outcome == HELPER_NOT_ASKED ? 503 : 502;
        send_failed(views, view->key, helper_status(answer, fallback), why->text);
    } else if (view->asked == MSG_GET_IMAGE) {
        data = image_data(view, answer, &err);
        if (data)
            send_view(views, view->key, data);
        else
            send_failed(views, view->key, 422, err.text);
    } else {
        send_view(views, view->key,
                  view->asked == MSG_GET_DATASET ? dataset_data(views->daemon, answer) : cJSON_Duplicate(answer, true));
    }
    view_free(view);
}

static bool is_wanted(void *arg)
{
    const struct view *view = arg;
    return uplink_is_up(view->views->daemon->link);
}

/* The answers of a model, opened; -1 with err where there are none. */
static int open_answers(const struct daemon *daemon, const char *model, struct err *err)
{
    char *path = NULL;
    struct stat info;
    if (asprintf(&path, "%s/%s/%s" ANSWERS_FILE, daemon->models_dir, model, model) < 0)
        return err_set(err, "no memory on the node");
    int fd = fs_open_file(path, &info);
    free(path);
    if (fd >= 0)
        return fd;
    return err_set(err, "node '%s' has no answers of model '%s' on test images", daemon->config.name, model);
}

/* What the helper is asked, of which the caller deletes the JSON. -1 with err and a status. */
static int make_request(struct view *view, const struct msg *msg, cJSON *json, int *status, struct err *err)
{
    const struct daemon *daemon = view->views->daemon;
    const char *root = local_dataset_root(daemon);
    bool shows = !daemon->config.no_thumbnails, whole = true;
    if (msg->type != MSG_GET_ANSWERS && !shows) {
        *status = 409;
        return err_set(err, "node '%s' was started with '--no-thumbnails'", daemon->config.name);
    }
    *status = 404;
    if (msg->type != MSG_GET_ANSWERS && !root)
        return err_set(err, "node '%s' has no dataset yet: it fetches the broker's for its first training",
                       daemon->config.name);
    if (msg->type == MSG_GET_ANSWERS && (view->fd = open_answers(daemon, msg->model_name, err)) < 0)
        return -1;
    *status = 503;
    if (msg->type == MSG_GET_IMAGE && (view->fd = memfd_create("image", MFD_CLOEXEC)) < 0)
        return err_set(err, "no room for an image: %s", strerror(errno));
    if (root)
        whole = cJSON_AddStringToObject(json, "dir", root);
    switch (msg->type) {
    case MSG_GET_DATASET: whole = whole && cJSON_AddStringToObject(json, "request", "dataset"); break;
    case MSG_GET_IMAGE:
        whole = whole && cJSON_AddStringToObject(json, "request", "dataset image") &&
                cJSON_AddStringToObject(json, "split", msg->split) &&
                cJSON_AddNumberToObject(json, "index", (double)msg->index) &&
                cJSON_AddNumberToObject(json, "width", (double)msg->width);
        break;
    default:
        whole = whole && cJSON_AddStringToObject(json, "request", "answers") &&
                cJSON_AddBoolToObject(json, "paths", shows) && cJSON_AddBoolToObject(json, "wrong", msg->wrong == 1) &&
                cJSON_AddNumberToObject(json, "limit", (double)msg->limit) &&
                cJSON_AddNumberToObject(json, "offset", (double)msg->offset) &&
                (!msg->label || cJSON_AddStringToObject(json, "label", msg->label)) &&
                (!msg->predicted || cJSON_AddStringToObject(json, "predicted", msg->predicted));
    }
    return whole ? 0 : err_set(err, "no memory on the node");
}

void views_request(struct views *views, const struct msg *msg)
{
    struct err err = ERR_INIT;
    int status = 503;
    cJSON *json = cJSON_CreateObject();
    struct view *view = calloc(1, sizeof *view);
    assert(msg->view_key);
    if (!json || !view || !(view->key = strdup(msg->view_key))) {
        err_set(&err, "no memory on the node");
    } else {
        view->views = views;
        view->asked = msg->type;
        view->fd = -1;
        struct helper_request request = { .json = json,
                                          .wait_ms = WAIT_MS,
                                          .deadline_ms = DEADLINE_MS,
                                          .arg = view,
                                          .wanted = is_wanted,
                                          .done = on_done };
        if (!make_request(view, msg, json, &status, &err)) {
            request.files[0] = view->fd;
            request.file_count = view->fd >= 0;
            if (!helper_ask(views->helper, &request, &err))
                view = NULL; /* on_done's */
        }
    }
    cJSON_Delete(json);
    if (!*err.text)
        return;
    send_failed(views, msg->view_key, status, err.text);
    if (view && view->key)
        view_free(view);
    else
        free(view);
}

struct views *views_new(struct daemon *daemon, struct err *err)
{
    struct views *views = calloc(1, sizeof *views);
    if (!views || !(views->helper = helper_new(daemon->base, WAITING_MAX))) {
        free(views);
        err_set(err, "no memory for what is shown of images");
        return NULL;
    }
    views->daemon = daemon;
    return views;
}

void views_free(struct views *views)
{
    if (!views)
        return;
    helper_stop(views->helper);
    helper_free(views->helper);
    free(views);
}
