/* See decode_target.h. */
#include "decode_target.h"

int target_whole(struct decode_target *target, int64_t width, int64_t height, struct err *err)
{
    target->whole = true;
    return image_reserve(target->image, width, height, err);
}

int target_start(struct decode_target *target, int64_t width, int64_t height, struct err *err)
{
    if (!target->scratch)
        return target_whole(target, width, height, err);
    if (image_size_check(width, height, err))
        return -1;
    return resize_start(target->scratch, (int)width, (int)height, target->size, target->size, target->out, err);
}

uint8_t *target_row(struct decode_target *target)
{
    if (target->whole)
        return target->image->rgb + (size_t)target->rows * target->image->width * 3;
    return resize_room(target->scratch);
}

void target_row_done(struct decode_target *target)
{
    target->rows++;
    if (!target->whole)
        resize_row(target->scratch);
}

int target_finish(struct decode_target *target, struct err *err)
{
    if (!target->scratch || !target->whole)
        return 0;
    return image_resize(target->image, target->size, target->size, target->out, target->scratch, err);
}
