/* Downloads from the broker's HTTP side. They block, so they are called on the pool's threads only; all end soon after
 * *stop became true, and none outlives a transfer that stalls. */
#ifndef DCLS_NODE_FETCH_H
#define DCLS_NODE_FETCH_H

#include <stdatomic.h>
#include <stdint.h>

#include "dcls/base/err.h"
#include "dcls/base/notices.h"

#define FETCH_IMAGE_MAX (32 << 20)
#define FETCH_WEIGHTS_MAX ((int64_t)4 << 30)

/* The broker's blob as DIR/SHA256, fetched where it is not there, resumed where a part of it is. One at a time for one
 * blob. The oldest files make room for it once DIR holds more than `keep` bytes. */
int fetch_cached_blob(const char *api, const char *dir, const char *sha256, int64_t max, int64_t keep,
                      const atomic_bool *stop, struct err *err);

/* An image that the broker has under `image_path` ("./images/…"), or that was uploaded to it, into the file `path`:
 * to be classified and removed, so that it is not waited for until it is on the disk. */
int fetch_image(const char *api, const char *image_path, const char *path, const atomic_bool *stop, struct err *err);
int fetch_uploaded_image(const char *api, const char *sha256, const char *path, const atomic_bool *stop,
                         struct err *err);

/* Makes `dir` hold exactly the broker's dataset. Several files at a time; those of the right size and digest, in `dir`
 * or left from an interrupted attempt, are not fetched again. `dir` is replaced in one step when all is there. The
 * manifest that it then holds is kept in `manifest_path`: the same one again costs one request. */
int fetch_dataset(const char *api, const char *dir, const char *manifest_path, const atomic_bool *stop,
                  struct err *err);

/* What the broker left out of the dataset whose manifest is kept there, if anything. */
void fetch_dataset_notice(const char *manifest_path, struct notices *notices);

#endif
