/* The one instance of stb_image, which bmp.c and gif.c use, from memory alone, with the size checked before any pixel
 * is decoded. */
#include <assert.h>
#include <limits.h>
#include <stdlib.h>

#include "stb.h"

#include "decoders.h"

/* All memory is zeroed, so that no decoder's oversight lets out what was in it before. */
static void *zeroed(size_t count)
{
    return calloc(1, count ? count : 1);
}

#define STBI_MALLOC(count) zeroed(count)
#define STBI_REALLOC(old, count) realloc(old, count)
#define STBI_FREE(old) free(old)
#define STB_IMAGE_IMPLEMENTATION
#define STBI_ONLY_BMP
#define STBI_ONLY_GIF
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_NO_HDR
#define STBI_MAX_DIMENSIONS IMAGE_MAX_SIDE
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#pragma GCC diagnostic ignored "-Wunused-but-set-variable"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wtype-limits"
#include <stb_image.h>
#pragma GCC diagnostic pop

static int measure(const char *format, const uint8_t *bytes, size_t count, struct image *image, struct err *err)
{
    int width, height, channels;
    if (count > INT_MAX)
        return err_set(err, "the %s image is larger than 2 GiB", format);
    if (!stbi_info_from_memory(bytes, (int)count, &width, &height, &channels))
        return err_set(err, "cannot decode the %s image: %s", format, stbi_failure_reason());
    return image_reserve(image, width, height, err);
}

int stb_rgba(const char *format, const uint8_t *bytes, size_t count, struct image *image, uint8_t **rgba,
             struct err *err)
{
    if (measure(format, bytes, count, image, err))
        return -1;
    int width, height, channels;
    *rgba = stbi_load_from_memory(bytes, (int)count, &width, &height, &channels, 4);
    if (!*rgba)
        return err_set(err, "cannot decode the %s image: %s", format, stbi_failure_reason());
    if (width != image->width || height != image->height) {
        free(*rgba);
        *rgba = NULL;
        return err_set(err, "cannot decode the %s image: its size is not what its header says", format);
    }
    return 0;
}

int stb_decode_bmp(const uint8_t *bytes, size_t count, int width, int height, uint8_t *rgb, struct err *err)
{
    int w, h, channels;
    assert(count <= INT_MAX);
    uint8_t *decoded = stbi_load_from_memory(bytes, (int)count, &w, &h, &channels, 3);
    if (!decoded)
        return err_set(err, "cannot decode the BMP image: %s", stbi_failure_reason());
    assert(w == width && h == height);
    memcpy(rgb, decoded, (size_t)width * (size_t)height * 3);
    free(decoded);
    return 0;
}
