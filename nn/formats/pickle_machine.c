/* See pickle_machine.h. */
#include "pickle_machine.h"

#include <stdlib.h>
#include <string.h>

#define STACK_MAX (1 << 18)

bool pickle_text_is(struct pickle_text text, const char *expected)
{
    return text.length == strlen(expected) && !memcmp(text.start, expected, text.length);
}

void *machine_add(struct machine *machine, struct pickle_list *list, size_t size, size_t max)
{
    if (list->count >= max) {
        err_set(machine->err, "the pickle is too large");
        return NULL;
    }
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : 64;
        void *items = realloc(list->items, capacity * size);
        if (!items) {
            err_set(machine->err, "no memory to read the pickle");
            return NULL;
        }
        list->items = items;
        list->capacity = capacity;
    }
    return (char *)list->items + list->count++ * size;
}

int machine_push(struct machine *machine, struct pickle_value value)
{
    struct pickle_value *top = machine_add(machine, &machine->stack, sizeof(value), STACK_MAX);
    if (!top)
        return -1;
    *top = value;
    return 0;
}

struct pickle_value *machine_below(struct machine *machine, size_t below)
{
    struct pickle_value *stack = machine->stack.items;
    return machine->stack.count > below ? &stack[machine->stack.count - 1 - below] : NULL;
}

int machine_pop(struct machine *machine, struct pickle_value *value)
{
    const struct pickle_value *top = machine_below(machine, 0);
    if (!top || top->kind == MARK)
        return err_set(machine->err, "the pickle lacks a value at byte %zu", machine->at);
    *value = *top;
    machine->stack.count--;
    return 0;
}

int machine_pop_kind(struct machine *machine, enum kind kind, struct pickle_value *value)
{
    const struct pickle_value *top = machine_below(machine, 0);
    if (!top || top->kind != kind)
        return err_set(machine->err, "the pickle has a wrong value at byte %zu", machine->at);
    *value = *top;
    machine->stack.count--;
    return 0;
}

int machine_push_container(struct machine *machine, enum kind kind)
{
    struct pickle_container *container =
        machine_add(machine, &machine->containers, sizeof(*container), PICKLE_ITEMS_MAX);
    if (!container)
        return -1;
    *container = (struct pickle_container){ NO_ENTRY, NO_ENTRY };
    return machine_push(machine, (struct pickle_value){ .kind = kind, .index = machine->containers.count - 1 });
}

int machine_add_entry(struct machine *machine, struct pickle_value container, struct pickle_value key,
                      struct pickle_value value)
{
    struct pickle_entry *entry = machine_add(machine, &machine->entries, sizeof(*entry), PICKLE_ITEMS_MAX);
    if (!entry)
        return -1;
    *entry = (struct pickle_entry){ key, value, NO_ENTRY };
    struct pickle_container *whole = (struct pickle_container *)machine->containers.items + container.index;
    struct pickle_entry *entries = machine->entries.items;
    size_t index = machine->entries.count - 1;
    if (whole->first == NO_ENTRY)
        whole->first = index;
    else
        entries[whole->last].next = index;
    whole->last = index;
    return 0;
}

int machine_push_object(struct machine *machine, size_t global)
{
    struct pickle_object *object = machine_add(machine, &machine->objects, sizeof(*object), PICKLE_ITEMS_MAX);
    if (!object)
        return -1;
    *object = (struct pickle_object){ .global = global, .built = { .kind = NOTHING } };
    return machine_push(machine, (struct pickle_value){ .kind = OBJECT, .index = machine->objects.count - 1 });
}

void machine_release(struct machine *machine)
{
    free(machine->stack.items);
    free(machine->memo.items);
    free(machine->items.items);
    free(machine->containers.items);
    free(machine->entries.items);
    free(machine->globals.items);
    free(machine->objects.items);
    free(machine->storages.items);
    free(machine->tensors.items);
}
