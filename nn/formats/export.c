/* Weights from one file into another format. How many classes the network has is read off its last layer, so that no
 * report of it is needed. */
#include "dcls/nn/export.h"

#include <stdlib.h>
#include <string.h>

#include "dcls/base/fs.h"
#include "dcls/nn/models.h"
#include "onnx.h"
#include "pth.h"
#include "safetensors.h"
#include "weight_file.h"

/* The network of that type with as many classes as the tensors' last layer has outputs; the caller's to free. */
static struct net *fitting_net(const struct tensors *tensors, const char *type, struct err *err)
{
    struct net *net = network_new(type, 1, err);
    if (!net)
        return NULL;
    const char *last = net->params[net->last_bias].name;
    struct net *fitting = NULL;
    for (size_t i = 0; i < tensors->count && !fitting; i++) {
        const struct tensor *tensor = &tensors->list[i];
        if (strcmp(tensor->name, last))
            continue;
        int64_t classes = tensor->rank == 1 ? tensor->shape[0] : 0;
        fitting = network_new(type, classes <= 1 << 30 ? (int)classes : 0, err);
        if (!fitting)
            goto out;
    }
    if (!fitting)
        err_set(err, "'%s' is missing: these are no weights of the type '%s'", last, type);
out:
    net_free(net);
    return fitting;
}

static int write_as(const struct output *to, const struct net *net, const struct weights *weights,
                    const struct export_spec *spec, struct err *err)
{
    const struct onnx_spec onnx = { .classes = spec->classes, .image_size = spec->image_size, .fold = spec->fold };
    switch (spec->format) {
    case EXPORT_PTH:
        return to->path ? pth_write(to->path, net, weights, err)
                        : err_set(err, "the format pth is not written into an open file");
    case EXPORT_SAFETENSORS: return safetensors_write_to(to, net, weights, err);
    case EXPORT_ONNX:
        if (spec->class_count && spec->class_count != net->classes)
            return err_set(err, "the weights are of %d classes, but %d are named", net->classes, spec->class_count);
        return onnx_write(to, net, weights, &onnx, err);
    }
    return err_set(err, "unknown format");
}

static int export_to(const char *from, const struct output *to, const struct export_spec *spec, int *class_count,
                     struct err *err)
{
    struct tensors tensors = { 0 };
    struct net *net = NULL;
    struct weights *weights = NULL;
    char *bytes = NULL;
    size_t count;
    int status = -1;
    if (fs_read(from, TENSORS_BYTES_MAX, &bytes, &count, err) || weight_file_tensors(bytes, count, &tensors, err))
        goto out;
    free(bytes);
    bytes = NULL;
    if (!(net = fitting_net(&tensors, spec->type, err)) || !(weights = weights_new(net, err)) ||
        tensors_assign(&tensors, net, weights, false, NULL, err))
        goto out;
    tensors_release(&tensors);
    if (class_count)
        *class_count = net->classes;
    status = write_as(to, net, weights, spec, err);
out:
    free(bytes);
    tensors_release(&tensors);
    weights_free(weights);
    net_free(net);
    return status;
}

int export_run(const char *from, const char *to, const struct export_spec *spec, int *class_count, struct err *err)
{
    return export_to(from, &(struct output){ .path = to }, spec, class_count, err);
}

int export_into(const char *from, int to, const struct export_spec *spec, int *class_count, struct err *err)
{
    return export_to(from, &(struct output){ .fd = to }, spec, class_count, err);
}
