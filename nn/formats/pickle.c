/* The opcodes (Python's pickletools documents them), on the stack machine. Every allocation is bounded by the pickle's
 * own size, which is bounded, and by the machine's limits. Refused are the opcodes of extension registries and of
 * buffers outside the pickle, which no file has. */
#include "pickle.h"

#include "pickle_calls.h"
#include "pickle_literals.h"
#include "pickle_torch.h"

#define MEMO_MAX (1 << 20)
#define PROTOCOL_MAX 5

static int remember(struct machine *machine, uint64_t index)
{
    const struct pickle_value *top = machine_below(machine, 0);
    if (!top || top->kind == MARK)
        return err_set(machine->err, "the pickle remembers nothing at byte %zu", machine->at);
    struct pickle_value value = *top;
    if (index >= MEMO_MAX)
        return err_set(machine->err, "the pickle is too large");
    while (machine->memo.count <= index) {
        struct pickle_value *empty = machine_add(machine, &machine->memo, sizeof(*empty), MEMO_MAX);
        if (!empty)
            return -1;
        *empty = (struct pickle_value){ .kind = MARK }; /* never remembered: tells an unused place */
    }
    ((struct pickle_value *)machine->memo.items)[index] = value;
    return 0;
}

static int recall(struct machine *machine, uint64_t index)
{
    const struct pickle_value *memo = machine->memo.items;
    if (index >= machine->memo.count || memo[index].kind == MARK)
        return err_set(machine->err, "the pickle recalls what it never remembered");
    return machine_push(machine, memo[index]);
}

/* The place in the memo stands behind the opcode, as a number of `size` bytes or, of 0, as a line. */
static int use_memo(struct machine *machine, int size, int (*use)(struct machine *, uint64_t))
{
    uint64_t index;
    if (size ? pickle_take_number(machine, size, &index) : pickle_take_decimal(machine, &index))
        return -1;
    return use(machine, index);
}

/* Two lines, module and name. */
static int take_global(struct machine *machine)
{
    struct pickle_text module, name;
    if (pickle_take_line(machine, &module) || pickle_take_line(machine, &name))
        return -1;
    return pickle_push_global(machine, module, name);
}

static int stack_global(struct machine *machine)
{
    struct pickle_value module, name;
    if (machine_pop_kind(machine, STRING, &name) || machine_pop_kind(machine, STRING, &module))
        return -1;
    return pickle_push_global(machine, module.text, name.text);
}

/* The opcodes that take the top `count` values, of which none is a mark. `marked`: a mark lies below those and goes
 * with them. */
typedef int take_values(struct machine *machine, size_t count, bool marked);

/* They become one tuple. */
static int make_tuple(struct machine *machine, size_t count, bool marked)
{
    struct pickle_value tuple = { .kind = TUPLE, .tuple = { machine->items.count, count } };
    const struct pickle_value *stack = machine->stack.items;
    for (size_t i = machine->stack.count - count; i < machine->stack.count; i++) {
        struct pickle_value *item = machine_add(machine, &machine->items, sizeof(*item), PICKLE_ITEMS_MAX);
        if (!item)
            return -1;
        *item = stack[i];
    }
    machine->stack.count -= count + marked;
    return machine_push(machine, tuple);
}

/* They go to the end of the list below them, or into an object or set, of which nothing is needed. */
static int append(struct machine *machine, size_t count, bool marked)
{
    const struct pickle_value *list = machine_below(machine, count + marked);
    if (!list || (list->kind != LIST && list->kind != OBJECT && list->kind != OTHER))
        return err_set(machine->err, "the pickle appends to no list at byte %zu", machine->at);
    if (list->kind == LIST)
        for (size_t i = 0; i < count; i++)
            if (machine_add_entry(machine, *list, (struct pickle_value){ .kind = NOTHING }, list[1 + marked + i]))
                return -1;
    machine->stack.count -= count + marked;
    return 0;
}

/* They are keys and values of the dictionary below them, or of an object. */
static int set_items(struct machine *machine, size_t count, bool marked)
{
    const struct pickle_value *dict = machine_below(machine, count + marked);
    if (count % 2 || !dict || (dict->kind != DICT && dict->kind != OBJECT))
        return err_set(machine->err, "the pickle sets items of no dictionary at byte %zu", machine->at);
    const struct pickle_value *values = dict + 1 + marked;
    for (size_t i = 0; i < count && dict->kind == DICT; i += 2)
        if (machine_add_entry(machine, *dict, values[i], values[i + 1]))
            return -1;
    machine->stack.count -= count + marked;
    return 0;
}

