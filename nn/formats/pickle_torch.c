/* See pickle_torch.h. Every number is compared with the storage's size before anything is made by it. */
#include "pickle_torch.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

const struct torch_storage_type *torch_storage_type(struct pickle_text name)
{
    static const struct torch_storage_type types[] = {
        { "FloatStorage", 4, true, TENSOR_FLOAT32 },    { "DoubleStorage", 8, true, TENSOR_FLOAT64 },
        { "HalfStorage", 2, true, TENSOR_FLOAT16 },     { "BFloat16Storage", 2, true, TENSOR_BFLOAT16 },
        { "LongStorage", 8, true, TENSOR_INT64 },       { "IntStorage", 4, true, TENSOR_INT32 },
        { "ShortStorage", 2, true, TENSOR_INT16 },      { "CharStorage", 1, true, TENSOR_INT8 },
        { "ByteStorage", 1, true, TENSOR_UINT8 },       { "BoolStorage", 1, true, TENSOR_BOOL },
        { "UntypedStorage", 1, true, TENSOR_UINT8 },    { "_UntypedStorage", 1, true, TENSOR_UINT8 },
        { "ComplexFloatStorage", 8, .is_read = false }, { "ComplexDoubleStorage", 16, .is_read = false },
        { "QInt8Storage", 1, .is_read = false },        { "QUInt8Storage", 1, .is_read = false },
        { "QInt32Storage", 4, .is_read = false },       { "QUInt4x2Storage", 1, .is_read = false },
        { "QUInt2x4Storage", 1, .is_read = false },
    };
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (pickle_text_is(name, types[i].name))
            return &types[i];
    return NULL;
}

static bool is_count(struct pickle_value value)
{
    return value.kind == INTEGER && value.integer >= 0 && value.integer <= (int64_t)TENSORS_BYTES_MAX;
}

/* What (key, offset, size) shows of a storage. */
static int take_view(struct machine *machine, struct pickle_value view, struct torch_storage *storage)
{
    const struct pickle_value *part = items_of(machine, view);
    if (view.tuple.count != 3 || !is_count(part[1]) || !is_count(part[2]) || part[1].integer > storage->count ||
        part[2].integer > storage->count - part[1].integer)
        return err_set(machine->err, "the pickle has a view that leaves its storage");
    storage->first = part[1].integer;
    storage->shown = part[2].integer;
    return 0;
}

/* ("storage", its class, key, place, elements), before PyTorch 1.6 with a view behind: None, or (key, offset, size) */
static int push_storage(struct machine *machine, struct pickle_value tuple)
{
    const struct pickle_value *part = items_of(machine, tuple);
    if (tuple.tuple.count < 5 || tuple.tuple.count > 6 || part[1].kind != GLOBAL || part[2].kind != STRING ||
        part[4].kind != INTEGER)
        return err_set(machine->err, "the pickle has a storage of an unknown form");
    const struct pickle_global *global = global_of(machine, part[1].index);
    const struct torch_storage_type *type = torch_storage_type(global->name);
    if (global->known != GLOBAL_STORAGE || !type)
        return err_set(machine->err, "the pickle has a storage of the unknown type '%.*s'",
                       (int)(global->name.length < 100 ? global->name.length : 100), global->name.start);
    struct pickle_text key = part[2].text;
    if (key.length < 1 || key.length >= PICKLE_KEY_SIZE)
        return err_set(machine->err, "the pickle has a storage with a key of %zu bytes", key.length);
    for (size_t i = 0; i < key.length; i++)
        if (!isalnum((unsigned char)key.start[i]))
            return err_set(machine->err, "the pickle has a storage with an impossible key");
    if (!is_count(part[4]))
        return err_set(machine->err, "the pickle has a storage of %lld numbers", (long long)part[4].integer);
    struct torch_storage storage = {
        .type = type, .global = part[1].index, .count = part[4].integer, .shown = part[4].integer
    };
    memcpy(storage.key, key.start, key.length);
    if (tuple.tuple.count == 6 && part[5].kind == TUPLE && take_view(machine, part[5], &storage))
        return -1;
    struct torch_storage *kept = machine_add(machine, &machine->storages, sizeof(*kept), TENSORS_MAX);
    if (!kept)
        return -1;
    *kept = storage;
    return machine_push(machine, (struct pickle_value){ .kind = STORAGE, .index = machine->storages.count - 1 });
}

static int compare_persistent(const void *key, const void *item)
{
    int64_t id = *(const int64_t *)key, other = ((const struct pickle_persistent *)item)->id;
    return id < other ? -1 : id > other;
}

