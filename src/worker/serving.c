/* Inference: the few models used last stay loaded, each as long as its files are the ones it was loaded from. */
#include "serving.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dcls/base/clock.h"
#include "dcls/base/cpus.h"
#include "dcls/base/fs.h"
#include "dcls/base/fs_replace.h"
#include "dcls/nn/classifier.h"
#include "dcls/proto/json.h"
#include "dcls/proto/name.h"

#define WARM_MODELS 4
#define IMAGE_MAX (32 * 1024 * 1024)
#define WAIT_TRIES 100 /* of 20 ms each, for a model that is missing while it is replaced */
#define LOAD_TRIES 3   /* of a model that is replaced while it is loaded */

/* Which files a model is loaded from. */
struct model_stamps {
    struct fs_stamp weights, report;
};

struct warm {
    char name[NAME_SIZE];
    struct model_stamps stamps;
    struct classifier *classifier; /* NULL: free */
    int64_t used;                  /* the serving's counter when it answered last */
};

struct serving {
    struct warm warm[WARM_MODELS];
    int64_t counter;
};

struct serving *serving_new(void)
{
    return calloc(1, sizeof(struct serving));
}

static void drop(struct warm *warm)
{
    classifier_free(warm->classifier);
    *warm = (struct warm){ 0 };
}

void serving_free(struct serving *serving)
{
    if (!serving)
        return;
    for (int i = 0; i < WARM_MODELS; i++)
        drop(&serving->warm[i]);
    free(serving);
}

static int stamp_of(const char *models_dir, const char *model, const char *ending, struct fs_stamp *stamp,
                    struct err *err)
{
    char *path = NULL;
    if (asprintf(&path, "%s/%s/%s.%s", models_dir, model, model, ending) < 0)
        return err_set(err, "no memory for model '%s'", model);
    int result = fs_stamp(path, stamp);
    if (result)
        err_set(err, "model '%s' not found: no file 'models/%s/%s.%s': %s", model, model, model, ending,
                strerror(errno));
    free(path);
    return result;
}

static int model_stamps(const struct msg *request, struct model_stamps *stamps, struct err *err)
{
    const char *name = request->model_name, *dir = request->models_dir;
    if (stamp_of(dir, name, "pth", &stamps->weights, err))
        return -1;
    return stamp_of(dir, name, "json", &stamps->report, err);
}

static bool model_stamps_same(const struct model_stamps *a, const struct model_stamps *b)
{
    return fs_stamp_same(&a->weights, &b->weights) && fs_stamp_same(&a->report, &b->report);
}

/* The model loaded from those files, loading it where needed. */
static struct classifier *find_of(struct serving *serving, const struct msg *request, const struct model_stamps *stamps,
                                  struct err *err)
{
    const char *name = request->model_name;
    struct warm *slot = NULL;
    for (int i = 0; i < WARM_MODELS && !slot; i++)
        if (serving->warm[i].classifier && !strcmp(serving->warm[i].name, name))
            slot = &serving->warm[i];
    if (slot && !model_stamps_same(&slot->stamps, stamps))
        drop(slot);
    if (!slot) {
        slot = &serving->warm[0];
        for (int i = 1; i < WARM_MODELS; i++)
            if (serving->warm[i].used < slot->used)
                slot = &serving->warm[i];
    }
    if (slot->classifier && !strcmp(slot->name, name)) {
        slot->used = ++serving->counter;
        return slot->classifier;
    }
    drop(slot); /* before the load, so that at most WARM_MODELS are in memory */
    int threads = request->threads > 0 ? (int)request->threads : cpus_usable();
    struct classifier *classifier = classifier_load(request->models_dir, name, "onednn", threads, err);
    if (!classifier)
        return NULL;
    *slot = (struct warm){ .stamps = *stamps, .classifier = classifier, .used = ++serving->counter };
    snprintf(slot->name, sizeof slot->name, "%s", name);
    return classifier;
}

/* The loaded model; it stays the serving's. One that is replaced meanwhile is the old one or the new one, and no
 * mixture of both: it is looked for until its files are the same before and after. */
static struct classifier *find(struct serving *serving, const struct msg *request, struct err *err)
{
    const char *name = request->model_name, *dir = request->models_dir;
    for (int i = 0; i < LOAD_TRIES; i++) {
        struct model_stamps before, after;
        struct classifier *classifier = NULL;
        for (int j = 0; j < WAIT_TRIES && fs_replace_is_on(dir, name); j++)
            nanosleep(&(struct timespec){ .tv_nsec = 20 * 1000 * 1000 }, NULL);
        bool found = !model_stamps(request, &before, err);
        if (found)
            classifier = find_of(serving, request, &before, err);
        bool same = found && !model_stamps(request, &after, NULL) && model_stamps_same(&before, &after);
        if (classifier && same)
            return classifier;
        if (!classifier && same == found && !fs_replace_is_on(dir, name))
            return NULL;
    }
    err_set(err, "model '%s' is being replaced", name);
    return NULL;
}

