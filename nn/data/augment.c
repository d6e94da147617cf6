/* Choosing and applying the augmentation of images. Pixels are copied once, by the step that flips and rotates them;
 * colours are then changed in place (colour.c). */
#include "augment.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../rng.h"
#include "resize.h"

/* The largest share by which factors of colour leave 1, and hue leaves 0. */
#define JITTER 0.2
#define ANGLE 10.0
#define TRIES 10 /* to find a box, as torchvision */

int augment_parse(const char *name, enum augment *augment, struct err *err)
{
    static const char *const names[] = { "none", "basic", "strong" };
    for (int i = 0; i < 3; i++)
        if (!strcmp(name, names[i])) {
            *augment = (enum augment)i;
            return 0;
        }
    return err_set(err, "'%s' is no way to vary images: none, basic and strong are", name);
}

int augment_side(enum augment augment, int size)
{
    return augment == AUGMENT_STRONG ? size + size / 2 : size;
}

/* The random numbers of one image, one after the other. */
struct draws {
    uint64_t seed, stream, next;
};

static double draw(struct draws *draws, double from, double to)
{
    return from + (to - from) * rng_uniform(draws->seed, draws->stream, draws->next++);
}

/* A box of `least` to `most` of the area of (side, side), its sides in a proportion of `narrow` to 1/narrow; none
 * where no try fits. */
static struct box draw_box(struct draws *draws, int side, double least, double most, double narrow)
{
    for (int i = 0; i < TRIES; i++) {
        double area = (double)side * side * draw(draws, least, most);
        double ratio = exp(draw(draws, log(narrow), -log(narrow)));
        int width = (int)lround(sqrt(area * ratio)), height = (int)lround(sqrt(area / ratio));
        if (width < 1 || height < 1 || width > side || height > side)
            continue;
        int left = (int)draw(draws, 0, side - width + 1), top = (int)draw(draws, 0, side - height + 1);
        return (struct box){ left, top, width, height };
    }
    return (struct box){ 0 };
}

void augment_choose(struct augment_params *params, enum augment augment, int size, uint64_t seed, int epoch,
                    uint64_t sample)
{
    struct draws draws = { .seed = seed,
                           .stream = rng_stream(RNG_AUGMENT, epoch),
                           .next = sample * 64 }; /* no image needs as many */
    *params = (struct augment_params){ 0 };
    params->flip = draw(&draws, 0, 1) < 0.5;
    params->angle = draw(&draws, -ANGLE, ANGLE);
    for (int i = 0; i < JITTERS; i++) {
        double centre = i == JITTER_HUE ? 0 : 1;
        params->amounts[i] = draw(&draws, centre - JITTER, centre + JITTER);
        params->order[i] = (enum jitter)i;
    }
    for (int i = JITTERS; i-- > 1;) {
        int other = (int)draw(&draws, 0, i + 1);
        enum jitter kept = params->order[i];
        params->order[i] = params->order[other];
        params->order[other] = kept;
    }
    if (augment != AUGMENT_STRONG)
        return;
    params->crop = draw_box(&draws, augment_side(augment, size), 0.25, 1, 0.75);
    if (draw(&draws, 0, 1) < 0.25)
        params->erase = draw_box(&draws, size, 0.02, 0.33, 0.3);
}

struct augmenter {
    int size;
    const struct colour_table *colour;
    struct planes planes;
    struct image crop;
    struct resize_scratch *scratch;
    uint8_t *pixels; /* (size, size, 3): the crop, resized */
};

struct augmenter *augmenter_new(int size, enum isa isa)
{
    struct augmenter *augmenter = calloc(1, sizeof(*augmenter));
    if (!augmenter)
        return NULL;
    size_t pixels = (size_t)size * size;
    augmenter->size = size;
    augmenter->colour = colour_table(isa);
    augmenter->planes.pixels = pixels;
    augmenter->planes.stride = plane_stride(pixels);
    augmenter->planes.bytes = calloc(3, augmenter->planes.stride);
    augmenter->pixels = malloc(pixels * 3);
    augmenter->scratch = resize_scratch_new();
    if (!augmenter->planes.bytes || !augmenter->pixels || !augmenter->scratch) {
        augmenter_free(augmenter);
        return NULL;
    }
    return augmenter;
}

void augmenter_free(struct augmenter *augmenter)
{
    if (!augmenter)
        return;
    image_release(&augmenter->crop);
    resize_scratch_free(augmenter->scratch);
    free(augmenter->planes.bytes);
    free(augmenter->pixels);
    free(augmenter);
}

