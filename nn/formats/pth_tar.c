/* Reading a .pth as torch.save wrote it before PyTorch 0.2: a tar archive of four pickled members. `storages` is their
 * count, then for each (id, place, class), its count of elements and the elements, and behind them a list of views on
 * them, (id, the storage's, offset, elements). `tensors` is their count, then for each (id, its storage's, class),
 * followed by rank (8 bytes), shape, strides and offset, as numbers of 8 bytes. `pickle` is the object, in which ids
 * stand for tensors and storages. `sys_info` tells the byte order.
 *
 * Ids are what the addresses in memory were. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pickle.h"
#include "pickle_calls.h"
#include "pth.h"
#include "pth_stream.h"

#define BLOCK 512
#define RANK_BYTES 8

/* A storage or a view on one. */
struct tar_storage {
    int64_t id;
    struct torch_storage storage; /* its key is the id of the whole one */
    const char *elements;         /* of the whole one */
};

struct tar_file {
    struct pth_stream system, storages, tensors, pickle; /* the members; bytes NULL: missing */
    struct tar_storage *list;                            /* sorted by id */
    size_t count;
    struct machine machine; /* runs `pickle`; its storages and tensors are those of the other members */
    struct pickle_persistent *persistent;
};

bool pth_is_tar(const void *bytes, size_t count)
{
    return count >= BLOCK && !memcmp((const char *)bytes + 257, "ustar", 5);
}

/* An octal number of a header; -1 where it is none. */
static int64_t read_octal(const char *field, size_t size)
{
    int64_t number = 0;
    size_t i = 0;
    while (i < size && field[i] == ' ')
        i++;
    size_t start = i;
    for (; i < size && field[i] >= '0' && field[i] <= '7'; i++)
        number = number * 8 + field[i] - '0';
    return i > start ? number : -1;
}

static int find_members(struct tar_file *tar, const char *bytes, size_t count, struct err *err)
{
    const struct {
        const char *name;
        struct pth_stream *member;
    } members[] = {
        { "sys_info", &tar->system },
        { "storages", &tar->storages },
        { "tensors", &tar->tensors },
        { "pickle", &tar->pickle },
    };
    for (size_t at = 0; count - at >= BLOCK && bytes[at];) {
        const char *header = bytes + at;
        int64_t size = read_octal(header + 124, 12);
        at += BLOCK;
        if (size < 0 || (size_t)size > count - at)
            return err_set(err, "the tar archive is damaged or ends early");
        for (size_t i = 0; i < 4; i++)
            if (!strncmp(header, members[i].name, 100) && (header[156] == '0' || !header[156]))
                *members[i].member = (struct pth_stream){ .bytes = bytes + at, .count = (size_t)size };
        size_t padded = ((size_t)size + BLOCK - 1) / BLOCK * BLOCK;
        at += padded < count - at ? padded : count - at;
    }
    for (size_t i = 0; i < 4; i++)
        if (!members[i].member->bytes)
            return err_set(err, "the tar archive has no '%s': torch.save did not write it", members[i].name);
    return 0;
}

/* Runs the pickle at the stream's position; its one value is copied to *value, which refers to the machine. The machine
 * is the caller's to release, also after a failure. */
static int run(struct pth_stream *stream, struct machine *machine, enum kind kind, struct pickle_value *value,
               struct err *err)
{
    *machine = pth_stream_machine(stream, err);
    if (pickle_run(machine) || machine_pop_kind(machine, kind, value))
        return -1;
    stream->at += machine->at;
    return 0;
}

/* How many storages or tensors follow. */
static int read_count(struct pth_stream *stream, size_t *count, struct err *err)
{
    struct machine machine;
    struct pickle_value value;
    int failed = run(stream, &machine, INTEGER, &value, err);
    machine_release(&machine);
    if (failed)
        return -1;
    if (value.integer < 0 || value.integer > TENSORS_MAX)
        return err_set(err, "the file has %lld storages or tensors", (long long)value.integer);
    *count = (size_t)value.integer;
    return 0;
}

static int compare_storages(const void *a, const void *b)
{
    const struct tar_storage *left = a, *right = b;
    return left->id < right->id ? -1 : left->id > right->id;
}

/* Among the first `count`, which are sorted; NULL: none. */
static const struct tar_storage *find_storage(const struct tar_file *tar, size_t count, int64_t id)
{
    struct tar_storage wanted = { .id = id };
    return count ? bsearch(&wanted, tar->list, count, sizeof(wanted), compare_storages) : NULL;
}

