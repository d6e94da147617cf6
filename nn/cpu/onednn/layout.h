/* How values and weights lie in memory: oneDNN's memory descriptors, and which of them our own loops know. */
#ifndef DCLS_NN_CPU_LAYOUT_H
#define DCLS_NN_CPU_LAYOUT_H

#include "api.h"
#include "nn/cpu/kernels/kernels.h"
#include "nn/graph/op.h"

struct layout {
    dnnl_memory_desc_t md;
};

#define VALUE_DIMS(value) ((const int64_t[]){ (value)->n, (value)->c, (value)->h, (value)->w })

/* Dense in the order of dims; "any" leaves the choice to the primitive. */
int layout_dense(struct layout *layout, enum value_type type, int rank, const int64_t *dims, struct err *err);
int layout_any(struct layout *layout, enum value_type type, int rank, const int64_t *dims, struct err *err);
/* A value's with the channels of a pixel side by side; and in blocks of channels: of 8 or 16, or 1 for dense. */
int layout_channels_last(struct layout *layout, const struct value *value, struct err *err);
int layout_blocked(struct layout *layout, const struct value *value, int block, struct err *err);

bool layout_equal(const struct layout *a, const struct layout *b);
/* Whether it makes no difference to the memory: single pixels lie alike where their channels are not padded. */
bool layout_lies_alike(const struct value *value, const struct layout *a, const struct layout *b);
size_t layout_bytes(const struct layout *layout);
size_t layout_room(const struct layout *layout); /* the bytes that it takes where something else lies behind it */

/* That of a value, whether it has a layout of its own or is canonical. */
int layout_of_value(const struct plan *plan, int value, struct layout *layout, struct err *err);
/* Makes it the value's (a canonical one becomes NULL) and sets its bytes. */
int layout_to_value(struct plan *plan, int value, const struct layout *layout, struct err *err);

/* How a value of a layout that those functions make lies in memory: `outer` strips, one after another, of `plane`
 * pixels, each of `block` channels side by side, which belong to the same image. */
struct strips {
    size_t outer, plane, block;
    int blocking; /* for layout_blocked; 0: channels last */
};
/* -1 and err for any other layout. */
int layout_strips(const struct layout *layout, const struct value *value, struct strips *strips, struct err *err);
/* `value` laid out as `like`, which is of another value, is. */
int layout_alike(struct layout *layout, const struct layout *like, const struct value *other, const struct value *value,
                 struct err *err);

/* Our loops for the blocks of channels in which the value lies; the plain ones where it does not. */
const struct kernels *layout_kernels(const struct plan *plan, int value);

#endif
