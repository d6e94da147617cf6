/* Which entries of a dataset's folder count, by the name of each (never by a whole path): one rule for who trains on a
 * folder, who serves it and who fetches it, so that all see the same images and classes. */
#ifndef DCLS_BASE_DATASET_NAME_H
#define DCLS_BASE_DATASET_NAME_H

#include <stdbool.h>

/* Passed over without a word: what begins with a dot, and what systems put beside people's files (thumbnails, resource
 * forks, bins). */
bool dataset_name_is_hidden(const char *name);

/* What keeps it out of a dataset, for people to be told of: a name becomes a line of classes.txt, a string of JSON and
 * of ONNX, and part of a path on another machine. NULL: nothing. */
const char *dataset_name_fault(const char *name);

/* Bytes of a path below the dataset's folder; what is longer is left out. */
#define DATASET_PATH_MAX 1024

#endif
