/* Streams of HEVC that are headers alone, for tests. */
#ifndef TESTS_HEVC_STREAM_H
#define TESTS_HEVC_STREAM_H

#include <stdbool.h>
#include <string.h>

#include "bit_writer.h"

enum { HEVC_TRAIL = 1, HEVC_IDR = 19, HEVC_IDR_N_LP = 20, HEVC_CRA = 21, HEVC_SPS = 33, HEVC_PPS = 34, HEVC_SEI = 39 };

struct hevc_stream {
    uint8_t bytes[65536];
    size_t count;
};

/* With the bytes that keep start codes out of it. `size`: bytes of the size before it. */
static inline void hevc_unit(struct hevc_stream *stream, int size, int type, const struct bit_writer *content)
{
    const size_t at = stream->count;
    int zeros = 0;
    stream->count += (size_t)size;
    stream->bytes[stream->count++] = (uint8_t)(type << 1);
    stream->bytes[stream->count++] = 1;
    for (size_t i = 0; i < bits_bytes(content); i++) {
        assert_true(stream->count + 2 <= sizeof(stream->bytes));
        if (zeros == 2 && content->bytes[i] <= 3) {
            stream->bytes[stream->count++] = 3;
            zeros = 0;
        }
        zeros = content->bytes[i] ? 0 : zeros + 1;
        stream->bytes[stream->count++] = content->bytes[i];
    }
    for (int i = 0; i < size; i++)
        stream->bytes[at + (size_t)i] = (uint8_t)((stream->count - at - (size_t)size) >> 8 * (size - 1 - i));
}

/* `layers`: temporal ones below the highest, each with a profile and a level of its own. */
static inline struct bit_writer hevc_sequence_set(uint32_t width, uint32_t height, int layers, int chroma)
{
    struct bit_writer bits = { .at = 0 };
    bits_put(&bits, 4, 0);
    bits_put(&bits, 3, (uint64_t)layers);
    bits_put(&bits, 1, 1);
    bits_put(&bits, 8, 3);
    bits_put(&bits, 64, 0); /* zeros, between which bytes are put in */
    bits_put(&bits, 24, 90);
    for (int i = 0; i < layers; i++)
        bits_put(&bits, 2, 3);
    if (layers)
        bits_put(&bits, 2 * (8 - layers), 0);
    for (int i = 0; i < layers; i++) {
        bits_put(&bits, 64, 1);
        bits_put(&bits, 32, 0xffffffff);
    }
    bits_put_exp_golomb(&bits, 0);
    bits_put_exp_golomb(&bits, (uint64_t)chroma);
    if (chroma == 3)
        bits_put(&bits, 1, 0);
    bits_put_exp_golomb(&bits, width);
    bits_put_exp_golomb(&bits, height);
    bits_put(&bits, 32, 0x12345678);
    return bits;
}

static inline void hevc_slice(struct hevc_stream *stream, int type, bool first)
{
    struct bit_writer bits = { .at = 0 };
    bits_put(&bits, 1, first);
    bits_put(&bits, 31, 0x12345678);
    hevc_unit(stream, 4, type, &bits);
}

/* `hvcC` with this set. */
static inline void hevc_configuration(struct hevc_stream *configuration, const struct bit_writer *set)
{
    static const uint8_t head[] = { 1, [22] = 1, HEVC_SPS, 0, 1 };
    memcpy(configuration->bytes, head, sizeof(head));
    configuration->count = sizeof(head);
    hevc_unit(configuration, 2, HEVC_SPS, set);
}

#endif
