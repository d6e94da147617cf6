/* See image_formats.h. */
#include "dcls/base/image_formats.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#define ENDINGS(X)                                                                                                     \
    X(".jpg", "image/jpeg")                                                                                            \
    X(".jpeg", "image/jpeg")                                                                                           \
    X(".jfif", "image/jpeg")                                                                                           \
    X(".jpe", "image/jpeg")                                                                                            \
    X(".png", "image/png")                                                                                             \
    X(".webp", "image/webp")                                                                                           \
    X(".heic", "image/heic")                                                                                           \
    X(".heif", "image/heif")                                                                                           \
    X(".hif", "image/heif")                                                                                            \
    X(".avif", "image/avif")                                                                                           \
    X(".bmp", "image/bmp")                                                                                             \
    X(".gif", "image/gif")                                                                                             \
    X(".ppm", "image/x-portable-pixmap")                                                                               \
    X(".pgm", "image/x-portable-graymap")                                                                              \
    X(".pbm", "image/x-portable-bitmap")                                                                               \
    X(".pnm", "image/x-portable-anymap")

#define ENDING(ending, type) ending,
#define TYPE(ending, type) type,
const char *const image_endings[] = { ENDINGS(ENDING) NULL };
static const char *const types[] = { ENDINGS(TYPE) };

static const char *const unread[] = { ".tif", ".tiff", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".raf", ".orf",
                                      ".rw2", ".pef",  ".srw", ".x3f", ".psd", ".jp2", ".jxl", NULL };
static const char *const videos[] = { ".mp4", ".mov", ".m4v", ".avi", ".mkv", ".webm", NULL };

static const char *ending_of(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot ? dot : "";
}

const char *image_content_type(const char *path)
{
    const char *ending = ending_of(path);
    for (size_t i = 0; image_endings[i]; i++)
        if (!strcasecmp(ending, image_endings[i]))
            return types[i];
    return NULL;
}

bool image_ending_known(const char *path)
{
    return image_content_type(path);
}

static bool has_ending(const char *path, const char *const endings[])
{
    const char *ending = ending_of(path);
    for (; *endings; endings++)
        if (!strcasecmp(ending, *endings))
            return true;
    return false;
}

bool image_ending_unread(const char *path)
{
    return has_ending(path, unread);
}

bool image_ending_video(const char *path)
{
    return has_ending(path, videos);
}