/* A number, as text. */
static int push_persistent(struct machine *machine, struct pickle_text text)
{
    char digits[PICKLE_KEY_SIZE], *end = digits;
    const struct pickle_persistent *found = NULL;
    if (text.length && text.length < sizeof(digits)) {
        memcpy(digits, text.start, text.length);
        digits[text.length] = '\0';
        int64_t id = strtoll(digits, &end, 10);
        if (!*end && machine->persistent_count)
            found = bsearch(&id, machine->persistent, machine->persistent_count, sizeof(*found), compare_persistent);
    }
    if (!found)
        return err_set(machine->err, "the pickle has a persistent id that the file does not explain");
    return machine_push(machine, found->value);
}

int torch_persistent(struct machine *machine, struct pickle_value id)
{
    if (id.kind == STRING)
        return push_persistent(machine, id.text);
    if (id.kind != TUPLE)
        return err_set(machine->err, "the pickle has a storage of an unknown form");
    const struct pickle_value *part = items_of(machine, id);
    bool named = id.tuple.count && part[0].kind == STRING;
    if (named && pickle_text_is(part[0].text, "storage"))
        return push_storage(machine, id);
    /* A module's class with its source: ("module", class, file, source), before PyTorch 0.2 without "module". */
    if (named && pickle_text_is(part[0].text, "module") && id.tuple.count > 1 && part[1].kind == GLOBAL)
        return machine_push(machine, part[1]);
    if (id.tuple.count && part[0].kind == GLOBAL)
        return machine_push(machine, part[0]);
    return err_set(machine->err, "the pickle has a storage of an unknown form");
}

static int copy_dimensions(struct machine *machine, struct pickle_value tuple, int64_t *dimensions)
{
    const struct pickle_value *part = items_of(machine, tuple);
    for (size_t i = 0; i < tuple.tuple.count; i++) {
        if (!is_count(part[i]))
            return err_set(machine->err, "the pickle has a tensor with an impossible shape or stride");
        dimensions[i] = part[i].integer;
    }
    return 0;
}

/* The last element shown must lie in the storage. A stride may be 0, as expand() makes it: then more elements are shown
 * than the storage has. */
static int check_window(struct machine *machine, const struct torch_tensor *tensor, const struct torch_storage *storage)
{
    int64_t count = shape_count(tensor->rank, tensor->shape), last = tensor->offset;
    if (count < 0)
        return err_set(machine->err, "the pickle has a tensor that is too large");
    if (tensor->offset < 0 || tensor->offset > storage->shown)
        return err_set(machine->err, "the pickle has a tensor that leaves its storage");
    for (int i = 0; i < tensor->rank && count; i++)
        if (tensor->stride[i] < 0 || tensor->stride[i] > (int64_t)TENSORS_BYTES_MAX) {
            return err_set(machine->err, "the pickle has a tensor with an impossible shape or stride");
        } else if (tensor->shape[i] > 1) {
            /* Both factors are at most 2^31, and at most 8 products are added. */
            int64_t reach = (tensor->shape[i] - 1) * tensor->stride[i];
            if (reach > storage->shown)
                return err_set(machine->err, "the pickle has a tensor that leaves its storage");
            last += reach;
        }
    if (count && last >= storage->shown)
        return err_set(machine->err, "the pickle has a tensor that leaves its storage");
    return 0;
}

int torch_push_tensor(struct machine *machine, struct torch_tensor tensor)
{
    const struct torch_storage *storage = (const struct torch_storage *)machine->storages.items + tensor.storage;
    if (check_window(machine, &tensor, storage))
        return -1;
    if (!storage->type->is_read)
        return machine_push_object(machine, storage->global);
    tensor.offset += storage->first;
    struct torch_tensor *kept = machine_add(machine, &machine->tensors, sizeof(*kept), TENSORS_MAX);
    if (!kept)
        return -1;
    *kept = tensor;
    return machine_push(machine, (struct pickle_value){ .kind = TENSOR, .index = machine->tensors.count - 1 });
}

/* (storage, offset, shape, stride), in version 2 with requires_grad and hooks behind */
int torch_rebuild(struct machine *machine, struct pickle_value tuple)
{
    const struct pickle_value *part = items_of(machine, tuple);
    if (tuple.tuple.count < 4 || tuple.tuple.count > 6 || part[0].kind != STORAGE || part[1].kind != INTEGER ||
        part[2].kind != TUPLE || part[3].kind != TUPLE)
        return err_set(machine->err, "the pickle has a tensor of an unknown form");
    if (part[2].tuple.count > TENSOR_RANK_MAX || part[3].tuple.count != part[2].tuple.count)
        return err_set(machine->err, "the pickle has a tensor of %zu dimensions", part[2].tuple.count);
    if (!is_count(part[1]))
        return err_set(machine->err, "the pickle has a tensor that leaves its storage");
    struct torch_tensor tensor = { .storage = part[0].index,
                                   .offset = part[1].integer,
                                   .rank = (int)part[2].tuple.count };
    if (copy_dimensions(machine, part[2], tensor.shape) || copy_dimensions(machine, part[3], tensor.stride))
        return -1;
    return torch_push_tensor(machine, tensor);
}
