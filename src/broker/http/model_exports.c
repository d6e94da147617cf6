/* What the model list does not tell of a model (of which type, for which images) stands in its report, as for
 * `dcls client export`. */
#include "model_exports.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dcls/net/helper.h"
#include "dcls/proto/json.h"
#include "exchange.h"
#include "src/broker/broker.h"
#include "src/broker/models.h"
#include "src/broker/store.h"

#define WAIT_MS 150000 /* for its turn; longer than one may take, so that a slow one costs those behind it nothing */
#define DEADLINE_MS 120000
#define EXPORTS_MAX 8 /* from their beginning to the end of their download, each a file as large as the model */
#define MEMORY_MAX ((int64_t)1 << 30) /* bytes of those that lie in memory; a larger model's lies there alone */
#define IMAGE_SIZE_DEFAULT 224        /* of models that do not say */

struct model_exports {
    struct broker *broker;
    struct helper *helper;
    int count;
    int64_t memory; /* bytes, of all of them */
};

static const char *const formats[] = { "safetensors", "onnx" };

struct model_exports *model_exports_new(struct broker *broker)
{
    struct model_exports *exports = calloc(1, sizeof *exports);
    if (!exports)
        return NULL;
    exports->broker = broker;
    if ((exports->helper = helper_new(broker->base, EXPORTS_MAX)))
        return exports;
    free(exports);
    return NULL;
}

void model_exports_stop(struct model_exports *exports)
{
    helper_stop(exports->helper);
}

void model_exports_free(struct model_exports *exports)
{
    if (!exports)
        return;
    assert(!exports->count);
    helper_free(exports->helper);
    free(exports);
}

const char *model_export_format(const char *model, const char *file)
{
    size_t size = strlen(model);
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (!strncmp(file, model, size) && file[size] == '.' && !strcmp(file + size + 1, formats[i]))
            return formats[i];
    return NULL;
}

void model_export_release(struct model_export *export)
{
    if (!export->exports)
        return;
    export->exports->count--;
    export->exports->memory -= export->memory;
    if (export->weights >= 0)
        close(export->weights);
    if (export->out >= 0)
        close(export->out);
    cJSON_Delete(export->request);
    *export = (struct model_export){ 0 };
}

static void send_file(struct model_export *export)
{
    struct exchange *exchange = export->exchange;
    struct stat info;
    char header[160], tag[SHA256_HEX_SIZE + 16];
    if (fstat(export->out, &info) || info.st_size < 1) {
        exchange_error(exchange, 500, "the exported file was lost");
        return;
    }
    snprintf(header, sizeof header, "attachment; filename=\"%s.%s\"", exchange->args[0], export->format);
    exchange_add_header(exchange, "Content-Disposition", header);
    int out = export->out;
    export->out = -1;
    snprintf(tag, sizeof tag, "%s-%s", export->sha256, export->format);
    exchange_tagged_file(exchange, out, info.st_size, "application/octet-stream", tag, false);
}

static void refuse_for_now(struct exchange *exchange, const char *why)
{
    exchange_add_header(exchange, "Retry-After", "5");
    exchange_error(exchange, 503, "%s", why);
}

static void on_made(void *arg, enum helper_outcome outcome, const cJSON *answer, const struct err *why)
{
    struct model_export *export = arg;
    int status = helper_status(answer, 422);
    switch (outcome) {
    case HELPER_DONE: send_file(export); break;
    case HELPER_REFUSED:
        if (status == 503)
            refuse_for_now(export->exchange, why->text);
        else
            exchange_error(export->exchange, status, "%s", why->text);
        break;
    case HELPER_LATE: exchange_error(export->exchange, 504, "%s", why->text); break;
    case HELPER_ENDED: exchange_error(export->exchange, 500, "%s", why->text); break;
    case HELPER_NOT_ASKED:
    case HELPER_DROPPED: refuse_for_now(export->exchange, why->text); break;
    }
}

static bool is_wanted(void *arg)
{
    const struct model_export *export = arg;
    return exchange_is_awaited(export->exchange);
}

