/* A pickle's dictionary of tensors: which of its dictionaries that is, the tensors in it as windows on storages, and
 * their elements once the file's reader has found those of the storages.
 *
 * Order of calls: pickle_read or, of a machine that has run, pickled_collect; pickled_add; pickled_copy for each
 * storage; pickled_release. */
#ifndef DCLS_NN_PICKLED_H
#define DCLS_NN_PICKLED_H

#include "pickle_torch.h"

struct pickled_storage {
    char key[PICKLE_KEY_SIZE]; /* letters and digits: the entry "PREFIX/data/KEY" of an archive */
    size_t size;               /* of an element */
    int64_t count;             /* of elements */
    size_t first;              /* of the tensors that see it, which are chained; PICKLED_NONE: none does */
    const char *elements;      /* for the reader; NULL at first */
};

#define PICKLED_NONE ((size_t)-1)

struct pickled_tensor {
    char *name;
    enum tensor_type type;
    struct torch_tensor window; /* inside the storage, which is one of pickled->storages here */
    size_t next;                /* that sees the same storage */
};

struct pickled {
    struct pickled_tensor *list; /* in the order of the file */
    size_t count;
    struct pickled_storage *storages; /* of everything that the pickle holds, sorted by key, each once */
    size_t storage_count;
    struct tensor_note *others; /* entries of the dictionary that are no tensors */
    size_t other_count;
    char member[TENSORS_MEMBER_SIZE]; /* of the pickle that the dictionary is: "state_dict"; empty: all of it */
};

/* Fills a zeroed one, also the caller's to release after a failure. The machine may be released after. */
int pickled_collect(struct machine *machine, struct pickled *pickled);
/* Runs a pickle and collects it. */
int pickle_read(const void *bytes, size_t count, struct pickled *pickled, struct err *err);

/* NULL: none of that key. */
struct pickled_storage *pickled_find(const struct pickled *pickled, const char *key);
/* Adds every tensor, its elements not yet set, to an empty list, which takes over the notes on what is none. */
int pickled_add(struct pickled *pickled, struct tensors *tensors, struct err *err);
/* Sets the elements of the tensors that see that storage, whose elements these are. */
void pickled_copy(const struct pickled *pickled, size_t storage, const char *elements, struct tensors *tensors);
void pickled_release(struct pickled *pickled);

#endif
