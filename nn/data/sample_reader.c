/* See sample_reader.h. */
#include "sample_reader.h"

#include <stdlib.h>

int sample_reader_init(struct sample_reader *reader, int size, enum decoding decoding, struct err *err)
{
    *reader = (struct sample_reader){ .size = size, .decoding = decoding, .scratch = resize_scratch_new() };
    return reader->scratch ? 0 : err_set(err, "no memory to read images");
}

void sample_reader_release(struct sample_reader *reader)
{
    resize_scratch_free(reader->scratch);
    image_release(&reader->image);
    free(reader->bytes);
    *reader = (struct sample_reader){ 0 };
}
