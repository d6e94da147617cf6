/* From a file's tensors to a network's weights: by name, with every name and shape accounted for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcls/base/buf.h"
#include "tensors.h"

/* The tensor of that name and its index; files mostly keep the network's order, so the search starts at *at. */
static const struct tensor *find(const struct tensors *tensors, const char *name, size_t *at)
{
    for (size_t i = 0; i < tensors->count; i++) {
        size_t index = (*at + i) % tensors->count;
        if (!strcmp(tensors->list[index].name, name)) {
            *at = index;
            return &tensors->list[index];
        }
    }
    return NULL;
}

static bool same_shape(int rank_a, const int64_t *a, int rank_b, const int64_t *b, int from)
{
    if (rank_a != rank_b)
        return false;
    for (int i = from; i < rank_a; i++)
        if (a[i] != b[i])
            return false;
    return true;
}

static int refuse_shape(const struct tensor *tensor, const struct param *param, struct err *err)
{
    char shapes[2][128];
    for (int which = 0; which < 2; which++) {
        struct buf text;
        buf_init(&text, sizeof(shapes[which]) - 1);
        int rank = which ? param->rank : tensor->rank;
        for (int i = 0; i < rank; i++)
            buf_printf(&text, "%s%lld", i ? "x" : "", (long long)(which ? param->shape[i] : tensor->shape[i]));
        snprintf(shapes[which], sizeof(shapes[which]), "%s", rank ? buf_text(&text) : "one number");
        buf_release(&text);
    }
    return err_set(err, "'%s' has the shape %s instead of %s", param->name, shapes[0], shapes[1]);
}

static float from_bits(uint32_t bits)
{
    float number;
    memcpy(&number, &bits, sizeof(number));
    return number;
}

/* IEEE 754's 16 bits: 1 sign, 5 exponent, 10 mantissa. */
static float widen_half(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 31, mantissa = half & 1023;
    if (exponent == 0) /* zero, or a denormal: mantissa times 2^-24 */
        return sign ? -(float)mantissa * 0x1p-24f : (float)mantissa * 0x1p-24f;
    if (exponent == 31) /* infinite, or no number */
        return from_bits(sign | 0x7f800000 | mantissa << 13);
    return from_bits(sign | (exponent + 112) << 23 | mantissa << 13);
}

static void to_floats(const struct tensor *tensor, float *to)
{
    const double *doubles = tensor->bytes;
    const uint16_t *halves = tensor->bytes;
    for (size_t i = 0; i < tensor->count; i++)
        to[i] = tensor->type == TENSOR_FLOAT64   ? (float)doubles[i]
                : tensor->type == TENSOR_FLOAT16 ? widen_half(halves[i])
                                                 : from_bits((uint32_t)halves[i] << 16);
}

static int copy(const struct tensor *tensor, const struct net *net, struct weights *weights, int index, struct err *err)
{
    const struct param *param = &net->params[index];
    if (param->kind == PARAM_TRACKED) {
        if (tensor->type != TENSOR_INT64)
            return err_set(err, "'%s' is not of 64-bit integers", param->name);
        memcpy(weights->tracked + param->offset, tensor->bytes, sizeof(int64_t));
        return 0;
    }
    float *to = weights_at(net, weights, index);
    if (tensor->type == TENSOR_INT64)
        return err_set(err, "'%s' is not of floating-point numbers", param->name);
    if (tensor->type == TENSOR_FLOAT32)
        memcpy(to, tensor->bytes, param_bytes(param));
    else
        to_floats(tensor, to);
    return 0;
}

/* Whether the tensor is that of a last layer which differs from the network's in the number of outputs alone. */
static bool is_other_last(const struct net *net, int index, const struct tensor *tensor)
{
    const struct param *param = &net->params[index];
    return (index == net->last_weight || index == net->last_bias) &&
           same_shape(tensor->rank, tensor->shape, param->rank, param->shape, 1) && tensor->shape[0] != param->shape[0];
}

/* `used` tells of each tensor whether a parameter has its name. */
static int assign(const struct tensors *tensors, const struct net *net, struct weights *weights, bool replace_last,
                  bool *replaced, bool *used, struct err *err)
{
    size_t at = 0;
    for (int i = 0; i < net->param_count; i++) {
        const struct param *param = &net->params[i];
        const struct tensor *tensor = find(tensors, param->name, &at);
        if (!tensor && param->kind == PARAM_TRACKED) {
            weights->tracked[param->offset] = 0; /* files older than this counter, as PyTorch takes them */
            continue;
        }
        if (!tensor)
            return err_set(err, "'%s' is missing", param->name);
        if (used[at])
            return err_set(err, "'%s' is used twice", param->name);
        used[at] = true;
        if (replace_last && is_other_last(net, i, tensor)) {
            *replaced = true;
            continue;
        }
        if (!same_shape(tensor->rank, tensor->shape, param->rank, param->shape, 0))
            return refuse_shape(tensor, param, err);
        if (copy(tensor, net, weights, i, err))
            return -1;
    }
    for (size_t i = 0; i < tensors->count; i++)
        if (!used[i])
            return err_set(err, "'%s' is not a parameter of '%s', or is there twice", tensors->list[i].name, net->type);
    return 0;
}

int tensors_assign(const struct tensors *tensors, const struct net *net, struct weights *weights, bool replace_last,
                   bool *replaced, struct err *err)
{
    bool unused = false;
    bool *used = calloc(tensors->count + 1, sizeof(*used));
    if (!used)
        return err_set(err, "no memory to read weights");
    replaced = replaced ? replaced : &unused;
    *replaced = false;
    int status = assign(tensors, net, weights, replace_last, replaced, used, err);
    free(used);
    return status;
}
