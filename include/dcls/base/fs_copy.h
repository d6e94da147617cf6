/* Copies of whole folders. */
#ifndef DCLS_BASE_FS_COPY_H
#define DCLS_BASE_FS_COPY_H

#include "dcls/base/err.h"

/* Copies what is in the folder `from` into the folder `into`, an empty one, and flushes it: files, folders and links,
 * with their permissions. What is none of these (a socket, a device) is passed over. Where it fails, `into` holds a
 * part of it. */
int fs_copy_tree(const char *from, const char *into, struct err *err);

#endif