struct guess {
    int class;
    float probability;
};

static int compare_guesses(const void *a, const void *b)
{
    const struct guess *left = a, *right = b;
    if (left->probability != right->probability)
        return left->probability < right->probability ? 1 : -1;
    return left->class - right->class;
}

static cJSON *make_arguments(const struct msg *request, const struct classifier *classifier)
{
    const char *model = request->model_name;
    char weights[256], classes[256], report[256];
    snprintf(weights, sizeof weights, "models/%s/%s.pth", model, model);
    snprintf(classes, sizeof classes, "models/%s/classes.txt", model);
    snprintf(report, sizeof report, "reports/%s.json", request->inference_key);
    cJSON *arguments = cJSON_CreateObject();
    return json_if_whole(arguments, cJSON_AddStringToObject(arguments, "image_path", request->image_path) &&
                                        cJSON_AddStringToObject(arguments, "model_path", weights) &&
                                        cJSON_AddStringToObject(arguments, "base_model", classifier_type(classifier)) &&
                                        cJSON_AddStringToObject(arguments, "class_names_path", classes) &&
                                        cJSON_AddStringToObject(arguments, "report", report));
}

/* [class, probability] */
static cJSON *make_pair(const char *class, double probability)
{
    cJSON *pair = cJSON_CreateArray();
    return json_if_whole(pair, json_append(pair, cJSON_CreateString(class)) &&
                                   json_append(pair, cJSON_CreateNumber(round(probability * 1e6) / 1e6)));
}

/* The inference report; every class, most probable first. NULL where memory lacks. */
static cJSON *make_report(const struct msg *request, const struct classifier *classifier, const struct guess *guesses)
{
    char now[CLOCK_ISO_SIZE];
    clock_iso(now);
    cJSON *report = cJSON_CreateObject();
    bool whole = cJSON_AddStringToObject(report, "timestamp", now) &&
                 json_add(report, "arguments", make_arguments(request, classifier)) &&
                 cJSON_AddStringToObject(report, "image", request->image_path) &&
                 cJSON_AddStringToObject(report, "predicted_class", classifier_class(classifier, guesses[0].class));
    cJSON *output = whole ? cJSON_AddArrayToObject(report, "output") : NULL;
    whole = output;
    for (int i = 0; i < classifier_classes(classifier) && whole; i++)
        whole = json_append(output, make_pair(classifier_class(classifier, guesses[i].class), guesses[i].probability));
    return json_if_whole(report, whole);
}

static cJSON *classify(struct serving *serving, const struct msg *request, struct err *err)
{
    cJSON *report = NULL;
    char *image = NULL;
    size_t size;
    float *probabilities = NULL;
    struct guess *guesses = NULL;

    if (!request->model_name || !name_is_valid(request->model_name) || !request->models_dir || !request->image_file ||
        !request->image_path) {
        err_set(err, "an inference needs model_name, modelsDir, image_path and imageFile");
        return NULL;
    }
    struct classifier *classifier = find(serving, request, err);
    if (!classifier)
        return NULL;
    if (fs_read(request->image_file, IMAGE_MAX, &image, &size, NULL)) {
        err_set(err, "cannot read the image '%s'", request->image_path);
        goto out;
    }
    int classes = classifier_classes(classifier);
    probabilities = calloc((size_t)classes, sizeof *probabilities);
    guesses = calloc((size_t)classes, sizeof *guesses);
    if (!probabilities || !guesses) {
        err_set(err, "no memory for %d classes", classes);
        goto out;
    }
    if (classifier_run(classifier, &(struct encoded_image){ image, size }, 1, probabilities, err)) {
        err_prefix(err, "image '%s'", request->image_path);
        goto out;
    }
    for (int i = 0; i < classes; i++)
        guesses[i] = (struct guess){ i, probabilities[i] };
    qsort(guesses, (size_t)classes, sizeof *guesses, compare_guesses);
    if (!(report = make_report(request, classifier, guesses)))
        err_set(err, "no memory for the report");
out:
    free(image);
    free(probabilities);
    free(guesses);
    return report;
}

int serving_answer(struct serving *serving, struct channel *channel, const struct msg *request, struct err *err)
{
    struct msg answer;
    struct err why = ERR_INIT;
    cJSON *report = classify(serving, request, &why);
    if (request->models_dir)
        err_rename(&why, request->models_dir, "models"); /* others are told by virtual paths */
    msg_init(&answer, report ? MSG_JSON_RESPONSE : MSG_ERROR);
    answer.data = report;
    int result = -1;
    if (msg_set(&answer.inference_key, request->inference_key) || (!report && msg_set(&answer.message, why.text)))
        err_set(err, "no memory for the answer");
    else
        result = channel_send(channel, &answer, err);
    msg_release(&answer);
    return result;
}
