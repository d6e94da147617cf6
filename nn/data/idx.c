/* The IDX files of the MNIST family (yann.lecun.com/exdb/mnist): four files, gzipped or not, read into memory whole.
 * A header is three or one big-endian sizes behind a magic number. What a header claims is checked against what the
 * file could hold before memory is taken, and no byte more than that is ever unpacked. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "dataset_kind.h"
#include "dcls/base/fs.h"

#define IDX_BYTES_MAX ((uint64_t)2 * 1024 * 1024 * 1024)
#define DEFLATE_RATIO_MAX 1032 /* no deflate stream unpacks to more than that */
#define CLASSES_FILE_MAX (1024 * 1024)

static const char *const names[2][2] = {
    [SPLIT_TRAIN] = { "train-images-idx3-ubyte", "train-labels-idx1-ubyte" },
    [SPLIT_TEST] = { "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte" },
};

/* The path of NAME or NAME.gz in dir, whichever is there, the caller's to free; NULL with err. */
static char *find(const char *dir, const char *name, struct err *err)
{
    static const char *const endings[] = { "", ".gz" };
    for (int i = 0; i < 2; i++) {
        char *path;
        if (asprintf(&path, "%s/%s%s", dir, name, endings[i]) < 0) {
            err_set(err, "no memory for a dataset");
            return NULL;
        }
        if (fs_is_file(path))
            return path;
        free(path);
    }
    err_set(err, "'%s' lacks '%s' (or .gz)", dir, name);
    return NULL;
}

static bool found(const char *dir)
{
    char *path = find(dir, names[SPLIT_TRAIN][0], NULL);
    bool found = path;
    free(path);
    return found;
}

struct idx_file {
    char *path;
    gzFile zip; /* reads a file that is not gzipped as it is */
};

/* The next `count` bytes; an error where the file has fewer. */
static int take(struct idx_file *file, void *bytes, size_t count, struct err *err)
{
    for (size_t done = 0; done < count;) {
        size_t left = count - done;
        int got = gzread(file->zip, (char *)bytes + done, left > INT_MAX ? INT_MAX : (unsigned)left);
        if (got < 0) {
            int code;
            const char *why = gzerror(file->zip, &code);
            return err_set(err, "cannot read '%s': %s", file->path, code == Z_ERRNO ? strerror(errno) : why);
        }
        if (got == 0)
            return err_set(err, "'%s' ends early", file->path);
        done += (size_t)got;
    }
    return 0;
}

