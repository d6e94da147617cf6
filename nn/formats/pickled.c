/* See pickled.h. What people save is a state_dict, or a dictionary with one in it beside other things. The dictionary
 * that is taken is the first of `members` that is one and holds tensors, in the order of that table and not in that of
 * the file; where there is none, the whole. A member may be such a dictionary itself, once.
 *
 * What is in it besides tensors is passed over by name. Refused are a file that is an object, such as a whole module,
 * and one without tensors. */
#include "pickled.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pickle.h"

#define DEPTH_MAX 2
#define NAME_MAX_BYTES 1024

static const char *const members[] = { "state_dict", "model",          "model_state_dict", "net",   "ema",
                                       "model_ema",  "state_dict_ema", "ema_state_dict",   "module" };
#define MEMBER_COUNT (sizeof(members) / sizeof(members[0]))

/* A tensor's class with its state is that tensor. */
static struct pickle_value resolve(const struct machine *machine, struct pickle_value value)
{
    if (value.kind == OBJECT && object_of(machine, value)->built.kind != NOTHING)
        return object_of(machine, value)->built;
    return value;
}

/* What a value is that is no tensor, for people. */
static void describe(const struct machine *machine, struct pickle_value value, char text[TENSOR_WHAT_SIZE])
{
    static const char *const kinds[] = {
        [NOTHING] = "None",      [BOOLEAN] = "a number",        [INTEGER] = "a number", [LONG] = "a number",
        [STRING] = "a text",     [OTHER] = "a number or bytes", [TUPLE] = "a tuple",    [LIST] = "a list",
        [DICT] = "a dictionary", [STORAGE] = "a storage",       [TENSOR] = "a tensor",
    };
    if (value.kind != OBJECT && value.kind != GLOBAL) {
        snprintf(text, TENSOR_WHAT_SIZE, "%s", kinds[value.kind]);
        return;
    }
    size_t index = value.kind == OBJECT ? object_of(machine, value)->global : value.index;
    const struct pickle_global *global = global_of(machine, index);
    int most = TENSOR_WHAT_SIZE / 2 - 8,
        module = global->module.length < (size_t)most ? (int)global->module.length : most,
        name = global->name.length < (size_t)most ? (int)global->name.length : most;
    snprintf(text, TENSOR_WHAT_SIZE, "of '%.*s.%.*s'", module, global->module.start, name, global->name.start);
}

static bool has_tensor(const struct machine *machine, struct pickle_value dict)
{
    for (size_t at = first_entry(machine, dict); at != NO_ENTRY; at = entry_at(machine, at)->next)
        if (resolve(machine, entry_at(machine, at)->value).kind == TENSOR)
            return true;
    return false;
}

/* The last entry of that name, as assignment has it; kind NOTHING: none. */
static struct pickle_value find_entry(const struct machine *machine, struct pickle_value dict, const char *name)
{
    struct pickle_value found = { .kind = NOTHING };
    for (size_t at = first_entry(machine, dict); at != NO_ENTRY; at = entry_at(machine, at)->next) {
        const struct pickle_entry *entry = entry_at(machine, at);
        if (entry->key.kind == STRING && pickle_text_is(entry->key.text, name))
            found = resolve(machine, entry->value);
    }
    return found;
}

/* Whether *dict, of which `path` is told, or a member of it holds tensors; *dict becomes that member. */
static bool choose(const struct machine *machine, struct pickle_value *dict, int depth, char path[TENSORS_MEMBER_SIZE])
{
    size_t length = strlen(path);
    for (size_t i = 0; i < MEMBER_COUNT && depth < DEPTH_MAX; i++) {
        struct pickle_value member = find_entry(machine, *dict, members[i]);
        snprintf(path + length, TENSORS_MEMBER_SIZE - length, "%s%s", length ? "." : "", members[i]);
        if (member.kind == DICT && choose(machine, &member, depth + 1, path)) {
            *dict = member;
            return true;
        }
        path[length] = '\0';
    }
    return has_tensor(machine, *dict);
}

/* Why a dictionary without tensors is none of weights: a member that is an object, or what its first entries are. */
static int refuse_without_tensors(const struct machine *machine, struct pickle_value dict)
{
    char text[256] = "", what[TENSOR_WHAT_SIZE];
    size_t length = 0;
    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        struct pickle_value member = find_entry(machine, dict, members[i]);
        if (member.kind != OBJECT)
            continue;
        describe(machine, member, what);
        return err_set(machine->err,
                       "its member '%s' is an object %s instead of a dictionary of tensors: save its state_dict()",
                       members[i], what);
    }
    int shown = 0;
    for (size_t at = first_entry(machine, dict); at != NO_ENTRY && shown < 3; at = entry_at(machine, at)->next) {
        const struct pickle_entry *entry = entry_at(machine, at);
        if (entry->key.kind != STRING || entry->key.text.length > 40)
            continue;
        describe(machine, resolve(machine, entry->value), what);
        length += (size_t)snprintf(text + length, sizeof(text) - length, "%s'%.*s' is %.30s", shown ? ", " : ": ",
                                   (int)entry->key.text.length, entry->key.text.start, what);
        shown++;
    }
    return err_set(machine->err, "the file has no tensors%s", text);
}

