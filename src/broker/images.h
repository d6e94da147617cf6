/* The broker's image folder, as clients see it: a list, and single files by their virtual path. Blocks. */
#ifndef DCLS_BROKER_IMAGES_H
#define DCLS_BROKER_IMAGES_H

#include <cjson/cJSON.h>
#include <stdint.h>

#include "dcls/base/err.h"
#include "image_tree.h"

#define IMAGES_MAX 1000000 /* files listed */

/* {"images": ["./images/a/b.jpg", ...]}: every image of the tree by its ending, sorted; none where its root is no
 * folder.
 * NULL with err where memory lacks or the folder cannot be read. */
cJSON *images_list(const struct image_tree *tree, struct err *err);

/* Opens "images/a/b.jpg" or "./images/a/b.jpg", an image of the tree: the descriptor, the caller's to close, its size
 * and Content-Type; -1 for everything else, whatever it is. */
int images_open(const struct image_tree *tree, const char *virtual_path, int64_t *size, const char **type);

#endif
