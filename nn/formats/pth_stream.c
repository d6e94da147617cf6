/* See pth_stream.h. */
#include "pth_stream.h"

#include <string.h>

#include "pickle.h"

struct machine pth_stream_machine(const struct pth_stream *stream, struct err *err)
{
    size_t rest = stream->count - stream->at;
    return (struct machine){ .bytes = (const uint8_t *)stream->bytes + stream->at,
                             .count = rest < PICKLE_BYTES_MAX ? rest : PICKLE_BYTES_MAX,
                             .err = err };
}

int pth_stream_storage(struct pth_stream *stream, size_t size, const char *name, int64_t *count, const char **elements,
                       struct err *err)
{
    if (stream->count - stream->at < sizeof(*count))
        return err_set(err, "the file ends before the storage '%s'", name);
    memcpy(count, stream->bytes + stream->at, sizeof(*count));
    stream->at += sizeof(*count);
    if (*count < 0 || (stream->count - stream->at) / size < (size_t)*count)
        return err_set(err, "the file ends within the storage '%s'", name);
    *elements = stream->bytes + stream->at;
    stream->at += (size_t)*count * size;
    return 0;
}

/* {"protocol_version": 1001, "little_endian": True, "type_sizes": {...}} */
int pth_stream_system(struct pth_stream *stream, struct err *err)
{
    struct machine machine = pth_stream_machine(stream, err);
    struct pickle_value top;
    bool little = false;
    int status = -1;
    if (pickle_run(&machine) || machine_pop_kind(&machine, DICT, &top))
        goto out;
    for (size_t at = first_entry(&machine, top); at != NO_ENTRY; at = entry_at(&machine, at)->next) {
        const struct pickle_entry *entry = entry_at(&machine, at);
        if (entry->key.kind == STRING && pickle_text_is(entry->key.text, "little_endian") &&
            entry->value.kind == BOOLEAN)
            little = entry->value.integer;
    }
    stream->at += machine.at;
    status = little ? 0 : err_set(err, "the file was written with another byte order than 'little'");
out:
    machine_release(&machine);
    return status;
}

int pth_fill(struct pickled *pickled, size_t count, struct tensors *tensors, struct err *err)
{
    tensors->max = tensors_max_shown(count);
    if (pickled_add(pickled, tensors, err))
        return -1;
    for (size_t i = 0; i < pickled->storage_count; i++) {
        const struct pickled_storage *storage = &pickled->storages[i];
        if (storage->first == PICKLED_NONE)
            continue;
        if (!storage->elements)
            return err_set(err, "the storage of '%s' is missing", pickled->list[storage->first].name);
        pickled_copy(pickled, i, storage->elements, tensors);
    }
    return 0;
}
