/* See pickle_torch.h. */
#include "pickle_torch.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static bool is_string(struct pickle_value value, const char *text)
{
    return value.kind == STRING && value.string.length == strlen(text) &&
           !memcmp(value.string.start, text, value.string.length);
}

/* ("storage", its type, key, place, elements), in the old format with None behind */
int torch_storage(struct machine *machine)
{
    struct pickle_value tuple;
    if (machine_pop(machine, TUPLE, &tuple))
        return -1;
    const struct pickle_value *part = items_of(machine, tuple);
    bool old = tuple.tuple.count == 6 && part[5].kind == NOTHING;
    if ((tuple.tuple.count != 5 && !old) || !is_string(part[0], "storage") || part[1].kind != GLOBAL ||
        part[1].global < FLOAT_STORAGE || part[2].kind != STRING || part[3].kind != STRING || part[4].kind != INTEGER)
        return err_set(machine->err, "the pickle has a storage of an unknown form");
    size_t length = part[2].string.length;
    if (length < 1 || length >= PICKLE_KEY_SIZE)
        return err_set(machine->err, "the pickle has a storage with a key of %zu bytes", length);
    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)part[2].string.start[i]))
            return err_set(machine->err, "the pickle has a storage with an impossible key");
    if (part[4].integer < 0 || part[4].integer > (int64_t)TENSORS_BYTES_MAX)
        return err_set(machine->err, "the pickle has a storage of %lld numbers", (long long)part[4].integer);
    struct pickled_tensor *storage = machine_add(machine, &machine->storages, sizeof(*storage), TENSORS_MAX);
    if (!storage)
        return -1;
    static const enum tensor_type types[GLOBAL_COUNT] = {
        [FLOAT_STORAGE] = TENSOR_FLOAT32,     [DOUBLE_STORAGE] = TENSOR_FLOAT64, [HALF_STORAGE] = TENSOR_FLOAT16,
        [BFLOAT16_STORAGE] = TENSOR_BFLOAT16, [LONG_STORAGE] = TENSOR_INT64,
    };
    *storage = (struct pickled_tensor){
        .type = types[part[1].global],
        .storage_count = part[4].integer,
    };
    memcpy(storage->key, part[2].string.start, length);
    return machine_push(machine, (struct pickle_value){ .kind = STORAGE, .index = machine->storages.count - 1 });
}

static int copy_dimensions(struct machine *machine, struct pickle_value tuple, int64_t *dimensions)
{
    const struct pickle_value *part = items_of(machine, tuple);
    for (size_t i = 0; i < tuple.tuple.count; i++) {
        if (part[i].kind != INTEGER || part[i].integer < 0 || part[i].integer > (int64_t)TENSORS_BYTES_MAX)
            return err_set(machine->err, "the pickle has a tensor with an impossible shape or stride");
        dimensions[i] = part[i].integer;
    }
    return 0;
}

/* The last element shown must lie in the storage, and no more elements may be shown than it holds. */
static int check_window(struct machine *machine, const struct pickled_tensor *tensor)
{
    int64_t count = shape_count(tensor->rank, tensor->shape), last = tensor->offset;
    if (count < 0)
        return err_set(machine->err, "the pickle has a tensor that is too large");
    for (int i = 0; i < tensor->rank && count; i++)
        if (tensor->shape[i] > 1) {
            /* Both factors are at most 2^31, and at most 8 products are added. */
            int64_t reach = (tensor->shape[i] - 1) * tensor->stride[i];
            if (reach > tensor->storage_count)
                return err_set(machine->err, "the pickle has a tensor that leaves its storage");
            last += reach;
        }
    if (count > tensor->storage_count || (count && last >= tensor->storage_count) ||
        tensor->offset > tensor->storage_count)
        return err_set(machine->err, "the pickle has a tensor that leaves its storage");
    return 0;
}

