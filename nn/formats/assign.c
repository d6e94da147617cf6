/* From a file's tensors to a network's weights: by name, with every name and shape accounted for, as load_state_dict
 * does strictly. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "convert.h"
#include "dcls/base/buf.h"
#include "dcls/nn/models.h"
#include "tensors.h"

/* Which tensor each parameter of a network has, and which names have none. */
struct matching {
    const struct tensor **tensors; /* of each parameter; NULL: missing */
    size_t missing, unexpected;
    const char *first_missing, *first_unexpected;
};

/* The index of the tensor of that name; files mostly keep the network's order, so the search starts at `from`. As many
 * as there are tensors: none. */
static size_t find(const struct tensors *tensors, const char *name, size_t from)
{
    for (size_t i = 0; i < tensors->count; i++) {
        size_t index = (from + i) % tensors->count;
        if (!strcmp(tensors->list[index].name, name))
            return index;
    }
    return tensors->count;
}

/* Counters of batches may be missing: files are older than they are. The caller frees matching->tensors. */
static int match(const struct tensors *tensors, const struct net *net, struct matching *matching, struct err *err)
{
    *matching = (struct matching){ .missing = 0 };
    matching->tensors = calloc((size_t)net->param_count + 1, sizeof(*matching->tensors));
    bool *used = calloc(tensors->count + 1, sizeof(*used));
    if (!matching->tensors || !used) {
        free(used);
        return err_set(err, "no memory to read weights");
    }
    size_t at = 0;
    for (int i = 0; i < net->param_count; i++) {
        size_t index = find(tensors, net->params[i].name, at);
        if (index < tensors->count) {
            matching->tensors[i] = &tensors->list[index];
            used[index] = true;
            at = index;
        } else if (net->params[i].kind != PARAM_TRACKED) {
            if (!matching->missing++)
                matching->first_missing = net->params[i].name;
        }
    }
    for (size_t i = 0; i < tensors->count; i++)
        if (!used[i] && !matching->unexpected++)
            matching->first_unexpected = tensors->list[i].name;
    free(used);
    return 0;
}

/* The network whose names the tensors have, all of them; NULL: none. */
static const char *find_network(const struct tensors *tensors)
{
    const struct network *network;
    const char *found = NULL;
    for (int i = 0; !found && (network = network_at(i)); i++) {
        struct matching matching = { 0 };
        struct net *net = network_new(network->name, 1, NULL);
        if (net && !match(tensors, net, &matching, NULL) && !matching.missing && !matching.unexpected)
            found = network->name;
        free(matching.tensors);
        net_free(net);
    }
    return found;
}

/* "2 are missing, the first 'a'" */
static void print_count(struct buf *text, size_t count, const char *what, const char *first)
{
    if (!count)
        buf_printf(text, "none is %s", what);
    else if (count == 1)
        buf_printf(text, "1 is %s, '%s'", what, first);
    else
        buf_printf(text, "%zu are %s, the first '%s'", count, what, first);
}

static int refuse_names(const struct tensors *tensors, const struct net *net, const struct matching *matching,
                        struct err *err)
{
    for (size_t i = 0; i < tensors->note_count && matching->missing; i++)
        if (!strcmp(tensors->notes[i].name, matching->first_missing))
            return err_set(err, "'%s' is no tensor that is read, but %s", tensors->notes[i].name,
                           tensors->notes[i].what);
    struct buf text;
    buf_init(&text, sizeof(err->text));
    print_count(&text, matching->missing, "missing", matching->first_missing);
    buf_puts(&text, "; ");
    print_count(&text, matching->unexpected, "unexpected", matching->first_unexpected);
    const char *other = find_network(tensors);
    if (other)
        buf_printf(&text, ": these are weights of '%s'", other);
    err_set(err, "the names do not fit '%s': %s", net->type, buf_text(&text));
    buf_release(&text);
    return -1;
}

static bool same_shape(const struct tensor *tensor, const struct param *param, int from)
{
    if (tensor->rank != param->rank)
        return false;
    for (int i = from; i < param->rank; i++)
        if (tensor->shape[i] != param->shape[i])
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

/* Whether the tensor is that of a last layer which differs from the network's in the number of outputs alone. */
static bool is_other_last(const struct net *net, int index, const struct tensor *tensor)
{
    const struct param *param = &net->params[index];
    return (index == net->last_weight || index == net->last_bias) && same_shape(tensor, param, 1) &&
           tensor->shape[0] != param->shape[0];
}

/* A scalar may be the first of a row: PyTorch before 0.4 had no scalars. */
static bool fits(const struct tensor *tensor, const struct param *param)
{
    return same_shape(tensor, param, 0) || (!param->rank && tensor->rank == 1 && tensor->count);
}

static int assign(const struct matching *matching, const struct net *net, struct weights *weights, bool replace_last,
                  bool *replaced, struct err *err)
{
    for (int i = 0; i < net->param_count; i++) {
        const struct param *param = &net->params[i];
        const struct tensor *tensor = matching->tensors[i];
        if (tensor && replace_last && is_other_last(net, i, tensor)) {
            *replaced = true;
            continue;
        }
        if (tensor && !fits(tensor, param))
            return refuse_shape(tensor, param, err);
        if (param->kind == PARAM_TRACKED)
            weights->tracked[param->offset] = tensor ? convert_integer(tensor) : 0;
        else
            convert_floats(tensor, weights_at(net, weights, i));
    }
    return 0;
}

int tensors_assign(const struct tensors *tensors, const struct net *net, struct weights *weights, bool replace_last,
                   bool *replaced, struct err *err)
{
    bool unused = false;
    struct matching matching = { 0 };
    int status = -1;
    replaced = replaced ? replaced : &unused;
    *replaced = false;
    if (match(tensors, net, &matching, err))
        goto out;
    if (matching.missing || matching.unexpected)
        refuse_names(tensors, net, &matching, err);
    else
        status = assign(&matching, net, weights, replace_last, replaced, err);
out:
    free(matching.tensors);
    return status;
}
