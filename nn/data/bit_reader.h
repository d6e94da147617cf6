/* Numbers of any count of bits, the highest bit first, as the headers of coded pictures have them. */
#ifndef DCLS_NN_BIT_READER_H
#define DCLS_NN_BIT_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bit_reader {
    const uint8_t *bytes;
    size_t count;
    size_t at;  /* in bits */
    bool ended; /* more was asked for than there is: what was read since is 0 */
};

uint32_t bits_read(struct bit_reader *reader, int bits); /* 0 to 32 */
uint32_t bits_exp_golomb(struct bit_reader *reader);     /* uvlc() of AV1, ue(v) of HEVC */
void bits_skip(struct bit_reader *reader, size_t bits);

#endif
