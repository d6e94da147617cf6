/* A folder of images: train/CLASS/files and val/, valid/, validation/ or test/, or class folders alone. Which its
 * samples are is folder_list.c's; here they are read. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "decode.h"
#include "folder_list.h"

static bool has_train(const char *dir)
{
    struct dataset_layout layout;
    return dataset_layout_find(dir, &layout) && *layout.train;
}

static bool has_classes(const char *dir)
{
    struct dataset_layout layout;
    return dataset_layout_find(dir, &layout);
}

static int open_folder(struct dataset *dataset, const char *dir, struct err *err)
{
    struct dataset_layout layout;
    if (!dataset_layout_find(dir, &layout))
        return err_set(err, "'%s' is no folder of images any more", dir);
    return folder_list(dataset, dir, &layout, err);
}

static int read_fd(int fd, const char *path, struct sample_reader *reader, size_t *count, struct err *err)
{
    struct stat info;
    if (fstat(fd, &info))
        return err_set(err, "cannot read '%s': %s", path, strerror(errno));
    if (!S_ISREG(info.st_mode))
        return err_set(err, "'%s' is no regular file", path);
    if (info.st_size > IMAGE_FILE_MAX)
        return err_set(err, "'%s' is larger than %d bytes", path, IMAGE_FILE_MAX);
    size_t size = (size_t)info.st_size;
    if (size > reader->capacity) {
        char *bytes = malloc(size);
        if (!bytes)
            return err_set(err, "no memory for '%s'", path);
        free(reader->bytes);
        reader->bytes = bytes;
        reader->capacity = size;
    }
    for (*count = 0; *count < size;) {
        ssize_t got = read(fd, reader->bytes + *count, size - *count);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_set(err, "cannot read '%s': %s", path, strerror(errno));
        if (got == 0)
            break; /* it shrank: the decoder tells what is amiss */
        *count += (size_t)got;
    }
    return 0;
}

static int read_sample(const struct dataset *dataset, const struct samples *samples, size_t index,
                       struct sample_reader *reader, uint8_t *out, struct err *err)
{
    char path[PATH_MAX];
    if (folder_path(dataset, samples, index, path, sizeof path, err))
        return -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not block */
    if (fd < 0)
        return err_set(err, "cannot open '%s': %s", path, strerror(errno));
    size_t count = 0;
    int status = read_fd(fd, path, reader, &count, err);
    close(fd);
    if (!status && image_decode_resized(reader->bytes, count, reader->decoding, reader->size, out, &reader->image,
                                        reader->scratch, err))
        status = err_prefix(err, "'%s'", path);
    return status;
}

static int digest(const struct dataset *dataset, const struct samples *samples, size_t index, char hex[SHA256_HEX_SIZE],
                  struct err *err)
{
    char path[PATH_MAX];
    if (folder_path(dataset, samples, index, path, sizeof path, err))
        return -1;
    return sha256_file(path, hex, err);
}

const struct dataset_kind dataset_folder = {
    .found = has_train, .open = open_folder, .read = read_sample, .digest = digest, .decodes = true
};

const struct dataset_kind dataset_class_folders = {
    .found = has_classes, .open = open_folder, .read = read_sample, .digest = digest, .decodes = true
};