static int crop(struct augmenter *augmenter, const struct box *box, const uint8_t *rgb, int side, struct err *err)
{
    if (image_reserve(&augmenter->crop, box->width, box->height, err))
        return -1;
    size_t row = (size_t)box->width * 3;
    for (int y = 0; y < box->height; y++)
        memcpy(augmenter->crop.rgb + row * (size_t)y, rgb + 3 * ((size_t)(box->top + y) * side + box->left), row);
    return image_resize(&augmenter->crop, augmenter->size, augmenter->size, augmenter->pixels, augmenter->scratch, err);
}

/* Python's round(x, 15), which Pillow applies to the sine and cosine. */
static double round15(double x)
{
    char text[32];
    snprintf(text, sizeof(text), "%.15f", x);
    return strtod(text, NULL);
}

static int fixed(double value)
{
    return (int)floor(value * 65536.0 + 0.5);
}

/* Where the pixels of a rotated image come from, with 16 bits behind the point: as Image.rotate computes it. */
struct rotation {
    int x, y;             /* of the first pixel */
    int x_right, y_right; /* added a pixel to the right */
    int x_down, y_down;
};

static struct rotation rotation_of(double degrees, int size)
{
    double positive = fmod(degrees, 360.0);
    positive = positive < 0 ? positive + 360.0 : positive;
    double angle = -(positive * (M_PI / 180.0)), centre = size / 2.0;
    double cosine = round15(cos(angle)), sine = round15(sin(angle));
    double x = cosine * -centre + sine * -centre + centre, y = -sine * -centre + cosine * -centre + centre;
    return (struct rotation){ .x = fixed(x + cosine * 0.5 + sine * 0.5),
                              .y = fixed(y + -sine * 0.5 + cosine * 0.5),
                              .x_right = fixed(cosine),
                              .y_right = fixed(-sine),
                              .x_down = fixed(sine),
                              .y_down = fixed(cosine) };
}

/* Into the planes. */
static void flip_and_rotate(const struct augmenter *augmenter, const struct augment_params *params, const uint8_t *rgb)
{
    unsigned size = (unsigned)augmenter->size;
    struct rotation rotation = rotation_of(params->angle, augmenter->size);
    uint8_t *red = augmenter->planes.bytes, *green = red + augmenter->planes.stride;
    uint8_t *blue = green + augmenter->planes.stride;
    for (unsigned row = 0; row < size; row++) {
        int x = rotation.x, y = rotation.y;
        for (unsigned column = 0; column < size; column++, x += rotation.x_right, y += rotation.y_right) {
            unsigned from_x = (unsigned)(x >> 16), from_y = (unsigned)(y >> 16);
            static const uint8_t black[3] = { 0 };
            const uint8_t *from = black;
            if (from_x < size && from_y < size)
                from = rgb + 3 * ((size_t)from_y * size + (params->flip ? size - 1 - from_x : from_x));
            *red++ = from[0];
            *green++ = from[1];
            *blue++ = from[2];
        }
        rotation.x += rotation.x_down;
        rotation.y += rotation.y_down;
    }
}

static void jitter(const struct augmenter *augmenter, const struct augment_params *params)
{
    const struct colour_table *colour = augmenter->colour;
    for (int i = 0; i < JITTERS; i++) {
        double amount = params->amounts[params->order[i]];
        switch (params->order[i]) {
        case JITTER_BRIGHTNESS: colour->brightness(&augmenter->planes, (float)amount); break;
        case JITTER_CONTRAST: colour->contrast(&augmenter->planes, (float)amount); break;
        case JITTER_SATURATION: colour->saturation(&augmenter->planes, (float)amount); break;
        default: colour->hue(&augmenter->planes, (uint8_t)(int)(amount * 255)); break;
        }
    }
}

static void erase(const struct augmenter *augmenter, const struct box *box)
{
    static const uint8_t mean[3] = { 124, 116, 104 }; /* ImageNet's, about 0 once it is normalised */
    for (int c = 0; c < 3; c++)
        for (int y = 0; y < box->height; y++)
            memset(augmenter->planes.bytes + (size_t)c * augmenter->planes.stride +
                       (size_t)(box->top + y) * augmenter->size + box->left,
                   mean[c], (size_t)box->width);
}

const struct planes *augmenter_run(struct augmenter *augmenter, const struct augment_params *params, const uint8_t *rgb,
                                   int side, struct err *err)
{
    struct box whole = { 0, 0, side, side };
    const struct box *box = params->crop.width ? &params->crop : &whole;
    if (box->width != augmenter->size || box->height != augmenter->size || side != augmenter->size) {
        if (crop(augmenter, box, rgb, side, err))
            return NULL;
        rgb = augmenter->pixels;
    }
    flip_and_rotate(augmenter, params, rgb);
    jitter(augmenter, params);
    erase(augmenter, &params->erase);
    return &augmenter->planes;
}
