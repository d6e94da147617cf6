/* The formats of images by the endings of files' names: for those who list files and open none of them. Which decoder
 * reads a file is told by its content alone (nn/data/decode.h). A path's ending begins at its last dot and counts in
 * any case. */
#ifndef DCLS_BASE_IMAGE_FORMATS_H
#define DCLS_BASE_IMAGE_FORMATS_H

#include <stdbool.h>

/* Of every format that is read, NULL-ended. */
extern const char *const image_endings[];

bool image_ending_known(const char *path);

/* "image/jpeg"; NULL where the ending is not known. */
const char *image_content_type(const char *path);

/* An image, but of a format that is not read. */
bool image_ending_unread(const char *path);
/* What many a phone puts beside its photos. */
bool image_ending_video(const char *path);

#endif
