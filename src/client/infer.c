/* `dcls client infer`: each image is sent to the broker, or named where it is one of the broker's. One that fails does
 * not keep the others from being answered. */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api.h"
#include "client.h"
#include "commands.h"
#include "dcls/base/fs.h"
#include "dcls/proto/json.h"
#include "dcls/proto/name.h"
#include "text.h"

#define IMAGE_MAX ((size_t)32 * 1024 * 1024) /* what the broker takes */

struct infer {
    const char *model, *node;
    int top; /* 0: as the output's kind has it */
};

/* One that is no file here, but may be one of the broker's. */
static bool is_virtual(const char *image)
{
    return !fs_is_file(image) && (!strncmp(image, "images/", 7) || !strncmp(image, "./images/", 9));
}

/* The body of the request: the image itself, or JSON that names it. The caller frees it. */
static char *make_body(const struct infer *infer, const char *image, struct api_request *request, struct err *err)
{
    char *body = NULL;
    if (!is_virtual(image)) {
        request->content_type = "application/octet-stream";
        if (fs_read(image, IMAGE_MAX, &body, &request->body_size, err))
            return NULL;
        return body;
    }
    cJSON *object = cJSON_CreateObject();
    request->content_type = "application/json";
    if (cJSON_AddStringToObject(object, "imagePath", image) &&
        (!infer->model || cJSON_AddStringToObject(object, "modelName", infer->model)) &&
        (!infer->node || cJSON_AddStringToObject(object, "node", infer->node)))
        body = cJSON_PrintUnformatted(object);
    cJSON_Delete(object);
    if (!body)
        err_set(err, "no memory");
    else
        request->body_size = strlen(body);
    return body;
}

/* The inference report of one image, with its name as given. All classes are asked for, and cut here, so
 * that the columns of one model's answers have one width. */
static cJSON *classify(const struct client *client, const struct infer *infer, const char *image, struct err *err)
{
    struct api_request request = { .method = "POST" };
    struct buf path;
    cJSON *report = NULL;
    char *body = make_body(infer, image, &request, err);
    if (!body)
        return NULL;
    request.body = body;
    buf_init(&path, API_PATH_MAX);
    if (buf_puts(&path, "/inference") || api_add_query(&path, "model", infer->model) ||
        api_add_query(&path, "node", infer->node)) {
        err_set(err, "no memory");
        goto out;
    }
    request.path = buf_text(&path);
    report = api_json(client, &request, err);
    if (!report)
        goto out;
    cJSON *output = cJSON_GetObjectItemCaseSensitive(report, "output");
    if (!cJSON_IsArray(output) || cJSON_GetArraySize(output) == 0) {
        err_set(err, "the broker's answer holds no classes");
        cJSON_Delete(report);
        report = NULL;
        goto out;
    }
    while (client->json && infer->top > 0 && cJSON_GetArraySize(output) > infer->top)
        cJSON_DeleteItemFromArray(output, infer->top);
    cJSON_DeleteItemFromObjectCaseSensitive(report, "image");
    cJSON_AddStringToObject(report, "image", image);
out:
    buf_release(&path);
    free(body);
    return report;
}

static size_t class_columns(const cJSON *output)
{
    size_t widest = 0;
    const cJSON *pair;
    cJSON_ArrayForEach(pair, output)
    {
        const char *name = cJSON_GetStringValue(cJSON_GetArrayItem(pair, 0));
        size_t columns = name ? text_columns(name) : 0;
        widest = columns > widest ? columns : widest;
    }
    return widest;
}

static void print_report(const struct infer *infer, const char *image, size_t image_columns, const cJSON *report)
{
    const cJSON *output = cJSON_GetObjectItemCaseSensitive(report, "output"), *pair;
    size_t widest = class_columns(output), screen = text_screen(STDOUT_FILENO);
    bool is_narrow = screen && image_columns + widest + strlen("    100.00%") > screen;
    int top = infer->top > 0 ? infer->top : 1, line = 0;
    cJSON_ArrayForEach(pair, output)
    {
        const char *name = cJSON_GetStringValue(cJSON_GetArrayItem(pair, 0));
        const cJSON *probability = cJSON_GetArrayItem(pair, 1);
        if (line == top)
            break;
        const char *label = line++ == 0 ? image : "";
        size_t columns = text_columns(label);
        text_print(label, TEXT_ONE_LINE);
        /* Where both do not fit beside each other, the classes stand below. */
        if (is_narrow && *label)
            printf("\n  ");
        else
            printf("%*s", is_narrow ? 2 : (int)(image_columns - columns + 2), "");
        text_print(name ? name : "?", TEXT_ONE_LINE);
        printf("%*s%6.2f%%\n", (int)(widest - text_columns(name ? name : "?") + 2), "",
               cJSON_IsNumber(probability) ? 100 * probability->valuedouble : NAN);
    }
    fflush(stdout);
}

static int classify_all(const struct client *client, const struct infer *infer, int count, char **images)
{
    cJSON *all = cJSON_CreateArray();
    size_t image_columns = 0;
    int status = EXIT_DONE;
    for (int i = 0; i < count; i++) {
        size_t columns = text_columns(images[i]);
        image_columns = columns > image_columns ? columns : image_columns;
    }
    for (int i = 0; i < count; i++) {
        struct err err = ERR_INIT;
        cJSON *report = classify(client, infer, images[i], &err);
        if (report && !client->json)
            print_report(infer, images[i], image_columns, report);
        if (!report) {
            if (!strstr(err.text, images[i]))
                err_prefix(&err, "'%s'", images[i]);
            status = client_fail(&err);
            report = cJSON_CreateObject();
            cJSON_AddStringToObject(report, "image", images[i]);
            cJSON_AddStringToObject(report, "error", err.text);
        }
        json_append(all, report);
    }
    if (client->json && client_print_json(all) != EXIT_DONE)
        status = EXIT_FAILED;
    cJSON_Delete(all);
    return status;
}

int client_infer(int argc, char **argv)
{
    struct infer infer = { .model = NULL };
    const struct command_option table[] = {
        { "model", OPTION_TEXT, "MODEL", &infer.model, .help = "the model that answers", .take = name_take,
          .absent = "the newest completed one" },
        { "node", OPTION_TEXT, "NAME", &infer.node, .help = "the node that answers", .take = name_take,
          .absent = "the least busy one that has the model" },
        { "top", OPTION_INT, "K", &infer.top, .help = "so many classes an image, the most probable first", .min = 1,
          .max = INT_MAX, .absent = "1; with --json all" },
        { 0 },
    };
    const struct command_line line = {
        .operands = "IMAGE...",
        .summary = "Tells what each IMAGE shows: a file, or one of the broker's ('dcls client images').",
        .min_operands = 1,
        .max_operands = -1,
        .tables = { table },
    };
    struct client client;
    int first, status;
    if (client_parse(&client, &line, argc, argv, &first, &status))
        return status;
    return classify_all(&client, &infer, argc - first, argv + first);
}
