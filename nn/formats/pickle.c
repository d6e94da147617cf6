/* The opcodes that torch.save(state_dict) emits (Python's pickletools documents them), on the stack machine. Every
 * allocation is bounded by the pickle's own size, which is bounded, and by the limits below. */
#include "pickle.h"

#include <stdio.h>
#include <string.h>

#define MEMO_MAX (1 << 20)
#define ITEMS_MAX (1 << 20) /* of all tuples, and of all dictionaries */
#define NAME_MAX_BYTES 1024

static const char *const global_names[GLOBAL_COUNT] = {
    [ORDERED_DICT] = "collections OrderedDict", [REBUILD_TENSOR] = "torch._utils _rebuild_tensor_v2",
    [FLOAT_STORAGE] = "torch FloatStorage",     [DOUBLE_STORAGE] = "torch DoubleStorage",
    [HALF_STORAGE] = "torch HalfStorage",       [BFLOAT16_STORAGE] = "torch BFloat16Storage",
    [LONG_STORAGE] = "torch LongStorage",
};

static const uint8_t *take(struct machine *machine, size_t count)
{
    if (machine->count - machine->at < count) {
        err_set(machine->err, "the pickle ends early");
        return NULL;
    }
    machine->at += count;
    return machine->bytes + machine->at - count;
}

/* An unsigned little-endian number of `size` bytes. */
static int take_number(struct machine *machine, int size, uint64_t *number)
{
    const uint8_t *bytes = take(machine, (size_t)size);
    if (!bytes)
        return -1;
    *number = 0;
    for (int i = 0; i < size; i++)
        *number |= (uint64_t)bytes[i] << 8 * i;
    return 0;
}

static int push_integer(struct machine *machine, int size, bool is_signed)
{
    uint64_t number;
    if (take_number(machine, size, &number))
        return -1;
    if (is_signed && size && size < 8 && number >> (8 * size - 1))
        number |= ~(uint64_t)0 << 8 * size;
    return machine_push(machine, (struct pickle_value){ .kind = INTEGER, .integer = (int64_t)number });
}

static int push_long(struct machine *machine)
{
    uint64_t size;
    if (take_number(machine, 1, &size))
        return -1;
    if (size > 8)
        return err_set(machine->err, "the pickle has an integer of more than 64 bits");
    return push_integer(machine, (int)size, true);
}

static int push_string(struct machine *machine, int size)
{
    uint64_t length;
    if (take_number(machine, size, &length))
        return -1;
    if (length > NAME_MAX_BYTES)
        return err_set(machine->err, "the pickle has a text of %llu bytes", (unsigned long long)length);
    const uint8_t *start = take(machine, length);
    if (!start)
        return -1;
    if (memchr(start, 0, length))
        return err_set(machine->err, "the pickle has a text with a zero byte");
    return machine_push(machine, (struct pickle_value){ .kind = STRING, .string = { (const char *)start, length } });
}

static int push_dict(struct machine *machine)
{
    return machine_push(machine, (struct pickle_value){ .kind = DICT, .index = machine->dicts++ });
}

/* Two lines, module and name. */
static int push_global(struct machine *machine)
{
    const char *parts[2];
    int lengths[2];
    for (int i = 0; i < 2; i++) {
        const uint8_t *start = machine->bytes + machine->at;
        const uint8_t *end = memchr(start, '\n', machine->count - machine->at);
        if (!end)
            return err_set(machine->err, "the pickle ends early");
        parts[i] = (const char *)start;
        lengths[i] = end - start > NAME_MAX_BYTES ? NAME_MAX_BYTES : (int)(end - start);
        machine->at += (size_t)(end - start) + 1;
    }
    char name[2 * NAME_MAX_BYTES + 2];
    snprintf(name, sizeof(name), "%.*s %.*s", lengths[0], parts[0], lengths[1], parts[1]);
    for (int i = 0; i < GLOBAL_COUNT; i++)
        if (!strcmp(name, global_names[i]))
            return machine_push(machine, (struct pickle_value){ .kind = GLOBAL, .global = (enum global)i });
    if (!strncmp(name, "torch ", 6) && strlen(name) > 7 && !strcmp(name + strlen(name) - 7, "Storage"))
        return err_set(machine->err, "tensors of the type '%.100s' are not supported", name + 6);
    return err_set(machine->err, "the pickle asks for '%.200s', which is refused", name);
}

