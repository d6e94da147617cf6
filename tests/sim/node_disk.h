/* A node's folder of outcomes: what was synced survives, of what was being written when the process died either all is
 * there or nothing. A disk may be full for a while. */
#ifndef DCLS_SIM_NODE_DISK_H
#define DCLS_SIM_NODE_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dcls/proto/msg.h"
#include "timeline.h"

#define DISK_FILES 64

struct disk_file {
    char *name; /* NULL: none */
    char *text;
    int64_t number; /* of its writing: the order of age */
};

struct node_disk {
    struct disk_file files[DISK_FILES];
    int64_t written;
    int64_t fails_until; /* of the timeline */
};

void node_disk_release(struct node_disk *disk);
/* At once and synced, as fs_write: -1 where the disk is full now. */
int node_disk_write(struct node_disk *disk, int64_t now, const char *name, const char *text);
/* -1 where it could not be removed now. What is not there is removed. */
int node_disk_remove(struct node_disk *disk, int64_t now, const char *name);
/* Number `index` in order of age; NULL: no more. */
const struct disk_file *node_disk_file(const struct node_disk *disk, size_t index);
const struct disk_file *node_disk_find(const struct node_disk *disk, const char *name);

#endif
