/* Reading a .pth as torch.save wrote it before PyTorch 1.6: five pickles (a magic number, the format's version, what
 * the machine was, the dictionary, the storages' keys), then each storage in the order of the keys, as its count of
 * elements and the elements. Every byte must belong to one of these. */
#include <stdlib.h>
#include <string.h>

#include "pickle.h"
#include "pth.h"

/* 0x1950a86a20f9469cfc6c and 1001, each as a pickle of protocol 2. */
static const char magic[] = "\x80\2\x8a\x0al\xfc\x9c\x46\xf9 j\xa8P\x19.\x80\2M\xe9\3.";
#define MAGIC_SIZE (sizeof(magic) - 1)

struct old_file {
    const char *bytes;
    size_t count, at;
    struct pickled pickled;
    struct pickled_tensor **by_key; /* the tensors of pickled, sorted by key */
    const char **storages;          /* of each tensor of pickled: its elements, once found */
};

bool pth_is_old(const void *bytes, size_t count)
{
    return count >= MAGIC_SIZE && !memcmp(bytes, magic, MAGIC_SIZE);
}

/* A pickle at the file's position, at most as long as any may be. The machine is the caller's to release. */
static struct machine machine_at(const struct old_file *file, struct err *err)
{
    size_t rest = file->count - file->at;
    return (struct machine){ .bytes = (const uint8_t *)file->bytes + file->at,
                             .count = rest < PICKLE_BYTES_MAX ? rest : PICKLE_BYTES_MAX,
                             .err = err };
}

/* {"protocol_version": 1001, "little_endian": True, "type_sizes": {...}} */
static int read_system(struct old_file *file, struct err *err)
{
    struct machine machine = machine_at(file, err);
    struct pickle_value top;
    bool little = false;
    int status = -1;
    if (pickle_run(&machine) || machine_pop(&machine, DICT, &top))
        goto out;
    const struct pickle_pair *pairs = machine.pairs.items;
    for (size_t i = 0; i < machine.pairs.count; i++) {
        const struct pickle_value *key = &pairs[i].key, *value = &pairs[i].value;
        if (pairs[i].dict == top.index && key->string.length == 13 && !memcmp(key->string.start, "little_endian", 13) &&
            value->kind == BOOLEAN)
            little = value->integer;
    }
    file->at += machine.at;
    status = little ? 0 : err_set(err, "the file was written with another byte order than 'little'");
out:
    machine_release(&machine);
    return status;
}

static int read_dictionary(struct old_file *file, struct err *err)
{
    struct machine machine = machine_at(file, err);
    int failed = pickle_run(&machine) || torch_collect(&machine, &file->pickled);
    file->at += machine.at;
    machine_release(&machine);
    return failed ? -1 : 0;
}

static int compare_keys(const void *a, const void *b)
{
    const struct pickled_tensor *const *left = a, *const *right = b;
    return strcmp((*left)->key, (*right)->key);
}

static int sort_by_key(struct old_file *file, struct err *err)
{
    size_t count = file->pickled.count;
    file->by_key = calloc(count + 1, sizeof(struct pickled_tensor *));
    file->storages = calloc(count + 1, sizeof(char *));
    if (!file->by_key || !file->storages)
        return err_set(err, "no memory to read the file");
    for (size_t i = 0; i < count; i++)
        file->by_key[i] = &file->pickled.list[i];
    qsort(file->by_key, count, sizeof(struct pickled_tensor *), compare_keys);
    return 0;
}

/* Index in by_key of the first tensor with that key; -1: none. */
static int64_t first_of_key(const struct old_file *file, const char *key)
{
    size_t low = 0, high = file->pickled.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(file->by_key[middle]->key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < file->pickled.count && !strcmp(file->by_key[low]->key, key) ? (int64_t)low : -1;
}

/* The storage at the file's position: its elements become those of every tensor with that key. */
static int read_storage(struct old_file *file, const char *key, struct err *err)
{
    int64_t first = first_of_key(file, key), stated;
    if (first < 0)
        return err_set(err, "the file has a storage '%s' of no tensor", key);
    const struct pickled_tensor *tensor = file->by_key[first];
    size_t size = tensor_type_size(tensor->type);
    if (file->count - file->at < sizeof(stated))
        return err_set(err, "the file ends before the storage of '%s'", tensor->name);
    memcpy(&stated, file->bytes + file->at, sizeof(stated));
    file->at += sizeof(stated);
    if (stated != tensor->storage_count)
        return err_set(err, "the storage of '%s' has %lld numbers instead of %lld", tensor->name, (long long)stated,
                       (long long)tensor->storage_count);
    if ((file->count - file->at) / size < (size_t)stated)
        return err_set(err, "the file ends within the storage of '%s'", tensor->name);
    for (size_t i = (size_t)first; i < file->pickled.count && !strcmp(file->by_key[i]->key, key); i++) {
        const struct pickled_tensor *sharing = file->by_key[i];
        size_t index = (size_t)(sharing - file->pickled.list);
        if (sharing->type != tensor->type || sharing->storage_count != stated)
            return err_set(err, "'%s' takes its storage for another type or size", sharing->name);
        if (file->storages[index])
            return err_set(err, "the storage of '%s' is there twice", sharing->name);
        file->storages[index] = file->bytes + file->at;
    }
    file->at += (size_t)stated * size;
    return 0;
}

static int read_storages(struct old_file *file, struct err *err)
{
    struct machine machine = machine_at(file, err);
    struct pickle_value keys;
    int status = -1;
    if (pickle_run(&machine) || machine_pop(&machine, LIST, &keys))
        goto out;
    file->at += machine.at;
    for (size_t i = 0; i < keys.tuple.count; i++) {
        const struct pickle_value *item = items_of(&machine, keys) + i;
        char key[PICKLE_KEY_SIZE] = "";
        if (item->kind != STRING || item->string.length >= sizeof(key)) {
            err_set(err, "the file has a storage with an impossible key");
            goto out;
        }
        memcpy(key, item->string.start, item->string.length);
        if (read_storage(file, key, err))
            goto out;
    }
    status = file->at == file->count ? 0 : err_set(err, "the file goes on behind its last storage");
out:
    machine_release(&machine);
    return status;
}

int pth_old_tensors(const void *bytes, size_t count, struct tensors *tensors, struct err *err)
{
    struct old_file file = { .bytes = bytes, .count = count, .at = MAGIC_SIZE };
    int status = -1;
    if (!pth_is_old(bytes, count)) {
        err_set(err, "not a file of PyTorch's before 1.6");
        goto out;
    }
    if (read_system(&file, err) || read_dictionary(&file, err) || sort_by_key(&file, err) || read_storages(&file, err))
        goto out;
    tensors->max = tensors_max_of(count);
    for (size_t i = 0; i < file.pickled.count; i++) {
        const struct pickled_tensor *window = &file.pickled.list[i];
        if (!file.storages[i]) {
            err_set(err, "the storage of '%s' is missing", window->name);
            goto out;
        }
        struct tensor *tensor = tensors_add(tensors, window->name, window->type, window->rank, window->shape, err);
        if (!tensor)
            goto out;
        pickled_copy(window, file.storages[i], tensor);
    }
    status = 0;
out:
    free(file.by_key);
    free(file.storages);
    pickled_release(&file.pickled);
    return status;
}