static int compare_storages(const void *a, const void *b)
{
    const struct pickled_storage *left = a, *right = b;
    return strcmp(left->key, right->key);
}

/* The machine's storages, each key once. */
static int collect_storages(struct machine *machine, struct pickled *pickled)
{
    const struct torch_storage *storages = machine->storages.items;
    pickled->storages = calloc(machine->storages.count + 1, sizeof(*pickled->storages));
    if (!pickled->storages)
        return err_set(machine->err, "no memory to read the pickle");
    for (size_t i = 0; i < machine->storages.count; i++) {
        struct pickled_storage *storage = &pickled->storages[i];
        *storage = (struct pickled_storage){ .size = storages[i].type->size,
                                             .count = storages[i].count,
                                             .first = PICKLED_NONE };
        memcpy(storage->key, storages[i].key, sizeof(storage->key));
    }
    qsort(pickled->storages, machine->storages.count, sizeof(*pickled->storages), compare_storages);
    for (size_t i = 0; i < machine->storages.count; i++) {
        const struct pickled_storage *storage = &pickled->storages[i];
        struct pickled_storage *last = pickled->storages + pickled->storage_count - (pickled->storage_count > 0);
        if (pickled->storage_count && !strcmp(last->key, storage->key)) {
            if (last->size != storage->size || last->count != storage->count)
                return err_set(machine->err, "the storage '%s' is of two types or sizes", storage->key);
            continue;
        }
        pickled->storages[pickled->storage_count++] = *storage;
    }
    return 0;
}

/* A dictionary's key as a name, the caller's to free; NULL with err. */
static char *copy_name(struct machine *machine, struct pickle_text text)
{
    if (text.length > NAME_MAX_BYTES || memchr(text.start, 0, text.length)) {
        err_set(machine->err, "a tensor's name has more than %d bytes or a zero byte", NAME_MAX_BYTES);
        return NULL;
    }
    char *name = strndup(text.start, text.length);
    if (!name)
        err_set(machine->err, "no memory to read the pickle");
    return name;
}

static int collect_tensor(struct machine *machine, struct pickled *pickled, const struct pickle_entry *entry)
{
    const struct torch_storage *storages = machine->storages.items;
    struct pickled_tensor *tensor = &pickled->list[pickled->count];
    tensor->window = ((const struct torch_tensor *)machine->tensors.items)[resolve(machine, entry->value).index];
    const struct torch_storage *from = &storages[tensor->window.storage];
    struct pickled_storage *storage = pickled_find(pickled, from->key);
    if (!(tensor->name = copy_name(machine, entry->key.text)))
        return -1;
    tensor->type = from->type->type;
    tensor->window.storage = (size_t)(storage - pickled->storages);
    tensor->next = storage->first;
    storage->first = pickled->count++;
    return 0;
}

/* What is no tensor is remembered as long as there is room: it is told where it is missed. */
static int collect_other(struct machine *machine, struct pickled *pickled, const struct pickle_entry *entry)
{
    struct tensor_note *other = &pickled->others[pickled->other_count];
    if (entry->key.text.length > NAME_MAX_BYTES || memchr(entry->key.text.start, 0, entry->key.text.length))
        return 0;
    if (!(other->name = copy_name(machine, entry->key.text)))
        return -1;
    describe(machine, resolve(machine, entry->value), other->what);
    pickled->other_count++;
    return 0;
}

static int collect_entries(struct machine *machine, struct pickled *pickled, struct pickle_value dict)
{
    size_t tensors = 0, others = 0;
    for (size_t at = first_entry(machine, dict); at != NO_ENTRY; at = entry_at(machine, at)->next) {
        bool is_tensor = resolve(machine, entry_at(machine, at)->value).kind == TENSOR;
        tensors += is_tensor;
        others += !is_tensor;
    }
    if (tensors > TENSORS_MAX)
        return err_set(machine->err, "there are more than %d tensors", TENSORS_MAX);
    size_t noted = others < TENSOR_NOTES_MAX ? others : TENSOR_NOTES_MAX;
    pickled->list = calloc(tensors + 1, sizeof(*pickled->list));
    pickled->others = calloc(noted + 1, sizeof(*pickled->others));
    if (!pickled->list || !pickled->others)
        return err_set(machine->err, "no memory to read the pickle");
    for (size_t at = first_entry(machine, dict); at != NO_ENTRY; at = entry_at(machine, at)->next) {
        const struct pickle_entry *entry = entry_at(machine, at);
        bool is_tensor = resolve(machine, entry->value).kind == TENSOR;
        if (is_tensor && entry->key.kind != STRING)
            return err_set(machine->err, "the file has a tensor whose name is no text");
        if (is_tensor
                ? collect_tensor(machine, pickled, entry)
                : entry->key.kind == STRING && pickled->other_count < noted && collect_other(machine, pickled, entry))
            return -1;
    }
    return 0;
}

