/* By libjpeg-turbo, whose errors come by a function that must not return: see jpeg.c. */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <jpeglib.h>

#include "jpeg_write.h"

#define QUALITY 82 /* of 100: what is smaller shows at these sizes, what is larger does not */

struct jpeg_writer {
    struct jpeg_compress_struct library;
    struct jpeg_error_mgr errors;
    jmp_buf failed;
    const uint8_t *rgb;
    int width, height;
    unsigned char *bytes; /* the library's, by malloc, until it is done */
    unsigned long size;
    struct err *err;
};

static void __attribute__((noreturn)) on_error(j_common_ptr common)
{
    struct jpeg_writer *writer = common->client_data;
    char text[JMSG_LENGTH_MAX];
    common->err->format_message(common, text);
    err_set(writer->err, "cannot write a JPEG image: %s", text);
    longjmp(writer->failed, 1);
}

static void on_message(j_common_ptr common, int level)
{
    (void)common, (void)level; /* it would go to stderr */
}

static int write_guarded(struct jpeg_writer *writer)
{
    struct jpeg_compress_struct *library = &writer->library;
    if (setjmp(writer->failed))
        return -1;
    jpeg_create_compress(library);
    jpeg_mem_dest(library, &writer->bytes, &writer->size);
    library->image_width = (JDIMENSION)writer->width;
    library->image_height = (JDIMENSION)writer->height;
    library->input_components = 3;
    library->in_color_space = JCS_RGB;
    jpeg_set_defaults(library);
    jpeg_set_quality(library, QUALITY, TRUE);
    jpeg_start_compress(library, TRUE);
    while (library->next_scanline < library->image_height) {
        JSAMPROW row = (JSAMPROW)(uintptr_t)(writer->rgb + (size_t)library->next_scanline * (size_t)writer->width * 3);
        jpeg_write_scanlines(library, &row, 1);
    }
    jpeg_finish_compress(library);
    return 0;
}

int jpeg_write(const uint8_t *rgb, int width, int height, uint8_t **jpeg, size_t *size, struct err *err)
{
    struct jpeg_writer writer = { .rgb = rgb, .width = width, .height = height, .err = err };
    writer.library.err = jpeg_std_error(&writer.errors);
    writer.library.client_data = &writer;
    writer.errors.error_exit = on_error;
    writer.errors.emit_message = on_message;
    int status = write_guarded(&writer);
    jpeg_destroy_compress(&writer.library);
    if (status) {
        free(writer.bytes);
        writer.bytes = NULL;
    }
    *jpeg = writer.bytes;
    *size = writer.size;
    return status;
}
