/* The models of this node: folders MODEL/ with MODEL.pth, MODEL.json, MODEL.txt and classes.txt, written by dcls or by
 * the existing Python system. Their digests are computed once for each (size, time) of a .pth. */
#ifndef DCLS_NODE_MODELS_H
#define DCLS_NODE_MODELS_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "dcls/base/err.h"
#include "dcls/proto/msg.h"

struct shelf;

/* `dir` is made where it is missing. */
struct shelf *shelf_open(const char *dir, struct err *err);
void shelf_close(struct shelf *shelf);

/* Looks at the folder again. Reads every .pth whose digest is not known. */
int shelf_scan(struct shelf *shelf, struct err *err);

/* The digest of a model as of the last scan; NULL where there is none of that name. */
const char *shelf_sha256(const struct shelf *shelf, const char *name);
/* A digest that another process computed just now, so that the next scan need not. `info` is an entry of modelInfo. */
void shelf_learn(struct shelf *shelf, const cJSON *info);

int shelf_names(const struct shelf *shelf, struct strings *out);
/* Array of {"name","sha256","type","classes","imageSize","bytes"}; the caller's to delete; NULL where memory lacks. */
cJSON *shelf_info(const struct shelf *shelf);

/* "DIR/NAME/NAME.ENDING", the caller's to free; NULL where memory lacks. `name` must be a valid name. */
char *shelf_path(const struct shelf *shelf, const char *name, const char *ending);

/* Takes the model away in one step, and what its training may be resumed from. */
int shelf_remove(struct shelf *shelf, const char *name, struct err *err);

#endif