static uint32_t big_endian(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Reads a file of unsigned bytes in `rank` dimensions: their sizes, and the bytes, the caller's to free. */
static int read_idx(const char *dir, const char *name, int rank, uint32_t *sizes, uint8_t **bytes, struct err *err)
{
    struct idx_file file = { .path = find(dir, name, err) };
    uint8_t header[16], *data = NULL;
    int status = -1;
    if (!file.path)
        return -1;
    int64_t packed = fs_size(file.path);
    if (!(file.zip = gzopen(file.path, "rbe"))) {
        err_set(err, "cannot open '%s': %s", file.path, strerror(errno));
        goto out;
    }
    if (take(&file, header, 4 + 4 * (size_t)rank, err))
        goto out;
    if (big_endian(header) != 0x800 + (uint32_t)rank) {
        err_set(err, "'%s' is no IDX file of bytes in %d dimensions", file.path, rank);
        goto out;
    }
    uint64_t total = 1;
    for (int i = 0; i < rank; i++) {
        sizes[i] = big_endian(header + 4 + 4 * i);
        if (sizes[i] < 1 || sizes[i] > (i ? IMAGE_MAX_SIDE : DATASET_SAMPLES_MAX)) {
            err_set(err, "'%s' has an impossible size of %u in its header", file.path, sizes[i]);
            goto out;
        }
        total *= sizes[i]; /* below 2^24 * 2^14 * 2^14 */
    }
    if (total > IDX_BYTES_MAX || packed < 0 || total > (uint64_t)packed * DEFLATE_RATIO_MAX) {
        err_set(err, "'%s' cannot hold the %llu bytes that its header tells of", file.path, (unsigned long long)total);
        goto out;
    }
    if (!(data = malloc(total))) {
        err_set(err, "no memory for the %llu bytes of '%s'", (unsigned long long)total, file.path);
        goto out;
    }
    if (take(&file, data, total, err))
        goto out;
    if (gzread(file.zip, header, 1) != 0) {
        err_set(err, "'%s' does not end where its header says", file.path);
        goto out;
    }
    *bytes = data;
    data = NULL;
    status = 0;
out:
    free(data);
    if (file.zip)
        gzclose_r(file.zip); /* only read: nothing can be lost */
    free(file.path);
    return status;
}

static int open_split(struct dataset *dataset, const char *dir, enum split split, struct err *err)
{
    struct samples *samples = &dataset->splits[split];
    uint32_t shape[3], count;
    uint8_t *labels = NULL;
    if (read_idx(dir, names[split][0], 3, shape, &samples->pixels, err) ||
        read_idx(dir, names[split][1], 1, &count, &labels, err))
        return -1; /* the second makes nothing when it fails */
    int status = -1;
    if ((uint64_t)shape[1] * shape[2] > IMAGE_MAX_PIXELS) {
        err_set(err, "'%s/%s' has images of more than %d pixels", dir, names[split][0], IMAGE_MAX_PIXELS);
        goto out;
    }
    if (count != shape[0]) {
        err_set(err, "'%s/%s' has %u images, but '%s' has %u labels", dir, names[split][0], shape[0], names[split][1],
                count);
        goto out;
    }
    if (dataset_note(dataset, names[split][0], (int64_t)count * shape[1] * shape[2], err))
        goto out;
    if (!(samples->labels = malloc(count * sizeof(int)))) {
        err_set(err, "no memory for %u labels", count);
        goto out;
    }
    for (uint32_t i = 0; i < count; i++)
        samples->labels[i] = labels[i];
    if (sha256_update(dataset->listing, labels, count)) {
        err_set(err, "no memory for %u labels", count);
        goto out;
    }
    samples->count = count;
    samples->height = (int)shape[1];
    samples->width = (int)shape[2];
    status = 0;
out:
    free(labels);
    return status;
}

static int read_classes(struct dataset *dataset, const char *path, struct err *err)
{
    char *text;
    size_t count;
    if (fs_read(path, CLASSES_FILE_MAX, &text, &count, err))
        return -1;
    int status = 0;
    for (char *line = text, *end; !status && line < text + count; line = end + 1) {
        end = memchr(line, '\n', (size_t)(text + count - line));
        end = end ? end : text + count;
        size_t length = (size_t)(end - line);
        length -= length && line[length - 1] == '\r';
        status = dataset_add_class(dataset, line, length, err);
    }
    free(text);
    return status ? err_prefix(err, "'%s'", path) : 0;
}

static int highest_label(const struct samples *samples)
{
    int highest = 0;
    for (size_t i = 0; i < samples->count; i++)
        highest = samples->labels[i] > highest ? samples->labels[i] : highest;
    return highest;
}

static int name_classes(struct dataset *dataset, const char *dir, struct err *err)
{
    char *path = fs_join(dir, "classes.txt");
    if (!path)
        return err_set(err, "no memory for a dataset");
    int status = 0, train = highest_label(&dataset->splits[SPLIT_TRAIN]);
    if (fs_is_file(path)) {
        status = read_classes(dataset, path, err);
    } else {
        for (int i = 0; i <= train && !status; i++) {
            char digits[4];
            int length = snprintf(digits, sizeof(digits), "%d", i); /* a label is a byte */
            status = dataset_add_class(dataset, digits, (size_t)length, err);
        }
    }
    free(path);
    if (status)
        return -1;
    int test = highest_label(&dataset->splits[SPLIT_TEST]), highest = train > test ? train : test;
    if (highest >= dataset->class_count)
        return err_set(err, "'%s' has a label %d, but %d classes", dir, highest, dataset->class_count);
    return 0;
}

/* Whether there is at least one of the two files that test images lie in. */
static bool has_tests(const char *dir)
{
    bool has = false;
    for (int i = 0; i < 2 && !has; i++) {
        char *path = find(dir, names[SPLIT_TEST][i], NULL);
        has = path;
        free(path);
    }
    return has;
}

static int open_idx(struct dataset *dataset, const char *dir, struct err *err)
{
    if (open_split(dataset, dir, SPLIT_TRAIN, err) || (has_tests(dir) && open_split(dataset, dir, SPLIT_TEST, err)))
        return -1;
    return name_classes(dataset, dir, err);
}

static int digest(const struct dataset *dataset, const struct samples *samples, size_t index, char hex[SHA256_HEX_SIZE],
                  struct err *err)
{
    (void)dataset;
    size_t pixels = (size_t)samples->width * samples->height;
    return sha256_bytes(samples->pixels + index * pixels, pixels, hex, err);
}

static int read_sample(const struct dataset *dataset, const struct samples *samples, size_t index,
                       struct sample_reader *reader, uint8_t *out, struct err *err)
{
    (void)dataset;
    if (image_reserve(&reader->image, samples->width, samples->height, err))
        return -1;
    size_t pixels = (size_t)samples->width * samples->height;
    const uint8_t *grey = samples->pixels + index * pixels;
    for (size_t i = 0; i < pixels; i++)
        memset(reader->image.rgb + 3 * i, grey[i], 3);
    return image_resize(&reader->image, reader->size, reader->size, out, reader->scratch, err);
}

const struct dataset_kind dataset_idx = { .found = found, .open = open_idx, .read = read_sample, .digest = digest };
