/* step TYPE CLASSES BATCH SIZE SEED smooth|sharp WEIGHTS.pth IMAGES OUT AFTER.pth: one evaluation and one step of
 * training, but for the optimiser, of BATCH images, given as floats (BATCH, 3, SIZE, SIZE) of this machine, image i
 * labelled (3i + 1) % CLASSES. Writes into OUT, as floats, the logits of the evaluation and of the training, the loss,
 * and the gradient of every parameter in torchvision's order; into AFTER.pth the weights, of which running statistics
 * have moved. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/base/fs.h"
#include "dcls/nn/models.h"
#include "nn/backends.h"
#include "nn/formats/pth.h"
#include "nn/formats/weight_file.h"
#include "nn/graph/plan.h"

#define IMAGES_MAX ((size_t)1 << 31)

struct step {
    struct net *net;
    struct weights *weights;
    float *grad;
    char *images;
    size_t images_bytes;
    int classes, batch, size;
    uint64_t seed;
    FILE *out;
};

static int put(struct step *step, const float *floats, size_t count, struct err *err)
{
    return fwrite(floats, sizeof *floats, count, step->out) == count ? 0 : err_set(err, "cannot write");
}

static int run(struct step *step, enum plan_mode mode, struct err *err)
{
    struct plan_spec spec = {
        .mode = mode, .batch = step->batch, .image_size = step->size, .backend = backends[0], .seed = step->seed
    };
    struct plan *plan = plan_new(step->net, step->weights, mode == PLAN_TRAIN ? step->grad : NULL, &spec, NULL, err);
    int *labels = calloc((size_t)step->batch, sizeof *labels), status = -1;
    if (!plan || !labels)
        goto out;
    memcpy(plan_input(plan), step->images, step->images_bytes);
    if (plan_forward(plan, err) || put(step, plan_logits(plan), (size_t)(step->batch * step->classes), err))
        goto out;
    if (mode == PLAN_TRAIN) {
        for (int i = 0; i < step->batch; i++)
            labels[i] = (3 * i + 1) % step->classes;
        float loss = (float)plan_loss(plan, labels, NULL);
        if (plan_backward(plan, err) || put(step, &loss, 1, err) ||
            put(step, step->grad, step->net->trainable_count, err))
            goto out;
    }
    status = 0;
out:
    free(labels);
    plan_free(plan);
    return status;
}

/* SiLU in the place of what has kinks. */
static void make_smooth(struct net *net)
{
    for (int i = 0; i < net->layer_count; i++)
        if (net->layers[i].activation == ACTIVATION_RELU || net->layers[i].activation == ACTIVATION_RELU6)
            net->layers[i].activation = ACTIVATION_SILU;
}

int main(int argc, char **argv)
{
    if (argc != 11) {
        fprintf(stderr, "usage: step TYPE CLASSES BATCH SIZE SEED smooth|sharp WEIGHTS.pth IMAGES OUT AFTER.pth\n");
        return 2;
    }
    struct err err = ERR_INIT;
    struct step step = { .classes = (int)strtol(argv[2], NULL, 10),
                         .batch = (int)strtol(argv[3], NULL, 10),
                         .size = (int)strtol(argv[4], NULL, 10),
                         .seed = strtoull(argv[5], NULL, 10) };
    int status = 1;
    if (!(step.net = network_new(argv[1], step.classes, &err)) || !(step.weights = weights_new(step.net, &err)) ||
        weight_file_read(argv[7], step.net, step.weights, false, NULL, &err) ||
        fs_read(argv[8], IMAGES_MAX, &step.images, &step.images_bytes, &err))
        goto out;
    if (!strcmp(argv[6], "smooth"))
        make_smooth(step.net);
    step.grad = calloc(step.net->trainable_count, sizeof *step.grad);
    step.out = fopen(argv[9], "w");
    if (!step.grad || !step.out ||
        step.images_bytes != (size_t)step.batch * 3 * (size_t)(step.size * step.size) * sizeof(float)) {
        err_set(&err, "no memory, no file to write, or '%s' is not of that size", argv[8]);
        goto out;
    }
    if (run(&step, PLAN_EVAL, &err) || run(&step, PLAN_TRAIN, &err) ||
        pth_write(argv[10], step.net, step.weights, &err))
        goto out;
    status = 0;
out:
    if (step.out && fclose(step.out))
        status = 1;
    if (status)
        fprintf(stderr, "step: %s\n", err.text);
    weights_free(step.weights);
    net_free(step.net);
    free(step.grad);
    free(step.images);
    return status;
}