static int make_dict(struct machine *machine, size_t count, bool marked)
{
    if (machine_push_container(machine, DICT))
        return -1;
    const struct pickle_value *values = machine_below(machine, count);
    struct pickle_value dict = values[count];
    if (count % 2)
        return err_set(machine->err, "the pickle has a dictionary of what are no pairs");
    for (size_t i = 0; i < count; i += 2)
        if (machine_add_entry(machine, dict, values[i], values[i + 1]))
            return -1;
    machine->stack.count -= count + marked + 1;
    return machine_push(machine, dict);
}

static int make_list(struct machine *machine, size_t count, bool marked)
{
    if (machine_push_container(machine, LIST))
        return -1;
    const struct pickle_value *values = machine_below(machine, count);
    struct pickle_value list = values[count];
    for (size_t i = 0; i < count; i++)
        if (machine_add_entry(machine, list, (struct pickle_value){ .kind = NOTHING }, values[i]))
            return -1;
    machine->stack.count -= count + marked + 1;
    return machine_push(machine, list);
}

static int make_set(struct machine *machine, size_t count, bool marked)
{
    machine->stack.count -= count + marked;
    return machine_push(machine, (struct pickle_value){ .kind = OTHER });
}

static int drop(struct machine *machine, size_t count, bool marked)
{
    machine->stack.count -= count + marked;
    return 0;
}

/* A class and its arguments: an object as Python 2 has them. */
static int make_object(struct machine *machine, size_t count, bool marked)
{
    struct pickle_value class, arguments;
    if (!count)
        return err_set(machine->err, "the pickle lacks a value at byte %zu", machine->at);
    class = *machine_below(machine, count - 1);
    if (make_tuple(machine, count - 1, false) || machine_pop(machine, &arguments))
        return -1;
    machine->stack.count -= 1u + marked;
    return pickle_call(machine, class, arguments);
}

