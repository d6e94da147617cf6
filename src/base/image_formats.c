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

static const struct {
    const char *ending, *format;
} unread[] = {
    { ".tif", "TIFF" },    { ".tiff", "TIFF" },  { ".dng", "RAW" },   { ".cr2", "RAW" },   { ".cr3", "RAW" },
    { ".nef", "RAW" },     { ".arw", "RAW" },    { ".raf", "RAW" },   { ".orf", "RAW" },   { ".rw2", "RAW" },
    { ".pef", "RAW" },     { ".srw", "RAW" },    { ".x3f", "RAW" },   { ".psd", "PSD" },   { ".jp2", "JPEG 2000" },
    { ".jxl", "JPEG XL" }, { ".mp4", "video" },  { ".mov", "video" }, { ".m4v", "video" }, { ".avi", "video" },
    { ".mkv", "video" },   { ".webm", "video" },
};

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

const char *image_ending_unread(const char *path)
{
    const char *ending = ending_of(path);
    for (size_t i = 0; i < sizeof unread / sizeof *unread; i++)
        if (!strcasecmp(ending, unread[i].ending))
            return unread[i].format;
    return NULL;
}
