/* Serving: one model, one plan of batch 1, the images one after the other. */
#include "dcls/nn/classifier.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "backends.h"
#include "dcls/base/fs.h"
#include "dcls/nn/models.h"
#include "nn/finite.h"
#include "nn/data/decode.h"
#include "nn/formats/weight_file.h"
#include "nn/train/model_card.h"
#include "nn/graph/plan.h"

struct classifier {
    struct model_card card;
    struct net *net;
    struct weights *weights;
    struct plan *plan;
    struct resize_scratch *scratch;
    uint8_t *pixels; /* (S, S, 3) */
};

static int load(struct classifier *classifier, const char *dir, const char *model, const char *backend, int threads,
                struct err *err)
{
    struct model_card *card = &classifier->card;
    if (model_card_read(card, dir, model, err))
        return -1;
    if (!(classifier->net = network_new(card->type, card->class_count, err)) ||
        !(classifier->weights = weights_new(classifier->net, err)))
        return -1;
    char *file = NULL;
    int failed = asprintf(&file, "%s/%s.pth", dir, model) < 0
                     ? err_set(err, "no memory for model '%s'", model)
                     : weight_file_read(file, classifier->net, classifier->weights, false, NULL, err);
    free(file);
    if (failed)
        return -1;
    /* A NaN may be lost on the way: whatever is above 0 or else 0, as ReLU has it, is a number. */
    if (weights_check_finite(classifier->net, classifier->weights, err))
        return err_prefix(err, "model '%s'", model);
    struct plan_spec spec = { .mode = PLAN_EVAL,
                              .batch = 1,
                              .image_size = card->image_size,
                              .threads = threads,
                              .backend = backend_find(backend, err) };
    if (!spec.backend || !(classifier->plan = plan_new(classifier->net, classifier->weights, NULL, &spec, NULL, err)))
        return -1;
    classifier->scratch = resize_scratch_new();
    classifier->pixels = malloc((size_t)card->image_size * (size_t)card->image_size * 3);
    if (!classifier->scratch || !classifier->pixels)
        return err_set(err, "no memory for model '%s'", model);
    return 0;
}

struct classifier *classifier_load(const char *models_dir, const char *model, const char *backend, int threads,
                                   struct err *err)
{
    struct classifier *classifier = calloc(1, sizeof *classifier);
    char *dir = fs_join(models_dir, model);
    if (!classifier || !dir)
        err_set(err, "no memory for model '%s'", model);
    else if (!load(classifier, dir, model, backend, threads, err)) {
        free(dir);
        return classifier;
    }
    free(dir);
    classifier_free(classifier);
    return NULL;
}

void classifier_free(struct classifier *classifier)
{
    if (!classifier)
        return;
    plan_free(classifier->plan);
    weights_free(classifier->weights);
    net_free(classifier->net);
    model_card_release(&classifier->card);
    resize_scratch_free(classifier->scratch);
    free(classifier->pixels);
    free(classifier);
}

int classifier_classes(const struct classifier *classifier)
{
    return classifier->card.class_count;
}

const char *classifier_class(const struct classifier *classifier, int index)
{
    return classifier->card.classes[index];
}

const char *classifier_type(const struct classifier *classifier)
{
    return classifier->card.type;
}

static void softmax(const float *logits, int count, float *probabilities)
{
    float most = logits[0];
    double sum = 0;
    for (int i = 1; i < count; i++)
        most = fmaxf(most, logits[i]);
    for (int i = 0; i < count; i++)
        sum += exp((double)(logits[i] - most));
    for (int i = 0; i < count; i++)
        probabilities[i] = (float)(exp((double)(logits[i] - most)) / sum);
}

static int classify(struct classifier *classifier, const struct encoded_image *image, struct image *spare,
                    float *probabilities, struct err *err)
{
    int size = classifier->card.image_size;
    if (image_decode_resized(image->bytes, image->size, DECODING_FULL, size, classifier->pixels, spare,
                             classifier->scratch, err))
        return -1;
    image_normalise(classifier->pixels, size, plan_input(classifier->plan));
    if (plan_forward(classifier->plan, err))
        return -1;
    const float *logits = plan_logits(classifier->plan);
    int classes = classifier_classes(classifier);
    if (!floats_are_finite(logits, (size_t)classes))
        return err_set(err, "the model's answer is not finite");
    softmax(logits, classes, probabilities);
    return 0;
}

int classifier_run(struct classifier *classifier, const struct encoded_image *images, int count, float *probabilities,
                   struct err *errs)
{
    struct image spare = { 0 };
    int failed = 0;
    for (int i = 0; i < count; i++, probabilities += classifier_classes(classifier)) {
        errs[i] = (struct err)ERR_INIT;
        failed += classify(classifier, &images[i], &spare, probabilities, &errs[i]) != 0;
    }
    image_release(&spare);
    return failed;
}
