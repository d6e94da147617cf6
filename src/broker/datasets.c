/* The manifest of the image folder: see datasets.h. The last complete one stays valid, for manifest_open and
 * manifest_json, while the next is being made. */
#include "datasets.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dcls/base/clock.h"
#include "dcls/base/fs.h"
#include "dcls/base/log.h"
#include "dcls/base/sha256.h"
#include "dcls/proto/json.h"

struct manifest_entry {
    char *path; /* relative to the root */
    int64_t size;
    struct timespec changed;
    char sha256[SHA256_HEX_SIZE]; /* empty: the file went or cannot be read */
};

struct known_files {
    struct manifest_entry *entries;  /* sorted by path */
    struct manifest_entry **by_hash; /* once all are hashed */
    size_t count;
    struct left_out left_out;
};

struct manifest {
    const struct image_tree *tree;
    struct known_files current, next;
    pthread_mutex_t lock; /* of current, against manifest_open: nobody else changes or looks at it meanwhile */
    size_t done;          /* of next */
};

static void table_release(struct known_files *table)
{
    for (size_t i = 0; i < table->count; i++)
        free(table->entries[i].path);
    free(table->entries);
    free(table->by_hash);
    left_out_release(&table->left_out);
    *table = (struct known_files){ 0 };
}

struct manifest *manifest_new(const struct image_tree *tree, struct err *err)
{
    struct manifest *manifest = calloc(1, sizeof *manifest);
    if (!manifest) {
        err_set(err, "no memory");
        return NULL;
    }
    manifest->tree = tree;
    pthread_mutex_init(&manifest->lock, NULL);
    return manifest;
}

void manifest_free(struct manifest *manifest)
{
    if (!manifest)
        return;
    table_release(&manifest->current);
    table_release(&manifest->next);
    pthread_mutex_destroy(&manifest->lock);
    free(manifest);
}

int manifest_scan(struct manifest *manifest, struct err *err)
{
    struct fs_list list = { 0 };
    table_release(&manifest->next);
    manifest->done = 0;
    if (!fs_is_dir(manifest->tree->root))
        return 0;
    if (image_tree_list(manifest->tree, TREE_ALL_FILES, DATASET_MAX_FILES, &list, &manifest->next.left_out, err))
        return -1;
    int status = 0;
    manifest->next.entries = calloc(list.count + 1, sizeof *manifest->next.entries);
    manifest->next.by_hash = calloc(list.count + 1, sizeof *manifest->next.by_hash);
    if (!manifest->next.entries || !manifest->next.by_hash) {
        status = err_set(err, "no memory for a manifest of %zu files", list.count);
    } else {
        for (size_t i = 0; i < list.count; i++) {
            manifest->next.entries[i].path = list.paths[i];
            manifest->next.by_hash[i] = &manifest->next.entries[i];
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

static int by_hash(const void *a, const void *b)
{
    return strcmp((*(struct manifest_entry *const *)a)->sha256, (*(struct manifest_entry *const *)b)->sha256);
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static void hash_entry(struct manifest *manifest, struct manifest_entry *entry)
{
    struct stat status;
    int fd = image_tree_open(manifest->tree, entry->path, &status);
    if (fd < 0) {
        if (errno != ENOENT) /* that one went meanwhile */
            left_out_add(&manifest->next.left_out, entry->path, strerrordesc_np(errno));
        return;
    }
    entry->size = status.st_size;
    entry->changed = status.st_mtim;
    const struct manifest_entry *known =
        manifest->current.count == 0
            ? NULL
            : bsearch(entry, manifest->current.entries, manifest->current.count, sizeof *entry, by_path);
    if (known && known->size == entry->size && same_time(&known->changed, &entry->changed)) {
        memcpy(entry->sha256, known->sha256, sizeof entry->sha256);
    } else if (sha256_open_file(fd, entry->path, entry->sha256, NULL)) {
        left_out_add(&manifest->next.left_out, entry->path, "it cannot be read");
        entry->sha256[0] = '\0';
    }
    close(fd);
}

/* Once, as long as it stays the same. */
static void warn_of_left_out(const struct manifest *manifest)
{
    char before[LEFT_OUT_TEXT_SIZE], now[LEFT_OUT_TEXT_SIZE];
    left_out_describe(&manifest->current.left_out, before);
    left_out_describe(&manifest->next.left_out, now);
    if (*now && strcmp(before, now))
        log_warn("%s", now);
}

bool manifest_step(struct manifest *manifest, int budget_ms)
{
    int64_t until = clock_ms() + budget_ms;
    while (manifest->done < manifest->next.count) {
        hash_entry(manifest, &manifest->next.entries[manifest->done++]);
        if (clock_ms() >= until && manifest->done < manifest->next.count)
            return true;
    }
    if (manifest->next.count)
        qsort(manifest->next.by_hash, manifest->next.count, sizeof *manifest->next.by_hash, by_hash);
    warn_of_left_out(manifest);
    struct known_files before = manifest->current;
    pthread_mutex_lock(&manifest->lock);
    manifest->current = manifest->next;
    pthread_mutex_unlock(&manifest->lock);
    table_release(&before);
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
        ok = json_append(files, file) && cJSON_AddStringToObject(file, "path", entry->path) &&
             cJSON_AddNumberToObject(file, "size", (double)entry->size) &&
             cJSON_AddStringToObject(file, "sha256", entry->sha256);
    }
    if (ok && manifest->current.left_out.count)
        ok = json_add(object, "leftOut", left_out_json(&manifest->current.left_out));
    if (!ok) {
        cJSON_Delete(object);
        return NULL;
    }
    return object;
}

/* The first of current.by_hash that has this hash or a higher one. */
static size_t find_hash(const struct manifest *manifest, const char *sha256)
{
    size_t low = 0, high = manifest->current.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(manifest->current.by_hash[middle]->sha256, sha256) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_unchanged(const struct manifest_entry *entry, const struct stat *status)
{
    return status->st_size == entry->size && same_time(&status->st_mtim, &entry->changed);
}

int manifest_open(struct manifest *manifest, const char *sha256, int64_t *size)
{
    if (!sha256_is_hex(sha256))
        return -1;
    int found = -1;
    pthread_mutex_lock(&manifest->lock);
    for (size_t i = find_hash(manifest, sha256); i < manifest->current.count && found < 0; i++) {
        const struct manifest_entry *entry = manifest->current.by_hash[i];
        if (strcmp(entry->sha256, sha256))
            break;
        struct stat status;
        int fd = image_tree_open(manifest->tree, entry->path, &status);
        if (fd >= 0 && is_unchanged(entry, &status)) {
            *size = status.st_size;
            found = fd;
        } else if (fd >= 0) {
            close(fd);
        }
    }
    pthread_mutex_unlock(&manifest->lock);
    return found;
}
