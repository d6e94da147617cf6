/* Writing an ONNX model: the layers of a net one by one as nodes, their parameters as initializers. Field numbers are
 * those of onnx.proto; a new kind of layer is one more case of put_layer.
 *
 * Dropout and stochastic depth do nothing outside training: what reads them reads what they read. */
#include "onnx.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/data/image.h"
#include "nn/graph/net.h"
#include "nn/graph/value_type.h"
#include "dcls/base/fs.h"
#include "dcls/commands.h"
#include "protobuf.h"
#include "tensors.h"

#define IR_VERSION 7 /* of ONNX 1.8, which brought opset 13 */
#define OPSET 13
#define NAME_SIZE (PARAM_NAME_SIZE + 16)

enum {
    MODEL_IR_VERSION = 1,
    MODEL_PRODUCER = 2,
    MODEL_PRODUCER_VERSION = 3,
    MODEL_GRAPH = 7,
    MODEL_OPSET = 8,
    MODEL_METADATA = 14
};
enum { OPSET_VERSION = 2 };
enum { METADATA_KEY = 1, METADATA_VALUE = 2 };
enum { GRAPH_NODE = 1, GRAPH_NAME = 2, GRAPH_INITIALIZER = 5, GRAPH_INPUT = 11, GRAPH_OUTPUT = 12 };
enum { NODE_INPUT = 1, NODE_OUTPUT = 2, NODE_NAME = 3, NODE_TYPE = 4, NODE_ATTRIBUTE = 5 };
enum { ATTRIBUTE_NAME = 1, ATTRIBUTE_FLOAT = 2, ATTRIBUTE_INT = 3, ATTRIBUTE_INTS = 8, ATTRIBUTE_TYPE = 20 };
enum { TYPE_FLOAT = 1, TYPE_INT = 2, TYPE_INTS = 7 }; /* of attributes */
enum { TENSOR_DIMS = 1, TENSOR_TYPE = 2, TENSOR_NAME = 8, TENSOR_RAW = 9 };
enum { VALUE_NAME = 1, VALUE_TYPE = 2 };
enum { TYPE_TENSOR = 1, TENSOR_TYPE_ELEMENT = 1, TENSOR_TYPE_SHAPE = 2, SHAPE_DIM = 1, DIM_VALUE = 1, DIM_NAME = 2 };
enum { ELEMENT_FLOAT = 1 };

struct writer {
    const struct net *net;
    const struct weights *weights;
    const struct onnx_spec *spec;
    /* A message each: that which is being written waits in the one above for its length. */
    struct buf model, graph, node, part, inner;
    bool *folded; /* of each layer: a batch norm that its convolution has taken in */
};

/* The value that a layer reads, behind what does nothing here. */
static int source_of(const struct writer *writer, int value)
{
    const struct layer *layers = writer->net->layers;
    while (layers[value].kind == LAYER_DROPOUT || layers[value].kind == LAYER_STOCHASTIC_DEPTH || writer->folded[value])
        value = layers[value].in[0];
    return value;
}

static void name_value(const struct writer *writer, int value, char name[NAME_SIZE])
{
    int source = source_of(writer, value);
    if (writer->net->layers[source].kind == LAYER_INPUT)
        snprintf(name, NAME_SIZE, "input");
    else if (source == writer->net->layer_count - 1)
        snprintf(name, NAME_SIZE, "logits");
    else
        snprintf(name, NAME_SIZE, "value%d", source);
}

/* Puts an input of the node that is being written, by name. */
static int node_reads(struct writer *writer, const char *name)
{
    return protobuf_text(&writer->node, NODE_INPUT, name);
}

static int node_reads_value(struct writer *writer, int value)
{
    char name[NAME_SIZE];
    name_value(writer, value, name);
    return node_reads(writer, name);
}

static int node_int(struct writer *writer, const char *name, int64_t value)
{
    struct buf *part = &writer->part;
    return protobuf_text(part, ATTRIBUTE_NAME, name) || protobuf_int(part, ATTRIBUTE_INT, value) ||
           protobuf_int(part, ATTRIBUTE_TYPE, TYPE_INT) || protobuf_message(&writer->node, NODE_ATTRIBUTE, part);
}

