/* What a node itself tells of a training, besides what its worker does. */
#ifndef DCLS_NODE_PROGRESS_H
#define DCLS_NODE_PROGRESS_H

#include "dcls/proto/msg.h"

struct daemon;
struct preparation;

/* Before the first batch: `message`, what is being done, and `notice`, what people should know; either may be NULL. A
 * broker of the existing system is told neither. */
void progress_send(struct daemon *daemon, const struct msg *request, const char *message, const char *notice);

/* Tells how far the download of a preparation is, where one is under way; `told` is the size told last. */
void progress_download(struct daemon *daemon, const struct msg *request, const struct preparation *preparation,
                       int64_t *told);

#endif
