/* What a node itself tells of a training, besides what its worker does. */
#ifndef DCLS_NODE_NEWS_H
#define DCLS_NODE_NEWS_H

#include "dcls/proto/msg.h"

struct node;
struct preparation;

/* Before the first batch: `message`, what is being done, and `notice`, what people should know; either may be NULL. A
 * broker of the existing system is told neither. */
void news_send(struct node *node, const struct msg *request, const char *message, const char *notice);

/* Tells how far the download of a preparation is, where one is under way; `told` is the size told last. */
void news_download(struct node *node, const struct msg *request, const struct preparation *preparation, int64_t *told);

#endif