static int node_float(struct writer *writer, const char *name, float value)
{
    struct buf *part = &writer->part;
    return protobuf_text(part, ATTRIBUTE_NAME, name) || protobuf_float(part, ATTRIBUTE_FLOAT, value) ||
           protobuf_int(part, ATTRIBUTE_TYPE, TYPE_FLOAT) || protobuf_message(&writer->node, NODE_ATTRIBUTE, part);
}

static int node_ints(struct writer *writer, const char *name, int count, int64_t value)
{
    struct buf *part = &writer->part;
    if (protobuf_text(part, ATTRIBUTE_NAME, name))
        return -1;
    for (int i = 0; i < count; i++)
        if (protobuf_int(part, ATTRIBUTE_INTS, value))
            return -1;
    return protobuf_int(part, ATTRIBUTE_TYPE, TYPE_INTS) || protobuf_message(&writer->node, NODE_ATTRIBUTE, part);
}

/* Ends the node: its kind and its output, which also names it. */
static int node_end(struct writer *writer, const char *type, const char *output)
{
    struct buf *node = &writer->node;
    return protobuf_text(node, NODE_OUTPUT, output) || protobuf_text(node, NODE_NAME, output) ||
           protobuf_text(node, NODE_TYPE, type) || protobuf_message(&writer->graph, GRAPH_NODE, node);
}

/* A constant of the graph. The node that reads it may be under way: an initializer is a field beside. */
static int put_constant(struct writer *writer, const char *name, int rank, const int64_t *shape, const float *floats)
{
    struct buf *part = &writer->part;
    size_t count = (size_t)shape_count(rank, shape);
    for (int d = 0; d < rank; d++)
        if (protobuf_int(part, TENSOR_DIMS, shape[d]))
            return -1;
    return protobuf_int(part, TENSOR_TYPE, ELEMENT_FLOAT) || protobuf_text(part, TENSOR_NAME, name) ||
           protobuf_bytes(part, TENSOR_RAW, floats, count * tensor_type_size(TENSOR_FLOAT32)) ||
           protobuf_message(&writer->graph, GRAPH_INITIALIZER, part);
}

/* A parameter as it is, read by the node under way. */
static int node_reads_param(struct writer *writer, int index)
{
    const struct param *param = &writer->net->params[index];
    return put_constant(writer, param->name, param->rank, param->shape,
                        weights_at(writer->net, writer->weights, index)) ||
           node_reads(writer, param->name);
}

/* The batch norm that alone reads a convolution; -1: none. */
static int norm_behind(const struct net *net, int conv)
{
    int norm = -1;
    for (int i = conv + 1; i < net->layer_count; i++) {
        if (net->layers[i].in[0] != conv && net->layers[i].in[1] != conv)
            continue;
        if (norm >= 0 || net->layers[i].kind != LAYER_BATCH_NORM)
            return -1;
        norm = i;
    }
    return norm;
}

/* The convolution's weight and bias, with the batch norm behind it folded in; the bias takes that one's name. */
static int node_reads_folded(struct writer *writer, const struct layer *conv, const struct layer *norm)
{
    const struct net *net = writer->net;
    const struct param *weight = &net->params[conv->weight], *bias = &net->params[norm->bias];
    float *floats = malloc(floats_bytes(weight->count + bias->count));
    if (!floats)
        return -1;
    weights_fold(net, writer->weights, conv, norm, floats, floats + weight->count);
    int status = put_constant(writer, weight->name, weight->rank, weight->shape, floats) ||
                 put_constant(writer, bias->name, bias->rank, bias->shape, floats + weight->count) ||
                 node_reads(writer, weight->name) || node_reads(writer, bias->name);
    free(floats);
    return status;
}

static int put_window(struct writer *writer, const struct layer *layer)
{
    return node_ints(writer, "kernel_shape", 2, layer->kernel) || node_ints(writer, "strides", 2, layer->stride) ||
           node_ints(writer, "pads", 4, layer->padding);
}

static int put_conv(struct writer *writer, int index, const char *output)
{
    const struct layer *layer = &writer->net->layers[index];
    int norm = writer->spec->fold ? norm_behind(writer->net, index) : -1;
    if (node_reads_value(writer, layer->in[0]))
        return -1;
    if (norm >= 0) {
        writer->folded[norm] = true;
        if (node_reads_folded(writer, layer, &writer->net->layers[norm]))
            return -1;
    } else if (node_reads_param(writer, layer->weight) || (layer->bias >= 0 && node_reads_param(writer, layer->bias))) {
        return -1;
    }
    return put_window(writer, layer) || node_int(writer, "group", layer->groups) || node_end(writer, "Conv", output);
}

