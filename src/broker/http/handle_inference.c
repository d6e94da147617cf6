/* POST /inference and GET /get_json. An image comes by its path, as JSON, or is uploaded, as the body or as a form; an
 * upload is kept until its answer is there, since the node fetches it. Which node was asked and how long it took are
 * headers: the answer itself is the node's, as the existing page knows it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dcls/base/clock.h"
#include "dcls/proto/name.h"
#include "handlers.h"
#include "multipart.h"
#include "query_number.h"
#include "src/broker/broker.h"
#include "src/broker/inference_router.h"
#include "src/broker/metrics.h"
#include "uploads.h"

#define TOP_MAX 1000000
#define PATH_SIZE 4096

struct inference_post {
    struct exchange *exchange;
    char model[NAME_SIZE], node[NAME_SIZE]; /* empty: not given */
    int64_t top;                            /* 0: all classes */
    char path[PATH_SIZE];                   /* as shown */
    struct upload *upload;                  /* NULL: the image is known by its path */
    char asked[NAME_SIZE];                  /* the node that is to answer */
    double asked_at;                        /* when, on clock_seconds */
};

static void inference_release(void *context)
{
    struct inference_post *inference = context;
    upload_free(inference->upload);
}

/* Also where it came to nothing: then that node is why. */
static void add_origin(const struct inference_post *inference)
{
    char timing[64];
    snprintf(timing, sizeof timing, "node;dur=%.1f", (clock_seconds() - inference->asked_at) * 1000);
    exchange_add_header(inference->exchange, "X-Dcls-Node", inference->asked);
    exchange_add_header(inference->exchange, "Server-Timing", timing);
}

static void on_report(void *arg, const cJSON *data, const struct refusal *refusal)
{
    struct inference_post *inference = arg;
    add_origin(inference);
    if (refusal) {
        exchange_refuse(inference->exchange, refusal);
        return;
    }
    cJSON *report = cJSON_Duplicate(data, true);
    cJSON *output = cJSON_GetObjectItemCaseSensitive(report, "output");
    if (inference->top > 0)
        while (cJSON_IsArray(output) && cJSON_GetArraySize(output) > inference->top)
            cJSON_DeleteItemFromArray(output, (int)inference->top);
    exchange_json(inference->exchange, 200, report);
}

static void ask(struct inference_post *inference)
{
    struct inference_request request = {
        .model = *inference->model ? inference->model : NULL,
        .node = *inference->node ? inference->node : NULL,
        .image_path = inference->path,
        .image_sha256 = inference->upload ? inference->upload->sha256 : NULL,
    };
    struct refusal refusal;
    inference->asked_at = clock_seconds();
    if (inference_router_infer(inference->exchange->broker, &request, on_report, inference, inference->asked,
                               &refusal)) {
        metrics_inference(inference->exchange->broker->metrics, "", "", INFERENCE_REFUSED, 0);
        exchange_refuse(inference->exchange, &refusal);
    }
}

static int run_hash(void *arg, const atomic_bool *stop, struct err *err)
{
    const struct inference_post *inference = arg;
    (void)stop;
    return upload_hash(inference->upload, err);
}

static void done_hash(void *arg, int result, const struct err *err)
{
    struct inference_post *inference = arg;
    struct upload *upload = inference->upload;
    if (result) {
        exchange_error(inference->exchange, 500, "%s", err->text);
        return;
    }
    snprintf(inference->path, sizeof inference->path, "sha256:%s", upload->sha256);
    upload_list(upload);
    ask(inference);
}

static void take_upload(struct inference_post *inference, const void *bytes, size_t count)
{
    struct exchange *exchange = inference->exchange;
    if (count == 0) {
        exchange_error(exchange, 400, "the image is empty");
    } else if (!(inference->upload = upload_new(exchange->http->uploads, bytes, count))) {
        exchange_add_header(exchange, "Retry-After", "1");
        exchange_error(exchange, 503, "no memory: too many images wait to be classified");
    } else {
        exchange_submit(exchange, NO_LANE, run_hash, done_hash);
    }
}

static int take_name(char name[NAME_SIZE], const char *what, const char *text, struct err *err)
{
    if (!text || !*text)
        return 0;
    if (!name_is_valid(text))
        return err_set(err, "'%s' '%.80s' must be letters, digits and . _ - (at most %d)", what, text, NAME_SIZE - 1);
    snprintf(name, NAME_SIZE, "%s", text);
    return 0;
}

