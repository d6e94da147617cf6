/* What torch puts into a pickle: storages by persistent id, tensors as windows on them. */
#ifndef DCLS_NN_PICKLE_TORCH_H
#define DCLS_NN_PICKLE_TORCH_H

#include "pickle_machine.h"
#include "tensors.h"

#define PICKLE_KEY_SIZE 32

/* A class of storages by its name, "FloatStorage", in whatever module. */
struct torch_storage_type {
    const char *name;
    size_t size; /* of an element */
    bool is_read;
    enum tensor_type type; /* where it is read */
};
/* NULL: no such class. */
const struct torch_storage_type *torch_storage_type(struct pickle_text name);

struct torch_storage {
    char key[PICKLE_KEY_SIZE]; /* letters and digits */
    const struct torch_storage_type *type;
    size_t global; /* its class */
    int64_t count; /* elements of the whole storage */
    /* The part of it that tensors see: all, but for views on storages, which PyTorch had before 0.4. */
    int64_t first, shown;
};

/* A window that lies inside its storage. */
struct torch_tensor {
    size_t storage; /* in the machine's list */
    int64_t offset; /* of the first element, in the whole storage */
    int rank;
    int64_t shape[TENSOR_RANK_MAX], stride[TENSOR_RANK_MAX];
};

/* Pushes what a persistent id stands for: the storage that a tuple describes, the class that a module was saved with,
 * or what machine->persistent has under a number. */
int torch_persistent(struct machine *machine, struct pickle_value id);
/* Pushes the tensor that the arguments of _rebuild_tensor or _rebuild_tensor_v2 describe; an object where its elements
 * are of a type that is not read. */
int torch_rebuild(struct machine *machine, struct pickle_value arguments);
/* Adds the tensor, whose window on its storage's shown part is looked at; pushes it. */
int torch_push_tensor(struct machine *machine, struct torch_tensor tensor);

#endif