/* On a disk where the state is, and in memory where that has no files without names. */
static int run_open(void *arg, const atomic_bool *stop, struct err *err)
{
    struct model_export *export = arg;
    struct stat info;
    (void)stop;
    export->out = open(export->exports->broker->state, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (export->out >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
        return export->out < 0 ? err_set(err, "no file to export into: %s", strerror(errno)) : 0;
    if (fstat(export->weights, &info) || (export->out = memfd_create("export", MFD_CLOEXEC)) < 0)
        return err_set(err, "no file to export into: %s", strerror(errno));
    export->memory = info.st_size;
    return 0;
}

/* Counts what lies in memory; -1 where it is too much with what others have there. */
static int take_memory(struct model_export *export)
{
    struct model_exports *exports = export->exports;
    if (export->memory && exports->memory && exports->memory + export->memory > MEMORY_MAX) {
        export->memory = 0;
        return -1;
    }
    exports->memory += export->memory;
    return 0;
}

static void done_open(void *arg, int result, const struct err *err)
{
    struct model_export *export = arg;
    struct err why = ERR_INIT;
    const struct helper_request request = { .json = export->request,
                                            .files = { export->weights, export->out },
                                            .file_count = 2,
                                            .wait_ms = WAIT_MS,
                                            .deadline_ms = DEADLINE_MS,
                                            .arg = export,
                                            .wanted = is_wanted,
                                            .done = on_made };
    if (take_memory(export))
        refuse_for_now(export->exchange, "too much is exported in memory already");
    else if (result)
        exchange_error(export->exchange, 500, "%s", err->text);
    else if (helper_ask(export->exports->helper, &request, &why))
        refuse_for_now(export->exchange, why.text);
}

/* With what its report tells, where there is one. */
static void on_report(void *arg, bool ok, const char *text)
{
    struct model_export *export = arg;
    struct exchange *exchange = export->exchange;
    cJSON *report = ok && text ? json_parse(text, strlen(text), NULL) : NULL;
    const cJSON *arguments = cJSON_GetObjectItemCaseSensitive(report, "arguments");
    const char *type = json_text(export->request, "type");
    if (!type)
        type = json_text(arguments, "base_model");
    double size = json_number(export->request, "imageSize", json_number(report, "image_size", IMAGE_SIZE_DEFAULT));
    bool whole = true;
    if (!json_text(export->request, "type") && type)
        whole = cJSON_AddStringToObject(export->request, "type", type);
    if (!cJSON_GetObjectItemCaseSensitive(export->request, "imageSize"))
        whole = cJSON_AddNumberToObject(export->request, "imageSize", size) && whole;
    if (!type)
        exchange_error(exchange, 409, "nothing tells of which type the model '%s' is", exchange->args[0]);
    else if (!whole)
        exchange_error(exchange, 503, "no memory");
    else if (!thread_pool_submit(exchange->broker->pool, NO_LANE, run_open, done_open, export))
        exchange_error(exchange, 503, "too much is under way");
    cJSON_Delete(report);
}

static const cJSON *info_of(const struct models *models, const char *name, const char *sha256)
{
    const struct model *model = models_first_of(models, name);
    while (model && strcmp(model->sha256, sha256))
        model = models_next_of(model);
    return model ? model->info : NULL;
}

/* {"request", "format", "type", "imageSize", "classes"}, the last three as far as the list of models has them. */
static cJSON *make_request(const char *format, const cJSON *info)
{
    static const char *const names[] = { "type", "imageSize", "classes" };
    cJSON *request = cJSON_CreateObject();
    bool whole =
        cJSON_AddStringToObject(request, "request", "export") && cJSON_AddStringToObject(request, "format", format);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const cJSON *member = cJSON_GetObjectItemCaseSensitive(info, names[i]);
        if (member)
            whole = json_add(request, names[i], cJSON_Duplicate(member, true)) && whole;
    }
    if (whole)
        return request;
    cJSON_Delete(request);
    return NULL;
}

void model_export_start(struct model_exports *exports, struct model_export *export, struct exchange *exchange,
                        const char *format, const char *model, const char *sha256, int weights)
{
    assert(!export->exports);
    *export = (struct model_export){ .exports = exports, .exchange = exchange, .format = format, .weights = weights };
    export->out = -1;
    snprintf(export->sha256, sizeof export->sha256, "%s", sha256);
    bool full = exports->count++ >= EXPORTS_MAX;
    export->request = make_request(format, info_of(exports->broker->models, model, sha256));
    if (full) {
        refuse_for_now(exchange, "too many models are exported or downloaded so already");
    } else if (!export->request || store_read_text(exports->broker, STORE_REPORT, model, on_report, export)) {
        exchange_error(exchange, 503, "no memory");
    }
}
