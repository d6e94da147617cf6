/* See image.h. */
#include "image.h"

#include <stdlib.h>

int image_size_check(int64_t width, int64_t height, struct err *err)
{
    if (width < 1 || height < 1 || width > IMAGE_MAX_SIDE || height > IMAGE_MAX_SIDE ||
        width * height > IMAGE_MAX_PIXELS)
        return err_set(err, "an image of %lldx%lld pixels is not supported (at most %d a side and %d in all)",
                       (long long)width, (long long)height, IMAGE_MAX_SIDE, IMAGE_MAX_PIXELS);
    return 0;
}

int image_reserve(struct image *image, int64_t width, int64_t height, struct err *err)
{
    if (image_size_check(width, height, err))
        return -1;
    size_t needed = (size_t)(width * height) * 3;
    if (needed > image->capacity) {
        image_claim(image, needed);
        uint8_t *rgb = malloc(needed);
        if (!rgb)
            return err_set(err, "no memory for an image of %lldx%lld pixels", (long long)width, (long long)height);
        free(image->rgb);
        image->rgb = rgb;
        image->capacity = needed;
    }
    image->width = (int)width;
    image->height = (int)height;
    return 0;
}

void image_claim(struct image *image, size_t bytes)
{
    if (!image->budget || bytes <= IMAGE_KEPT || bytes <= image->claimed)
        return;
    if (image->claimed)
        image_budget_give_back(image->budget, image->claimed);
    image_budget_take(image->budget, bytes);
    image->claimed = bytes;
}

void image_shrink(struct image *image)
{
    if (image->capacity > IMAGE_KEPT) {
        free(image->rgb);
        image->rgb = NULL;
        image->capacity = 0;
    }
    if (image->claimed)
        image_budget_give_back(image->budget, image->claimed);
    image->claimed = 0;
}

void image_release(struct image *image)
{
    image_shrink(image);
    free(image->rgb);
    *image = (struct image){ 0 };
}

const float image_mean[3] = { 0.485f, 0.456f, 0.406f }, image_deviation[3] = { 0.229f, 0.224f, 0.225f };

/* What each of the 256 levels of a channel becomes. */
static void levels_of(int channel, float levels[256])
{
    for (int v = 0; v < 256; v++)
        levels[v] = ((float)v / 255.0f - image_mean[channel]) / image_deviation[channel];
}

void image_normalise(const uint8_t *rgb, int size, float *out)
{
    size_t plane = (size_t)size * size;
    for (int c = 0; c < 3; c++, out += plane) {
        float levels[256];
        levels_of(c, levels);
        for (size_t i = 0; i < plane; i++)
            out[i] = levels[rgb[3 * i + (size_t)c]];
    }
}

void planes_normalise(const uint8_t *planes, int size, float *out)
{
    size_t plane = (size_t)size * size;
    for (int c = 0; c < 3; c++, out += plane, planes += plane) {
        float levels[256];
        levels_of(c, levels);
        for (size_t i = 0; i < plane; i++)
            out[i] = levels[planes[i]];
    }
}
