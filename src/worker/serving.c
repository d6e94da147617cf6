/* Inference: the few models used last stay loaded, each as long as its files are the ones it was loaded from. */
#include "serving.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/base/clock.h"
#include "dcls/base/cpus.h"
#include "dcls/base/fs.h"
#include "dcls/nn/classifier.h"
#include "dcls/proto/name.h"

#define WARM_MODELS 4
#define IMAGE_MAX (32 * 1024 * 1024)

struct warm {
    char name[NAME_SIZE];
    struct fs_stamp weights, report;
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

/* The loaded model, loading it where needed; it stays the serving's. */
static struct classifier *find(struct serving *serving, const struct msg *request, struct err *err)
{
    const char *name = request->model_name, *dir = request->models_dir;
    struct fs_stamp weights, report;
    struct warm *slot = NULL;
    if (stamp_of(dir, name, "pth", &weights, err) || stamp_of(dir, name, "json", &report, err))
        return NULL;
    for (int i = 0; i < WARM_MODELS && !slot; i++)
        if (serving->warm[i].classifier && !strcmp(serving->warm[i].name, name))
            slot = &serving->warm[i];
    if (slot && (!fs_stamp_same(&slot->weights, &weights) || !fs_stamp_same(&slot->report, &report)))
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
    struct classifier *classifier = classifier_load(dir, name, "onednn", threads, err);
    if (!classifier)
        return NULL;
    *slot = (struct warm){ .weights = weights, .report = report, .classifier = classifier, .used = ++serving->counter };
    snprintf(slot->name, sizeof slot->name, "%s", name);
    return classifier;
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
    cJSON_AddStringToObject(arguments, "image_path", request->image_path);
    cJSON_AddStringToObject(arguments, "model_path", weights);
    cJSON_AddStringToObject(arguments, "base_model", classifier_type(classifier));
    cJSON_AddStringToObject(arguments, "class_names_path", classes);
    cJSON_AddStringToObject(arguments, "report", report);
    return arguments;
}

/* The inference report; every class, most probable first. */
static cJSON *make_report(const struct msg *request, const struct classifier *classifier, const struct guess *guesses)
{
    char now[CLOCK_ISO_SIZE];
    clock_iso(now);
    cJSON *report = cJSON_CreateObject();
    cJSON_AddStringToObject(report, "timestamp", now);
    cJSON_AddItemToObject(report, "arguments", make_arguments(request, classifier));
    cJSON_AddStringToObject(report, "image", request->image_path);
    cJSON_AddStringToObject(report, "predicted_class", classifier_class(classifier, guesses[0].class));
    cJSON *output = cJSON_AddArrayToObject(report, "output");
    for (int i = 0; i < classifier_classes(classifier); i++) {
        cJSON *pair = cJSON_CreateArray();
        cJSON_AddItemToArray(pair, cJSON_CreateString(classifier_class(classifier, guesses[i].class)));
        cJSON_AddItemToArray(pair, cJSON_CreateNumber(round(guesses[i].probability * 1e6) / 1e6));
        cJSON_AddItemToArray(output, pair);
    }
    return report;
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