static int remember(struct machine *machine, int size)
{
    uint64_t index;
    if (take_number(machine, size, &index))
        return -1;
    const struct pickle_value *stack = machine->stack.items;
    if (!machine->stack.count || stack[machine->stack.count - 1].kind == MARK)
        return err_set(machine->err, "the pickle remembers nothing at byte %zu", machine->at);
    if (index >= MEMO_MAX)
        return err_set(machine->err, "the pickle is too large");
    while (machine->memo.count <= index) {
        struct pickle_value *empty = machine_add(machine, &machine->memo, sizeof(*empty), MEMO_MAX);
        if (!empty)
            return -1;
        *empty = (struct pickle_value){ .kind = MARK }; /* never remembered: tells an unused place */
    }
    ((struct pickle_value *)machine->memo.items)[index] = stack[machine->stack.count - 1];
    return 0;
}

static int recall(struct machine *machine, int size)
{
    uint64_t index;
    if (take_number(machine, size, &index))
        return -1;
    const struct pickle_value *memo = machine->memo.items;
    if (index >= machine->memo.count || memo[index].kind == MARK)
        return err_set(machine->err, "the pickle recalls what it never remembered");
    return machine_push(machine, memo[index]);
}

/* The value below the top `below` ones, which must be of `kind`; NULL where it is not. */
static struct pickle_value *value_below(struct machine *machine, size_t below, enum kind kind)
{
    struct pickle_value *stack = machine->stack.items;
    if (machine->stack.count <= below || stack[machine->stack.count - 1 - below].kind != kind)
        return NULL;
    return &stack[machine->stack.count - 1 - below];
}

/* Copies the top `count` values, of which none may be a mark, to the end of the pool. */
static int pool_values(struct machine *machine, size_t count)
{
    const struct pickle_value *stack = machine->stack.items;
    for (size_t i = machine->stack.count - count; i < machine->stack.count; i++) {
        struct pickle_value *item = machine_add(machine, &machine->items, sizeof(*item), ITEMS_MAX);
        if (!item)
            return -1;
        if (stack[i].kind == MARK)
            return err_set(machine->err, "the pickle lacks values at byte %zu", machine->at);
        *item = stack[i];
    }
    return 0;
}

/* The opcodes that take the top `count` values. `marked`: a mark lies below those and goes with them. */
typedef int take_values(struct machine *machine, size_t count, bool marked);

/* They become one tuple. */
static int make_tuple(struct machine *machine, size_t count, bool marked)
{
    struct pickle_value tuple = { .kind = TUPLE, .tuple = { machine->items.count, count } };
    if (count > machine->stack.count)
        return err_set(machine->err, "the pickle lacks values at byte %zu", machine->at);
    if (pool_values(machine, count))
        return -1;
    machine->stack.count -= count + marked;
    return machine_push(machine, tuple);
}

/* They go to the end of the list below them. */
static int append(struct machine *machine, size_t count, bool marked)
{
    struct pickle_value *list = value_below(machine, count + marked, LIST);
    if (!list)
        return err_set(machine->err, "the pickle appends to no list at byte %zu", machine->at);
    /* A list grows at the end of the pool only: nothing that torch writes has lists in between. */
    if (list->tuple.first + list->tuple.count != machine->items.count)
        return err_set(machine->err, "the pickle has lists in each other");
    if (pool_values(machine, count))
        return -1;
    list->tuple.count += count;
    machine->stack.count -= count + marked;
    return 0;
}

/* They are keys and values of the dictionary below them. */
static int set_items(struct machine *machine, size_t count, bool marked)
{
    const struct pickle_value *dict = value_below(machine, count + marked, DICT);
    if (count % 2 || !dict)
        return err_set(machine->err, "the pickle sets items of no dictionary at byte %zu", machine->at);
    const struct pickle_value *values = dict + 1 + marked;
    for (size_t i = 0; i < count; i += 2) {
        struct pickle_pair *pair = machine_add(machine, &machine->pairs, sizeof(*pair), ITEMS_MAX);
        if (!pair)
            return -1;
        if (values[i].kind != STRING || values[i + 1].kind == MARK)
            return err_set(machine->err, "the pickle has a dictionary whose keys are no texts");
        *pair = (struct pickle_pair){ dict->index, values[i], values[i + 1] };
    }
    machine->stack.count -= count + marked;
    return 0;
}

