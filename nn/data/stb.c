/* The one instance of stb_image: of BMP alone, from memory, in the plain form that it reads rightly. */
#include "stb.h"

#include <assert.h>
#include <limits.h>

#include "image.h"

#define STB_IMAGE_IMPLEMENTATION
#define STBI_ONLY_BMP
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

uint8_t *stb_decode_bmp(const uint8_t *bytes, size_t count, int width, int height, struct err *err)
{
    int decoded_width, decoded_height, channels;
    assert(count <= INT_MAX);
    uint8_t *rgb = stbi_load_from_memory(bytes, (int)count, &decoded_width, &decoded_height, &channels, 3);
    if (!rgb)
        err_set(err, "cannot decode the BMP image: %s", stbi_failure_reason());
    assert(!rgb || (decoded_width == width && decoded_height == height));
    return rgb;
}
