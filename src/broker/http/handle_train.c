/* POST /train: checks the request, has it queued, and answers when it is committed ("Prefer: respond-async"), or as
 * the existing implementation does, when the training has ended or after 120 s. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "blob_refs.h"
#include "dcls/net/timer.h"
#include "handlers.h"
#include "src/broker/blobs.h"
#include "src/broker/broker.h"
#include "src/broker/job_submit.h"
#include "src/broker/job_table.h"
#include "src/broker/lanes.h"
#include "src/broker/registry.h"

#define BLOCK_MS 120000

struct train_post {
    struct exchange *exchange;
    char type[NAME_SIZE], model[NAME_SIZE], node[NAME_SIZE]; /* empty: not given */
    struct train_options options;
    bool async;
    struct timer *deadline;
    struct jobs_waiter waiter;
};

static void train_release(void *context)
{
    struct train_post *train = context;
    jobs_shell_stop_waiting(train->exchange->broker, &train->waiter);
    timer_free(train->deadline);
}

/* A member that is a name; absent or null leaves `name` empty. */
static int take_name(const cJSON *body, const char *member, char name[NAME_SIZE], struct err *err)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(body, member);
    if (!item || cJSON_IsNull(item))
        return 0;
    const char *text = cJSON_GetStringValue(item);
    if (!text)
        return err_set(err, "'%s' must be a string", member);
    if (!name_is_valid(text))
        return err_set(err, "'%s' '%.80s' must be letters, digits and . _ - (at most %d)", member, text, NAME_SIZE - 1);
    snprintf(name, NAME_SIZE, "%s", text);
    return 0;
}

static int check_members(const cJSON *body, struct err *err)
{
    static const char *const known[] = { "node", "nodes", "modelName", "modelType" };
    const cJSON *item;
    cJSON_ArrayForEach(item, body)
    {
        bool found = train_option_by_name(item->string);
        for (size_t i = 0; i < sizeof known / sizeof *known && !found; i++)
            found = !strcmp(item->string, known[i]);
        if (!found)
            return err_set(err, "'%.80s' is no option of a training", item->string);
    }
    return 0;
}

/* Which types there are, the nodes say. */
static int take_type(struct train_post *train, const cJSON *body, struct err *err)
{
    if (take_name(body, "modelType", train->type, err))
        return -1;
    return *train->type ? 0 : err_set(err, "'modelType' is missing: resnet, or another type that a node offers");
}

static int check_weights(const char *weights, struct err *err)
{
    if (!strcmp(weights, "none") || !strcmp(weights, "imagenet") || blob_refs_of_weights(weights))
        return 0;
    return err_set(err, "'weights' '%.200s' is none of 'imagenet', 'none' and 'sha256:HEX' of an uploaded blob",
                   weights);
}

/* "nodes": "all" or a list of names; with exactly one it is "node". */
static int take_nodes(struct train_post *train, const cJSON *body, struct refusal *refusal)
{
    const cJSON *nodes = cJSON_GetObjectItemCaseSensitive(body, "nodes"), *item;
    if (!nodes || cJSON_IsNull(nodes))
        return 0;
    const char *only = NULL, *text = cJSON_GetStringValue(nodes);
    int count = 0;
    bool valid = cJSON_IsArray(nodes) && nodes->child;
    if (text && !strcmp(text, "all")) {
        const struct registry *registry = train->exchange->broker->registry;
        for (const struct node *node = registry_first(registry); node; node = registry_next(node), count++)
            only = node->name;
        if (!count)
            return refuse(refusal, 409, "no node is connected");
        valid = true;
    }
    cJSON_ArrayForEach(item, nodes)
    {
        only = cJSON_GetStringValue(item);
        valid = valid && only && name_is_valid(only);
        count++;
    }
    if (!valid)
        return refuse(refusal, 400, "'nodes' must be \"all\" or a list of names");
    if (count > 1)
        return refuse(refusal, 409, "training on several nodes is not offered by this version");
    if (*train->node && strcmp(train->node, only))
        return refuse(refusal, 400, "'node' and 'nodes' name different nodes");
    snprintf(train->node, sizeof train->node, "%s", only);
    return 0;
}

static int read_request(struct train_post *train, const cJSON *body, struct refusal *refusal)
{
    struct err *err = &refusal->err;
    train_options_init(&train->options);
    refusal->status = 400;
    if (check_members(body, err) || take_type(train, body, err) || take_name(body, "modelName", train->model, err) ||
        take_name(body, "node", train->node, err) || train_options_from_json(&train->options, body, err) ||
        train_options_check(&train->options, err) || check_weights(train->options.weights, err))
        return -1;
    return take_nodes(train, body, refusal);
}