/* The top `count` values, above which no mark may lie. */
static int take_top(struct machine *machine, size_t count, take_values *take_them)
{
    for (size_t i = 0; i < count; i++) {
        const struct pickle_value *value = machine_below(machine, i);
        if (!value || value->kind == MARK)
            return err_set(machine->err, "the pickle lacks values at byte %zu", machine->at);
    }
    return take_them(machine, count, false);
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

/* INST: as OBJ, but that the class stands behind the opcode, in two lines. */
static int make_instance(struct machine *machine)
{
    struct pickle_value class, arguments;
    if (take_marked(machine, make_tuple) || machine_pop(machine, &arguments) || take_global(machine) ||
        machine_pop(machine, &class))
        return -1;
    return pickle_call(machine, class, arguments);
}

/* `keywords`: a dictionary of arguments by name lies on top; no tensor is made with those. */
static int call(struct machine *machine, bool keywords)
{
    struct pickle_value function, arguments, named;
    if ((keywords && machine_pop(machine, &named)) || machine_pop_kind(machine, TUPLE, &arguments) ||
        machine_pop(machine, &function))
        return -1;
    return pickle_call(machine, function, arguments);
}

static int build(struct machine *machine)
{
    struct pickle_value state;
    if (machine_pop(machine, &state))
        return -1;
    return pickle_build(machine, state);
}

/* The id lies on the stack or, as a text, stands behind the opcode. */
static int take_persistent(struct machine *machine, bool line)
{
    struct pickle_value id;
    if ((line && pickle_push_text_line(machine, false)) || machine_pop(machine, &id))
        return -1;
    return torch_persistent(machine, id);
}

static int begin(struct machine *machine)
{
    const uint8_t *protocol = pickle_take(machine, 1);
    if (!protocol)
        return -1;
    return *protocol <= PROTOCOL_MAX ? 0 : err_set(machine->err, "the pickle is of protocol %d", *protocol);
}

static int push_kind(struct machine *machine, enum kind kind)
{
    return machine_push(machine, (struct pickle_value){ .kind = kind });
}

/* Opcodes that push one number or text; *known is false where it is none of them. */
static int step_literal(struct machine *machine, uint8_t opcode, bool *known)
{
    switch (opcode) {
    case 'N': return push_kind(machine, NOTHING);
    case 0x88:
    case 0x89: return machine_push(machine, (struct pickle_value){ .kind = BOOLEAN, .integer = opcode == 0x88 });
    case 'K': return pickle_push_integer(machine, 1, false);
    case 'M': return pickle_push_integer(machine, 2, false);
    case 'J': return pickle_push_integer(machine, 4, true);
    case 0x8a: return pickle_push_long(machine, 1);
    case 0x8b: return pickle_push_long(machine, 4);
    case 'I': return pickle_push_integer_line(machine);
    case 'L': return pickle_push_long_line(machine);
    case 'G': return pickle_push_other(machine, 8);
    case 'F': return pickle_push_other_line(machine);
    case 0x8c:
    case 'U': return pickle_push_text(machine, 1, STRING);
    case 'X':
    case 'T': /* as Python 2 pickles its texts */ return pickle_push_text(machine, 4, STRING);
    case 0x8d: return pickle_push_text(machine, 8, STRING);
    case 'S': return pickle_push_text_line(machine, true);
    case 'V': return pickle_push_text_line(machine, false);
    case 'C': return pickle_push_text(machine, 1, OTHER);
    case 'B': return pickle_push_text(machine, 4, OTHER);
    case 0x8e:
    case 0x96: return pickle_push_text(machine, 8, OTHER);
    default: *known = false; return 0;
    }
}

/* One opcode, but for STOP. */
static int step(struct machine *machine, uint8_t opcode)
{
    bool literal = true;
    if (step_literal(machine, opcode, &literal))
        return -1;
    if (literal)
        return 0;
    switch (opcode) {
    case 0x80: return begin(machine);
    case 0x95: return pickle_take(machine, 8) ? 0 : -1; /* FRAME: how many bytes follow together */
    case '(': return push_kind(machine, MARK);
    case 0x8f: return push_kind(machine, OTHER); /* a set */
    case 0x90: return take_marked(machine, append);
    case 0x91: return take_marked(machine, make_set);
    case '}': return machine_push_container(machine, DICT);
    case 'd': return take_marked(machine, make_dict);
    case ']': return machine_push_container(machine, LIST);
    case 'l': return take_marked(machine, make_list);
    case 'a': return take_top(machine, 1, append);
    case 'e': return take_marked(machine, append);
    case ')': return make_tuple(machine, 0, false);
    case 0x85:
    case 0x86:
    case 0x87: return take_top(machine, opcode - 0x84u, make_tuple);
    case 't': return take_marked(machine, make_tuple);
    case 's': return take_top(machine, 2, set_items);
    case 'u': return take_marked(machine, set_items);
    case '0': return take_top(machine, 1, drop);
    case '1': return take_marked(machine, drop);
    case 'c': return take_global(machine);
    case 0x93: return stack_global(machine);
    case 'Q': return take_persistent(machine, false);
    case 'P': return take_persistent(machine, true);
    case 'R':
    case 0x81: return call(machine, false);
    case 0x92: return call(machine, true);
    case 'o': return take_marked(machine, make_object);
    case 'i': return make_instance(machine);
    case 'b': return build(machine);
    case 'q': return use_memo(machine, 1, remember);
    case 'r': return use_memo(machine, 4, remember);
    case 'p': return use_memo(machine, 0, remember);
    case 0x94: return remember(machine, machine->memo.count);
    case 'h': return use_memo(machine, 1, recall);
    case 'j': return use_memo(machine, 4, recall);
    case 'g': return use_memo(machine, 0, recall);
    default: return err_set(machine->err, "the pickle has the opcode 0x%02x, which is refused", opcode);
    }
}

int pickle_run(struct machine *machine)
{
    for (;;) {
        const uint8_t *opcode = pickle_take(machine, 1);
        if (!opcode)
            return -1;
        if (*opcode == '.')
            break;
        if (step(machine, *opcode))
            return -1;
    }
    if (!machine->stack.count)
        return err_set(machine->err, "the pickle has no value");
    return machine->stack.count == 1 ? 0 : err_set(machine->err, "the pickle leaves values behind");
}
