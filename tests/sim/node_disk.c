#include "node_disk.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void forget(struct disk_file *file)
{
    free(file->name);
    free(file->text);
    *file = (struct disk_file){ NULL, NULL, 0 };
}

void node_disk_release(struct node_disk *disk)
{
    for (size_t i = 0; i < DISK_FILES; i++)
        forget(&disk->files[i]);
}

static struct disk_file *find(const struct node_disk *disk, const char *name)
{
    for (size_t i = 0; i < DISK_FILES; i++)
        if (disk->files[i].name && !strcmp(disk->files[i].name, name))
            return (struct disk_file *)&disk->files[i];
    return NULL;
}

const struct disk_file *node_disk_find(const struct node_disk *disk, const char *name)
{
    return find(disk, name);
}

int node_disk_write(struct node_disk *disk, int64_t now, const char *name, const char *text)
{
    struct disk_file *file = find(disk, name);
    if (now < disk->fails_until)
        return -1;
    for (size_t i = 0; !file && i < DISK_FILES; i++)
        if (!disk->files[i].name)
            file = &disk->files[i];
    assert(file);
    char *name_copy = strdup(name), *text_copy = strdup(text);
    assert(name_copy && text_copy);
    forget(file);
    *file = (struct disk_file){ name_copy, text_copy, ++disk->written };
    return 0;
}

int node_disk_remove(struct node_disk *disk, int64_t now, const char *name)
{
    struct disk_file *file = find(disk, name);
    if (now < disk->fails_until)
        return -1;
    if (file)
        forget(file);
    return 0;
}

const struct disk_file *node_disk_file(const struct node_disk *disk, size_t index)
{
    int64_t last = 0;
    const struct disk_file *found = NULL;
    do {
        found = NULL;
        for (size_t i = 0; i < DISK_FILES; i++)
            if (disk->files[i].name && disk->files[i].number > last &&
                (!found || disk->files[i].number < found->number))
                found = &disk->files[i];
        last = found ? found->number : last;
    } while (found && index--);
    return found;
}