static int put_batch_norm(struct writer *writer, const struct layer *layer, const char *output)
{
    return node_reads_value(writer, layer->in[0]) || node_reads_param(writer, layer->weight) ||
           node_reads_param(writer, layer->bias) || node_reads_param(writer, layer->mean) ||
           node_reads_param(writer, layer->var) || node_float(writer, "epsilon", layer->eps) ||
           node_end(writer, "BatchNormalization", output);
}

static int put_activation(struct writer *writer, const struct layer *layer, const char *output)
{
    static const float bounds[2] = { 0, 6 };
    char inner[NAME_SIZE + 16], low[NAME_SIZE + 16], high[NAME_SIZE + 16];
    snprintf(inner, sizeof(inner), "%s.sigmoid", output);
    snprintf(low, sizeof(low), "%s.min", output);
    snprintf(high, sizeof(high), "%s.max", output);
    if (node_reads_value(writer, layer->in[0]))
        return -1;
    switch (layer->activation) {
    case ACTIVATION_RELU: return node_end(writer, "Relu", output);
    case ACTIVATION_SIGMOID: return node_end(writer, "Sigmoid", output);
    case ACTIVATION_RELU6:
        return put_constant(writer, low, 0, NULL, &bounds[0]) || put_constant(writer, high, 0, NULL, &bounds[1]) ||
               node_reads(writer, low) || node_reads(writer, high) || node_end(writer, "Clip", output);
    case ACTIVATION_SILU:
        return node_end(writer, "Sigmoid", inner) || node_reads_value(writer, layer->in[0]) ||
               node_reads(writer, inner) || node_end(writer, "Mul", output);
    case ACTIVATION_NONE:
    case ACTIVATIONS: break;
    }
    return -1;
}

static int put_two(struct writer *writer, const struct layer *layer, const char *type, const char *output)
{
    return node_reads_value(writer, layer->in[0]) || node_reads_value(writer, layer->in[1]) ||
           node_end(writer, type, output);
}

static int put_linear(struct writer *writer, const struct layer *layer, const char *output)
{
    char flat[NAME_SIZE + 16];
    snprintf(flat, sizeof(flat), "%s.flat", output);
    return node_reads_value(writer, layer->in[0]) || node_int(writer, "axis", 1) || node_end(writer, "Flatten", flat) ||
           node_reads(writer, flat) || node_reads_param(writer, layer->weight) ||
           node_reads_param(writer, layer->bias) || node_int(writer, "transB", 1) || node_end(writer, "Gemm", output);
}

static int put_layer(struct writer *writer, int index)
{
    const struct layer *layer = &writer->net->layers[index];
    char output[NAME_SIZE];
    if (source_of(writer, index) != index)
        return 0;
    name_value(writer, index, output);
    switch (layer->kind) {
    case LAYER_INPUT:
    case LAYER_DROPOUT:
    case LAYER_STOCHASTIC_DEPTH: return 0;
    case LAYER_CONV: return put_conv(writer, index, output);
    case LAYER_BATCH_NORM: return put_batch_norm(writer, layer, output);
    case LAYER_ACTIVATION: return put_activation(writer, layer, output);
    case LAYER_MAX_POOL:
        return node_reads_value(writer, layer->in[0]) || put_window(writer, layer) ||
               node_end(writer, "MaxPool", output);
    case LAYER_GLOBAL_AVG_POOL:
        return node_reads_value(writer, layer->in[0]) || node_end(writer, "GlobalAveragePool", output);
    case LAYER_ADD: return put_two(writer, layer, "Add", output);
    case LAYER_SCALE: return put_two(writer, layer, "Mul", output);
    case LAYER_LINEAR: return put_linear(writer, layer, output);
    }
    return -1;
}

