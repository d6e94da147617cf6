/* GET /nodes/NAME/dataset, GET /nodes/NAME/image and GET /models/NAME/answers: what a node trains on, and what its
 * models answered, as the node tells it. */
#include <stdlib.h>
#include <string.h>

#include "dcls/base/base64.h"
#include "dcls/base/sha256.h"
#include "dcls/base/thumbnail_width.h"
#include "dcls/proto/json.h"
#include "dcls/proto/name.h"
#include "handlers.h"
#include "negotiation.h"
#include "query_number.h"
#include "src/broker/inference_router.h"

#define WIDTH_DEFAULT 160
#define INDEX_MAX 1000000000
#define LIMIT_MAX 1000
#define LIMIT_DEFAULT 50
#define CLASS_MAX 256 /* bytes of a class's name */
#define FRESH "private, max-age=60"

static int take_integer(const struct exchange *exchange, const char *name, int min, int max, int fallback, int *value,
                        struct err *err)
{
    int64_t number;
    int status = query_number(exchange, name, min, max, fallback, &number, err);
    *value = (int)number;
    return status;
}

/* `data` with who told it. */
static void answer(struct exchange *exchange, const char *model, const char *node, const cJSON *data)
{
    cJSON *object = cJSON_CreateObject();
    bool whole = (!model || cJSON_AddStringToObject(object, "model", model)) &&
                 (!node || cJSON_AddStringToObject(object, "node", node));
    for (const cJSON *item = data ? data->child : NULL; item && whole; item = item->next)
        whole = json_add(object, item->string, cJSON_Duplicate(item, true));
    exchange_object(exchange, 200, object, whole);
}

static void on_dataset(void *arg, const cJSON *data, const struct refusal *refusal)
{
    struct exchange *exchange = arg;
    if (refusal)
        exchange_refuse(exchange, refusal);
    else
        answer(exchange, NULL, exchange->args[0], data);
}

void handle_node_dataset(struct exchange *exchange)
{
    struct refusal refusal;
    if (inference_router_dataset(exchange->broker, exchange->args[0], on_dataset, exchange, &refusal))
        exchange_refuse(exchange, &refusal);
}

/* The tag says what the bytes are, so that it costs nothing to ask again once they are no longer fresh. */
static void on_image(void *arg, const cJSON *data, const struct refusal *refusal)
{
    struct exchange *exchange = arg;
    const char *text = json_text(data, "jpeg");
    char sha256[SHA256_HEX_SIZE], tag[SHA256_HEX_SIZE + 2];
    struct err err = ERR_INIT;
    size_t count;
    if (refusal) {
        exchange_refuse(exchange, refusal);
        return;
    }
    char *bytes = text ? base64_decode(text, &count) : NULL;
    if (!bytes) {
        exchange_error(exchange, 502, "node '%s' sent no image", exchange->args[0]);
        return;
    }
    if (sha256_bytes(bytes, count, sha256, &err)) {
        free(bytes);
        exchange_error(exchange, 503, "%s", err.text);
        return;
    }
    snprintf(tag, sizeof tag, "\"%.32s\"", sha256);
    exchange_add_header(exchange, "ETag", tag);
    exchange_add_header(exchange, "Cache-Control", FRESH);
    if (negotiation_has(exchange_header(exchange, "If-None-Match"), tag)) {
        free(bytes);
        exchange_empty(exchange, 304);
    } else {
        exchange_text(exchange, 200, "image/jpeg", bytes, count);
    }
}

void handle_node_image(struct exchange *exchange)
{
    struct image_request request = { .node = exchange->args[0], .split = exchange_query(exchange, "split") };
    struct refusal refusal;
    struct err err = ERR_INIT;
    if (!request.split || (strcmp(request.split, "train") && strcmp(request.split, "test")))
        err_set(&err, "'split' must be 'train' or 'test'");
    else if (!exchange_query(exchange, "index"))
        err_set(&err, "'index' is missing");
    else if (!take_integer(exchange, "index", 0, INDEX_MAX, 0, &request.index, &err))
        take_integer(exchange, "width", THUMBNAIL_WIDTH_MIN, THUMBNAIL_WIDTH_MAX, WIDTH_DEFAULT, &request.width, &err);
    if (*err.text)
        exchange_error(exchange, 400, "%s", err.text);
    else if (inference_router_image(exchange->broker, &request, on_image, exchange, &refusal))
        exchange_refuse(exchange, &refusal);
}

struct answers_view {
    struct exchange *exchange;
    char node[NAME_SIZE]; /* that was asked */
};

static void on_answers(void *arg, const cJSON *data, const struct refusal *refusal)
{
    const struct answers_view *view = arg;
    struct exchange *exchange = view->exchange;
    if (refusal)
        exchange_refuse(exchange, refusal);
    else
        answer(exchange, exchange->args[0], view->node, data);
}

static int take_class(const struct exchange *exchange, const char *name, const char **value, struct err *err)
{
    *value = exchange_query(exchange, name);
    if (*value && strlen(*value) > CLASS_MAX)
        return err_set(err, "'%s' has more than %d bytes", name, CLASS_MAX);
    return 0;
}

void handle_model_answers(struct exchange *exchange)
{
    struct answers_request request = { .model = exchange->args[0], .node = exchange_query(exchange, "node") };
    struct refusal refusal;
    struct err err = ERR_INIT;
    int wrong = 0;
    if (take_class(exchange, "label", &request.label, &err) ||
        take_class(exchange, "predicted", &request.predicted, &err) ||
        take_integer(exchange, "wrong", 0, 1, 0, &wrong, &err) ||
        take_integer(exchange, "limit", 1, LIMIT_MAX, LIMIT_DEFAULT, &request.limit, &err) ||
        take_integer(exchange, "offset", 0, INDEX_MAX, 0, &request.offset, &err)) {
        exchange_error(exchange, 400, "%s", err.text);
        return;
    }
    request.wrong = wrong;
    struct answers_view *view = exchange_context(exchange, sizeof *view, NULL);
    if (!view)
        return;
    view->exchange = exchange;
    if (!name_is_valid(request.model))
        exchange_error(exchange, 404, "there is no model '%.80s'", request.model);
    else if (inference_router_answers(exchange->broker, &request, on_answers, view, view->node, &refusal))
        exchange_refuse(exchange, &refusal);
}
