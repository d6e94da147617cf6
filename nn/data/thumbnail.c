/* Decoded (of a JPEG no more than is needed), resized, turned upright, written as a JPEG. */
#include "dcls/nn/thumbnail.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "decode.h"
#include "exif.h"
#include "jpeg_write.h"

#define TURNED 5 /* from this orientation on width and height change places */

int thumbnail_check(const void *bytes, size_t count, struct err *err)
{
    return image_format_check(bytes, count < IMAGE_HEAD ? count : IMAGE_HEAD, err);
}

/* The sizes of what is shown, given those of the upright image. */
static void fit(int width, int from_width, int from_height, struct thumbnail *thumbnail)
{
    double scale = fmin(1, fmin((double)width / from_width, (double)width * THUMBNAIL_HEIGHTS / from_height));
    thumbnail->width = (int)fmax(1, round(from_width * scale));
    thumbnail->height = (int)fmax(1, round(from_height * scale));
}

/* Where the pixel (x, y) of the upright image lies in the stored one, of (width, height): EXIF's eight cases. */
static size_t stored_at(int orientation, int x, int y, int width, int height)
{
    int right = width - 1, bottom = height - 1;
    switch (orientation) {
    case 2: x = right - x; break;
    case 3: x = right - x, y = bottom - y; break;
    case 4: y = bottom - y; break;
    case 5: return (size_t)x * (size_t)width + (size_t)y;
    case 6: return (size_t)(bottom - x) * (size_t)width + (size_t)y;
    case 7: return (size_t)(bottom - x) * (size_t)width + (size_t)(right - y);
    case 8: return (size_t)x * (size_t)width + (size_t)(right - y);
    default: break;
    }
    return (size_t)y * (size_t)width + (size_t)x;
}

static void turn(const uint8_t *stored, int orientation, const struct thumbnail *thumbnail, uint8_t *upright)
{
    bool turned = orientation >= TURNED;
    int width = turned ? thumbnail->height : thumbnail->width, height = turned ? thumbnail->width : thumbnail->height;
    for (int y = 0; y < thumbnail->height; y++)
        for (int x = 0; x < thumbnail->width; x++, upright += 3) {
            const uint8_t *pixel = stored + 3 * stored_at(orientation, x, y, width, height);
            for (int c = 0; c < 3; c++)
                upright[c] = pixel[c];
        }
}

static int write(const struct image *image, int width, int orientation, struct thumbnail *thumbnail,
                 struct resize_scratch *scratch, struct err *err)
{
    bool turned = orientation >= TURNED;
    fit(width, turned ? image->height : image->width, turned ? image->width : image->height, thumbnail);
    size_t bytes = (size_t)thumbnail->width * (size_t)thumbnail->height * 3;
    uint8_t *small = malloc(bytes), *upright = malloc(bytes);
    int status = -1;
    if (!small || !upright) {
        err_set(err, "no memory for a thumbnail");
        goto out;
    }
    if (image_resize(image, turned ? thumbnail->height : thumbnail->width,
                     turned ? thumbnail->width : thumbnail->height, small, scratch, err))
        goto out;
    turn(small, orientation, thumbnail, upright);
    status = jpeg_write(upright, thumbnail->width, thumbnail->height, &thumbnail->jpeg, &thumbnail->size, err);
out:
    free(small);
    free(upright);
    return status;
}

int thumbnail_make(const void *bytes, size_t count, int width, struct thumbnail *thumbnail, struct err *err)
{
    struct image image = { 0 };
    struct resize_scratch *scratch = resize_scratch_new();
    int status = -1;
    *thumbnail = (struct thumbnail){ 0 };
    if (!scratch)
        err_set(err, "no memory for a thumbnail");
    else if (!image_decode_reduced(&image, bytes, count, width, err))
        status = write(&image, width, exif_orientation(bytes, count), thumbnail, scratch, err);
    resize_scratch_free(scratch);
    image_release(&image);
    return status;
}

int thumbnail_of_grey(const unsigned char *pixels, int from_width, int height, int width, struct thumbnail *thumbnail,
                      struct err *err)
{
    struct image image = { 0 };
    struct resize_scratch *scratch = resize_scratch_new();
    int status = -1;
    *thumbnail = (struct thumbnail){ 0 };
    if (!scratch) {
        err_set(err, "no memory for a thumbnail");
    } else if (!image_reserve(&image, from_width, height, err)) {
        for (size_t i = 0; i < (size_t)from_width * (size_t)height; i++)
            memset(image.rgb + 3 * i, pixels[i], 3);
        status = write(&image, width, 1, thumbnail, scratch, err);
    }
    resize_scratch_free(scratch);
    image_release(&image);
    return status;
}

void thumbnail_release(struct thumbnail *thumbnail)
{
    free(thumbnail->jpeg);
    *thumbnail = (struct thumbnail){ 0 };
}
