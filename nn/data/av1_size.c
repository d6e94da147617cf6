/* The open bitstream units of AV1 (its specification, 5.3), and of those the sequence headers (5.5) and the beginnings
 * of the frame headers (5.9), as far as they say how large a frame is. Nothing is decoded, and what a frame refers to
 * is not looked up: a frame whose header has a size of its own is taken for the largest that fits into that field. */
#include "av1_size.h"

#include "bit_reader.h"

enum unit { SEQUENCE_HEADER = 1, FRAME_HEADER = 3, FRAME = 6, REDUNDANT_FRAME_HEADER = 7 };
enum { KEY_FRAME = 0, SWITCH_FRAME = 3 };
enum { ADAPTIVE = 2 }; /* of a tool: neither off nor on, each frame says */

struct sequence {
    bool there, still; /* still: reduced_still_picture_header */
    int time_bits;     /* of a shown frame's time of presentation */
    int id_bits;       /* of a frame's number */
    uint32_t screen_content_tools, integer_motion;
    uint64_t width, height;
    uint64_t own_width, own_height; /* at most, of a frame with a size of its own: in this sequence or one before */
};

/* timing_info and decoder_model_info: how many bits a buffer's delay has, or -1 without a model. */
static int read_timing(struct bit_reader *reader, struct sequence *sequence)
{
    if (!bits_read(reader, 1))
        return -1;
    bits_skip(reader, 64);
    const bool equal = bits_read(reader, 1);
    if (equal)
        (void)bits_exp_golomb(reader);
    if (!bits_read(reader, 1))
        return -1;
    const int delay_bits = (int)bits_read(reader, 5) + 1;
    bits_skip(reader, 32 + 5);
    const int time_bits = (int)bits_read(reader, 5) + 1;
    sequence->time_bits = equal ? 0 : time_bits;
    return delay_bits;
}

static void read_operating_points(struct bit_reader *reader, int delay_bits)
{
    const bool display_model = bits_read(reader, 1);
    for (uint32_t points = bits_read(reader, 5) + 1; points; points--) {
        bits_skip(reader, 12);
        if (bits_read(reader, 5) > 7)
            bits_skip(reader, 1); /* its tier */
        if (delay_bits >= 0 && bits_read(reader, 1))
            bits_skip(reader, 2 * (size_t)delay_bits + 1);
        if (display_model && bits_read(reader, 1))
            bits_skip(reader, 4);
    }
}

static void read_size(struct bit_reader *reader, struct sequence *sequence)
{
    const int width_bits = (int)bits_read(reader, 4) + 1, height_bits = (int)bits_read(reader, 4) + 1;
    sequence->width = (uint64_t)bits_read(reader, width_bits) + 1;
    sequence->height = (uint64_t)bits_read(reader, height_bits) + 1;
    if (sequence->own_width < 1ull << width_bits)
        sequence->own_width = 1ull << width_bits;
    if (sequence->own_height < 1ull << height_bits)
        sequence->own_height = 1ull << height_bits;
}

static void read_tools(struct bit_reader *reader, struct sequence *sequence)
{
    bits_skip(reader, 3);
    sequence->screen_content_tools = ADAPTIVE;
    sequence->integer_motion = ADAPTIVE;
    if (sequence->still)
        return;
    bits_skip(reader, 4);
    if (bits_read(reader, 1))
        bits_skip(reader, 2); /* what comes with order hints */
    if (!bits_read(reader, 1))
        sequence->screen_content_tools = bits_read(reader, 1);
    if (sequence->screen_content_tools && !bits_read(reader, 1))
        sequence->integer_motion = bits_read(reader, 1);
}

static bool read_sequence(struct bit_reader reader, struct sequence *sequence)
{
    *sequence = (struct sequence){ .own_width = sequence->own_width, .own_height = sequence->own_height };
    bits_skip(&reader, 3 + 1);
    sequence->still = bits_read(&reader, 1);
    if (sequence->still)
        bits_skip(&reader, 5);
    else
        read_operating_points(&reader, read_timing(&reader, sequence));
    read_size(&reader, sequence);
    if (!sequence->still && bits_read(&reader, 1)) {
        const int difference_bits = (int)bits_read(&reader, 4) + 2;
        sequence->id_bits = (int)bits_read(&reader, 3) + difference_bits + 1;
    }
    read_tools(&reader, sequence);
    sequence->there = !reader.ended;
    return sequence->there;
}

/* Of a frame that is not `still`: whether its size is its own; what only shows an earlier frame is `shown`. */
static bool has_own_size(struct bit_reader *reader, const struct sequence *sequence, bool *shown)
{
    *shown = bits_read(reader, 1);
    if (*shown)
        return false;
    const uint32_t type = bits_read(reader, 2);
    const bool show = bits_read(reader, 1);
    bits_skip(reader, show ? (size_t)sequence->time_bits : 1);
    if (type != SWITCH_FRAME && !(type == KEY_FRAME && show))
        bits_skip(reader, 1); /* whether it is to withstand errors */
    bits_skip(reader, 1);
    uint32_t tools = sequence->screen_content_tools;
    if (tools == ADAPTIVE)
        tools = bits_read(reader, 1);
    if (tools && sequence->integer_motion == ADAPTIVE)
        bits_skip(reader, 1);
    bits_skip(reader, (size_t)sequence->id_bits);
    return type == SWITCH_FRAME || bits_read(reader, 1);
}

static bool read_frame(struct bit_reader reader, const struct sequence *sequence, struct coded_size *size)
{
    bool shown = false;
    if (!sequence->there)
        return false;
    if (!sequence->still && has_own_size(&reader, sequence, &shown))
        coded_size_add(size, 1, sequence->own_width, sequence->own_height);
    else if (!shown)
        coded_size_add(size, 1, sequence->width, sequence->height);
    return !reader.ended;
}

static bool read_leb128(struct span *span, uint64_t *value)
{
    uint64_t byte;
    *value = 0;
    for (int i = 0; i < 8; i++) {
        if (!span_number(span, 1, &byte))
            return false;
        *value |= (byte & 0x7f) << (7 * i);
        if (!(byte & 0x80))
            return true;
    }
    return false;
}

static bool next_unit(struct span *stream, int *type, struct span *content)
{
    uint64_t head, extension, size;
    if (!span_number(stream, 1, &head) || (head & 4 && !span_number(stream, 1, &extension)))
        return false;
    *type = (int)(head >> 3 & 15);
    size = stream->count;
    return (!(head & 2) || read_leb128(stream, &size)) && span_take(stream, (size_t)size, content);
}

bool av1_size(struct span stream, struct coded_size *size)
{
    struct sequence sequence = { 0 };
    struct span content;
    int type;
    *size = (struct coded_size){ 0 };
    /* Where a unit is not whole every decoder ends. */
    while (stream.count && next_unit(&stream, &type, &content)) {
        const struct bit_reader reader = { .bytes = content.bytes, .count = content.count };
        if (type == SEQUENCE_HEADER && !read_sequence(reader, &sequence))
            return false;
        if ((type == FRAME || type == FRAME_HEADER || type == REDUNDANT_FRAME_HEADER) &&
            !read_frame(reader, &sequence, size))
            return false;
    }
    return true;
}
