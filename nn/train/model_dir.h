/* A model's folder: MODEL.pth, MODEL.json (the report), MODEL.txt (the log), classes.txt. */
#ifndef DCLS_NN_MODEL_DIR_H
#define DCLS_NN_MODEL_DIR_H

#include "dcls/base/buf.h"
#include "dcls/base/err.h"
#include "dcls/base/fs.h"

/* A new model is written into a folder beside the one it will become and replaces that in one rename, so that a reader
 * sees the old four files or the new four, and a failure leaves the old. */
struct model_staging {
    char *models_dir, *name;
    char *dir; /* where the files go until model_staging_commit */
};
int model_staging_init(struct model_staging *staging, const char *models_dir, const char *name, struct err *err);
/* The heap path of "NAME.ENDING" in the staging folder, or of `file` itself where ending is NULL. The caller frees it.
 */
char *model_staging_path(const struct model_staging *staging, const char *file, const char *ending);
int model_staging_commit(struct model_staging *staging, struct err *err);
/* Removes what was not committed. */
void model_staging_release(struct model_staging *staging);

/* What a model's folder says of itself. */
struct model_card {
    char *type;
    int image_size;
    char **classes;
    int class_count;
};
/* Reads MODEL.json (base_model; image_size, absent: 224) and classes.txt of dir. */
int model_card_read(struct model_card *card, const char *dir, const char *name, struct err *err);
void model_card_release(struct model_card *card);

#endif
