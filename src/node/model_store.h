/* The models of this node: what is in its folder (model_folder.h), as it was looked at last. Their digests are computed
 * once for each (size, time) of a .pth. */
#ifndef DCLS_NODE_MODEL_STORE_H
#define DCLS_NODE_MODEL_STORE_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "dcls/base/err.h"
#include "dcls/proto/msg.h"

struct model_store;

/* `dir` is made where it is missing; what a process that died had begun to replace there is brought to an end. */
struct model_store *model_store_open(const char *dir, struct err *err);
void model_store_close(struct model_store *model_store);

/* Looks at the folder again. Reads every .pth whose digest is not known. */
int model_store_scan(struct model_store *model_store, struct err *err);
/* Looks at one model again. `sha256`: its digest, where another process computed it just now; NULL: none did. True
 * where it is another than before, or there is none any more. */
bool model_store_look(struct model_store *model_store, const char *name, const char *sha256);

/* The digest of a model as it was looked at last; NULL where there is none of that name. */
const char *model_store_sha256(const struct model_store *model_store, const char *name);
/* The same for a request that names a model and, unless `sha256` is NULL, its digest: looks again where the model is
 * not known. NULL with err where `node`, this node's name, has none or another. */
const char *model_store_require(struct model_store *model_store, const char *name, const char *sha256, const char *node,
                                struct err *err);

/* What the broker is told of. Where there are more models than a message can name, that is the newest, and the log says
 * how many are not among them; these may be used, fetched and removed all the same. */
int model_store_names(const struct model_store *model_store, struct strings *out);
/* Array of {"name","sha256","type","classes","imageSize","bytes"}; the caller's to delete; NULL where memory lacks. */
cJSON *model_store_info(const struct model_store *model_store);
/* That object of one model, without its classes where they would take more than `classes_max` bytes. NULL where there
 * is none, too. */
cJSON *model_store_entry(const struct model_store *model_store, const char *name, size_t classes_max);

/* "DIR/NAME/NAME.ENDING", the caller's to free; NULL where memory lacks. `name` must be a valid name. */
char *model_store_path(const struct model_store *model_store, const char *name, const char *ending);

/* Ends what a worker that died had begun to replace under that name, and removes what it left half written among that
 * name's checkpoints. */
void model_store_recover(const struct model_store *model_store, const char *name);

/* Takes the model away in one step, and what its training may be resumed from. Where there is none, or the model has
 * another digest than `sha256` (NULL: whichever), that is as it was asked for. *changed, also where it fails: the store
 * does not hold the model any more, or another. */
int model_store_remove(struct model_store *model_store, const char *name, const char *sha256, bool *changed,
                       struct err *err);

#endif