/* (storage, offset, shape, stride, requires_grad, hooks) */
int torch_tensor(struct machine *machine, struct pickle_value tuple)
{
    const struct pickle_value *part = items_of(machine, tuple);
    if (tuple.tuple.count != 6 || part[0].kind != STORAGE || part[1].kind != INTEGER || part[2].kind != TUPLE ||
        part[3].kind != TUPLE || part[4].kind != BOOLEAN || part[5].kind != DICT)
        return err_set(machine->err, "the pickle has a tensor of an unknown form");
    struct pickled_tensor tensor = ((struct pickled_tensor *)machine->storages.items)[part[0].index];
    if (part[2].tuple.count > TENSOR_RANK_MAX || part[3].tuple.count != part[2].tuple.count)
        return err_set(machine->err, "the pickle has a tensor of %zu dimensions", part[2].tuple.count);
    if (part[1].integer < 0 || part[1].integer > tensor.storage_count)
        return err_set(machine->err, "the pickle has a tensor that leaves its storage");
    tensor.offset = part[1].integer;
    tensor.rank = (int)part[2].tuple.count;
    if (copy_dimensions(machine, part[2], tensor.shape) || copy_dimensions(machine, part[3], tensor.stride) ||
        check_window(machine, &tensor))
        return -1;
    struct pickled_tensor *kept = machine_add(machine, &machine->tensors, sizeof(*kept), TENSORS_MAX);
    if (!kept)
        return -1;
    *kept = tensor;
    return machine_push(machine, (struct pickle_value){ .kind = TENSOR, .index = machine->tensors.count - 1 });
}

int torch_collect(struct machine *machine, struct pickled *pickled)
{
    struct pickle_value top;
    if (machine_pop(machine, DICT, &top))
        return -1;
    if (machine->stack.count)
        return err_set(machine->err, "the pickle leaves values behind");
    const struct pickle_pair *pairs = machine->pairs.items;
    const struct pickled_tensor *tensors = machine->tensors.items;
    pickled->list = calloc(machine->pairs.count + 1, sizeof(*pickled->list));
    if (!pickled->list)
        return err_set(machine->err, "no memory to read the pickle");
    for (size_t i = 0; i < machine->pairs.count; i++) {
        if (pairs[i].dict != top.index)
            continue;
        int length = (int)pairs[i].key.string.length;
        const char *name = pairs[i].key.string.start;
        if (pairs[i].value.kind != TENSOR)
            return err_set(machine->err, "'%.*s' is not a tensor: the file is not a state_dict", length, name);
        struct pickled_tensor *tensor = &pickled->list[pickled->count];
        *tensor = tensors[pairs[i].value.index];
        if (!(tensor->name = strndup(name, (size_t)length)))
            return err_set(machine->err, "no memory to read the pickle");
        pickled->count++;
    }
    return 0;
}

static bool is_contiguous(const struct pickled_tensor *window)
{
    int64_t stride = 1;
    for (int d = window->rank - 1; d >= 0; d--) {
        if (window->shape[d] != 1 && window->stride[d] != stride)
            return false;
        stride *= window->shape[d];
    }
    return true;
}

static void copy_strided(const struct pickled_tensor *window, const char *storage, struct tensor *tensor)
{
    size_t size = tensor_type_size(tensor->type);
    int64_t index[TENSOR_RANK_MAX] = { 0 }, at = window->offset;
    char *to = tensor->bytes;
    for (size_t i = 0; i < tensor->count; i++, to += size) {
        memcpy(to, storage + (size_t)at * size, size);
        for (int d = tensor->rank - 1; d >= 0; d--) {
            at += window->stride[d];
            if (++index[d] < tensor->shape[d])
                break;
            at -= window->stride[d] * tensor->shape[d];
            index[d] = 0;
        }
    }
}

void pickled_copy(const struct pickled_tensor *window, const char *storage, struct tensor *tensor)
{
    size_t size = tensor_type_size(tensor->type);
    if (is_contiguous(window))
        memcpy(tensor->bytes, storage + (size_t)window->offset * size, tensor->count * size);
    else
        copy_strided(window, storage, tensor);
}

void pickled_release(struct pickled *pickled)
{
    for (size_t i = 0; i < pickled->count; i++)
        free(pickled->list[i].name);
    free(pickled->list);
    *pickled = (struct pickled){ 0 };
}
