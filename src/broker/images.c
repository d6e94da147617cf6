/* Listing and opening images below the image folder: see images.h. */
#include "images.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dcls/base/buf.h"
#include "dcls/base/fs.h"
#include "dcls/base/image_formats.h"

#define VIRTUAL "images/"
#define PATH_MAX_SHOWN 8192

cJSON *images_list(const char *root, struct err *err)
{
    struct fs_list list = { 0 };
    struct buf path;
    buf_init(&path, PATH_MAX_SHOWN);
    cJSON *object = cJSON_CreateObject();
    cJSON *array = cJSON_AddArrayToObject(object, "images");
    if (!array)
        goto no_memory;
    if (fs_is_dir(root) && fs_list_tree(root, image_endings, IMAGES_MAX, &list, err))
        goto fail;
    for (size_t i = 0; i < list.count; i++) {
        buf_clear(&path);
        cJSON *item = buf_printf(&path, "./" VIRTUAL "%s", list.paths[i]) ? NULL : cJSON_CreateString(path.data);
        if (!item || !cJSON_AddItemToArray(array, item)) {
            cJSON_Delete(item);
            goto no_memory;
        }
    }
    goto out;

no_memory:
    err_set(err, "no memory for the list of images");
fail:
    cJSON_Delete(object);
    object = NULL;
out:
    fs_list_release(&list);
    buf_release(&path);
    return object;
}

int images_open(const char *root, const char *virtual_path, int64_t *size, const char **type)
{
    if (!strncmp(virtual_path, "./", 2))
        virtual_path += 2;
    if (strncmp(virtual_path, VIRTUAL, sizeof VIRTUAL - 1))
        return -1;
    char *path = fs_resolve(root, virtual_path + sizeof VIRTUAL - 1, NULL);
    if (!path)
        return -1;
    /* The ending counts where it leads, so that no link named .jpg shows another kind of file. */
    *type = image_content_type(path);
    struct stat status;
    int fd = *type ? fs_open_file(path, &status) : -1;
    free(path);
    if (fd >= 0)
        *size = status.st_size;
    return fd;
}
