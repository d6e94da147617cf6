/* See bit_reader.h. */
#include "bit_reader.h"

uint32_t bits_read(struct bit_reader *reader, int bits)
{
    uint32_t value = 0;
    if ((size_t)bits > 8 * reader->count - reader->at) {
        reader->ended = true;
        reader->at = 8 * reader->count;
        return 0;
    }
    for (; bits; bits--, reader->at++)
        value = value << 1 | (reader->bytes[reader->at / 8] >> (7 - reader->at % 8) & 1);
    return value;
}

void bits_skip(struct bit_reader *reader, size_t bits)
{
    for (; bits > 32; bits -= 32)
        (void)bits_read(reader, 32);
    (void)bits_read(reader, (int)bits);
}

uint32_t bits_exp_golomb(struct bit_reader *reader)
{
    int zeros = 0;
    while (!reader->ended && !bits_read(reader, 1))
        zeros++;
    if (zeros > 31) {
        reader->ended = true; /* no header has so large a number */
        return 0;
    }
    return (1u << zeros) - 1 + bits_read(reader, zeros);
}
