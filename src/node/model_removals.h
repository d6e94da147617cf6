/* SERVER REMOVE: what a broker wants gone. One after another, in the order of what changes the folder of models. */
#ifndef DCLS_NODE_MODEL_REMOVALS_H
#define DCLS_NODE_MODEL_REMOVALS_H

#include "dcls/base/err.h"
#include "dcls/proto/msg.h"

struct daemon;
struct model_removals;

/* `tell` sends NODE INFO: once, when none is under way any more. NULL with err. */
struct model_removals *model_removals_new(struct daemon *daemon, void (*tell)(struct daemon *daemon), struct err *err);
void model_removals_free(struct model_removals *removals); /* after the thread pool */

/* Its members may be taken out. One that is under way already is answered by that one's answer. */
void model_removals_request(struct model_removals *removals, struct msg *msg);

#endif
