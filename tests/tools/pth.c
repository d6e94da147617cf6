/* Weight files on the command line.
 *   pth list FILE                      each tensor: name, type, shape (2x3, or "scalar"), sum of its numbers
 *                                      (of 32 bits and more)
 *   pth copy TYPE CLASSES FILE OUT     reads into that network and writes it again; an ImageNet file's last layer is
 *                                      replaced by zeros where CLASSES differs; tells on stderr what was taken
 *   pth export TYPE SIZE FORMAT FILE OUT   as dcls client export; FORMAT: pth, safetensors, onnx, onnx-unfolded */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/base/fs.h"
#include "dcls/nn/export.h"
#include "dcls/nn/models.h"
#include "nn/formats/pth.h"
#include "nn/formats/weight_file.h"
#include "nn/formats/tensors.h"

static void print_tensor(const struct tensor *tensor)
{
    static const char *const types[] = {
        [TENSOR_FLOAT32] = "float32",   [TENSOR_FLOAT64] = "float64", [TENSOR_FLOAT16] = "float16",
        [TENSOR_BFLOAT16] = "bfloat16", [TENSOR_INT64] = "int64",     [TENSOR_INT32] = "int32",
        [TENSOR_INT16] = "int16",       [TENSOR_INT8] = "int8",       [TENSOR_UINT8] = "uint8",
        [TENSOR_BOOL] = "bool",
    };
    double sum = 0;
    for (size_t i = 0; i < tensor->count; i++)
        sum += tensor->type == TENSOR_FLOAT32   ? ((const float *)tensor->bytes)[i]
               : tensor->type == TENSOR_FLOAT64 ? ((const double *)tensor->bytes)[i]
               : tensor->type == TENSOR_INT64   ? (double)((const int64_t *)tensor->bytes)[i]
                                                : 0;
    printf("%s %s ", tensor->name, types[tensor->type]);
    for (int d = 0; d < tensor->rank; d++)
        printf("%s%lld", d ? "x" : "", (long long)tensor->shape[d]);
    printf("%s %.17g\n", tensor->rank ? "" : "scalar", sum);
}

static int list(const char *path, struct err *err)
{
    struct tensors tensors = { 0 };
    char *bytes;
    size_t count;
    if (fs_read(path, TENSORS_BYTES_MAX, &bytes, &count, err))
        return -1;
    int status = weight_file_tensors(bytes, count, &tensors, err);
    free(bytes);
    for (size_t i = 0; !status && i < tensors.count; i++)
        print_tensor(&tensors.list[i]);
    tensors_release(&tensors);
    return status;
}

static int copy(const char *type, const char *classes, const char *from, const char *to, struct err *err)
{
    struct net *net = network_new(type, (int)strtol(classes, NULL, 10), err);
    struct weights *weights = net ? weights_new(net, err) : NULL;
    int status = -1;
    struct weight_file_notes notes;
    if (weights && !weight_file_read(from, net, weights, true, &notes, err)) {
        fprintf(stderr, "%s", notes.taken);
        status = pth_write(to, net, weights, err);
    }
    weights_free(weights);
    net_free(net);
    return status;
}

static int export(const char *type, const char *size, const char *format, const char *from, const char *to,
                  struct err *err)
{
    static const char *const formats[] = {
        [EXPORT_PTH] = "pth", [EXPORT_SAFETENSORS] = "safetensors", [EXPORT_ONNX] = "onnx"
    };
    struct export_spec spec = { .format = EXPORT_ONNX,
                                .type = type,
                                .image_size = (int)strtol(size, NULL, 10),
                                .fold = strcmp(format, "onnx-unfolded") };
    for (int i = 0; i < 3; i++)
        if (!strcmp(format, formats[i]))
            spec.format = (enum export_format)i;
    return export_run(from, to, &spec, NULL, err);
}

int main(int argc, char **argv)
{
    struct err err = ERR_INIT;
    int status;
    if (argc == 3 && !strcmp(argv[1], "list")) {
        status = list(argv[2], &err);
    } else if (argc == 6 && !strcmp(argv[1], "copy")) {
        status = copy(argv[2], argv[3], argv[4], argv[5], &err);
    } else if (argc == 7 && !strcmp(argv[1], "export")) {
        status = export(argv[2], argv[3], argv[4], argv[5], argv[6], &err);
    } else {
        fprintf(stderr,
                "usage: pth list FILE | pth copy TYPE CLASSES FILE OUT | pth export TYPE SIZE FORMAT FILE OUT\n");
        return 2;
    }
    if (status)
        fprintf(stderr, "pth: %s\n", err.text);
    return status ? 1 : 0;
}
