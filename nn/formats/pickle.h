/* The pickle inside a .pth: what torch.save(state_dict) writes, and nothing else. Not a general unpickler: it knows
 * the few opcodes and globals that describe a dictionary of tensors, calls nothing, and refuses all others by name. */
#ifndef DCLS_NN_PICKLE_H
#define DCLS_NN_PICKLE_H

#include "tensors.h"

#define PICKLE_BYTES_MAX (4 * 1024 * 1024)
#define PICKLE_KEY_SIZE 32

/* A tensor as a window on a storage, which is an entry of the archive. */
struct pickled_tensor {
    char *name;
    char key[PICKLE_KEY_SIZE]; /* letters and digits: the entry "PREFIX/data/KEY" */
    enum tensor_type type;
    int64_t storage_count; /* numbers in the storage */
    int64_t offset;        /* of the first, in numbers */
    int rank;
    int64_t shape[TENSOR_RANK_MAX], stride[TENSOR_RANK_MAX];
};

/* Every window lies inside its storage and shows no more numbers than that holds; several may share one. */
struct pickled {
    struct pickled_tensor *list;
    size_t count;
};

/* Fills a zeroed list, in the order of the file. */
int pickle_read(const void *bytes, size_t count, struct pickled *pickled, struct err *err);
/* Writes the numbers that a window shows of its storage into the tensor, the last dimension fastest. */
void pickled_copy(const struct pickled_tensor *window, const char *storage, struct tensor *tensor);
void pickled_release(struct pickled *pickled);

#endif
