/* Any bytes as a .pth of either form, and any bytes as the pickle inside one: read or refused, never harm. Every window
 * that is read must lie in its storage. */
#include <stdint.h>
#include <stdlib.h>

#include "nn/formats/pickle.h"
#include "nn/formats/pth.h"
#include "nn/formats/tensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void check_window(const struct pickled_tensor *tensor)
{
    int64_t last = tensor->offset, count = 1;
    for (int d = 0; d < tensor->rank; d++) {
        count *= tensor->shape[d];
        last += tensor->shape[d] ? (tensor->shape[d] - 1) * tensor->stride[d] : 0;
        if (!count)
            return;
    }
    if (tensor->offset < 0 || last < tensor->offset || last >= tensor->storage_count)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct err err = ERR_INIT;
    struct tensors tensors = { 0 };
    int status = pth_is_old(bytes, count) ? pth_old_tensors(bytes, count, &tensors, &err)
                                          : pth_tensors(bytes, count, &tensors, &err);
    if (status && !err.text[0])
        abort(); /* a refusal gives its reason */
    tensors_release(&tensors);

    struct pickled pickled = { 0 };
    if (!pickle_read(bytes, count, &pickled, &err))
        for (size_t i = 0; i < pickled.count; i++)
            check_window(&pickled.list[i]);
    pickled_release(&pickled);
    return 0;
}
