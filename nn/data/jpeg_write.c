/* By libjpeg-turbo, whose errors come by a function that must not return: see jpeg.c. Its own destination in memory is
 * not used: where that cannot grow a second time it leaves a pointer to what it has freed. */
#include <setjmp.h>
#include <stdio.h>
#include <jpeglib.h>
#include <jerror.h>

#include "dcls/base/buf.h"
#include "jpeg_write.h"

#define PIECE 16384
#define BYTES_MAX ((size_t)1 << 30)
#define QUALITY 82 /* of 100: what is smaller shows at these sizes, what is larger does not */

struct jpeg_writer {
    struct jpeg_compress_struct library;
    struct jpeg_error_mgr errors;
    jmp_buf failed;
    const uint8_t *rgb;
    int width, height;
    struct jpeg_destination_mgr destination;
    JOCTET piece[PIECE];
    struct buf jpeg;
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

static void begin_piece(j_compress_ptr library)
{
    struct jpeg_writer *writer = library->client_data;
    writer->destination.next_output_byte = writer->piece;
    writer->destination.free_in_buffer = PIECE;
}

static void take(struct jpeg_writer *writer, size_t count)
{
    if (buf_append(&writer->jpeg, writer->piece, count))
        ERREXIT1(&writer->library, JERR_OUT_OF_MEMORY, 0);
}

static boolean on_full(j_compress_ptr library)
{
    take(library->client_data, PIECE); /* whatever free_in_buffer says: so the library has it */
    begin_piece(library);
    return TRUE;
}

static void on_end(j_compress_ptr library)
{
    take(library->client_data, PIECE - library->dest->free_in_buffer);
}

static int write_guarded(struct jpeg_writer *writer)
{
    struct jpeg_compress_struct *library = &writer->library;
    if (setjmp(writer->failed))
        return -1;
    jpeg_create_compress(library);
    library->dest = &writer->destination;
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
    writer.destination.init_destination = begin_piece;
    writer.destination.empty_output_buffer = on_full;
    writer.destination.term_destination = on_end;
    buf_init(&writer.jpeg, BYTES_MAX);
    int status = write_guarded(&writer);
    jpeg_destroy_compress(&writer.library);
    *size = writer.jpeg.len;
    *jpeg = status ? NULL : (uint8_t *)buf_detach(&writer.jpeg);
    buf_release(&writer.jpeg);
    return status;
}
