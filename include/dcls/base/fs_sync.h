/* What was written is made to survive a power cut, on file systems too that cannot do that for one folder. */
#ifndef DCLS_BASE_FS_SYNC_H
#define DCLS_BASE_FS_SYNC_H

#include "dcls/base/err.h"

/* Flushes an open file or folder: 0, or the errno. */
int fs_sync(int fd);
/* Flushes the names in a folder. */
int fs_sync_dir(const char *dir, struct err *err);

#endif
