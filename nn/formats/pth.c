/* Reading a .pth: a zip archive (libzip) whose entries lie below one folder, PREFIX/data.pkl and PREFIX/data/KEY.
 * Sizes are compared with what the pickle says before anything is unpacked, and what is unpacked in all is bounded, so
 * that no archive can claim or unpack more than its tensors need. */
#include "pth.h"

#include <stdlib.h>
#include <string.h>
#include <zip.h>

#include "pickle.h"
#include "pickled.h"

#define ENTRY_NAME_SIZE 512
#define PICKLE_NAME "data.pkl"

struct archive {
    zip_t *zip;
    char prefix[ENTRY_NAME_SIZE / 2]; /* "archive" */
    size_t unpacked, max;             /* bytes of all storages: so far, at most */
};

static int archive_open(struct archive *archive, const void *bytes, size_t count, struct err *err)
{
    zip_error_t error;
    zip_error_init(&error);
    zip_source_t *source = zip_source_buffer_create(bytes, count, 0, &error);
    if (source && !(archive->zip = zip_open_from_source(source, ZIP_RDONLY, &error)))
        zip_source_free(source);
    if (!archive->zip)
        err_set(err, "not a readable zip archive: %s", zip_error_strerror(&error));
    zip_error_fini(&error);
    return archive->zip ? 0 : -1;
}

static void archive_release(struct archive *archive)
{
    if (archive->zip)
        zip_discard(archive->zip);
}

/* The one folder that holds a data.pkl. */
static int find_prefix(struct archive *archive, struct err *err)
{
    zip_int64_t entries = zip_get_num_entries(archive->zip, 0);
    if (entries > TENSORS_MAX + 100)
        return err_set(err, "the archive has %lld entries", (long long)entries);
    for (zip_int64_t i = 0; i < entries; i++) {
        const char *name = zip_get_name(archive->zip, (zip_uint64_t)i, ZIP_FL_ENC_RAW);
        const char *slash = name ? strchr(name, '/') : NULL;
        if (!slash || strcmp(slash + 1, PICKLE_NAME))
            continue;
        if ((size_t)(slash - name) >= sizeof(archive->prefix) || archive->prefix[0] || slash == name)
            return err_set(err, "the archive has more than one '/%s', or one with an impossible name", PICKLE_NAME);
        memcpy(archive->prefix, name, (size_t)(slash - name));
    }
    return archive->prefix[0] ? 0 : err_set(err, "the archive has no '/%s'", PICKLE_NAME);
}

/* Finds PREFIX/NAME; -1 where it is not there. */
static int find_entry(const struct archive *archive, const char *name, zip_stat_t *info)
{
    char path[ENTRY_NAME_SIZE];
    snprintf(path, sizeof(path), "%s/%s", archive->prefix, name);
    if (zip_stat(archive->zip, path, ZIP_FL_ENC_RAW, info))
        return -1;
    return (info->valid & (ZIP_STAT_SIZE | ZIP_STAT_INDEX)) == (ZIP_STAT_SIZE | ZIP_STAT_INDEX) ? 0 : -1;
}

/* Unpacks an entry whose size was checked; *bytes is the caller's to free. */
static int read_entry(struct archive *archive, const zip_stat_t *info, char **bytes, struct err *err)
{
    char *data = malloc(info->size + 1), beyond;
    zip_file_t *file = zip_fopen_index(archive->zip, info->index, 0);
    int status = -1;
    if (!data || !file) {
        err_set(err, "cannot read '%.100s' of the archive: %s", info->name,
                data ? zip_strerror(archive->zip) : "no memory");
        goto out;
    }
    for (zip_uint64_t done = 0; done < info->size;) {
        zip_int64_t got = zip_fread(file, data + done, info->size - done);
        if (got <= 0) {
            err_set(err, "cannot read '%.100s' of the archive: %s", info->name,
                    got ? zip_file_strerror(file) : "it ends early");
            goto out;
        }
        done += (zip_uint64_t)got;
    }
    if (zip_fread(file, &beyond, 1) != 0) { /* only here the check sum is compared */
        err_set(err, "'%.100s' of the archive is damaged", info->name);
        goto out;
    }
    *bytes = data;
    data = NULL;
    status = 0;
out:
    if (file)
        zip_fclose(file);
    free(data);
    return status;
}

static int read_pickle(struct archive *archive, struct pickled *pickled, struct err *err)
{
    zip_stat_t info;
    char *bytes;
    if (find_entry(archive, PICKLE_NAME, &info) || info.size > PICKLE_BYTES_MAX)
        return err_set(err, "the archive's data.pkl is missing or too large");
    if (read_entry(archive, &info, &bytes, err))
        return -1;
    int status = pickle_read(bytes, info.size, pickled, err);
    free(bytes);
    return status;
}

/* Only a file of a big-endian machine says so; the entry is missing in older ones. */
static int check_byte_order(struct archive *archive, struct err *err)
{
    zip_stat_t info;
    char *text;
    if (find_entry(archive, "byteorder", &info))
        return 0;
    if (info.size > 16)
        return err_set(err, "the archive's byteorder is too large");
    if (read_entry(archive, &info, &text, err))
        return -1;
    bool little = info.size == 6 && !memcmp(text, "little", 6);
    free(text);
    return little ? 0 : err_set(err, "the archive was written with another byte order than 'little'");
}

/* Sets the elements of the tensors that see a storage. */
static int read_storage(struct archive *archive, const struct pickled *pickled, size_t index, struct tensors *tensors,
                        struct err *err)
{
    const struct pickled_storage *storage = &pickled->storages[index];
    const char *tensor = pickled->list[storage->first].name;
    size_t size = (size_t)storage->count * storage->size;
    char name[PICKLE_KEY_SIZE + 8], *elements;
    zip_stat_t info;
    snprintf(name, sizeof(name), "data/%s", storage->key);
    if (find_entry(archive, name, &info))
        return err_set(err, "the archive lacks '%s' for '%s'", name, tensor);
    if (info.size != size)
        return err_set(err, "'%s' needs %zu bytes, but the archive's '%s' has %llu", tensor, size, name,
                       (unsigned long long)info.size);
    if (size > archive->max - archive->unpacked)
        return err_set(err, "the archive unpacks to more than %zu bytes, too many for its size", archive->max);
    archive->unpacked += size;
    if (read_entry(archive, &info, &elements, err))
        return -1;
    pickled_copy(pickled, index, elements, tensors);
    free(elements);
    return 0;
}

int pth_tensors(const void *bytes, size_t count, struct tensors *tensors, struct err *err)
{
    struct archive archive = { .max = tensors_max_of(count) };
    tensors->max = tensors_max_shown(count);
    struct pickled pickled = { 0 };
    int status = -1;
    if (archive_open(&archive, bytes, count, err) || find_prefix(&archive, err) || check_byte_order(&archive, err) ||
        read_pickle(&archive, &pickled, err) || pickled_add(&pickled, tensors, err))
        goto out;
    for (size_t i = 0; i < pickled.storage_count; i++)
        if (pickled.storages[i].first != PICKLED_NONE && read_storage(&archive, &pickled, i, tensors, err))
            goto out;
    status = 0;
out:
    pickled_release(&pickled);
    archive_release(&archive);
    return status;
}
