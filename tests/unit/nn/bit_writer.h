/* Headers of coded pictures, bit by bit, for tests. */
#ifndef TESTS_BIT_WRITER_H
#define TESTS_BIT_WRITER_H

#include <stddef.h>
#include <stdint.h>

struct bit_writer {
    uint8_t bytes[512];
    size_t at; /* in bits */
};

static inline void bits_put(struct bit_writer *writer, int bits, uint64_t value)
{
    for (int i = bits - 1; i >= 0; i--, writer->at++) {
        assert_true(writer->at < 8 * sizeof(writer->bytes));
        if (value >> i & 1)
            writer->bytes[writer->at / 8] |= (uint8_t)(0x80 >> writer->at % 8);
    }
}

static inline void bits_put_exp_golomb(struct bit_writer *writer, uint64_t value)
{
    int bits = 1;
    while (value + 1 >= 1ull << bits)
        bits++;
    bits_put(writer, bits - 1, 0);
    bits_put(writer, bits, value + 1);
}

static inline size_t bits_bytes(const struct bit_writer *writer)
{
    return (writer->at + 7) / 8;
}

#endif
