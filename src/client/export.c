/* `dcls client export`: fetches a model's weights and writes them in the format asked for. The conversion is done here,
 * so that any broker and any node serve for it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "api.h"
#include "client.h"
#include "commands.h"
#include "dcls/base/fs.h"
#include "dcls/net/http_client.h"
#include "dcls/base/sha256.h"
#include "dcls/nn/export.h"
#include "dcls/proto/json.h"
#include "dcls/proto/name.h"
#include "interrupt.h"

#define WEIGHTS_MAX ((int64_t)2 << 30)
#define IMAGE_SIZE_DEFAULT 224 /* of models that do not say */

static const char *const formats[] = {
    [EXPORT_PTH] = "pth", [EXPORT_SAFETENSORS] = "safetensors", [EXPORT_ONNX] = "onnx"
};
#define FORMAT_COUNT (int)(sizeof formats / sizeof *formats)

struct export
{
    const char *model, *node, *output;
    char default_output[NAME_SIZE + 16];
    enum export_format format;
    bool no_fold;
};

/* What was not said of the file: its format by its name, or its name by its format. */
static void settle_output(struct export *export, const char *format)
{
    const char *dot = export->output ? strrchr(export->output, '.') : NULL;
    if (!format)
        format = dot ? dot + 1 : "";
    export->format = EXPORT_PTH;
    for (int i = 0; i < FORMAT_COUNT; i++)
        if (!strcasecmp(format, formats[i]))
            export->format = (enum export_format)i;
    if (!export->output) {
        snprintf(export->default_output, sizeof export->default_output, "%s.%s", export->model,
                 formats[export->format]);
        export->output = export->default_output;
    }
}

/* The result is as options_parse's. */
static int parse(struct client *client, struct export *export, int argc, char **argv, int *status)
{
    const char *format = NULL;
    const struct command_option table[] = {
        { "output", OPTION_TEXT, "FILE", &export->output, .help = "where to write", .letter = 'o',
          .absent = "MODEL.FORMAT" },
        { "format", OPTION_CHOICE, NULL, &format, .help = "of the file", .choices = "pth|safetensors|onnx",
          .absent = "by the end of FILE's name, else pth" },
        { "no-fold", OPTION_SWITCH, NULL, &export->no_fold,
          .help = "ONNX: keep batch norm as nodes of its own instead of in the convolutions" },
        { "node", OPTION_TEXT, "NAME", &export->node,
          .help = "whose model, where nodes hold different ones of that name", .take = name_take },
        { 0 },
    };
    const struct command_line line = {
        .summary = "Saves a model's weights: for PyTorch (.pth), without pickles (.safetensors), or as an ONNX model "
                   "that runs by itself.",
        .tables = { table },
    };
    struct err err = ERR_INIT;
    if (client_parse_model(client, &line, argc, argv, &export->model, status))
        return -1;
    settle_output(export, format);
    if (!export->no_fold || export->format == EXPORT_ONNX)
        return 0;
    err_set(&err, "--no-fold is for the format onnx, not for %s", formats[export->format]);
    *status = client_wrong(argv[0], &err);
    return -1;
}

static bool holds(const cJSON *model, const char *node)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(model, "nodes"))
    {
        const char *name = cJSON_GetStringValue(item);
        if (name && !strcmp(name, node))
            return true;
    }
    return false;
}

/* The one model of GET /models that is meant. */
static const cJSON *find_model(const struct export *export, const cJSON *models, struct err *err)
{
    const cJSON *item, *found = NULL;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(models, "models"))
    {
        if (strcmp(api_text(item, "name"), export->model) || (export->node && !holds(item, export->node)))
            continue;
        if (found) {
            err_set(err, "nodes hold different models '%s': say whose by --node", export->model);
            return NULL;
        }
        found = item;
    }
    if (!found)
        err_set(err, "there is no model '%s'%s%s%s", export->model, export->node ? " on node '" : "",
                export->node ? export->node : "", export->node ? "'" : "");
    return found;
}

/* A model's type and image size that the list does not tell stand in its report. */
static int complete_spec(const char *model, const cJSON *report, struct export_spec *spec, struct err *err)
{
    const cJSON *arguments = cJSON_GetObjectItemCaseSensitive(report, "arguments");
    if (!*spec->type)
        spec->type = api_text(arguments, "base_model");
    if (!spec->image_size)
        spec->image_size = json_int(report, "image_size", IMAGE_SIZE_DEFAULT);
    if (!*spec->type)
        return err_set(err, "nothing tells of which type the model '%s' is", model);
    if (spec->image_size < 1 || spec->image_size > 8192)
        return err_set(err, "the model '%s' has an impossible image size", model);
    return 0;
}