/* (id, place, class), and the elements behind it. */
static int read_storage(struct tar_file *tar, struct tar_storage *storage, struct err *err)
{
    struct machine machine;
    struct pickle_value tuple, class = { .kind = NOTHING };
    const struct torch_storage_type *type = NULL;
    int status = -1;
    if (run(&tar->storages, &machine, TUPLE, &tuple, err))
        goto out;
    const struct pickle_value *part = items_of(&machine, tuple);
    if (tuple.tuple.count == 3 && part[0].kind == INTEGER && part[2].kind == GLOBAL) {
        const struct pickle_global *global = global_of(&machine, part[2].index);
        type = torch_storage_type(global->name);
        if (pickle_push_global(&tar->machine, global->module, global->name) || machine_pop(&tar->machine, &class))
            goto out;
    }
    if (!type) {
        err_set(err, "the file has a storage of an unknown form");
        goto out;
    }
    *storage = (struct tar_storage){ .id = part[0].integer, .storage = { .type = type, .global = class.index } };
    snprintf(storage->storage.key, sizeof(storage->storage.key), "%lld", (long long)storage->id);
    if (pth_stream_storage(&tar->storages, type->size, storage->storage.key, &storage->storage.count,
                           &storage->elements, err))
        goto out;
    storage->storage.shown = storage->storage.count;
    status = 0;
out:
    machine_release(&machine);
    return status;
}

/* (id, the storage's, offset, elements) */
static int read_view(const struct tar_file *tar, size_t roots, const struct machine *machine, struct pickle_value view,
                     struct tar_storage *storage, struct err *err)
{
    const struct pickle_value *part = items_of(machine, view);
    const struct tar_storage *root = NULL;
    if (view.kind == TUPLE && view.tuple.count == 4 && part[0].kind == INTEGER && part[1].kind == INTEGER &&
        part[2].kind == INTEGER && part[3].kind == INTEGER)
        root = find_storage(tar, roots, part[1].integer);
    if (!root || part[2].integer < 0 || part[2].integer > root->storage.count || part[3].integer < 0 ||
        part[3].integer > root->storage.count - part[2].integer)
        return err_set(err, "the file has a view of no storage, or one that leaves it");
    *storage = *root;
    storage->id = part[0].integer;
    storage->storage.first = part[2].integer;
    storage->storage.shown = part[3].integer;
    return 0;
}

static int read_views(struct tar_file *tar, const struct machine *machine, struct pickle_value views, struct err *err)
{
    size_t roots = tar->count, count = 0;
    for (size_t at = first_entry(machine, views); at != NO_ENTRY; at = entry_at(machine, at)->next)
        count++;
    if (count > TENSORS_MAX)
        return err_set(err, "the file has %zu views", count);
    struct tar_storage *list = realloc(tar->list, (roots + count + 1) * sizeof(*list));
    if (!list)
        return err_set(err, "no memory to read the file");
    tar->list = list;
    for (size_t at = first_entry(machine, views); at != NO_ENTRY; at = entry_at(machine, at)->next)
        if (read_view(tar, roots, machine, entry_at(machine, at)->value, &list[tar->count++], err))
            return -1;
    qsort(list, tar->count, sizeof(*list), compare_storages);
    return 0;
}

static int read_storages(struct tar_file *tar, struct err *err)
{
    struct machine machine;
    struct pickle_value views;
    size_t count;
    if (read_count(&tar->storages, &count, err))
        return -1;
    if (!(tar->list = calloc(count + 1, sizeof(*tar->list))))
        return err_set(err, "no memory to read the file");
    for (; tar->count < count; tar->count++)
        if (read_storage(tar, &tar->list[tar->count], err))
            return -1;
    qsort(tar->list, count, sizeof(*tar->list), compare_storages);
    int failed = run(&tar->storages, &machine, LIST, &views, err) || read_views(tar, &machine, views, err);
    machine_release(&machine);
    return failed ? -1 : 0;
}

/* `count` numbers of 8 bytes. */
static int read_numbers(struct pth_stream *stream, int64_t *numbers, size_t count, struct err *err)
{
    if (stream->count - stream->at < count * sizeof(*numbers))
        return err_set(err, "the file ends within a tensor's shape");
    memcpy(numbers, stream->bytes + stream->at, count * sizeof(*numbers));
    stream->at += count * sizeof(*numbers);
    return 0;
}

