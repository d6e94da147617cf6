/* The stack machine of the pickle reader: its values, and what the opcodes (pickle.c), the calls (pickle_calls.c) and
 * torch's objects (pickle_torch.c) do with them. Values are small and copied; texts stay in the pickle's bytes; tuples
 * lie in one pool; lists and dictionaries are numbers of containers, whose entries are chained, since they grow while
 * others do. Nothing is ever called or built: what a class or function that is not known would make is an OBJECT, of
 * which only that class is remembered. */
#ifndef DCLS_NN_PICKLE_MACHINE_H
#define DCLS_NN_PICKLE_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dcls/base/err.h"

#define PICKLE_ITEMS_MAX (1 << 20) /* of all tuples, of all containers, of all objects */

enum kind {
    NOTHING,
    MARK,
    BOOLEAN,
    INTEGER,
    LONG, /* an integer of more than 64 bits: its little-endian bytes, or its digits, as the pickle has them */
    STRING,
    OTHER, /* floats, bytes and sets, which no tensor needs */
    TUPLE,
    LIST,
    DICT,
    GLOBAL,
    STORAGE,
    TENSOR,
    OBJECT
};

struct pickle_text {
    const char *start;
    size_t length;
};

struct pickle_value {
    enum kind kind;
    union {
        int64_t integer;
        struct pickle_text text; /* of a STRING or LONG */
        struct {
            size_t first, count; /* in items */
        } tuple;
        size_t index; /* place in the list of containers, globals, storages, tensors or objects, by kind */
    };
};

/* A list or dictionary: its entries from the first to the last by `next`; NO_ENTRY: none. */
struct pickle_container {
    size_t first, last;
};

#define NO_ENTRY ((size_t)-1)

struct pickle_entry {
    struct pickle_value key, value; /* of a list the value alone */
    size_t next;
};

/* What may be named by a pickle, and does more than to make an OBJECT. */
enum known_global {
    GLOBAL_UNKNOWN,
    GLOBAL_DICT,              /* OrderedDict() or OrderedDict(pairs) */
    GLOBAL_DEFAULT_DICT,      /* defaultdict(factory) */
    GLOBAL_SIZE,              /* torch.Size(tuple) */
    GLOBAL_TENSOR,            /* a tensor's class: Parameter(tensor, …), Variable(tensor), FloatTensor() */
    GLOBAL_REBUILD_TENSOR,    /* (storage, offset, shape, stride, …) */
    GLOBAL_REBUILD_PARAMETER, /* (tensor, …) */
    GLOBAL_REBUILD_FROM_TYPE, /* (function, class, its arguments, …) */
    GLOBAL_STORAGE,           /* a storage's class */
};

struct pickle_global {
    enum known_global known;
    struct pickle_text module, name;
};

struct pickle_object {
    size_t global;             /* its class, or the function that makes it */
    struct pickle_value built; /* of a tensor's class: the tensor that its state made of it, else NOTHING */
};

struct pickle_list {
    void *items;
    size_t count, capacity;
};

/* What a persistent id stands for that is a mere number. */
struct pickle_persistent {
    int64_t id;
    struct pickle_value value;
};

struct machine {
    const uint8_t *bytes;
    size_t count, at;
    struct pickle_list stack, memo, items; /* struct pickle_value each */
    struct pickle_list containers, entries;
    struct pickle_list globals, objects;
    struct pickle_list storages, tensors;       /* torch's: struct torch_storage, struct torch_tensor */
    const struct pickle_persistent *persistent; /* sorted by id; the caller's */
    size_t persistent_count;
    struct err *err;
};

static inline struct pickle_value *items_of(const struct machine *machine, struct pickle_value tuple)
{
    struct pickle_value *items = machine->items.items;
    return items ? items + tuple.tuple.first : NULL; /* NULL: only empty tuples so far */
}

static inline const struct pickle_entry *entry_at(const struct machine *machine, size_t index)
{
    return (const struct pickle_entry *)machine->entries.items + index;
}

/* The first entry of a list or dictionary. */
static inline size_t first_entry(const struct machine *machine, struct pickle_value container)
{
    return ((const struct pickle_container *)machine->containers.items)[container.index].first;
}

static inline const struct pickle_global *global_of(const struct machine *machine, size_t index)
{
    return (const struct pickle_global *)machine->globals.items + index;
}

static inline struct pickle_object *object_of(const struct machine *machine, struct pickle_value object)
{
    return (struct pickle_object *)machine->objects.items + object.index;
}

bool pickle_text_is(struct pickle_text text, const char *expected);

void machine_release(struct machine *machine);

/* Adds room for one more item of `size` bytes and returns it; NULL with err. */
void *machine_add(struct machine *machine, struct pickle_list *list, size_t size, size_t max);
int machine_push(struct machine *machine, struct pickle_value value);
/* Takes the top value, which must be none of MARK. */
int machine_pop(struct machine *machine, struct pickle_value *value);
/* Takes the top value, which must be of `kind`. */
int machine_pop_kind(struct machine *machine, enum kind kind, struct pickle_value *value);
/* The value below the top `below` ones; NULL where there is none. Valid until the next push. */
struct pickle_value *machine_below(struct machine *machine, size_t below);

/* Pushes an empty LIST or DICT. */
int machine_push_container(struct machine *machine, enum kind kind);
/* Adds an entry to a list (its key is NOTHING) or dictionary. */
int machine_add_entry(struct machine *machine, struct pickle_value container, struct pickle_value key,
                      struct pickle_value value);
/* Pushes what that class or function would make. */
int machine_push_object(struct machine *machine, size_t global);

#endif
