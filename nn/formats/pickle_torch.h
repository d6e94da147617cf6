/* What torch puts into a pickle: storages by persistent id, tensors as windows on them, a dictionary of tensors. */
#ifndef DCLS_NN_PICKLE_TORCH_H
#define DCLS_NN_PICKLE_TORCH_H

#include "pickle_machine.h"
#include "tensors.h"

#define PICKLE_KEY_SIZE 32

/* A tensor as a window on a storage, which is an entry of the archive. */
struct pickled_tensor {
    char *name;
    char key[PICKLE_KEY_SIZE]; /* letters and digits: the entry "PREFIX/data/KEY" */
    enum tensor_type type;
    int64_t storage_count; /* elements of the storage */
    int64_t offset;        /* of the first, in elements */
    int rank;
    int64_t shape[TENSOR_RANK_MAX], stride[TENSOR_RANK_MAX];
};

/* Every window lies inside its storage and shows no more elements than that holds; several may share one. */
struct pickled {
    struct pickled_tensor *list;
    size_t count;
};

/* Replaces the tuple on top by the storage that it describes. */
int torch_storage(struct machine *machine);
/* Pushes the tensor that the arguments of _rebuild_tensor_v2 describe. */
int torch_tensor(struct machine *machine, struct pickle_value arguments);
/* The outermost dictionary's pairs become the list, zeroed before. */
int torch_collect(struct machine *machine, struct pickled *pickled);

/* Writes the elements that a window shows of its storage into the tensor, the last dimension fastest. */
void pickled_copy(const struct pickled_tensor *window, const char *storage, struct tensor *tensor);
void pickled_release(struct pickled *pickled);

#endif
