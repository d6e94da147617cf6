/* See pickle_calls.h. */
#include "pickle_calls.h"

#include "pickle_torch.h"

static bool ends_with(struct pickle_text text, const char *end, size_t length)
{
    return text.length > length &&
           pickle_text_is((struct pickle_text){ text.start + text.length - length, length }, end);
}

static enum known_global find_known(struct pickle_text module, struct pickle_text name)
{
    static const struct {
        const char *module, *name;
        enum known_global known;
    } table[] = {
        { "collections", "OrderedDict", GLOBAL_DICT },
        { "builtins", "dict", GLOBAL_DICT },
        { "__builtin__", "dict", GLOBAL_DICT },
        { "collections", "defaultdict", GLOBAL_DEFAULT_DICT },
        { "torch", "Size", GLOBAL_SIZE },
        { "torch", "Tensor", GLOBAL_TENSOR },
        { "torch._tensor", "Tensor", GLOBAL_TENSOR },
        { "torch.tensor", "Tensor", GLOBAL_TENSOR },
        { "torch.nn.parameter", "Parameter", GLOBAL_TENSOR },
        { "torch.nn.parameter", "Buffer", GLOBAL_TENSOR },
        { "torch.autograd.variable", "Variable", GLOBAL_TENSOR },
        { "torch._utils", "_rebuild_tensor", GLOBAL_REBUILD_TENSOR },
        { "torch._utils", "_rebuild_tensor_v2", GLOBAL_REBUILD_TENSOR },
        { "torch._utils", "_rebuild_parameter", GLOBAL_REBUILD_PARAMETER },
        { "torch._utils", "_rebuild_parameter_with_state", GLOBAL_REBUILD_PARAMETER },
        { "torch._tensor", "_rebuild_from_type", GLOBAL_REBUILD_FROM_TYPE },
        { "torch._tensor", "_rebuild_from_type_v2", GLOBAL_REBUILD_FROM_TYPE },
        { "torch.tensor", "_rebuild_from_type", GLOBAL_REBUILD_FROM_TYPE },
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (pickle_text_is(module, table[i].module) && pickle_text_is(name, table[i].name))
            return table[i].known;
    if (torch_storage_type(name))
        return GLOBAL_STORAGE;
    bool torchs = pickle_text_is(module, "torch") || pickle_text_is(module, "torch.cuda");
    return torchs && ends_with(name, "Tensor", 6) ? GLOBAL_TENSOR : GLOBAL_UNKNOWN; /* FloatTensor, before 0.4 */
}

int pickle_push_global(struct machine *machine, struct pickle_text module, struct pickle_text name)
{
    struct pickle_global *global = machine_add(machine, &machine->globals, sizeof(*global), PICKLE_ITEMS_MAX);
    if (!global)
        return -1;
    *global = (struct pickle_global){ find_known(module, name), module, name };
    return machine_push(machine, (struct pickle_value){ .kind = GLOBAL, .index = machine->globals.count - 1 });
}

/* Adds the pair, a list or tuple of two, to the dictionary. */
static int add_pair(struct machine *machine, struct pickle_value dict, struct pickle_value pair)
{
    if (pair.kind == TUPLE && pair.tuple.count == 2)
        return machine_add_entry(machine, dict, items_of(machine, pair)[0], items_of(machine, pair)[1]);
    size_t first = pair.kind == LIST ? first_entry(machine, pair) : NO_ENTRY;
    size_t second = first != NO_ENTRY ? entry_at(machine, first)->next : NO_ENTRY;
    if (second == NO_ENTRY)
        return err_set(machine->err, "the pickle has a dictionary of what are no pairs");
    return machine_add_entry(machine, dict, entry_at(machine, first)->value, entry_at(machine, second)->value);
}

/* Of a list of pairs, as Python 2 pickles an OrderedDict; of a dictionary, its entries again. */
static int push_filled_dict(struct machine *machine, struct pickle_value from)
{
    if (machine_push_container(machine, DICT))
        return -1;
    struct pickle_value dict = *machine_below(machine, 0);
    for (size_t at = first_entry(machine, from); at != NO_ENTRY; at = entry_at(machine, at)->next) {
        struct pickle_entry entry = *entry_at(machine, at);
        int failed = from.kind == LIST ? add_pair(machine, dict, entry.value)
                                       : machine_add_entry(machine, dict, entry.key, entry.value);
        if (failed)
            return -1;
    }
    return 0;
}

/* _rebuild_from_type_v2(function, class, arguments, state): a tensor with attributes of its own, which are left out. */
static int rebuild_from_type(struct machine *machine, const struct pickle_value *part, size_t count, size_t global)
{
    if (count != 4 || part[0].kind != GLOBAL || part[2].kind != TUPLE)
        return err_set(machine->err, "the pickle has a tensor of an unknown form");
    if (global_of(machine, part[0].index)->known != GLOBAL_REBUILD_TENSOR)
        return machine_push_object(machine, global);
    return torch_rebuild(machine, part[2]);
}

int pickle_call(struct machine *machine, struct pickle_value function, struct pickle_value arguments)
{
    if (function.kind == OBJECT)
        return machine_push_object(machine, object_of(machine, function)->global);
    if (function.kind != GLOBAL || arguments.kind != TUPLE)
        return err_set(machine->err, "the pickle calls what is no function at byte %zu", machine->at);
    const struct pickle_value *part = items_of(machine, arguments);
    size_t count = arguments.tuple.count;
    switch (global_of(machine, function.index)->known) {
    case GLOBAL_DICT:
        if (!count)
            return machine_push_container(machine, DICT);
        if (count == 1 && (part[0].kind == LIST || part[0].kind == DICT))
            return push_filled_dict(machine, part[0]);
        break;
    case GLOBAL_DEFAULT_DICT:
        if (count <= 1)
            return machine_push_container(machine, DICT);
        break;
    case GLOBAL_SIZE:
        if (count == 1 && part[0].kind == TUPLE)
            return machine_push(machine, part[0]);
        break;
    case GLOBAL_TENSOR:
    case GLOBAL_REBUILD_PARAMETER:
        if (count && (part[0].kind == TENSOR || part[0].kind == OBJECT))
            return machine_push(machine, part[0]);
        break;
    case GLOBAL_REBUILD_TENSOR:
        if (count == 7) /* the last tells that signs or conjugates are still to be taken */
            break;
        return torch_rebuild(machine, arguments);
    case GLOBAL_REBUILD_FROM_TYPE: return rebuild_from_type(machine, part, count, function.index);
    case GLOBAL_STORAGE:
    case GLOBAL_UNKNOWN: break;
    }
    return machine_push_object(machine, function.index);
}

/* (storage, offset, shape, stride) of a tensor; (tensor, …) of five of a Variable. */
int pickle_build(struct machine *machine, struct pickle_value state)
{
    const struct pickle_value *top = machine_below(machine, 0);
    if (!top || top->kind == MARK)
        return err_set(machine->err, "the pickle lacks a value at byte %zu", machine->at);
    struct pickle_value object = *top;
    if (object.kind != OBJECT || state.kind != TUPLE ||
        global_of(machine, object_of(machine, object)->global)->known != GLOBAL_TENSOR)
        return 0;
    struct pickle_value built = { .kind = NOTHING };
    if (state.tuple.count == 4 && items_of(machine, state)[0].kind == STORAGE) {
        if (torch_rebuild(machine, state) || machine_pop(machine, &built))
            return -1;
    } else if (state.tuple.count == 5) {
        built = items_of(machine, state)[0];
    }
    object_of(machine, object)->built = built;
    return 0;
}
