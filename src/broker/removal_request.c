/* The answer of a deletion. */
#include "removal_request.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker.h"
#include "dcls/base/buf.h"
#include "dcls/net/timer.h"
#include "dcls/proto/json.h"
#include "models.h"

void removal_request_free(struct removal_request *request)
{
    cJSON_Delete(request->nodes);
    cJSON_Delete(request->pending);
    cJSON_Delete(request->failed);
    timer_free(request->timer);
    free(request);
}

struct removal_request *removal_request_new(struct broker *broker, const char *model, void (*late)(void *arg),
                                            model_removed *done, void *arg)
{
    struct removal_request *request = calloc(1, sizeof *request);
    if (!request)
        return NULL;
    *request = (struct removal_request){ .broker = broker, .open = 1, .done = done, .arg = arg };
    snprintf(request->model, sizeof request->model, "%s", model);
    request->nodes = cJSON_CreateArray();
    request->pending = cJSON_CreateArray();
    request->failed = cJSON_CreateArray();
    request->timer = timer_new(broker->base, late, request);
    if (request->nodes && request->pending && request->failed && request->timer)
        return request;
    removal_request_free(request);
    return NULL;
}

static void add_names(struct buf *text, const char *what, const cJSON *names)
{
    const cJSON *name;
    cJSON_ArrayForEach(name, names)
    {
        buf_printf(text, "%s'%s'", name == names->child ? what : ", ", name->valuestring);
    }
}

/* One line for people: which nodes failed and why, and how far it came. */
static void add_error(cJSON *answer, const struct removal_request *request)
{
    const cJSON *failed;
    struct buf text;
    buf_init(&text, 4096);
    cJSON_ArrayForEach(failed, request->failed)
    {
        buf_printf(&text, "%snode '%s' did not remove model '%s': %s", text.len ? "; " : "", json_text(failed, "node"),
                   request->model, json_text(failed, "reason"));
    }
    add_names(&text, "; it is removed at ", request->nodes);
    add_names(&text, "; it will be when they are back at ", request->pending);
    cJSON_AddStringToObject(answer, "error", buf_text(&text));
    buf_release(&text);
}

static void answer(struct removal_request *request)
{
    bool failed = cJSON_GetArraySize(request->failed) > 0, pending = cJSON_GetArraySize(request->pending) > 0;
    int status = pending ? 202 : 200;
    if (failed)
        status = request->status;
    models_forget(request->broker->models, request->model);
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "model", request->model);
    cJSON_AddBoolToObject(object, "removed", status == 200);
    if (failed)
        add_error(object, request);
    if (object) {
        json_add(object, "nodes", request->nodes);
        request->nodes = NULL;
    }
    if (object && pending) {
        json_add(object, "pending", request->pending);
        request->pending = NULL;
    }
    if (object && failed) {
        json_add(object, "failed", request->failed);
        request->failed = NULL;
    }
    request->done(request->arg, status, object);
    removal_request_free(request);
}

void removal_request_release(struct removal_request *request)
{
    assert(request->open > 0);
    if (!--request->open)
        answer(request);
}

/* A node may have a model and what a training left. */
static void add_name(cJSON *names, const char *node)
{
    const cJSON *name;
    cJSON_ArrayForEach(name, names)
    {
        if (!strcmp(name->valuestring, node))
            return;
    }
    json_append(names, cJSON_CreateString(node));
}

void removal_request_done(struct removal_request *request, const char *node)
{
    add_name(request->nodes, node);
}

void removal_request_pending(struct removal_request *request, const char *node)
{
    add_name(request->pending, node);
}

void removal_request_failed(struct removal_request *request, const char *node, int status, const char *why)
{
    cJSON *failed = cJSON_CreateObject();
    cJSON_AddStringToObject(failed, "node", node);
    cJSON_AddStringToObject(failed, "reason", why);
    json_append(request->failed, failed);
    request->status = request->status ? request->status : status;
}
