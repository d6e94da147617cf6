/* GET /image with a width: small pictures, made by a helper process (dcls/net/helper.h) and kept on disk
 * (thumbnail_cache.h). However many ask for one picture at a time, it is made once. */
#ifndef DCLS_BROKER_THUMBNAILS_H
#define DCLS_BROKER_THUMBNAILS_H

struct broker;
struct exchange;
struct thumbnails;

/* NULL where memory lacks. Reads broker->base, pool, images and state. */
struct thumbnails *thumbnails_new(struct broker *broker);
/* Looks at what is on the disk, on the pool: it may not be freed before that was drained. */
void thumbnails_start(struct thumbnails *thumbnails);
/* Ends the helper process; who waits is answered. Before the pool is drained. */
void thumbnails_stop(struct thumbnails *thumbnails);
/* After it was. */
void thumbnails_free(struct thumbnails *thumbnails); /* NULL is fine */

/* Answers the exchange: the image at `path`, which is valid as long as the exchange is, at most
 * `width` pixels wide. */
void thumbnails_answer(struct thumbnails *thumbnails, struct exchange *exchange, const char *path, int width);

#endif
