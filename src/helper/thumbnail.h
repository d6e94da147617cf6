/* The request `thumbnail`. */
#ifndef DCLS_HELPER_THUMBNAIL_H
#define DCLS_HELPER_THUMBNAIL_H

#include "dcls/nn/thumbnail.h"
#include "request.h"

/* {"request": "thumbnail", "width": W} with an image and an empty file: the image as JPEG, at most W pixels wide, is
 * written into the file. The answer has "width", "height", and "bytes" of the file. A refusal has "status": 415 where
 * the file is no image that is read, 422 where it is damaged or too large. */
int request_thumbnail(const struct request *request, cJSON *answer, struct err *err);

/* Writes it into `fd`, and "width", "height" and "bytes" into the answer. */
int thumbnail_hand_over(const struct thumbnail *thumbnail, int fd, cJSON *answer, struct err *err);

#endif
