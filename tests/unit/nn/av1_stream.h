/* Streams of AV1 that are headers alone, for tests. */
#ifndef TESTS_AV1_STREAM_H
#define TESTS_AV1_STREAM_H

#include <stdbool.h>
#include <string.h>

#include "bit_writer.h"

enum { AV1_SEQUENCE = 1, AV1_DELIMITER = 2, AV1_FRAME_HEADER = 3, AV1_FRAME = 6, AV1_REDUNDANT = 7, AV1_PADDING = 15 };
enum { AV1_KEY, AV1_INTER, AV1_INTRA_ONLY, AV1_SWITCH };

struct av1_stream {
    uint8_t bytes[4096];
    size_t count;
};

static inline void av1_unit(struct av1_stream *stream, int type, const struct bit_writer *content)
{
    const size_t count = bits_bytes(content);
    assert_true(count < 128 && stream->count + 2 + count <= sizeof(stream->bytes));
    stream->bytes[stream->count++] = (uint8_t)(type << 3 | 2);
    stream->bytes[stream->count++] = (uint8_t)count;
    memcpy(stream->bytes + stream->count, content->bytes, count);
    stream->count += count;
}

static inline void av1_put_size(struct bit_writer *bits, uint32_t width, uint32_t height)
{
    bits_put(bits, 4, 15); /* each in 16 bits */
    bits_put(bits, 4, 15);
    bits_put(bits, 16, width - 1);
    bits_put(bits, 16, height - 1);
}

/* Of one picture, with the shorter header. */
static inline void av1_still(struct av1_stream *stream, uint32_t width, uint32_t height)
{
    struct bit_writer bits = { .at = 0 };
    bits_put(&bits, 3, 0);
    bits_put(&bits, 2, 3); /* still_picture, reduced_still_picture_header */
    bits_put(&bits, 5, 0);
    av1_put_size(&bits, width, height);
    bits_put(&bits, 24, 0);
    av1_unit(stream, AV1_SEQUENCE, &bits);
}

/* Of frames without numbers and times, in 8 bits each side: up to 256. */
static inline void av1_sequence(struct av1_stream *stream, uint32_t width, uint32_t height)
{
    struct bit_writer bits = { .at = 0 };
    bits_put(&bits, 3 + 2 + 1 + 1 + 5 + 12 + 5, 0);
    bits_put(&bits, 4, 7);
    bits_put(&bits, 4, 7);
    bits_put(&bits, 8, width - 1);
    bits_put(&bits, 8, height - 1);
    bits_put(&bits, 1 + 3 + 4 + 1, 0); /* no numbers, no tools, no order hints */
    bits_put(&bits, 2, 0);             /* screen content tools: neither chosen by the frame nor on */
    bits_put(&bits, 24, 0);
    av1_unit(stream, AV1_SEQUENCE, &bits);
}

static inline void av1_frame(struct av1_stream *stream, int unit, int type, bool own_size)
{
    struct bit_writer bits = { .at = 0 };
    bits_put(&bits, 1, 0);
    bits_put(&bits, 2, (uint64_t)type);
    bits_put(&bits, 1, 1); /* shown */
    if (type != AV1_KEY && type != AV1_SWITCH)
        bits_put(&bits, 1, 0);
    bits_put(&bits, 1, 0);
    if (type != AV1_SWITCH)
        bits_put(&bits, 1, own_size);
    bits_put(&bits, 24, 0);
    av1_unit(stream, unit, &bits);
}

/* Of still pictures. */
static inline struct av1_stream av1_frames(uint32_t width, uint32_t height, int frames)
{
    struct av1_stream stream = { .count = 0 };
    av1_still(&stream, width, height);
    for (; frames; frames--)
        av1_frame(&stream, AV1_FRAME, AV1_KEY, false);
    return stream;
}

#endif