/* (id, its storage's, class), and the window behind it. Leaves the tensor as what that id stands for. */
static int read_tensor(struct tar_file *tar, struct pickle_persistent *persistent, struct err *err)
{
    struct machine machine;
    struct pickle_value tuple;
    struct torch_tensor tensor = { .storage = 0 };
    const struct tar_storage *storage = NULL;
    int failed = run(&tar->tensors, &machine, TUPLE, &tuple, err);
    const struct pickle_value *part = failed ? NULL : items_of(&machine, tuple);
    if (!failed && tuple.tuple.count == 3 && part[0].kind == INTEGER && part[1].kind == INTEGER) {
        persistent->id = part[0].integer;
        storage = find_storage(tar, tar->count, part[1].integer);
    }
    machine_release(&machine);
    if (failed)
        return -1;
    if (!storage)
        return err_set(err, "the file has a tensor of no storage");
    int32_t rank[2]; /* the upper half was not always written */
    _Static_assert(sizeof(rank) == RANK_BYTES, "a rank is a number of 8 bytes");
    if (read_numbers(&tar->tensors, (int64_t *)(void *)rank, 1, err))
        return -1;
    if (rank[0] < 0 || rank[0] > TENSOR_RANK_MAX)
        return err_set(err, "the file has a tensor of %d dimensions", rank[0]);
    tensor.storage = (size_t)(storage - tar->list);
    tensor.rank = rank[0];
    if (read_numbers(&tar->tensors, tensor.shape, (size_t)tensor.rank, err) ||
        read_numbers(&tar->tensors, tensor.stride, (size_t)tensor.rank, err) ||
        read_numbers(&tar->tensors, &tensor.offset, 1, err) || torch_push_tensor(&tar->machine, tensor))
        return -1;
    return machine_pop(&tar->machine, &persistent->value);
}

static int compare_persistent(const void *a, const void *b)
{
    const struct pickle_persistent *left = a, *right = b;
    return left->id < right->id ? -1 : left->id > right->id;
}

/* What the ids in the object stand for. */
static int read_tensors(struct tar_file *tar, struct err *err)
{
    size_t count;
    for (size_t i = 0; i < tar->count; i++) {
        struct torch_storage *storage =
            machine_add(&tar->machine, &tar->machine.storages, sizeof(*storage), 2 * TENSORS_MAX);
        if (!storage)
            return -1;
        *storage = tar->list[i].storage;
    }
    if (read_count(&tar->tensors, &count, err))
        return -1;
    if (!(tar->persistent = calloc(count + tar->count + 1, sizeof(*tar->persistent))))
        return err_set(err, "no memory to read the file");
    for (size_t i = 0; i < count; i++)
        if (read_tensor(tar, &tar->persistent[i], err))
            return -1;
    for (size_t i = 0; i < tar->count; i++)
        tar->persistent[count + i] = (struct pickle_persistent){
            .id = tar->list[i].id,
            .value = { .kind = STORAGE, .index = i },
        };
    tar->machine.persistent = tar->persistent;
    tar->machine.persistent_count = count + tar->count;
    qsort(tar->persistent, tar->machine.persistent_count, sizeof(*tar->persistent), compare_persistent);
    return 0;
}

/* Gives the storages that tensors see their elements. */
static void find_elements(const struct tar_file *tar, struct pickled *pickled)
{
    for (size_t i = 0; i < tar->count; i++) {
        struct pickled_storage *storage = pickled_find(pickled, tar->list[i].storage.key);
        if (storage)
            storage->elements = tar->list[i].elements;
    }
}

int pth_tar_tensors(const void *bytes, size_t count, struct tensors *tensors, struct err *err)
{
    struct tar_file tar = { .count = 0 };
    struct pickled pickled = { 0 };
    int status = -1;
    if (find_members(&tar, bytes, count, err))
        return -1;
    tar.machine = pth_stream_machine(&tar.pickle, err);
    if (pth_stream_system(&tar.system, err) || read_storages(&tar, err) || read_tensors(&tar, err) ||
        pickle_run(&tar.machine) || pickled_collect(&tar.machine, &pickled))
        goto out;
    find_elements(&tar, &pickled);
    status = pth_fill(&pickled, count, tensors, err);
out:
    machine_release(&tar.machine);
    pickled_release(&pickled);
    free(tar.list);
    free(tar.persistent);
    return status;
}
