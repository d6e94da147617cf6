/* Which decoder reads an image is told from its first bytes, never from its name. What is neither JPEG, PNG, BMP nor
 * GIF is refused: guessing among formats without a signature would turn garbage into pixels. */
#include "image.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "decoders.h"

static bool starts_with(const uint8_t *bytes, size_t count, const char *magic, size_t length)
{
    return count >= length && memcmp(bytes, magic, length) == 0;
}

static bool is_jpeg(const uint8_t *bytes, size_t count)
{
    return starts_with(bytes, count, "\xff\xd8\xff", 3);
}

int image_decode(struct image *image, const void *bytes, size_t count, struct err *err)
{
    if (!count)
        return err_set(err, "the image is empty");
    if (is_jpeg(bytes, count))
        return jpeg_decode(image, bytes, count, err);
    if (starts_with(bytes, count, "\x89PNG\r\n\x1a\n", 8))
        return png_decode(image, bytes, count, err);
    if (starts_with(bytes, count, "GIF87a", 6) || starts_with(bytes, count, "GIF89a", 6))
        return gif_decode(image, bytes, count, err);
    if (starts_with(bytes, count, "BM", 2))
        return bmp_decode(image, bytes, count, err);
    return err_set(err, "not a JPEG, PNG, BMP or GIF image");
}

int image_decode_resized(const void *bytes, size_t count, enum decoding decoding, int size, uint8_t *out,
                         struct image *spare, struct resize_scratch *scratch, struct err *err)
{
    if (is_jpeg(bytes, count))
        return jpeg_decode_resized(bytes, count, decoding, size, out, scratch, err);
    if (image_decode(spare, bytes, count, err))
        return -1;
    return image_resize(spare, size, size, out, scratch, err);
}

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

void image_release(struct image *image)
{
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
