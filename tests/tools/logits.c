/* logits TYPE SIZE CLASSES WEIGHTS FILE...: the logits of image files, each as CLASSES floats of this machine, one file
 * after another, by a plan as serving uses it. */
#include <stdio.h>
#include <stdlib.h>

#include "dcls/base/fs.h"
#include "dcls/nn/models.h"
#include "nn/data/decode.h"
#include "nn/formats/weight_file.h"
#include "nn/backends.h"
#include "nn/graph/plan.h"

#define FILE_MAX ((size_t)64 * 1024 * 1024)

struct reader {
    int size, classes;
    uint8_t *pixels;
    struct image spare;
    struct resize_scratch *scratch;
};

static int print_logits(struct reader *reader, struct plan *plan, const char *path, struct err *err)
{
    char *bytes = NULL;
    size_t count, classes = (size_t)reader->classes;
    if (fs_read(path, FILE_MAX, &bytes, &count, err))
        return -1;
    int status = image_decode_resized(bytes, count, DECODING_FULL, reader->size, reader->pixels, &reader->spare,
                                      reader->scratch, err);
    free(bytes);
    if (status)
        return -1;
    image_normalise(reader->pixels, reader->size, plan_input(plan));
    if (plan_forward(plan, err))
        return -1;
    return fwrite(plan_logits(plan), sizeof(float), classes, stdout) == classes ? 0 : err_set(err, "cannot write");
}

int main(int argc, char **argv)
{
    if (argc < 6) {
        fprintf(stderr, "usage: logits TYPE SIZE CLASSES WEIGHTS FILE...\n");
        return 2;
    }
    struct err err = ERR_INIT;
    struct reader reader = { .size = (int)strtol(argv[2], NULL, 10),
                             .classes = (int)strtol(argv[3], NULL, 10),
                             .scratch = resize_scratch_new() };
    struct plan_spec spec = {
        .mode = PLAN_EVAL, .batch = 1, .image_size = reader.size, .threads = 0, .backend = backends[0]
    };
    struct net *net = network_new(argv[1], reader.classes, &err);
    struct weights *weights = net ? weights_new(net, &err) : NULL;
    struct plan *plan = NULL;
    int status = 1;
    if (!weights || weight_file_read(argv[4], net, weights, false, NULL, &err) ||
        !(plan = plan_new(net, weights, NULL, &spec, NULL, &err)))
        goto out;
    if (!reader.scratch || !(reader.pixels = malloc((size_t)reader.size * (size_t)reader.size * 3))) {
        err_set(&err, "no memory");
        goto out;
    }
    for (int i = 5; i < argc; i++)
        if (print_logits(&reader, plan, argv[i], &err))
            goto out;
    status = 0;
out:
    if (status)
        fprintf(stderr, "logits: %s\n", err.text);
    plan_free(plan);
    weights_free(weights);
    net_free(net);
    resize_scratch_free(reader.scratch);
    image_release(&reader.spare);
    free(reader.pixels);
    return status;
}
