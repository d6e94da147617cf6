/* The table of endpoints, and how a path is compared with a row: see routes.h. */
#include "routes.h"

#include <event2/http.h>
#include <stdlib.h>
#include <string.h>

#include "handlers.h"

#define MIB ((size_t)1024 * 1024)

const struct route route_table[] = {
    { "GET", "/", handle_page, 0, false, SHARE_CLIENTS },
    { "GET", "/page/*", handle_page, 0, false, SHARE_CLIENTS },
    { "GET", "/nodes", handle_nodes, 0, true, SHARE_CLIENTS },
    { "DELETE", "/nodes/*", handle_node_forget, 0, false, SHARE_CLIENTS },
    { "GET", "/nodes/*/dataset", handle_node_dataset, 0, false, SHARE_CLIENTS },
    { "GET", "/nodes/*/image", handle_node_image, 0, false, SHARE_CLIENTS },
    { "GET", "/images", handle_images, 0, true, SHARE_CLIENTS },
    { "GET", "/image", handle_image, 0, true, SHARE_NODES },
    { "GET", "/get_json", handle_get_json, 0, true, SHARE_CLIENTS },
    { "POST", "/train", handle_train, 4 * MIB, true, SHARE_CLIENTS },
    { "POST", "/inference", handle_inference, 32 * MIB, true, SHARE_CLIENTS },
    { "GET", "/jobs", handle_jobs, 0, false, SHARE_CLIENTS },
    { "GET", "/jobs/*", handle_job, 0, false, SHARE_CLIENTS },
    { "DELETE", "/jobs/*", handle_job_cancel, 0, false, SHARE_CLIENTS },
    { "GET", "/jobs/*/events", handle_job_events, 0, false, SHARE_STREAMS },
    { "GET", "/events", handle_events, 0, false, SHARE_STREAMS },
    { "GET", "/models", handle_models, 0, false, SHARE_CLIENTS },
    { "DELETE", "/models/*", handle_model_remove, 0, false, SHARE_CLIENTS },
    { "GET", "/models/*/answers", handle_model_answers, 0, false, SHARE_CLIENTS },
    { "GET", "/models/*/*", handle_model_file, 0, false, SHARE_CLIENTS },
    { "GET", "/blobs/*", handle_blob_get, 0, false, SHARE_NODES },
    { "PUT", "/blobs/*", handle_blob_put, 4 * MIB, false, SHARE_NODES },
    { "GET", "/dataset", handle_dataset, 0, false, SHARE_NODES },
    { "GET", "/options", handle_options, 0, false, SHARE_CLIENTS },
    { "GET", "/metrics", handle_metrics, 0, false, SHARE_NODES },
    { "GET", "/healthz", handle_healthz, 0, false, SHARE_NODES },
};
const size_t route_count = sizeof route_table / sizeof *route_table;

/* One decoded path segment; NULL where it is empty or decodes to a NUL or a slash (no name has either). */
static char *decode(const char *segment, size_t count)
{
    char *raw = strndup(segment, count);
    if (!raw)
        return NULL;
    size_t size = 0;
    char *text = evhttp_uridecode(raw, 0, &size);
    free(raw);
    if (text && (size == 0 || strlen(text) != size || strchr(text, '/'))) {
        free(text);
        text = NULL;
    }
    return text;
}

enum match route_match(const struct route *route, const char *method, const char *path, char *args[EXCHANGE_ARGS])
{
    const char *pattern = route->path;
    char *found[EXCHANGE_ARGS] = { NULL };
    int count = 0;
    while (*pattern && *pattern == (*path ? *path : '\1')) {
        pattern++;
        path++;
        if (*pattern != '*' || pattern[-1] != '/')
            continue;
        size_t size = strcspn(path, "/");
        char *text = count < EXCHANGE_ARGS ? decode(path, size) : NULL;
        if (!text)
            break;
        found[count++] = text;
        pattern++;
        path += size;
    }
    enum match match = MATCH_NONE;
    if (!*pattern && !*path) {
        bool same = !strcmp(method, route->method) || (!strcmp(method, "HEAD") && !strcmp(route->method, "GET"));
        match = same ? MATCH_ROUTE : MATCH_PATH;
    }
    for (int i = 0; i < EXCHANGE_ARGS; i++) {
        if (match == MATCH_NONE || !args) {
            free(found[i]);
            found[i] = NULL;
        }
        if (args)
            args[i] = found[i];
    }
    return match;
}
