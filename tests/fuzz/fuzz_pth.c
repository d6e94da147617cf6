/* Any bytes as a .pth of each form, and any bytes as the pickle inside one: read or refused, never harm. Every window
 * that is read must lie in its storage. */
#include <stdint.h>
#include <stdlib.h>

#include "nn/formats/pickled.h"
#include "nn/formats/pth.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void check_window(const struct torch_tensor *window, const struct pickled_storage *storage)
{
    int64_t last = window->offset, count = 1;
    for (int d = 0; d < window->rank; d++) {
        count *= window->shape[d];
        last += window->shape[d] ? (window->shape[d] - 1) * window->stride[d] : 0;
        if (!count)
            return;
    }
    if (window->offset < 0 || last < window->offset || last >= storage->count)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct err err = ERR_INIT;
    struct tensors tensors = { 0 };
    int status;
    if (pth_is_old(bytes, count))
        status = pth_old_tensors(bytes, count, &tensors, &err);
    else if (pth_is_tar(bytes, count))
        status = pth_tar_tensors(bytes, count, &tensors, &err);
    else
        status = pth_tensors(bytes, count, &tensors, &err);
    if (status && !err.text[0])
        abort(); /* a refusal gives its reason */
    tensors_strip_prefix(&tensors);
    tensors_release(&tensors);

    struct pickled pickled = { 0 };
    if (!pickle_read(bytes, count, &pickled, &err))
        for (size_t i = 0; i < pickled.count; i++)
            check_window(&pickled.list[i].window, &pickled.storages[pickled.list[i].window.storage]);
    pickled_release(&pickled);
    return 0;
}
