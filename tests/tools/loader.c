/* Times the loader on the training split of a folder: loader FOLDER SIZE THREADS EPOCHS none|basic|strong full|fast
 * MIB, the last the cache's limit. Prints the images a second of each epoch, a line each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/base/clock.h"
#include "nn/data/loader.h"

#define BATCH 32

static int run(int argc, char **argv, struct err *err)
{
    struct loader_spec spec = { .split = SPLIT_TRAIN, .batch_size = BATCH, .prefetch = 3, .shuffle = true };
    if (argc != 8)
        return err_set(err, "usage: loader FOLDER SIZE THREADS EPOCHS none|basic|strong full|fast MIB");
    spec.image_size = (int)strtol(argv[2], NULL, 10);
    spec.threads = (int)strtol(argv[3], NULL, 10);
    if (spec.image_size < 1 || spec.image_size > 4096)
        return err_set(err, "'%s' is no size", argv[2]);
    long epochs = strtol(argv[4], NULL, 10);
    if (augment_parse(argv[5], &spec.augment, err))
        return -1;
    if (strcmp(argv[6], "full") && strcmp(argv[6], "fast"))
        return err_set(err, "'%s' is neither full nor fast", argv[6]);
    spec.decoding = strcmp(argv[6], "fast") ? DECODING_FULL : DECODING_FAST;
    spec.cache_bytes = strtoull(argv[7], NULL, 10) << 20;
    float *images = malloc((size_t)BATCH * 3 * spec.image_size * spec.image_size * sizeof(float));
    if (!images)
        return err_set(err, "no memory for a batch of size %d", spec.image_size);
    struct dataset *dataset = dataset_open(argv[1], NULL, err);
    struct loader *loader = dataset ? loader_new(dataset, &spec, err) : NULL;
    int status = loader ? 0 : -1;
    for (int epoch = 1; !status && epoch <= epochs; epoch++) {
        double start = clock_seconds();
        loader_start(loader, epoch);
        for (int i = 0; !status && i < loader_batches(loader); i++) {
            const struct batch *batch = loader_next(loader, err);
            if (batch)
                batch_normalise(batch, images);
            else
                status = -1;
        }
        printf("%.1f\n", (double)dataset_count(dataset, SPLIT_TRAIN) / (clock_seconds() - start));
    }
    loader_free(loader);
    dataset_close(dataset);
    free(images);
    return status;
}

int main(int argc, char **argv)
{
    struct err err = ERR_INIT;
    if (!run(argc, argv, &err))
        return fflush(stdout) ? 1 : 0;
    fprintf(stderr, "loader: %s\n", err.text);
    return 1;
}
