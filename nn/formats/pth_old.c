/* Reading a .pth as torch.save wrote it from PyTorch 0.2 to 1.5: five pickles (a magic number, the format's version,
 * what the machine was, the dictionary, the storages' keys), then each storage in the order of the keys, as its count
 * of elements and the elements. What follows is passed over, as PyTorch does. */
#include <string.h>

#include "pickle.h"
#include "pth.h"
#include "pth_stream.h"

#define MAGIC_BYTES_MAX 64
#define VERSION 1001

/* The number 0x1950a86a20f9469cfc6c, of whichever protocol the pickle is. */
static bool is_magic(struct pickle_value value)
{
    return value.kind == LONG && (pickle_text_is(value.text, "l\xfc\x9c\x46\xf9 j\xa8P\x19") ||
                                  pickle_text_is(value.text, "119547037146038801333356"));
}

bool pth_is_old(const void *bytes, size_t count)
{
    struct machine machine = { .bytes = bytes, .count = count < MAGIC_BYTES_MAX ? count : MAGIC_BYTES_MAX };
    struct pickle_value value;
    bool old = !pickle_run(&machine) && !machine_pop(&machine, &value) && is_magic(value);
    machine_release(&machine);
    return old;
}

/* The first two pickles. */
static int read_version(struct pth_stream *file, struct err *err)
{
    for (int i = 0; i < 2; i++) {
        struct machine machine = pth_stream_machine(file, err);
        struct pickle_value value;
        int failed = pickle_run(&machine) || machine_pop(&machine, &value);
        bool due = !failed && (i ? value.kind == INTEGER && value.integer == VERSION : is_magic(value));
        file->at += machine.at;
        machine_release(&machine);
        if (failed)
            return -1;
        if (!due)
            return err_set(err, "not a file of PyTorch's before 1.6, or of another version than %d", VERSION);
    }
    return 0;
}

static int read_dictionary(struct pth_stream *file, struct pickled *pickled, struct err *err)
{
    struct machine machine = pth_stream_machine(file, err);
    int failed = pickle_run(&machine) || pickled_collect(&machine, pickled);
    file->at += machine.at;
    machine_release(&machine);
    return failed ? -1 : 0;
}

static int read_storage(struct pth_stream *file, struct pickled *pickled, struct pickle_value key, struct err *err)
{
    char name[PICKLE_KEY_SIZE] = "";
    int64_t count;
    if (key.kind != STRING || key.text.length >= sizeof(name))
        return err_set(err, "the file has a storage with an impossible key");
    memcpy(name, key.text.start, key.text.length);
    struct pickled_storage *storage = pickled_find(pickled, name);
    if (!storage)
        return err_set(err, "the file has a storage '%s' of no tensor", name);
    if (storage->elements)
        return err_set(err, "the storage '%s' is there twice", name);
    if (pth_stream_storage(file, storage->size, name, &count, &storage->elements, err))
        return -1;
    if (count != storage->count)
        return err_set(err, "the storage '%s' has %lld numbers instead of %lld", name, (long long)count,
                       (long long)storage->count);
    return 0;
}

static int read_storages(struct pth_stream *file, struct pickled *pickled, struct err *err)
{
    struct machine machine = pth_stream_machine(file, err);
    struct pickle_value keys;
    int status = -1;
    if (pickle_run(&machine) || machine_pop_kind(&machine, LIST, &keys))
        goto out;
    file->at += machine.at;
    for (size_t at = first_entry(&machine, keys); at != NO_ENTRY; at = entry_at(&machine, at)->next)
        if (read_storage(file, pickled, entry_at(&machine, at)->value, err))
            goto out;
    status = 0;
out:
    machine_release(&machine);
    return status;
}

int pth_old_tensors(const void *bytes, size_t count, struct tensors *tensors, struct err *err)
{
    struct pth_stream file = { .bytes = bytes, .count = count };
    struct pickled pickled = { 0 };
    int status = -1;
    if (read_version(&file, err) || pth_stream_system(&file, err) || read_dictionary(&file, &pickled, err) ||
        read_storages(&file, &pickled, err))
        goto out;
    status = pth_fill(&pickled, count, tensors, err);
out:
    pickled_release(&pickled);
    return status;
}
