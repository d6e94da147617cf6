/* A dataset for people to look at: what a training would make of its folder, and its images made small. It stays open,
 * so that images are quick; opening reads the first bytes of every file. */
#ifndef DCLS_NN_DATASET_VIEW_H
#define DCLS_NN_DATASET_VIEW_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "dcls/base/err.h"
#include "dcls/nn/thumbnail.h"

struct dataset_view;

struct dataset_view *dataset_view_new(void); /* NULL where memory lacks */
void dataset_view_free(struct dataset_view *view);

/* Before what follows: has that folder's dataset open. `anew`: as it is now, though what was looked at a moment ago, as
 * moments go for a folder that takes so long to look at, counts as now. Where this fails none is open, and err calls
 * the folder "images". */
int dataset_view_open(struct dataset_view *view, const char *dir, bool anew, struct err *err);

const char *dataset_view_fingerprint(const struct dataset_view *view);

/* Adds to `object`: "kind" ("folders" or "idx"), "classes", "splits": [{"name", "images", "classes": [{"name",
 * "images", "samples": [index in the split, ...]}]}], "unreadable" and "leftOut": {"count", "first": [{"path",
 * "reason"}]}, and "fingerprint". Of so many classes that they do not fit a message the first are listed, and
 * "classesLeftOut" says how many are not. */
int dataset_view_describe(const struct dataset_view *view, cJSON *object, struct err *err);

/* The image `index` of a split, "train" or "test", at most `width` pixels wide. -1 with err and an HTTP status: 404
 * where there is no such image or its file is not there any more, 422 where that cannot be decoded. `thumbnail` is to
 * be released whatever comes of it. */
int dataset_view_image(const struct dataset_view *view, const char *split, int index, int width,
                       struct thumbnail *thumbnail, int *status, struct err *err);

#endif