int pickled_collect(struct machine *machine, struct pickled *pickled)
{
    struct pickle_value top;
    char what[TENSOR_WHAT_SIZE];
    if (machine_pop(machine, &top))
        return -1;
    top = resolve(machine, top);
    describe(machine, top, what);
    if (top.kind == OBJECT)
        return err_set(machine->err,
                       "the file is an object %s instead of a dictionary of tensors: save its state_dict()", what);
    if (top.kind != DICT)
        return err_set(machine->err, "the file is %s instead of a dictionary of tensors: save a state_dict()", what);
    if (!choose(machine, &top, 0, pickled->member))
        return refuse_without_tensors(machine, top);
    if (collect_storages(machine, pickled))
        return -1;
    return collect_entries(machine, pickled, top);
}

int pickle_read(const void *bytes, size_t count, struct pickled *pickled, struct err *err)
{
    if (count > PICKLE_BYTES_MAX)
        return err_set(err, "the pickle has more than %d bytes", PICKLE_BYTES_MAX);
    struct machine machine = { .bytes = bytes, .count = count, .err = err };
    int failed = pickle_run(&machine) || pickled_collect(&machine, pickled);
    machine_release(&machine);
    return failed ? -1 : 0;
}

struct pickled_storage *pickled_find(const struct pickled *pickled, const char *key)
{
    struct pickled_storage wanted = { .count = 0 };
    snprintf(wanted.key, sizeof(wanted.key), "%s", key);
    if (!pickled->storage_count)
        return NULL;
    return bsearch(&wanted, pickled->storages, pickled->storage_count, sizeof(wanted), compare_storages);
}

int pickled_add(struct pickled *pickled, struct tensors *tensors, struct err *err)
{
    for (size_t i = 0; i < pickled->count; i++) {
        const struct pickled_tensor *tensor = &pickled->list[i];
        if (!tensors_add(tensors, tensor->name, tensor->type, tensor->window.rank, tensor->window.shape, err))
            return -1;
    }
    tensors->notes = pickled->others;
    tensors->note_count = pickled->other_count;
    pickled->others = NULL;
    pickled->other_count = 0;
    memcpy(tensors->member, pickled->member, sizeof(tensors->member));
    return 0;
}

static bool is_contiguous(const struct torch_tensor *window)
{
    int64_t stride = 1;
    for (int d = window->rank - 1; d >= 0; d--) {
        if (window->shape[d] != 1 && window->stride[d] != stride)
            return false;
        stride *= window->shape[d];
    }
    return true;
}

static void copy_strided(const struct torch_tensor *window, const char *elements, struct tensor *tensor)
{
    size_t size = tensor_type_size(tensor->type);
    int64_t index[TENSOR_RANK_MAX] = { 0 }, at = window->offset;
    char *to = tensor->bytes;
    for (size_t i = 0; i < tensor->count; i++, to += size) {
        memcpy(to, elements + (size_t)at * size, size);
        for (int d = tensor->rank - 1; d >= 0; d--) {
            at += window->stride[d];
            if (++index[d] < tensor->shape[d])
                break;
            at -= window->stride[d] * tensor->shape[d];
            index[d] = 0;
        }
    }
}

void pickled_copy(const struct pickled *pickled, size_t storage, const char *elements, struct tensors *tensors)
{
    for (size_t i = pickled->storages[storage].first; i != PICKLED_NONE; i = pickled->list[i].next) {
        const struct torch_tensor *window = &pickled->list[i].window;
        struct tensor *tensor = &tensors->list[i];
        size_t size = tensor_type_size(tensor->type);
        if (!tensor->count)
            continue;
        if (is_contiguous(window))
            memcpy(tensor->bytes, elements + (size_t)window->offset * size, tensor->count * size);
        else
            copy_strided(window, elements, tensor);
    }
}

void pickled_release(struct pickled *pickled)
{
    for (size_t i = 0; i < pickled->count; i++)
        free(pickled->list[i].name);
    for (size_t i = 0; i < pickled->other_count; i++)
        free(pickled->others[i].name);
    free(pickled->list);
    free(pickled->others);
    free(pickled->storages);
    *pickled = (struct pickled){ 0 };
}
