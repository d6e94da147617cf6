/* The broker's image folder: which files in it are served, by what path, and what is left out of it. Blocks.
 *
 * Hidden names do not count. A link is followed where it leads to something in the folder; one that leads out of it
 * only with --follow-links, so that without that no path, link or race leads out. Left out, and told, is what a dataset
 * would hold and a node would not get: such links, what the broker may not read, names that a node may not have. */
#ifndef DCLS_BROKER_IMAGE_TREE_H
#define DCLS_BROKER_IMAGE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "dcls/base/err.h"
#include "dcls/base/fs.h"
#include "left_out.h"

struct image_tree {
    const char *root;  /* --images */
    bool follow_links; /* --follow-links */
};

/* The files that are served, or the images by their ending among them, as fs_list_tree lists them. `left_out` is begun
 * anew, and released by the caller whatever comes of it. -1 with err where the folder itself cannot be read, it holds
 * too much or memory lacks. */
enum image_tree_files { TREE_ALL_FILES, TREE_IMAGES };
int image_tree_list(const struct image_tree *tree, enum image_tree_files files, size_t max, struct fs_list *list,
                    struct left_out *left_out, struct err *err);

/* Opens a regular file by its path below the root, as listed: the descriptor, the caller's to close; -1 with errno for
 * everything else, whatever it is. */
int image_tree_open(const struct image_tree *tree, const char *relative, struct stat *info);

#endif
