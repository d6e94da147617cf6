/* PNG by stb_image (and its one instance, which bmp.c and gif.c use too), from memory alone, with the size checked
 * before any pixel is decoded. As with PIL's convert('RGB'): alpha is dropped, palettes, grey and 1 to 4 bits a sample
 * are expanded, 16-bit colour keeps the high byte, and 16-bit grey is clipped at 255. */
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

/* What stb_image grows step by step, the packed and the unpacked bytes of a PNG, it grows as far as the file claims or
 * unpacks. The bound is set by measure() for each image; the allocator is given no context, hence one a thread. */
static _Thread_local size_t growth_max;

static void *grown(void *old, size_t count)
{
    return count > growth_max ? NULL : realloc(old, count);
}

#define STBI_MALLOC(count) zeroed(count)
#define STBI_REALLOC(old, count) grown(old, count)
#define STBI_FREE(old) free(old)
#define STB_IMAGE_IMPLEMENTATION
#define STBI_ONLY_PNG
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
    if (image_reserve(image, width, height, err))
        return -1;
    /* Sizes are doubled, of at most the file or 8 bytes a pixel and some more a row. */
    growth_max = 2 * count + 2 * ((size_t)width * 8 + 64) * (size_t)image->height + 65536;
    return 0;
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

static int decode(const char *format, struct image *image, const uint8_t *bytes, size_t count, struct err *err)
{
    uint8_t *rgba;
    if (stb_rgba(format, bytes, count, image, &rgba, err))
        return -1;
    size_t pixels = (size_t)image->width * image->height;
    for (size_t i = 0; i < pixels; i++)
        memcpy(image->rgb + 3 * i, rgba + 4 * i, 3);
    free(rgba);
    return 0;
}

static int decode_grey16(struct image *image, const uint8_t *bytes, size_t count, struct err *err)
{
    if (measure("PNG", bytes, count, image, err))
        return -1;
    int width, height, channels;
    uint16_t *grey = stbi_load_16_from_memory(bytes, (int)count, &width, &height, &channels, 1);
    if (!grey)
        return err_set(err, "cannot decode the PNG image: %s", stbi_failure_reason());
    int status = 0;
    if (width != image->width || height != image->height)
        status = err_set(err, "cannot decode the PNG image: its size is not what its header says");
    else
        for (size_t i = 0; i < (size_t)width * height; i++)
            memset(image->rgb + 3 * i, grey[i] > 255 ? 255 : grey[i], 3);
    free(grey);
    return status;
}

static int64_t big(const uint8_t *bytes)
{
    return (int64_t)bytes[0] << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3];
}

int png_decode(struct image *image, const uint8_t *bytes, size_t count, struct err *err)
{
    /* Signature (8), then the header chunk: length, name, width, height (4 each), bits a sample, colour type. A size
     * out of bounds is told here, where stb_image would only say that it knows no such format. */
    if (count < 26)
        return err_set(err, "the PNG image ends early");
    if (image_reserve(image, big(bytes + 16), big(bytes + 20), err))
        return -1;
    if (bytes[24] == 16 && bytes[25] == 0)
        return decode_grey16(image, bytes, count, err);
    return decode("PNG", image, bytes, count, err);
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