/* An input or output of the graph: floats (N, …). */
static int put_interface(struct writer *writer, int field, const char *name, const int64_t *shape, int rank)
{
    struct buf *type = &writer->node, *dims = &writer->part, *dim = &writer->inner;
    if (protobuf_text(dim, DIM_NAME, "N") || protobuf_message(dims, SHAPE_DIM, dim))
        return -1;
    for (int d = 0; d < rank; d++)
        if (protobuf_int(dim, DIM_VALUE, shape[d]) || protobuf_message(dims, SHAPE_DIM, dim))
            return -1;
    /* From the inside out, each message into the other buffer. */
    return protobuf_int(type, TENSOR_TYPE_ELEMENT, ELEMENT_FLOAT) || protobuf_message(type, TENSOR_TYPE_SHAPE, dims) ||
           protobuf_message(dims, TYPE_TENSOR, type) || protobuf_text(type, VALUE_NAME, name) ||
           protobuf_message(type, VALUE_TYPE, dims) || protobuf_message(&writer->graph, field, type);
}

static int put_graph(struct writer *writer)
{
    const struct net *net = writer->net;
    const int64_t size = writer->spec->image_size;
    if (protobuf_text(&writer->graph, GRAPH_NAME, net->type) ||
        put_interface(writer, GRAPH_INPUT, "input", (int64_t[]){ 3, size, size }, 3) ||
        put_interface(writer, GRAPH_OUTPUT, "logits", (int64_t[]){ net->classes }, 1))
        return -1;
    for (int i = 0; i < net->layer_count; i++)
        if (put_layer(writer, i))
            return -1;
    return protobuf_message(&writer->model, MODEL_GRAPH, &writer->graph);
}

static int put_property(struct writer *writer, const char *key, const char *value)
{
    struct buf *part = &writer->part;
    return protobuf_text(part, METADATA_KEY, key) || protobuf_text(part, METADATA_VALUE, value) ||
           protobuf_message(&writer->model, MODEL_METADATA, part);
}

static int put_three(struct writer *writer, const char *key, const float floats[3])
{
    char text[64];
    snprintf(text, sizeof(text), "%g,%g,%g", (double)floats[0], (double)floats[1], (double)floats[2]);
    return put_property(writer, key, text);
}

static int put_classes(struct writer *writer)
{
    if (!writer->spec->classes)
        return 0;
    cJSON *classes = cJSON_CreateStringArray(writer->spec->classes, writer->net->classes);
    char *text = classes ? cJSON_PrintUnformatted(classes) : NULL;
    int status = text ? put_property(writer, "classes", text) : -1;
    free(text);
    cJSON_Delete(classes);
    return status;
}

static int put_model(struct writer *writer)
{
    struct buf *part = &writer->part;
    char size[16];
    snprintf(size, sizeof(size), "%d", writer->spec->image_size);
    return protobuf_int(&writer->model, MODEL_IR_VERSION, IR_VERSION) ||
           protobuf_text(&writer->model, MODEL_PRODUCER, "dcls") ||
           protobuf_text(&writer->model, MODEL_PRODUCER_VERSION, DCLS_VERSION) ||
           protobuf_int(part, OPSET_VERSION, OPSET) || protobuf_message(&writer->model, MODEL_OPSET, part) ||
           put_property(writer, "type", writer->net->type) || put_property(writer, "image_size", size) ||
           put_three(writer, "mean", image_mean) || put_three(writer, "std", image_deviation) || put_classes(writer) ||
           put_graph(writer);
}

int onnx_write(const struct output *output, const struct net *net, const struct weights *weights,
               const struct onnx_spec *spec, struct err *err)
{
    struct writer writer = { .net = net, .weights = weights, .spec = spec };
    struct buf *bufs[] = { &writer.model, &writer.graph, &writer.node, &writer.part, &writer.inner };
    int status = -1;
    for (size_t i = 0; i < sizeof(bufs) / sizeof(bufs[0]); i++)
        buf_init(bufs[i], TENSORS_BYTES_MAX - 1); /* and no message may be longer */
    writer.folded = calloc((size_t)net->layer_count, sizeof(*writer.folded));
    if (!writer.folded || put_model(&writer))
        err_set(err, "no memory to write an ONNX model");
    else
        status = output_write(output, &(struct iovec){ writer.model.data, writer.model.len }, 1, err);
    free(writer.folded);
    for (size_t i = 0; i < sizeof(bufs) / sizeof(bufs[0]); i++)
        buf_release(bufs[i]);
    return status;
}
