/* What the files of PyTorch before 1.6 (pth_old.c, pth_tar.c) have in common: pickles and storages, one behind the
 * other. */
#ifndef DCLS_NN_PTH_STREAM_H
#define DCLS_NN_PTH_STREAM_H

#include "pickled.h"

/* A part of a file that is read from its start to its end. */
struct pth_stream {
    const char *bytes;
    size_t count, at;
};

/* A machine for the pickle at the stream's position, at most as long as any may be; the caller's to release. */
struct machine pth_stream_machine(const struct pth_stream *stream, struct err *err);
/* Passes over a count of elements and the elements of that size; *elements stays in the stream. `name` tells which
 * they are. */
int pth_stream_storage(struct pth_stream *stream, size_t size, const char *name, int64_t *count, const char **elements,
                       struct err *err);
/* The pickle at the stream's position, of what the machine was: fails where its byte order was not this one. */
int pth_stream_system(struct pth_stream *stream, struct err *err);
/* Fills the tensors; the elements of every storage that they see must be set. */
int pth_fill(struct pickled *pickled, size_t count, struct tensors *tensors, struct err *err);

#endif
