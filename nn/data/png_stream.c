/* Which chunks of a PNG file count, by PIL's rules rather than libpng's, which refuse a misplaced or too long chunk,
 * though it be of no consequence. Here text, profiles, transparency and all else that changes no pixel is passed over
 * unread. Before the first pixel data a chunk's name has to be one, and the check sums of the header and of the palette
 * right; of pixel data the check sums are not looked at, and what does not continue them ends them: the file may end
 * there as well. */
#include "png_stream.h"

#include <string.h>
#include <zlib.h>

static const uint8_t signature[8] = "\x89PNG\r\n\x1a\n";

static uint32_t big(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static void big_put(uint8_t *bytes, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(value >> (24 - 8 * i));
}

struct chunk {
    uint32_t length; /* as it says, which may be more than there is */
    const uint8_t *name, *data;
};

static size_t left(const struct png_stream *stream)
{
    return stream->count - stream->at;
}

/* The chunk that begins here; false where none does. */
static bool peek(const struct png_stream *stream, struct chunk *chunk)
{
    if (left(stream) < 8)
        return false;
    chunk->length = big(stream->bytes + stream->at);
    chunk->name = stream->bytes + stream->at + 4;
    chunk->data = chunk->name + 4;
    for (int i = 0; i < 4; i++) {
        uint8_t c = chunk->name[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'))
            return false;
    }
    return true;
}

static bool is(const struct chunk *chunk, const char *name)
{
    return !memcmp(chunk->name, name, 4);
}

static int check_sum(const struct chunk *chunk, struct err *err)
{
    if (crc32(0, chunk->name, chunk->length + 4) != big(chunk->data + chunk->length))
        return err_set(err, "the PNG image is damaged: the check sum of its chunk %.4s is wrong",
                       (const char *)chunk->name);
    return 0;
}

static int take_header(struct png_stream *stream, const struct chunk *chunk, struct err *err)
{
    if (chunk->length < 13)
        return err_set(err, "the PNG image has a header of %u bytes", chunk->length);
    stream->width = big(chunk->data);
    stream->height = big(chunk->data + 4);
    stream->bits = chunk->data[8];
    stream->colour = chunk->data[9];
    stream->interlaced = chunk->data[12];
    if (chunk->data[11])
        return err_set(err, "the PNG image has unknown filters");
    return check_sum(chunk, err);
}

static void grey_palette(struct png_stream *stream)
{
    for (int i = 0; i < 256; i++)
        memset(stream->palette[i], i, 3);
}

static int take_palette(struct png_stream *stream, const struct chunk *chunk, struct err *err)
{
    if (chunk->length >= sizeof(stream->palette) + 3)
        return err_set(err, "the PNG image has a palette of %u bytes", chunk->length);
    grey_palette(stream);
    memcpy(stream->palette, chunk->data, chunk->length / 3 * 3);
    return check_sum(chunk, err);
}

/* A chunk of the stream's own, with room for a check sum, which is not looked at. */
static size_t make_chunk(uint8_t *out, const char *name, uint32_t length)
{
    big_put(out, length);
    memcpy(out + 4, name, 4);
    memset(out + 8, 0, length + 4);
    return length + 12;
}

/* What comes before the pixel data. The palette has one colour, which nobody looks at. */
static void make_beginning(struct png_stream *stream)
{
    uint8_t *out = stream->made, *header = out + sizeof(signature) + 8;
    memcpy(out, signature, sizeof(signature));
    size_t count = sizeof(signature);
    count += make_chunk(out + count, "IHDR", 13);
    big_put(header, stream->width);
    big_put(header + 4, stream->height);
    header[8] = (uint8_t)stream->bits;
    header[9] = (uint8_t)stream->colour;
    header[12] = stream->interlaced;
    if (stream->colour == PNG_PALETTE)
        count += make_chunk(out + count, "PLTE", 3);
    stream->runs[0].bytes = stream->made;
    stream->runs[0].count = count;
}

int png_stream_open(struct png_stream *stream, const uint8_t *bytes, size_t count, struct err *err)
{
    *stream = (struct png_stream){ .bytes = bytes, .count = count, .at = sizeof(signature) };
    grey_palette(stream);
    struct chunk chunk;
    if (count < sizeof(signature))
        return err_set(err, "the PNG image ends early");
    for (;;) {
        if (!peek(stream, &chunk))
            return err_set(err, left(stream) < 8 ? "the PNG image ends early" : "the PNG image is damaged");
        if (is(&chunk, "IDAT") && stream->width)
            break;
        if (left(stream) - 8 < (size_t)chunk.length + 4)
            return err_set(err, "the PNG image ends early");
        if (is(&chunk, "IDAT") || is(&chunk, "IEND"))
            return err_set(err, "the PNG image has no %s", stream->width ? "pixels" : "header");
        if (is(&chunk, "IHDR") && take_header(stream, &chunk, err))
            return -1;
        if (is(&chunk, "PLTE") && stream->colour == PNG_PALETTE && take_palette(stream, &chunk, err))
            return -1;
        stream->at += (size_t)chunk.length + 12;
    }
    make_beginning(stream);
    return 0;
}

/* Makes ready what follows what was read. */
static bool next(struct png_stream *stream)
{
    static const uint8_t any[4];
    struct chunk chunk;
    if (stream->drained)
        return false;
    stream->drained = !peek(stream, &chunk) || !is(&chunk, "IDAT");
    stream->runs[0].bytes = stream->made;
    if (stream->drained) {
        stream->runs[0].count = make_chunk(stream->made, "IEND", 0);
        return true;
    }
    /* What the file has of it, if that is less than it says. */
    size_t rest = left(stream) - 8, length = rest < chunk.length ? rest : chunk.length;
    (void)make_chunk(stream->made, "IDAT", 0);
    big_put(stream->made, (uint32_t)length);
    stream->runs[0].count = 8;
    stream->runs[1].bytes = chunk.data;
    stream->runs[1].count = length;
    stream->runs[2].bytes = any;
    stream->runs[2].count = sizeof(any);
    stream->at += 8 + length + (rest - length < 4 ? rest - length : 4);
    return true;
}

bool png_stream_read(struct png_stream *stream, uint8_t *out, size_t count)
{
    while (count) {
        int i = 0;
        while (i < 3 && !stream->runs[i].count)
            i++;
        if (i == 3) {
            if (!next(stream))
                return false;
            i = 0;
        }
        size_t some = stream->runs[i].count < count ? stream->runs[i].count : count;
        memcpy(out, stream->runs[i].bytes, some);
        stream->runs[i].bytes += some;
        stream->runs[i].count -= some;
        out += some;
        count -= some;
    }
    return true;
}
