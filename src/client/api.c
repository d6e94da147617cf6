/* See api.h. */
#include "api.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/net/http_client.h"
#include "dcls/proto/json.h"

/* The broker answers everything but a blocking training within 15 s. */
#define ANSWER_S 60
#define MAX_ANSWER ((size_t)64 * 1024 * 1024)

int api_add_segment(struct buf *path, const char *name)
{
    char *escaped = http_escape(name);
    int status = escaped ? buf_puts(path, escaped) : -1;
    free(escaped);
    return status;
}

int api_add_query(struct buf *path, const char *key, const char *value)
{
    if (!value)
        return 0;
    const char *mark = strchr(buf_text(path), '?') ? "&" : "?";
    if (buf_puts(path, mark) || buf_puts(path, key) || buf_puts(path, "="))
        return -1;
    return api_add_segment(path, value);
}

int api_refusal(int status, const char *body, size_t size, struct err *err)
{
    cJSON *answer = cJSON_ParseWithLength(body, size);
    const char *said = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(answer, "error"));
    if (said && *said) {
        /* "Node 'x' not found" is what clients of the existing system expect; here errors are lower case. */
        bool capital = isupper((unsigned char)said[0]) && !isupper((unsigned char)said[1]);
        err_set(err, "%c%s", capital ? tolower((unsigned char)said[0]) : said[0], said + 1);
    } else {
        err_set(err, "the broker answered with HTTP status %d", status);
    }
    cJSON_Delete(answer);
    return -1;
}

int api_send(const struct client *client, const struct api_request *request, struct buf *answer, struct err *err)
{
    struct http_response response;
    struct buf url;
    char content_type[128];
    const char *headers[3] = { NULL };
    size_t count = 0;
    int status = -1;

    snprintf(content_type, sizeof content_type, "Content-Type: %s", request->content_type ? request->content_type : "");
    if (request->content_type)
        headers[count++] = content_type;
    if (request->async)
        headers[count++] = "Prefer: respond-async";
    buf_init(&url, API_PATH_MAX + 1024);
    if (buf_puts(&url, client->api) || buf_puts(&url, request->path)) {
        buf_release(&url);
        return err_set(err, "the address of the request is too long");
    }
    struct http_request sent = { .method = request->method,
                                 .url = buf_text(&url),
                                 .headers = headers,
                                 .body = request->body,
                                 .body_size = request->body_size,
                                 .timeout_s = ANSWER_S,
                                 .max_response = MAX_ANSWER };
    if (http_send(&sent, &response, err))
        goto out;
    if (response.status < 200 || response.status > 299)
        api_refusal(response.status, buf_text(&response.body), response.body.len, err);
    else if (buf_append(answer, buf_text(&response.body), response.body.len))
        err_set(err, "no memory for the broker's answer");
    else
        status = 0;
out:
    http_response_release(&response);
    buf_release(&url);
    return status;
}

cJSON *api_json(const struct client *client, const struct api_request *request, struct err *err)
{
    struct buf answer;
    cJSON *document = NULL;
    buf_init(&answer, MAX_ANSWER);
    if (!api_send(client, request, &answer, err)) {
        document = cJSON_ParseWithLength(buf_text(&answer), answer.len);
        if (!cJSON_IsObject(document)) {
            err_set(err, "'%s' answered with something that is no broker's: is it the right address?", client->api);
            cJSON_Delete(document);
            document = NULL;
        }
    }
    buf_release(&answer);
    return document;
}

cJSON *api_get(const struct client *client, const char *path, struct err *err)
{
    return api_json(client, &(struct api_request){ .path = path }, err);
}

cJSON *api_call_named(const struct client *client, const char *method, const char *prefix, const char *name,
                      const char *suffix, struct err *err)
{
    struct buf path;
    cJSON *answer = NULL;
    buf_init(&path, API_PATH_MAX);
    if (buf_puts(&path, prefix) || api_add_segment(&path, name) || buf_puts(&path, suffix))
        err_set(err, "'%.100s' is too long", name);
    else
        answer = api_json(client, &(struct api_request){ .method = method, .path = buf_text(&path) }, err);
    buf_release(&path);
    return answer;
}

const char *api_text(const cJSON *object, const char *name)
{
    const char *text = json_text(object, name);
    return text ? text : "";
}
