/* A model's folder: MODEL.pth, MODEL.json (the report), MODEL.txt (the log), classes.txt. */
#ifndef DCLS_NN_MODEL_CARD_H
#define DCLS_NN_MODEL_CARD_H

#include "dcls/base/err.h"

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
