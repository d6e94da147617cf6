/* GET /models, DELETE /models/NAME, GET /models/NAME/{NAME.pth,NAME.safetensors,NAME.onnx,log,report}.
 *
 * A model's bytes are a blob by its digest. Where the blob is not there, a node that holds the model is asked to upload
 * it, once however many ask, and the downloads begin when it has. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/proto/json.h"
#include "handlers.h"
#include "model_exports.h"
#include "src/broker/blobs.h"
#include "src/broker/broker.h"
#include "src/broker/inference_router.h"
#include "src/broker/model_remove.h"
#include "src/broker/models.h"
#include "src/broker/removals.h"
#include "src/broker/store.h"

struct model_download {
    struct exchange *exchange;
    char sha256[SHA256_HEX_SIZE];
    bool pushed; /* a node uploaded it just now */
    int fd;
    int64_t size;
    const char *format; /* into which they are turned; NULL: they are sent as they are */
    struct model_export export;
};

void handle_models(struct exchange *exchange)
{
    const struct broker *broker = exchange->broker;
    cJSON *object = models_json(broker->models), *removals = removals_json(broker->removals);
    if (!cJSON_GetArraySize(removals))
        cJSON_Delete(removals);
    else if (!json_add(object, "removals", removals))
        object = json_if_whole(object, false);
    exchange_json(exchange, 200, object);
}

static void on_removed(void *arg, int status, cJSON *answer)
{
    exchange_json(arg, status, answer);
}

void handle_model_remove(struct exchange *exchange)
{
    struct refusal refusal;
    if (model_remove(exchange->broker, exchange->args[0], on_removed, exchange, &refusal))
        exchange_refuse(exchange, &refusal);
}

static void on_text(struct exchange *exchange, bool ok, const char *what, const char *type, const char *text)
{
    char *copy = text ? strdup(text) : NULL;
    if (!ok)
        exchange_error(exchange, 500, "the %s of model '%.80s' cannot be read", what, exchange->args[0]);
    else if (!text)
        exchange_error(exchange, 404, "there is no %s of a model '%.80s' here", what, exchange->args[0]);
    else if (!copy)
        exchange_error(exchange, 503, "no memory");
    else
        exchange_text(exchange, 200, type, copy, strlen(copy));
}

static void on_log(void *arg, bool ok, const char *text)
{
    on_text(arg, ok, "log", "text/plain; charset=utf-8", text);
}

static void on_report(void *arg, bool ok, const char *text)
{
    on_text(arg, ok, "report", "application/json", text);
}

static void await_push(struct model_download *download);

static int run_open(void *arg, const atomic_bool *stop, struct err *err)
{
    struct model_download *download = arg;
    (void)stop;
    download->fd = blobs_open(download->exchange->http->blobs, download->sha256, &download->size);
    return download->fd < 0 ? err_set(err, "there is no blob '%s'", download->sha256) : 0;
}

static void done_open(void *arg, int result, const struct err *err)
{
    struct model_download *download = arg;
    struct exchange *exchange = download->exchange;
    (void)err;
    if (!result && download->format) {
        model_export_start(exchange->http->exports, &download->export, exchange, download->format, exchange->args[0],
                           download->sha256, download->fd);
    } else if (!result) {
        char header[128];
        snprintf(header, sizeof header, "attachment; filename=\"%s.pth\"", exchange->args[0]);
        exchange_add_header(exchange, "Content-Disposition", header);
        exchange_tagged_file(exchange, download->fd, download->size, "application/octet-stream", download->sha256,
                             false);
    } else if (download->pushed) {
        exchange_error(exchange, 500, "the bytes of model '%s' were uploaded and are gone again", exchange->args[0]);
    } else {
        await_push(download);
    }
}

static void open_blob(struct model_download *download, const char *sha256)
{
    snprintf(download->sha256, sizeof download->sha256, "%s", sha256);
    exchange_submit(download->exchange, NO_LANE, run_open, done_open);
}

static void on_pushed(void *arg, const cJSON *data, const struct refusal *refusal)
{
    struct model_download *download = arg;
    const char *sha256 = json_text(data, "sha256");
    download->pushed = true;
    if (refusal)
        exchange_refuse(download->exchange, refusal);
    else if (!sha256)
        exchange_error(download->exchange, 503, "no memory");
    else
        open_blob(download, sha256);
}

static void await_push(struct model_download *download)
{
    struct exchange *exchange = download->exchange;
    struct refusal refusal;
    if (inference_router_push(exchange->broker, exchange->args[0], exchange_query(exchange, "node"), on_pushed,
                              download, &refusal))
        exchange_refuse(exchange, &refusal);
}

static void download_release(void *context)
{
    struct model_download *download = context;
    model_export_release(&download->export);
}

static void send_weights(struct exchange *exchange, const char *format)
{
    const char *model = exchange->args[0], *node = exchange_query(exchange, "node");
    struct model_download *download = exchange_context(exchange, sizeof *download, download_release);
    if (!download)
        return;
    download->exchange = exchange;
    download->format = format;
    const char *sha256 = models_digest(exchange->broker->models, model, node);
    if (sha256)
        open_blob(download, sha256);
    else
        await_push(download);
}

void handle_model_file(struct exchange *exchange)
{
    const char *model = exchange->args[0], *what = exchange->args[1];
    size_t size = strlen(model);
    struct broker *broker = exchange->broker;
    int status = 0;
    const char *node = exchange_query(exchange, "node");
    if (!name_is_valid(model))
        exchange_error(exchange, 404, "there is no model '%.80s'", model);
    else if (node && !name_is_valid(node))
        exchange_error(exchange, 404, "Node '%.80s' not found", node);
    else if (!strcmp(what, "log"))
        status = store_read_text(broker, STORE_LOG, model, on_log, exchange);
    else if (!strcmp(what, "report"))
        status = store_read_text(broker, STORE_REPORT, model, on_report, exchange);
    else if (!strncmp(what, model, size) && !strcmp(what + size, ".pth"))
        send_weights(exchange, NULL);
    else if (model_export_format(model, what))
        send_weights(exchange, model_export_format(model, what));
    else
        exchange_error(exchange, 404,
                       "a model has no '%.80s' here, only '%s.pth', .safetensors, .onnx, 'log' and 'report'", what,
                       model);
    if (status)
        exchange_error(exchange, 503, "no memory");
}
