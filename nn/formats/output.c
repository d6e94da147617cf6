/* A path by fs_write_parts, or an open file. */
#include "output.h"

#include <string.h>

#include "dcls/base/fs.h"

int output_write(const struct output *output, const struct iovec *parts, int count, struct err *err)
{
    if (output->path)
        return fs_write_parts(output->path, parts, count, err);
    for (int i = 0; i < count; i++) {
        int cause = fs_put(output->fd, parts[i].iov_base, parts[i].iov_len);
        if (cause)
            return err_set(err, "cannot write the file: %s", strerror(cause));
    }
    return 0;
}
