/* The folder of models on disk: a folder a model, MODEL/ with MODEL.pth, MODEL.json, MODEL.txt and classes.txt, written
 * by dcls or by the existing Python system. Reading and changing it blocks, for seconds where a .pth is new: all of it
 * but the counting of references is work for a thread of the pool. */
#ifndef DCLS_NODE_MODEL_FOLDER_H
#define DCLS_NODE_MODEL_FOLDER_H

#include <cjson/cJSON.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "dcls/base/err.h"
#include "dcls/base/fs.h"
#include "dcls/base/sha256.h"
#include "dcls/proto/name.h"

enum model_file { MODEL_WEIGHTS, MODEL_REPORT, MODEL_CLASSES, MODEL_FILES };

/* A model as its files were; it does not change any more, and may be held by several lists and threads. */
struct local_model {
    atomic_int references;
    char name[NAME_SIZE];
    char sha256[SHA256_HEX_SIZE];
    struct fs_stamp stamps[MODEL_FILES]; /* zeroed where there is no such file */
    char type[NAME_SIZE];                /* "" where the report does not say */
    int image_size;
    cJSON *classes;       /* array of strings */
    size_t classes_bytes; /* as JSON */
};

/* Sorted by name; each holds a reference. */
struct local_models {
    struct local_model **items;
    size_t count;
};

struct local_model *local_model_hold(struct local_model *model);
void local_model_drop(struct local_model *model); /* NULL is fine */
void local_models_release(struct local_models *models);
/* NULL where memory lacks. */
int local_models_copy(const struct local_models *models, struct local_models *copy);
/* NULL where there is none of that name. */
struct local_model *local_models_find(const struct local_models *models, const char *name);
/* Takes `model` over, in the place of the one of its name; `model` NULL: none of `name` any more. */
int local_models_put(struct local_models *models, const char *name, struct local_model *model);

/* The model of that name, held for the caller: `known` where its files are as they were then, and else read anew;
 * `known` may be NULL. The digest of a .pth that is new is `learned`, where that is not NULL; to compute it ends soon
 * after *stop became true, where `stop` is not NULL. */
enum model_found {
    MODEL_FOUND,
    MODEL_MISSING,
    MODEL_UNREADABLE, /* there is one, but its digest cannot be had: err */
    MODEL_FAILED      /* memory lacks: err */
};
enum model_found model_folder_read(const char *dir, const char *name, struct local_model *known, const char *learned,
                                   const atomic_bool *stop, struct local_model **model, struct err *err);

/* Whether that model's .pth is there as it was when it was read, by a look at its stamp alone. */
bool model_folder_has(const char *dir, const struct local_model *model);

/* All of them, read as above. What cannot be read is passed over, with a line in the log. */
int model_folder_list(const char *dir, const struct local_models *known, const atomic_bool *stop,
                      struct local_models *models, struct err *err);

/* What is there of a name afterwards. */
struct model_left {
    bool is_known;
    struct local_model *model; /* held for the caller; NULL: none that can be read */
};

/* Takes the model away in one step, and what its training may be resumed from. Where there is none, or the model has
 * another digest than `sha256` (NULL: whichever), that is as it was asked for. `known` as above. *left is filled in
 * either case. */
int model_folder_remove(const char *dir, const char *name, const char *sha256, struct local_model *known,
                        const atomic_bool *stop, struct model_left *left, struct err *err);

/* Ends what a worker that died had begun to replace under that name (NULL: any), and removes what it left half written
 * among that name's checkpoints. */
void model_folder_recover(const char *dir, const char *name);

#endif
