/* See pickle_machine.h. */
#include "pickle_machine.h"

#include <stdlib.h>

#define STACK_MAX 65536

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

int machine_pop(struct machine *machine, enum kind kind, struct pickle_value *value)
{
    struct pickle_value *stack = machine->stack.items;
    if (!machine->stack.count || stack[machine->stack.count - 1].kind != kind)
        return err_set(machine->err, "the pickle has a wrong value at byte %zu", machine->at);
    *value = stack[--machine->stack.count];
    return 0;
}

void machine_release(struct machine *machine)
{
    free(machine->stack.items);
    free(machine->memo.items);
    free(machine->items.items);
    free(machine->pairs.items);
    free(machine->storages.items);
    free(machine->tensors.items);
}
