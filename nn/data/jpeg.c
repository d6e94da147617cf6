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

/* A progressive file may hold any number of scans over all its pixels; real ones have about ten. The pixels of all
 * scans together are bounded too. */
#define SCANS_MAX 100
#define SCANNED_MAX (40LL * IMAGE_MAX_PIXELS)
/* Of a file with several scans, two bytes a sample are kept until the last of them. */
#define MEMORY_MAX (4 * 2L * IMAGE_MAX_PIXELS)

struct jpeg_reader {
    struct jpeg_decompress_struct library;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf failed;
    bool rows_come; /* what is read now is made into rows at once */
    bool ended;     /* the bytes ran out */
    struct decode_target *target;
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
    int code = common->err->msg_code;
    if (level >= 0)
        return;
    if (code == JWRN_JPEG_EOF)
        reader->ended = true;
    /* The library goes on with grey where the data ended. If that is behind the last bits that are needed, nothing but
     * the end marker is missing; which is told of Huffman codes alone, and where no further scan may be due. Other
     * warnings it repairs, for PIL as well. */
    if ((code == JWRN_JPEG_EOF && (!reader->rows_come || reader->library.arith_code)) ||
        (code == JWRN_HIT_MARKER && reader->ended)) {
        err_set(reader->err, "the JPEG image ends early");
        longjmp(reader->failed, 1);
    }
}

static void on_progress(j_common_ptr common)
{
    struct jpeg_reader *reader = common->client_data;
    int scans = reader->library.input_scan_number;
    int64_t pixels = (int64_t)reader->library.image_width * reader->library.image_height;
    if (scans > SCANS_MAX || scans * pixels > SCANNED_MAX) {
        err_set(reader->err, "the JPEG image has too many scans: %d", scans);
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
    if (jpeg_has_multiple_scans(library))
        image_claim(reader->target->image, (size_t)2 * components * library->image_width * library->image_height);
    if (reader->target->decoding == DECODING_FAST)
        reduce(library, (unsigned)reader->target->size);
    jpeg_start_decompress(library); /* reads all scans of a file that has several */
    reader->rows_come = true;
    int width = (int)library->output_width, height = (int)library->output_height;
    if (target_start(reader->target, width, height, reader->err))
        return -1;

    JSAMPARRAY cmyk = NULL;
    if (components == 4)
        cmyk = library->mem->alloc_sarray((j_common_ptr)library, JPOOL_IMAGE, library->output_width * 4, 1);
    for (int y = 0; y < height; y++) {
        JSAMPROW row = target_row(reader->target);
        jpeg_read_scanlines(library, cmyk ? cmyk : &row, 1);
        if (cmyk)
            rgb_from_inverted_cmyk(row, cmyk[0], width);
        target_row_done(reader->target);
    }
    return 0; /* without jpeg_finish_decompress, which reads on up to the end marker */
}

int jpeg_decode(struct decode_target *target, const uint8_t *bytes, size_t count, struct err *err)
{
    struct jpeg_reader reader = { .target = target, .bytes = bytes, .count = count, .err = err };
    reader.library.err = jpeg_std_error(&reader.errors);
    reader.library.client_data = &reader;
    reader.errors.error_exit = on_error;
    reader.errors.emit_message = on_message;
    reader.progress.progress_monitor = on_progress;
    int status = decode_guarded(&reader);
    jpeg_destroy_decompress(&reader.library);
    return status;
}
