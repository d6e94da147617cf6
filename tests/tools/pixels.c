/* Prints the decoded, and where a size is given resized, pixels of image files: for each file a line "WIDTH HEIGHT",
 * then the bytes of (height, width, 3). What cannot be decoded gives the line "error: WHY". */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/base/fs.h"
#include "nn/data/decode.h"

#define FILE_MAX ((size_t)64 * 1024 * 1024)

static int print_file(const char *path, int size, struct image *image, struct resize_scratch *scratch, struct err *err)
{
    char *bytes = NULL;
    uint8_t *resized = NULL;
    size_t count;
    int status = -1;
    if (fs_read(path, FILE_MAX, &bytes, &count, err) || image_decode(image, bytes, count, err))
        goto out;
    if (size) {
        resized = malloc((size_t)size * size * 3);
        if (!resized || image_resize(image, size, size, resized, scratch, err))
            goto out;
    }
    int width = size ? size : image->width, height = size ? size : image->height;
    size_t total = (size_t)width * height * 3;
    printf("%d %d\n", width, height);
    if (fwrite(size ? resized : image->rgb, 1, total, stdout) != total) {
        err_set(err, "cannot write: %s", strerror(errno));
        goto out;
    }
    status = 0;
out:
    free(bytes);
    free(resized);
    return status;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: pixels SIZE|0 FILE...\n");
        return 2;
    }
    long size = strtol(argv[1], NULL, 10);
    if (size < 0 || size > IMAGE_MAX_SIDE) {
        fprintf(stderr, "pixels: '%s' is no size\n", argv[1]);
        return 2;
    }
    struct image image = { 0 };
    struct resize_scratch *scratch = resize_scratch_new();
    if (!scratch)
        return 1;
    for (int i = 2; i < argc; i++) {
        struct err err = ERR_INIT;
        if (print_file(argv[i], (int)size, &image, scratch, &err))
            printf("error: %s\n", err.text);
    }
    image_release(&image);
    resize_scratch_free(scratch);
    return fflush(stdout) ? 1 : 0;
}
