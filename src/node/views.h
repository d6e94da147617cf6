/* GET_DATASET, GET_IMAGE and GET_ANSWERS: what people want to see of this node's images, and of what its models
 * answered on them. The `dcls helper` looks; here it is asked, and what it says is sent.
 *
 * With config.no_thumbnails nothing of the images is shown: no picture, no path. */
#ifndef DCLS_NODE_VIEWS_H
#define DCLS_NODE_VIEWS_H

#include "dcls/base/err.h"
#include "dcls/proto/msg.h"

struct daemon;
struct views;

struct views *views_new(struct daemon *daemon, struct err *err);
/* Ends the helper; while the link is still there. */
void views_free(struct views *views);

/* Each is answered by a VIEW or a VIEW FAILED, sooner or later. */
void views_request(struct views *views, const struct msg *msg);

#endif
