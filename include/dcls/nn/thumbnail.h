/* An image of any format that is read, made small for people to look at: a JPEG. */
#ifndef DCLS_NN_THUMBNAIL_H
#define DCLS_NN_THUMBNAIL_H

#include <stddef.h>

#include "dcls/base/err.h"

#define THUMBNAIL_HEIGHTS 4                    /* it is at most so many times as high as it may be wide */
#define THUMBNAIL_FILE_MAX (256 * 1024 * 1024) /* bytes of the image */

struct thumbnail {
    unsigned char *jpeg; /* heap */
    size_t size;
    int width, height;
};

/* Whether the bytes begin as an image that is read: 0, or -1 with what they are instead. */
int thumbnail_check(const void *bytes, size_t count, struct err *err);

/* The image at most `width` pixels wide, in its aspect, never larger than it is. A photo stands upright, as browsers
 * show it: the orientation that a JPEG's EXIF data tells is applied, which a training ignores, as PyTorch's loader
 * does. `thumbnail` is to be released whatever comes of it. */
int thumbnail_make(const void *bytes, size_t count, int width, struct thumbnail *thumbnail, struct err *err);
/* The same of grey pixels (height, from_width), a byte each. */
int thumbnail_of_grey(const unsigned char *pixels, int from_width, int height, int width, struct thumbnail *thumbnail,
                      struct err *err);
void thumbnail_release(struct thumbnail *thumbnail);

#endif
