/* Chooses the reader of a weight file by its first bytes. */
#include "weight_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/base/fs.h"
#include "pth.h"
#include "safetensors.h"

static int read_tensors(const void *bytes, size_t count, struct tensors *tensors, struct err *err)
{
    if (count >= 4 && !memcmp(bytes, "PK\3\4", 4))
        return pth_tensors(bytes, count, tensors, err);
    if (pth_is_old(bytes, count))
        return pth_old_tensors(bytes, count, tensors, err);
    if (pth_is_tar(bytes, count))
        return pth_tar_tensors(bytes, count, tensors, err);
    if (safetensors_is(bytes, count))
        return safetensors_tensors(bytes, count, tensors, err);
    return err_set(err, "neither a .pth nor a .safetensors file");
}

int weight_file_tensors(const void *bytes, size_t count, struct tensors *tensors, struct err *err)
{
    if (read_tensors(bytes, count, tensors, err))
        return -1;
    tensors_strip_prefix(tensors);
    return 0;
}

/* What was chosen that the file's writer might not expect. */
static void tell_taken(const struct tensors *tensors, char taken[WEIGHT_FILE_TAKEN_SIZE])
{
    const char *member = tensors->member, *prefix = tensors->prefix;
    taken[0] = '\0';
    if (*member && *prefix)
        snprintf(taken, WEIGHT_FILE_TAKEN_SIZE,
                 "the weights are the member '%s' of their file, without '%s' in front of all names", member, prefix);
    else if (*member)
        snprintf(taken, WEIGHT_FILE_TAKEN_SIZE, "the weights are the member '%s' of their file", member);
    else if (*prefix)
        snprintf(taken, WEIGHT_FILE_TAKEN_SIZE, "the weights are taken without '%s' in front of all names", prefix);
}

int weight_file_read(const char *path, const struct net *net, struct weights *weights, bool replace_last,
                     struct weight_file_notes *notes, struct err *err)
{
    struct tensors tensors = { 0 };
    char *bytes = NULL;
    size_t count;
    if (fs_read(path, TENSORS_BYTES_MAX, &bytes, &count, err))
        return -1;
    int status = weight_file_tensors(bytes, count, &tensors, err);
    free(bytes);
    if (!status)
        status = tensors_assign(&tensors, net, weights, replace_last, notes ? &notes->replaced : NULL, err);
    if (notes)
        tell_taken(&tensors, notes->taken);
    tensors_release(&tensors);
    return status ? err_prefix(err, "'%s'", path) : 0;
}