static int take_query(struct inference_post *inference, struct err *err)
{
    if (query_number(inference->exchange, "top", 1, TOP_MAX, 0, &inference->top, err))
        return -1;
    if (take_name(inference->model, "model", exchange_query(inference->exchange, "model"), err))
        return -1;
    return take_name(inference->node, "node", exchange_query(inference->exchange, "node"), err);
}

/* A path that could lead a peer out of its image folder goes nowhere, even where the peer would refuse it too. */
static int take_path(struct inference_post *inference, const char *path, struct err *err)
{
    if (!path || !*path)
        return err_set(err, "'imagePath' is missing");
    if (strlen(path) >= PATH_SIZE)
        return err_set(err, "'imagePath' has more than %d bytes", PATH_SIZE - 1);
    for (const char *part = path; part; part = strchr(part, '/')) {
        part += *part == '/';
        if (part == path + 1 || (!strncmp(part, "..", 2) && (part[2] == '/' || !part[2])))
            return err_set(err, "'imagePath' '%.200s' does not lie below 'images/'", path);
    }
    snprintf(inference->path, sizeof inference->path, "%s", path);
    return 0;
}

static int take_json(struct inference_post *inference, struct err *err)
{
    cJSON *body = exchange_body_json(inference->exchange, err);
    if (!body)
        return -1;
    const cJSON *path = cJSON_GetObjectItemCaseSensitive(body, "imagePath");
    const cJSON *model = cJSON_GetObjectItemCaseSensitive(body, "modelName");
    const cJSON *node = cJSON_GetObjectItemCaseSensitive(body, "node");
    int status = 0;
    if ((model && !cJSON_IsString(model) && !cJSON_IsNull(model)) ||
        (node && !cJSON_IsString(node) && !cJSON_IsNull(node)))
        status = err_set(err, "'modelName' and 'node' must be strings");
    else if (take_path(inference, cJSON_GetStringValue(path), err) ||
             take_name(inference->model, "modelName", cJSON_GetStringValue(model), err) ||
             take_name(inference->node, "node", cJSON_GetStringValue(node), err))
        status = -1;
    cJSON_Delete(body);
    return status;
}

/* The first field "image" of a form. */
static int take_form(struct exchange *exchange, const char *type, const void **bytes, size_t *count, struct err *err)
{
    struct multipart multipart;
    struct multipart_part part;
    size_t size;
    const void *body = exchange_body(exchange, &size);
    if (multipart_init(&multipart, type, body, size, err))
        return -1;
    int more;
    while ((more = multipart_next(&multipart, &part, err)) > 0) {
        if (strcmp(part.name, "image"))
            continue;
        *bytes = part.bytes;
        *count = part.count;
        return 0;
    }
    return more < 0 ? -1 : err_set(err, "the form has no field 'image'");
}

static bool is_raw(const char *type)
{
    return type && (!strncasecmp(type, "image/", 6) || !strncasecmp(type, "application/octet-stream", 24));
}

void handle_inference(struct exchange *exchange)
{
    struct err err = ERR_INIT;
    struct inference_post *inference = exchange_context(exchange, sizeof *inference, inference_release);
    if (!inference)
        return;
    inference->exchange = exchange;
    const char *type = exchange_header(exchange, "Content-Type");
    const void *bytes = NULL;
    size_t count = 0;
    bool form = multipart_is(type), raw = is_raw(type);
    if (raw)
        bytes = exchange_body(exchange, &count);
    if (take_query(inference, &err) || (form && take_form(exchange, type, &bytes, &count, &err)) ||
        (!form && !raw && take_json(inference, &err)))
        exchange_error(exchange, 400, "%s", err.text);
    else if (form || raw)
        take_upload(inference, bytes, count);
    else
        ask(inference);
}

static void on_json(void *arg, const cJSON *data, const struct refusal *refusal)
{
    if (refusal)
        exchange_refuse(arg, refusal);
    else
        exchange_json(arg, 200, cJSON_Duplicate(data, true));
}

void handle_get_json(struct exchange *exchange)
{
    const char *node = exchange_query(exchange, "node"), *json = exchange_query(exchange, "json");
    struct refusal refusal;
    if (!node || !*node || !json || !*json)
        exchange_error(exchange, 400, "Missing 'node' or 'json' parameter");
    else if (!name_is_valid(json))
        exchange_error(exchange, 404, "there is no model '%.80s'", json);
    else if (inference_router_report(exchange->broker, node, json, on_json, exchange, &refusal))
        exchange_refuse(exchange, &refusal);
}
