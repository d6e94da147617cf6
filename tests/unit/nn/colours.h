/* A tiny image folder of plain colours, and a training of it. For tests alone: it fails them. */
#ifndef TESTS_COLOURS_H
#define TESTS_COLOURS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/base/buf.h"
#include "dcls/base/fs.h"
#include "dcls/nn/train.h"

#define SIDE 32
#define HEADER_BYTES 54
#define IMAGE_BYTES (HEADER_BYTES + SIDE * SIDE * 3)

static const struct {
    const char *name;
    unsigned char rgb[3];
} colours[] = { { "blue", { 20, 40, 220 } }, { "green", { 30, 210, 40 } }, { "red", { 220, 30, 30 } } };

struct place {
    char root[64], data[96], models[96];
    struct err err;
};

static inline void put_little(char *at, unsigned value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (char)(value >> 8 * i);
}

/* A 24-bit BMP of one colour, made a little different by `variant`; returns its bytes. */
static inline size_t make_image(char out[IMAGE_BYTES], int colour, int variant)
{
    memset(out, 0, HEADER_BYTES);
    out[0] = 'B';
    out[1] = 'M';
    put_little(out + 2, IMAGE_BYTES);
    put_little(out + 10, HEADER_BYTES);
    put_little(out + 14, 40);
    put_little(out + 18, SIDE);
    put_little(out + 22, SIDE);
    out[26] = 1;  /* planes */
    out[28] = 24; /* bits a pixel */
    for (int i = 0; i < SIDE * SIDE; i++)
        for (int c = 0; c < 3; c++)
            out[HEADER_BYTES + i * 3 + 2 - c] = (char)(colours[colour].rgb[c] + (i * 7 + variant * 13 + c) % 20 - 10);
    return IMAGE_BYTES;
}

static inline int setup(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    *state = place;
    snprintf(place->root, sizeof place->root, "/tmp/dcls-train.XXXXXX");
    if (!place || !mkdtemp(place->root))
        return -1;
    snprintf(place->data, sizeof place->data, "%s/images", place->root);
    snprintf(place->models, sizeof place->models, "%s/models", place->root);
    for (int test = 0; test < 2; test++)
        for (int colour = 0; colour < 3; colour++)
            for (int i = 0; i < (test ? 2 : 5); i++) {
                char dir[160], file[192], bytes[IMAGE_BYTES];
                snprintf(dir, sizeof dir, "%s/%s/%s", place->data, test ? "test" : "train", colours[colour].name);
                snprintf(file, sizeof file, "%s/%d.bmp", dir, i);
                if (fs_make_dirs(dir, NULL) || fs_write(file, bytes, make_image(bytes, colour, i + 10 * test), NULL))
                    return -1;
            }
    return 0;
}

static inline int teardown(void **state)
{
    struct place *place = *state;
    fs_remove_tree(place->root, NULL);
    free(place);
    return 0;
}

static inline struct train_config config_of(const struct place *place)
{
    return (struct train_config){ .type = "resnet",
                                  .model_name = "m",
                                  .data_dir = place->data,
                                  .models_dir = place->models,
                                  .data_dir_shown = "./images",
                                  .optimizer = "adam",
                                  .scheduler = "none",
                                  .class_weights = "none",
                                  .augment = "basic",
                                  .backend = "onednn",
                                  .learning_rate = 0.001,
                                  .epochs = 2,
                                  .batch_size = 4,
                                  .image_size = 16,
                                  .threads = 2,
                                  .seed = 3 };
}

static inline char *read_text(const struct place *place, const char *file)
{
    char path[192], *text = NULL;
    size_t count;
    struct err err = ERR_INIT;
    snprintf(path, sizeof path, "%s/m/%s", place->models, file);
    if (fs_read(path, 1 << 20, &text, &count, &err))
        fail_msg("%s", err.text);
    return text;
}

#endif
