/* The models of this node: what is in its folder (model_folder.h), as it was looked at last. Their digests are computed
 * once for each (size, time) of a .pth. */
#ifndef DCLS_NODE_MODEL_STORE_H
#define DCLS_NODE_MODEL_STORE_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "dcls/base/err.h"
#include "dcls/proto/msg.h"
#include "model_folder.h"

struct model_store;

/* `dir` is made where it is missing; what a process that died had begun to replace there is brought to an end. */
struct model_store *model_store_open(const char *dir, struct err *err);
void model_store_close(struct model_store *model_store);

/* Looks at the folder again. Reads every .pth whose digest is not known: it blocks. */
int model_store_scan(struct model_store *model_store, struct err *err);
/* The same beside the loop, one at a time: what is known goes to the thread that lists the folder, and what that found
 * is taken over. A model that the store looked at or was given meanwhile stays as it is. *changed: something is other
 * than before. */
int model_store_snapshot(struct model_store *model_store, struct local_models *models);
int model_store_adopt(struct model_store *model_store, struct local_models *found, bool *changed, struct err *err);

/* Looks at one model again, which is fast where its digest is known: `sha256`, where another process computed it just
 * now. True where it is another than before, or there is none any more. */
bool model_store_look(struct model_store *model_store, const char *name, const char *sha256);
/* Takes over one that was read just now; NULL: there is none of that name. True as above. */
bool model_store_take(struct model_store *model_store, const char *name, struct local_model *model);

/* The model as it was looked at last, and its digest; NULL where there is none of that name. */
struct local_model *model_store_find(const struct model_store *model_store, const char *name);
const char *model_store_sha256(const struct model_store *model_store, const char *name);
/* The same for a request that names a model and, unless `sha256` is NULL, its digest. NULL with err where `node`, this
 * node's name, has none or another. */
const char *model_store_require(const struct model_store *model_store, const char *name, const char *sha256,
                                const char *node, struct err *err);

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

#endif