/* Names of the classes, which the list need not hold; the array alone is the caller's to free. */
static const char **list_classes(const cJSON *model, int *count)
{
    const cJSON *classes = cJSON_GetObjectItemCaseSensitive(model, "classes"), *item;
    const char **names = calloc((size_t)cJSON_GetArraySize(classes) + 1, sizeof *names);
    *count = 0;
    cJSON_ArrayForEach(item, classes) if (names && cJSON_IsString(item)) names[(*count)++] = item->valuestring;
    return names;
}

/* The model's weights into the file `path`. */
static int fetch(const struct client *client, const struct export *export, const char *sha256, const char *path,
                 struct err *err)
{
    struct buf url;
    int status = -1;
    buf_init(&url, API_PATH_MAX);
    if (buf_puts(&url, client->api) || buf_puts(&url, "/models/") || api_add_segment(&url, export->model) ||
        buf_puts(&url, "/") || api_add_segment(&url, export->model) || buf_puts(&url, ".pth") ||
        (export->node && (buf_puts(&url, "?node=") || api_add_segment(&url, export->node))))
        err_set(err, "the address of the model is too long");
    else
        status = http_download(buf_text(&url), path, sha256_is_hex(sha256) ? sha256 : NULL, WEIGHTS_MAX,
                               interrupt_flag(), err);
    buf_release(&url);
    return status;
}

static int tell(const struct client *client, const struct export *export, const struct export_spec *spec, int classes)
{
    double bytes = (double)fs_size(export->output);
    if (!client->json) {
        printf("model '%s' (%s, %d classes) is saved as '%s', %.1f MB\n", export->model, spec->type, classes,
               export->output, bytes / 1e6);
        return EXIT_DONE;
    }
    cJSON *document = cJSON_CreateObject();
    cJSON_AddStringToObject(document, "model", export->model);
    cJSON_AddStringToObject(document, "type", spec->type);
    cJSON_AddNumberToObject(document, "classes", classes);
    cJSON_AddStringToObject(document, "format", formats[export->format]);
    cJSON_AddStringToObject(document, "file", export->output);
    cJSON_AddNumberToObject(document, "bytes", bytes);
    int status = client_print_json(document);
    cJSON_Delete(document);
    return status;
}

/* Fetches beside the output and converts; nothing but the output stays. */
static int run(const struct client *client, const struct export *export, const cJSON *model, struct export_spec *spec,
               int *classes, struct err *err)
{
    char *weights = NULL, *part = NULL;
    int status = -1;
    if (asprintf(&weights, "%s.download", export->output) < 0)
        weights = NULL;
    if (weights && asprintf(&part, "%s.part", weights) < 0)
        part = NULL;
    if (!weights || !part) {
        err_set(err, "no memory");
        goto out;
    }
    if (!fetch(client, export, api_text(model, "sha256"), weights, err))
        status = export_run(weights, export->output, spec, classes, err);
    unlink(weights);
    unlink(part);
out:
    free(weights);
    free(part);
    return status;
}

int client_export(int argc, char **argv)
{
    struct client client;
    struct export export = { .model = NULL };
    struct err err = ERR_INIT;
    cJSON *models = NULL, *report = NULL;
    const char **names = NULL;
    const cJSON *model;
    int status, classes = 0;
    if (parse(&client, &export, argc, argv, &status))
        return status;
    status = EXIT_FAILED;
    interrupt_catch();
    if (!(models = api_get(&client, "/models", &err)) || !(model = find_model(&export, models, &err)))
        goto out;
    struct export_spec spec = { .format = export.format,
                                .type = api_text(model, "type"),
                                .image_size = json_int(model, "imageSize", 0),
                                .fold = !export.no_fold };
    if ((!*spec.type || !spec.image_size) &&
        !(report = api_call_named(&client, "GET", "/models/", export.model, "/report", &err)))
        goto out;
    names = list_classes(model, &spec.class_count);
    spec.classes = spec.class_count ? names : NULL;
    if (complete_spec(export.model, report, &spec, &err) || run(&client, &export, model, &spec, &classes, &err))
        goto out;
    status = tell(&client, &export, &spec, classes);
out:
    if (*err.text) {
        if (*interrupt_flag())
            err_set(&err, "interrupted: nothing was saved");
        status = *interrupt_flag() ? EXIT_INTERRUPTED : EXIT_FAILED;
        client_fail(&err);
    }
    free(names);
    cJSON_Delete(report);
    cJSON_Delete(models);
    return status;
}
