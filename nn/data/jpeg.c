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
    struct image *image; /* where pixels go: into this or, where it is NULL, through `scratch` to `out` */
    struct resize_scratch *scratch;
    uint8_t *out;
    int size;
    enum decoding decoding;
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

/* Has the library leave out frequencies, down to the smallest size that is no smaller than (size, size). Of the eighths
 * these have vector code in it: to 3/8 takes longer than to a half. */
static void reduce(struct jpeg_decompress_struct *library, unsigned size)
{
    library->scale_denom = 8;
    for (library->scale_num = 1; library->scale_num < 8; library->scale_num *= 2) {
        jpeg_calc_output_dimensions(library);
        if (library->output_width >= size && library->output_height >= size)
            return;
    }
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
    if (image_size_check(library->image_width, library->image_height, reader->err))
        return -1;
    library->out_color_space = components == 4 ? JCS_CMYK : JCS_RGB;
    if (reader->decoding == DECODING_FAST)
        reduce(library, (unsigned)reader->size);
    jpeg_start_decompress(library);
    int width = (int)library->output_width, height = (int)library->output_height;
    if (reader->image
            ? image_reserve(reader->image, width, height, reader->err)
            : resize_start(reader->scratch, width, height, reader->size, reader->size, reader->out, reader->err))
        return -1;

    JSAMPARRAY cmyk = NULL;
    if (components == 4)
        cmyk = library->mem->alloc_sarray((j_common_ptr)library, JPOOL_IMAGE, library->output_width * 4, 1);
    for (int y = 0; y < height; y++) {
        JSAMPROW row = reader->image ? reader->image->rgb + (size_t)y * width * 3 : resize_room(reader->scratch);
        jpeg_read_scanlines(library, cmyk ? cmyk : &row, 1);
        if (cmyk)
            rgb_from_inverted_cmyk(row, cmyk[0], width);
        if (!reader->image)
            resize_row(reader->scratch);
    }
    jpeg_finish_decompress(library); /* reads up to the end marker, so that its absence is noticed */
    return 0;
}

static int decode(struct jpeg_reader *reader)
{
    reader->library.err = jpeg_std_error(&reader->errors);
    reader->library.client_data = reader;
    reader->errors.error_exit = on_error;
    reader->errors.emit_message = on_message;
    reader->progress.progress_monitor = on_progress;
    int status = decode_guarded(reader);
    jpeg_destroy_decompress(&reader->library);
    return status;
}

int jpeg_decode(struct image *image, const uint8_t *bytes, size_t count, struct err *err)
{
    struct jpeg_reader reader = { .image = image, .bytes = bytes, .count = count, .err = err };
    return decode(&reader);
}

int jpeg_decode_resized(const uint8_t *bytes, size_t count, enum decoding decoding, int size, uint8_t *out,
                        struct resize_scratch *scratch, struct err *err)
{
    struct jpeg_reader reader = {
        .scratch = scratch, .out = out, .size = size, .decoding = decoding, .bytes = bytes, .count = count, .err = err
    };
    return decode(&reader);
}
