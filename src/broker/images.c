/* Listing and opening images below the image folder: see images.h. */
#include "images.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dcls/base/buf.h"
#include "dcls/base/fs.h"
#include "dcls/base/image_formats.h"
#include "dcls/proto/json.h"

#define VIRTUAL "images/"
#define PATH_MAX_SHOWN 8192

cJSON *images_list(const struct image_tree *tree, struct err *err)
{
    struct fs_list list = { 0 };
    struct left_out left_out = { 0 }; /* GET /dataset tells of it */
    struct buf path;
    buf_init(&path, PATH_MAX_SHOWN);
    cJSON *object = cJSON_CreateObject();
    cJSON *array = cJSON_AddArrayToObject(object, "images");
    if (!array)
        goto no_memory;
    if (fs_is_dir(tree->root) && image_tree_list(tree, TREE_IMAGES, IMAGES_MAX, &list, &left_out, err))
        goto fail;
    for (size_t i = 0; i < list.count; i++) {
        buf_clear(&path);
        if (buf_printf(&path, "./" VIRTUAL "%s", list.paths[i]) || !json_append(array, cJSON_CreateString(path.data)))
            goto no_memory;
    }
    goto out;

no_memory:
    err_set(err, "no memory for the list of images");
fail:
    cJSON_Delete(object);
    object = NULL;
out:
    fs_list_release(&list);
    left_out_release(&left_out);
    buf_release(&path);
    return object;
}

/* By the ending of the file that a path leads to, so that no link named .jpg shows another kind of file; by the link's
 * own where that one has none, as in stores of files by their hash. */
static const char *type_of(const struct image_tree *tree, const char *relative)
{
    char *path = fs_join(tree->root, relative), *real = path ? realpath(path, NULL) : NULL;
    const char *name = real ? strrchr(real, '/') + 1 : relative;
    const char *type = image_content_type(strchr(name, '.') ? name : relative);
    free(real);
    free(path);
    return type;
}

int images_open(const struct image_tree *tree, const char *virtual_path, int64_t *size, const char **type)
{
    struct stat status;
    if (!strncmp(virtual_path, "./", 2))
        virtual_path += 2;
    if (strncmp(virtual_path, VIRTUAL, sizeof VIRTUAL - 1))
        return -1;
    const char *relative = virtual_path + sizeof VIRTUAL - 1;
    int fd = image_tree_open(tree, relative, &status);
    if (fd < 0)
        return -1;
    *type = type_of(tree, relative);
    *size = status.st_size;
    if (*type)
        return fd;
    close(fd);
    return -1;
}
