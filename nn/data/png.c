/* PNG by libpng, from the stream that png_stream.c makes of the file. As with PIL's convert('RGB'): alpha is dropped,
 * palettes, grey and 1 to 4 bits a sample are expanded, 16-bit colour keeps the high byte, and 16-bit grey is clipped
 * at 255. Data of fewer rows than there should be are refused, though PIL shows the rest black where they were packed
 * so.
 *
 * The library reports errors by a function that must not return: it longjmps to decode_guarded, whose caller owns
 * everything, so that nothing automatic is changed between setjmp and longjmp. */
#include <setjmp.h>
#include <string.h>
#include <png.h>

#include "decoders.h"
#include "png_stream.h"

struct png_reader {
    struct png_stream stream;
    png_structp library;
    png_infop info;
    jmp_buf failed;
    struct decode_target *target;
    bool last;  /* the last row is being read */
    bool whole; /* its pixels have come */
    struct err *err;
};

static void __attribute__((noreturn)) on_error(png_structp library, png_const_charp text)
{
    struct png_reader *reader = png_get_error_ptr(library);
    if (reader->whole)
        longjmp(reader->failed, 1);
    if (reader->stream.drained)
        err_set(reader->err, "the PNG image ends early");
    else
        err_set(reader->err, "cannot decode the PNG image: %s", text);
    longjmp(reader->failed, 1);
}

static void on_warning(png_structp library, png_const_charp text)
{
    (void)library;
    (void)text;
}

static void on_read(png_structp library, png_bytep out, size_t count)
{
    struct png_reader *reader = png_get_io_ptr(library);
    if (!png_stream_read(&reader->stream, out, count))
        png_error(library, "no more data");
}

/* Called when a row's packed data have all come, and its filter is undone. */
static void on_row(png_structp library, png_row_infop row, png_bytep data)
{
    (void)row;
    (void)data;
    struct png_reader *reader = png_get_user_transform_ptr(library);
    reader->whole = reader->whole || reader->last;
}

/* The library's transformations of everything but palettes and 16-bit grey, which expand() does. */
static void set_transformations(struct png_reader *reader)
{
    png_structp library = reader->library;
    const struct png_stream *stream = &reader->stream;
    if (stream->colour == PNG_PALETTE) {
        png_set_packing(library);
        png_set_check_for_invalid_index(library, 0); /* there is a colour for each */
        return;
    }
    if (stream->colour == PNG_GREY && stream->bits == 16)
        return;
    png_set_expand_gray_1_2_4_to_8(library);
    png_set_strip_16(library);
    png_set_strip_alpha(library);
    png_set_gray_to_rgb(library);
}

/* Bytes a pixel that the library gives: palettes and 16-bit grey lie at the end of their row, for expand(). */
static size_t pixel_size(const struct png_stream *stream)
{
    if (stream->colour == PNG_PALETTE)
        return 1;
    return stream->colour == PNG_GREY && stream->bits == 16 ? 2 : 3;
}

static uint8_t *raw_row(const struct png_stream *stream, uint8_t *row)
{
    return row + (3 - pixel_size(stream)) * stream->width;
}

/* In place: to RGB from the row's end, which is not overwritten before it is read. */
static void expand(const struct png_stream *stream, uint8_t *row)
{
    const uint8_t *raw = raw_row(stream, row);
    size_t size = pixel_size(stream);
    if (size == 1)
        for (size_t x = 0; x < stream->width; x++)
            memcpy(row + 3 * x, stream->palette[raw[x]], 3);
    else if (size == 2)
        for (size_t x = 0; x < stream->width; x++)
            memset(row + 3 * x, raw[2 * x] ? 255 : raw[2 * x + 1], 3);
}

/* Behind the last row the library looks for the end of the packed data, which may be missing for all that PIL cares. */
static int read_last(struct png_reader *reader, uint8_t *row)
{
    if (setjmp(reader->failed))
        return reader->whole ? 0 : -1;
    reader->last = true;
    png_read_row(reader->library, raw_row(&reader->stream, row), NULL);
    return 0;
}

static int read_rows(struct png_reader *reader)
{
    uint32_t height = reader->stream.height;
    for (uint32_t y = 0; y < height; y++) {
        uint8_t *row = target_row(reader->target);
        if (y + 1 < height)
            png_read_row(reader->library, raw_row(&reader->stream, row), NULL);
        else if (read_last(reader, row))
            return -1;
        expand(&reader->stream, row);
        target_row_done(reader->target);
    }
    return 0;
}

/* Seven passes, each over some pixels of some rows; the last over every second row, from the second on. */
static int read_interlaced(struct png_reader *reader)
{
    const struct png_stream *stream = &reader->stream;
    uint8_t *rgb = reader->target->image->rgb;
    size_t stride = (size_t)stream->width * 3, rows = (size_t)stream->height * 7;
    for (size_t i = 0; i + 1 < rows; i++)
        png_read_row(reader->library, raw_row(stream, rgb + i % stream->height * stride), NULL);
    reader->whole = stream->height % 2;
    if (read_last(reader, rgb + (stream->height - 1) * stride))
        return -1;
    for (uint32_t y = 0; y < stream->height; y++)
        expand(stream, rgb + y * stride);
    return 0;
}

static int decode_guarded(struct png_reader *reader)
{
    const struct png_stream *stream = &reader->stream;
    if (setjmp(reader->failed))
        return -1;
    png_set_user_limits(reader->library, IMAGE_MAX_SIDE, IMAGE_MAX_SIDE);
    png_set_crc_action(reader->library, PNG_CRC_QUIET_USE, PNG_CRC_QUIET_USE);
    png_set_benign_errors(reader->library, 1);
    /* PIL takes data that reach farther back than they announce. */
    png_set_option(reader->library, PNG_MAXIMUM_INFLATE_WINDOW, PNG_OPTION_ON);
    png_set_read_fn(reader->library, reader, on_read);
    png_read_info(reader->library, reader->info);
    set_transformations(reader);
    (void)png_set_interlace_handling(reader->library);
    png_set_user_transform_info(reader->library, reader, 0, 0);
    png_set_read_user_transform_fn(reader->library, on_row);
    png_read_update_info(reader->library, reader->info);
    if (!stream->interlaced)
        return target_start(reader->target, stream->width, stream->height, reader->err) ? -1 : read_rows(reader);
    return target_whole(reader->target, stream->width, stream->height, reader->err) ? -1 : read_interlaced(reader);
}

int png_decode(struct decode_target *target, const uint8_t *bytes, size_t count, struct err *err)
{
    struct png_reader reader = { .target = target, .err = err };
    if (png_stream_open(&reader.stream, bytes, count, err) ||
        image_size_check(reader.stream.width, reader.stream.height, err))
        return -1;
    reader.library = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reader, on_error, on_warning);
    if (reader.library)
        reader.info = png_create_info_struct(reader.library);
    int status = -1;
    if (reader.info)
        status = decode_guarded(&reader);
    else
        err_set(err, "no memory for a PNG image");
    png_destroy_read_struct(&reader.library, &reader.info, NULL);
    return status;
}
