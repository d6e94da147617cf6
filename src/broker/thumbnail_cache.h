/* Thumbnails on disk, below one folder and within a quota; those that were not asked for for the longest time go first.
 *
 * A file is named by its key, which follows from the image's path, its size, its time of change, its inode and the
 * width asked for, so that a changed image has another key. It holds the key and the hash of its bytes before them: a
 * file that is damaged, or lies under another's name, counts as absent and is removed. Nothing is flushed: what a power
 * cut takes is made again. Files of other names are left alone.
 *
 * Everything here blocks. thumbnail_cache_scan, once and first, and thumbnail_cache_put belong in one lane,
 * LANE_THUMBNAILS; thumbnail_cache_get runs beside them. */
#ifndef DCLS_BROKER_THUMBNAIL_CACHE_H
#define DCLS_BROKER_THUMBNAIL_CACHE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "dcls/base/err.h"
#include "dcls/base/sha256.h"

#define THUMBNAIL_BYTES_MAX (16 * 1024 * 1024) /* of one */

struct thumbnail_cache;

/* NULL where memory lacks; nothing is read or made yet. */
struct thumbnail_cache *thumbnail_cache_new(const char *dir, int64_t quota);
void thumbnail_cache_free(struct thumbnail_cache *cache); /* NULL is fine */

int thumbnail_key(const char *image_path, const struct stat *info, int width, char key[SHA256_HEX_SIZE],
                  struct err *err);

/* Learns how much is there, and removes what writes left that did not end. */
void thumbnail_cache_scan(struct thumbnail_cache *cache);
/* Its bytes, the caller's to free; NULL: it is not there. */
char *thumbnail_cache_get(const struct thumbnail_cache *cache, const char *key, size_t *count);
/* That it cannot be kept is logged, once until it can. */
void thumbnail_cache_put(struct thumbnail_cache *cache, const char *key, const void *bytes, size_t count);

#endif
