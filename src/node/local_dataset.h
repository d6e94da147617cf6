/* The images on this machine that a training uses: which folder they are in, and what is told of them. */
#ifndef DCLS_NODE_LOCAL_DATASET_H
#define DCLS_NODE_LOCAL_DATASET_H

#include <cjson/cJSON.h>

struct daemon;

/* The folder that is there now; NULL where there is none yet. Of the node or the program. */
const char *local_dataset_root(const struct daemon *daemon);
/* Looks at it for daemon->dataset, which takes a while: it is for a thread of the pool, or before the loop. */
cJSON *local_dataset_look(const struct daemon *daemon);

/* {"images", "classes"} of an image folder or IDX files, without decoding any; what is unknown is left out. NULL where
 * `dir` holds neither. */
cJSON *local_dataset_summary(const char *dir);

#endif
