/* The stack machine of the pickle reader: its values, and what the opcodes (pickle.c) and torch's objects
 * (pickle_torch.c) do with them. Values are small and copied. Tuples lie in one pool, texts stay in the pickle's bytes,
 * and the pairs of all dictionaries are kept in one list, since the contents of the outermost alone matter. */
#ifndef DCLS_NN_PICKLE_MACHINE_H
#define DCLS_NN_PICKLE_MACHINE_H

#include <stddef.h>
#include <stdint.h>

#include "dcls/base/err.h"

enum kind { NOTHING, MARK, BOOLEAN, INTEGER, STRING, TUPLE, LIST, DICT, GLOBAL, STORAGE, TENSOR };

enum global {
    ORDERED_DICT,
    REBUILD_TENSOR,
    FLOAT_STORAGE, /* the storages stand together */
    DOUBLE_STORAGE,
    HALF_STORAGE,
    BFLOAT16_STORAGE,
    LONG_STORAGE,
    GLOBAL_COUNT
};

struct pickle_value {
    enum kind kind;
    union {
        int64_t integer;
        struct {
            const char *start;
            size_t length;
        } string;
        struct {
            size_t first, count; /* in items */
        } tuple;                 /* or list */
        size_t index;            /* dictionary's number, storage's or tensor's place in its list */
        enum global global;
    };
};

struct pickle_list {
    void *items;
    size_t count, capacity;
};

struct pickle_pair {
    size_t dict;
    struct pickle_value key, value;
};

struct machine {
    const uint8_t *bytes;
    size_t count, at;
    struct pickle_list stack, memo, items; /* struct pickle_value each */
    struct pickle_list pairs;              /* struct pickle_pair */
    struct pickle_list storages,
        tensors; /* torch's, struct pickled_tensor, of which a storage fills the first members */
    size_t dicts;
    struct err *err;
};

static inline struct pickle_value *items_of(const struct machine *machine, struct pickle_value tuple)
{
    struct pickle_value *items = machine->items.items;
    return items ? items + tuple.tuple.first : NULL; /* NULL: only empty tuples so far */
}

void machine_release(struct machine *machine);

/* Adds room for one more item of `size` bytes and returns it; NULL with err. */
void *machine_add(struct machine *machine, struct pickle_list *list, size_t size, size_t max);
int machine_push(struct machine *machine, struct pickle_value value);
/* Takes the top value, which must be of `kind`. */
int machine_pop(struct machine *machine, enum kind kind, struct pickle_value *value);

#endif
