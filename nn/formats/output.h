/* Where a file of weights is written to. */
#ifndef DCLS_NN_OUTPUT_H
#define DCLS_NN_OUTPUT_H

#include <sys/uio.h>

#include "dcls/base/err.h"

struct output {
    const char *path; /* durable and atomic; NULL: into */
    int fd;           /* which is open and empty */
};

/* Writes the parts, one after another: all that there will be. */
int output_write(const struct output *output, const struct iovec *parts, int count, struct err *err);

#endif
