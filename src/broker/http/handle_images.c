/* GET /images and GET /image. The folder is read on the task thread. */
#include <stdlib.h>
#include <string.h>

#include "src/broker/broker.h"
#include "src/broker/images.h"
#include "routes.h"
#include "src/broker/task.h"

struct image_task {
    struct exchange *exchange;
    const char *root; /* the broker's */
    char *path;       /* of one image; NULL: the list */
    cJSON *list;
    int fd;
    int64_t size;
    const char *type;
    struct err err;
};

static void run_list(void *arg)
{
    struct image_task *task = arg;
    task->list = images_list(task->root, &task->err);
}

static void run_open(void *arg)
{
    struct image_task *task = arg;
    task->fd = images_open(task->root, task->path, &task->size, &task->type);
}

static void done_list(void *arg)
{
    struct image_task *task = arg;
    if (!task->list)
        exchange_error(task->exchange, 500, "%s", task->err.text);
    else
        exchange_json(task->exchange, 200, task->list);
    free(task);
}

static void done_open(void *arg)
{
    struct image_task *task = arg;
    if (task->fd < 0)
        exchange_error(task->exchange, 404, "Image not found");
    else
        exchange_file(task->exchange, task->fd, task->size, task->type);
    free(task->path);
    free(task);
}

static void submit(struct exchange *exchange, const char *path)
{
    struct image_task *task = calloc(1, sizeof *task);
    if (task) {
        *task = (struct image_task){ .exchange = exchange, .root = exchange->broker->images, .fd = -1 };
        task->path = path ? strdup(path) : NULL;
        if ((!path || task->path) &&
            !tasks_submit(exchange->broker->tasks, path ? run_open : run_list, !path ? done_list : done_open, task))
            return;
        free(task->path);
        free(task);
    }
    exchange_error(exchange, 503, "no memory");
}

void handle_images(struct exchange *exchange)
{
    submit(exchange, NULL);
}

void handle_image(struct exchange *exchange)
{
    const char *path = exchange_query(exchange, "imagePath");
    if (exchange_query(exchange, "width"))
        exchange_error(exchange, 400, "'width' is not offered by this version: images are served as they are");
    else if (!path)
        exchange_error(exchange, 404, "Image not found");
    else
        submit(exchange, path);
}