static void answer_ended(struct exchange *exchange, const struct job *job)
{
    const cJSON *data = job->live ? job->live->end.data : NULL;
    if (job->state == JOB_COMPLETED && data)
        exchange_json(exchange, 200, cJSON_Duplicate(data, true));
    else if (job->state == JOB_COMPLETED)
        exchange_json(exchange, 200, cJSON_CreateObject());
    else if (job->state == JOB_CANCELLED)
        exchange_error(exchange, 500, "the training was cancelled");
    else
        exchange_error(exchange, 500, "%s", job->error ? job->error : "the training failed");
}

static void on_ended(void *arg, const struct job *job)
{
    struct train_post *train = arg;
    answer_ended(train->exchange, job);
}

static void on_deadline(void *arg)
{
    struct train_post *train = arg;
    cJSON *object = cJSON_CreateObject();
    exchange_object(train->exchange, 200, object, cJSON_AddStringToObject(object, "status", "Training initiated"));
}

static void on_submitted(void *arg, const struct job *job)
{
    struct train_post *train = arg;
    struct exchange *exchange = train->exchange;
    if (!job) {
        exchange_error(exchange, 500, "the job could not be stored");
        return;
    }
    if (train->async) {
        cJSON *object = cJSON_CreateObject();
        exchange_object(exchange, 202, object, cJSON_AddStringToObject(object, "job", job->id));
        return;
    }
    train->deadline = timer_new(exchange->broker->base, on_deadline, train);
    if (!train->deadline) {
        exchange_error(exchange, 503, "no memory to wait for job '%s', which is queued", job->id);
        return;
    }
    timer_start(train->deadline, BLOCK_MS);
    train->waiter = (struct jobs_waiter){ .job = job, .ended = on_ended, .arg = train };
    jobs_shell_wait(exchange->broker, &train->waiter);
}

/* A training goes on where it was begun, and under its name, unless told otherwise. */
static int place_resumed(struct train_post *train, struct refusal *refusal)
{
    const char *model = train->options.resume;
    const struct job *begun = jobs_last_started(train->exchange->broker->jobs, model);
    if (!*train->node && !begun)
        return refuse(refusal, 409, "there was no training of '%s' here to resume: 'node' must say where there was",
                      model);
    if (!*train->node)
        snprintf(train->node, sizeof train->node, "%s", begun->node);
    if (!*train->model)
        snprintf(train->model, sizeof train->model, "%s", model);
    return 0;
}

static void submit(struct train_post *train)
{
    struct broker *broker = train->exchange->broker;
    struct refusal refusal;
    bool refused = *train->options.resume && place_resumed(train, &refusal);
    struct job_submission submission = {
        .model_type = train->type,
        .model_name = *train->model ? train->model : NULL,
        .node = *train->node ? train->node : NULL,
        .options = &train->options,
    };
    if (refused || job_submit(broker, &submission, on_submitted, train, &refusal))
        exchange_refuse(train->exchange, &refusal);
}

static int run_stat(void *arg, const atomic_bool *stop, struct err *err)
{
    const struct train_post *train = arg;
    struct blob_state weights;
    (void)stop;
    blobs_stat(train->exchange->http->blobs, blob_refs_of_weights(train->options.weights), &weights);
    if (weights.complete)
        return 0;
    return err_set(err, "the weights '%s' are no blob here: upload them first", train->options.weights);
}

static void done_stat(void *arg, int result, const struct err *err)
{
    struct train_post *train = arg;
    if (result)
        exchange_error(train->exchange, 409, "%s", err->text);
    else
        submit(train);
}

/* True for "Prefer: respond-async" (RFC 7240), alone or among others. */
static bool prefers_async(const struct exchange *exchange)
{
    static const char wanted[] = "respond-async";
    const char *prefer = exchange_header(exchange, "Prefer");
    while (prefer && *prefer) {
        prefer += strspn(prefer, ", \t");
        size_t size = strcspn(prefer, ",; \t");
        if (size == sizeof wanted - 1 && !strncasecmp(prefer, wanted, size))
            return true;
        prefer += strcspn(prefer, ",");
    }
    return false;
}

void handle_train(struct exchange *exchange)
{
    struct refusal refusal;
    cJSON *body = exchange_body_json(exchange, &refusal.err);
    if (!body) {
        exchange_error(exchange, 400, "%s", refusal.err.text);
        return;
    }
    struct train_post *train = exchange_context(exchange, sizeof *train, train_release);
    if (!train) {
        cJSON_Delete(body);
        return;
    }
    train->exchange = exchange;
    train->async = prefers_async(exchange);
    int refused = read_request(train, body, &refusal);
    cJSON_Delete(body);
    if (refused)
        exchange_refuse(exchange, &refusal);
    else if (blob_refs_of_weights(train->options.weights))
        exchange_submit(exchange, LANE_BLOBS, run_stat, done_stat);
    else
        submit(train);
}
