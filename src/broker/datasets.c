/* The manifest of the image folder: see datasets.h. The last complete one stays valid, for manifest_open and
 * manifest_json, while the next is being made. */
#include "datasets.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dcls/base/clock.h"
#include "dcls/base/fs.h"
#include "dcls/base/log.h"
#include "dcls/base/sha256.h"

struct manifest_entry {
    char *path; /* relative to the root */
    int64_t size;
    struct timespec changed;
    char sha256[SHA256_HEX_SIZE]; /* empty: the file went or cannot be read */
};

struct known_files {
    struct manifest_entry *entries; /* sorted by path */
    size_t count;
};

struct manifest {
    char *root;
    struct known_files current, next;
    size_t done; /* of next */
};

static void table_release(struct known_files *table)
{
    for (size_t i = 0; i < table->count; i++)
        free(table->entries[i].path);
    free(table->entries);
    *table = (struct known_files){ 0 };
}

struct manifest *manifest_new(const char *root, struct err *err)
{
    struct manifest *manifest = calloc(1, sizeof *manifest);
    if (!manifest || !(manifest->root = strdup(root))) {
        free(manifest);
        err_set(err, "no memory");
        return NULL;
    }
    return manifest;
}

void manifest_free(struct manifest *manifest)
{
    if (!manifest)
        return;
    table_release(&manifest->current);
    table_release(&manifest->next);
    free(manifest->root);
    free(manifest);
}

int manifest_scan(struct manifest *manifest, struct err *err)
{
    struct fs_list list = { 0 };
    table_release(&manifest->next);
    manifest->done = 0;
    if (!fs_is_dir(manifest->root))
        return 0;
    if (fs_list_tree(manifest->root, NULL, DATASET_MAX_FILES, &list, err))
        return -1;
    int status = 0;
    manifest->next.entries = calloc(list.count + 1, sizeof *manifest->next.entries);
    if (!manifest->next.entries) {
        status = err_set(err, "no memory for a manifest of %zu files", list.count);
    } else {
        for (size_t i = 0; i < list.count; i++) {
            manifest->next.entries[i].path = list.paths[i];
            list.paths[i] = NULL;
        }
        manifest->next.count = list.count;
    }
    fs_list_release(&list);
    return status;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct manifest_entry *)a)->path, ((const struct manifest_entry *)b)->path);
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* Opens a listed path; -1 where it is no regular file below the root any more. */
static int open_below(const struct manifest *manifest, const char *relative, struct stat *status)
{
    char *path = fs_resolve(manifest->root, relative, NULL);
    int fd = path ? fs_open_file(path, status) : -1;
    free(path);
    return fd;
}

static void hash_entry(const struct manifest *manifest, struct manifest_entry *entry)
{
    struct stat status;
    int fd = open_below(manifest, entry->path, &status);
    if (fd < 0)
        return;
    entry->size = status.st_size;
    entry->changed = status.st_mtim;
    const struct manifest_entry *known =
        manifest->current.count == 0
            ? NULL
            : bsearch(entry, manifest->current.entries, manifest->current.count, sizeof *entry, by_path);
    if (known && known->size == entry->size && same_time(&known->changed, &entry->changed)) {
        memcpy(entry->sha256, known->sha256, sizeof entry->sha256);
    } else if (sha256_open_file(fd, entry->path, entry->sha256, NULL)) {
        log_warn("cannot hash '%s': it is left out of the dataset", entry->path);
        entry->sha256[0] = '\0';
    }
    close(fd);
}

bool manifest_step(struct manifest *manifest, int budget_ms)
{
    int64_t until = clock_ms() + budget_ms;
    while (manifest->done < manifest->next.count) {
        hash_entry(manifest, &manifest->next.entries[manifest->done++]);
        if (clock_ms() >= until && manifest->done < manifest->next.count)
            return true;
    }
    table_release(&manifest->current);
    manifest->current = manifest->next;
    manifest->next = (struct known_files){ 0 };
    manifest->done = 0;
    return false;
}

cJSON *manifest_json(const struct manifest *manifest)
{
    cJSON *object = cJSON_CreateObject();
    cJSON *files = cJSON_AddArrayToObject(object, "files");
    bool ok = files;
    for (size_t i = 0; ok && i < manifest->current.count; i++) {
        const struct manifest_entry *entry = &manifest->current.entries[i];
        if (!*entry->sha256)
            continue;
        cJSON *file = cJSON_CreateObject();
        ok = cJSON_AddItemToArray(files, file) && cJSON_AddStringToObject(file, "path", entry->path) &&
             cJSON_AddNumberToObject(file, "size", (double)entry->size) &&
             cJSON_AddStringToObject(file, "sha256", entry->sha256);
    }
    if (!ok) {
        cJSON_Delete(object);
        return NULL;
    }
    return object;
}

int manifest_open(const struct manifest *manifest, const char *sha256, int64_t *size)
{
    if (!sha256_is_hex(sha256))
        return -1;
    for (size_t i = 0; i < manifest->current.count; i++) {
        const struct manifest_entry *entry = &manifest->current.entries[i];
        if (strcmp(entry->sha256, sha256))
            continue;
        struct stat status;
        int fd = open_below(manifest, entry->path, &status);
        if (fd >= 0 && status.st_size == entry->size && same_time(&status.st_mtim, &entry->changed)) {
            *size = status.st_size;
            return fd;
        }
        if (fd >= 0)
            close(fd);
    }
    return -1;
}
