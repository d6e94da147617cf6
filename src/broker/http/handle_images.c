/* GET /images and GET /image, the latter with a width by thumbnails.c. The folder is read on the thread pool. */
#include "dcls/base/thumbnail_width.h"
#include "handlers.h"
#include "image_lists.h"
#include "query_number.h"
#include "src/broker/broker.h"
#include "src/broker/images.h"
#include "thumbnails.h"

struct image_read {
    struct exchange *exchange;
    const char *path;
    int fd;
    int64_t size;
    const char *type;
};

static int run_open(void *arg, const atomic_bool *stop, struct err *err)
{
    struct image_read *image = arg;
    (void)stop;
    image->fd = images_open(&image->exchange->broker->images, image->path, &image->size, &image->type);
    return image->fd < 0 ? err_set(err, "Image not found") : 0;
}

static void done_open(void *arg, int result, const struct err *err)
{
    struct image_read *image = arg;
    if (result)
        exchange_error(image->exchange, 404, "%s", err->text);
    else
        exchange_file(image->exchange, image->fd, image->size, image->type);
}

static void open_image(struct exchange *exchange, const char *path)
{
    struct image_read *image = exchange_context(exchange, sizeof *image, NULL);
    if (!image)
        return;
    image->exchange = exchange;
    image->path = path;
    exchange_submit(exchange, NO_LANE, run_open, done_open);
}

void handle_images(struct exchange *exchange)
{
    image_lists_answer(exchange->http->image_lists, exchange);
}

void handle_image(struct exchange *exchange)
{
    const char *path = exchange_query(exchange, "imagePath");
    struct err err = ERR_INIT;
    int64_t width;
    if (!path)
        exchange_error(exchange, 404, "Image not found");
    else if (query_number(exchange, "width", THUMBNAIL_WIDTH_MIN, THUMBNAIL_WIDTH_MAX, 0, &width, &err))
        exchange_error(exchange, 400, "%s", err.text);
    else if (width)
        thumbnails_answer(exchange->http->thumbnails, exchange, path, (int)width);
    else
        open_image(exchange, path);
}