/* All values above the last mark. */
static int take_marked(struct machine *machine, take_values *take_them)
{
    const struct pickle_value *stack = machine->stack.items;
    for (size_t count = 0; count < machine->stack.count; count++)
        if (stack[machine->stack.count - 1 - count].kind == MARK)
            return take_them(machine, count, true);
    return err_set(machine->err, "the pickle lacks a mark before byte %zu", machine->at);
}

static int reduce(struct machine *machine)
{
    struct pickle_value arguments, function;
    if (machine_pop(machine, TUPLE, &arguments) || machine_pop(machine, GLOBAL, &function))
        return -1;
    if (function.global == REBUILD_TENSOR)
        return torch_tensor(machine, arguments);
    if (function.global == ORDERED_DICT && !arguments.tuple.count)
        return push_dict(machine);
    return err_set(machine->err, "the pickle calls '%s', which is refused", global_names[function.global]);
}

/* The attributes of a dictionary (torch's _metadata): nothing here needs them. */
static int build(struct machine *machine)
{
    struct pickle_value state, dict;
    if (machine_pop(machine, DICT, &state) || machine_pop(machine, DICT, &dict))
        return -1;
    return machine_push(machine, dict);
}

/* One opcode, but for STOP. */
static int step(struct machine *machine, uint8_t opcode)
{
    switch (opcode) {
    case '(': return machine_push(machine, (struct pickle_value){ .kind = MARK });
    case 'N': return machine_push(machine, (struct pickle_value){ .kind = NOTHING });
    case 0x88:
    case 0x89: return machine_push(machine, (struct pickle_value){ .kind = BOOLEAN, .integer = opcode == 0x88 });
    case 'K': return push_integer(machine, 1, false);
    case 'M': return push_integer(machine, 2, false);
    case 'J': return push_integer(machine, 4, true);
    case 0x8a: return push_long(machine);
    case 'X':
    case 'T': /* as Python 2 pickles its texts */ return push_string(machine, 4);
    case 'U': return push_string(machine, 1);
    case '}': return push_dict(machine);
    case ']': return machine_push(machine, (struct pickle_value){ .kind = LIST, .tuple = { machine->items.count, 0 } });
    case 'a': return append(machine, 1, false);
    case 'e': return take_marked(machine, append);
    case ')': return make_tuple(machine, 0, false);
    case 0x85:
    case 0x86:
    case 0x87: return make_tuple(machine, opcode - 0x84u, false);
    case 't': return take_marked(machine, make_tuple);
    case 's': return set_items(machine, 2, false);
    case 'u': return take_marked(machine, set_items);
    case 'c': return push_global(machine);
    case 'Q': return torch_storage(machine);
    case 'R': return reduce(machine);
    case 'b': return build(machine);
    case 'q': return remember(machine, 1);
    case 'r': return remember(machine, 4);
    case 'h': return recall(machine, 1);
    case 'j': return recall(machine, 4);
    default: return err_set(machine->err, "the pickle has the opcode 0x%02x, which is refused", opcode);
    }
}

int pickle_run(struct machine *machine)
{
    const uint8_t *start = take(machine, 2);
    if (!start)
        return -1;
    if (start[0] != 0x80 || start[1] != 2)
        return err_set(machine->err, "the pickle is not of protocol 2");
    for (;;) {
        const uint8_t *opcode = take(machine, 1);
        if (!opcode)
            return -1;
        if (*opcode == '.')
            return 0;
        if (step(machine, *opcode))
            return -1;
    }
}

int pickle_read(const void *bytes, size_t count, struct pickled *pickled, struct err *err)
{
    if (count > PICKLE_BYTES_MAX)
        return err_set(err, "the pickle has more than %d bytes", PICKLE_BYTES_MAX);
    struct machine machine = { .bytes = bytes, .count = count, .err = err };
    int failed = pickle_run(&machine) || torch_collect(&machine, pickled);
    machine_release(&machine);
    return failed ? -1 : 0;
}
