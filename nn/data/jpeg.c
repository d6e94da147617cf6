/* JPEG by libjpeg-turbo, with its defaults (accurate integer DCT, smooth chroma upsampling): the pixels that PIL gets
 * from the same library. EXIF orientation is ignored. Four-component files are taken as Adobe's inverted CMYK, as PIL
 * takes them.
 *
 * The library reports errors by a function that must not return: it longjmps to decode_guarded, whose caller owns
 * everything, so that nothing automatic is changed between setjmp and longjmp. */
#include <setjmp.h>
#include <stdio.h>
#include <jpeglib.h>
#include <jerror.h>

#include "decoders.h"

/* A progressive file may hold any number of scans over all its pixels; real ones have about ten. */
#define SCANS_MAX 100
#define MEMORY_MAX (512L * 1024 * 1024)

struct jpeg_reader {
    struct jpeg_decompress_struct library;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf failed;
    struct image *image;
    const uint8_t *bytes;
    size_t count;
    struct err *err;
};

static void __attribute__((noreturn)) on_error(j_common_ptr common)
{
    struct jpeg_reader *reader = common->client_data;
    char text[JMSG_LENGTH_MAX];
    common->err->format_message(common, text);
    err_set(reader->err, "cannot decode the JPEG image: %s", text);
    longjmp(reader->failed, 1);
}

static void on_message(j_common_ptr common, int level)
{
    struct jpeg_reader *reader = common->client_data;
    /* The library would go on with grey where the data ended. Other warnings it repairs, for PIL as well. */
    if (level < 0 && common->err->msg_code == JWRN_JPEG_EOF) {
        err_set(reader->err, "the JPEG image ends early");
        longjmp(reader->failed, 1);
    }
}

static void on_progress(j_common_ptr common)
{
    struct jpeg_reader *reader = common->client_data;
    if (reader->library.input_scan_number > SCANS_MAX) {
        err_set(reader->err, "the JPEG image has more than %d scans", SCANS_MAX);
        longjmp(reader->failed, 1);
    }
}

static uint8_t scaled(int a, int b)
{
    int product = a * b + 128;
    return (uint8_t)((product + (product >> 8)) >> 8); /* a * b / 255, rounded */
}

static void rgb_from_inverted_cmyk(uint8_t *rgb, const uint8_t *cmyk, int width)
{
    for (int x = 0; x < width; x++, rgb += 3, cmyk += 4)
        for (int c = 0; c < 3; c++)
            rgb[c] = (uint8_t)(cmyk[3] - scaled(255 - cmyk[c], cmyk[3]));
}

static int decode_guarded(struct jpeg_reader *reader)
{
    struct jpeg_decompress_struct *library = &reader->library;
    if (setjmp(reader->failed))
        return -1;
    jpeg_create_decompress(library);
    library->mem->max_memory_to_use = MEMORY_MAX;
    library->progress = &reader->progress;
    jpeg_mem_src(library, reader->bytes, reader->count);
    jpeg_read_header(library, TRUE);
    int components = library->num_components;
    if (components != 1 && components != 3 && components != 4)
        return err_set(reader->err, "a JPEG image of %d components is not supported", components);
    if (image_reserve(reader->image, library->image_width, library->image_height, reader->err))
        return -1;
    library->out_color_space = components == 4 ? JCS_CMYK : JCS_RGB;
    jpeg_start_decompress(library);

    JSAMPARRAY cmyk = NULL;
    if (components == 4)
        cmyk = library->mem->alloc_sarray((j_common_ptr)library, JPOOL_IMAGE, library->output_width * 4, 1);
    size_t stride = (size_t)reader->image->width * 3;
    while (library->output_scanline < library->output_height) {
        JSAMPROW row = reader->image->rgb + library->output_scanline * stride;
        jpeg_read_scanlines(library, cmyk ? cmyk : &row, 1);
        if (cmyk)
            rgb_from_inverted_cmyk(row, cmyk[0], reader->image->width);
    }
    jpeg_finish_decompress(library); /* reads up to the end marker, so that its absence is noticed */
    return 0;
}

int jpeg_decode(struct image *image, const uint8_t *bytes, size_t count, struct err *err)
{
    struct jpeg_reader reader = {.image = image, .bytes = bytes, .count = count, .err = err};
    reader.library.err = jpeg_std_error(&reader.errors);
    reader.library.client_data = &reader;
    reader.errors.error_exit = on_error;
    reader.errors.emit_message = on_message;
    reader.progress.progress_monitor = on_progress;
    int status = decode_guarded(&reader);
    jpeg_destroy_decompress(&reader.library);
    return status;
}
