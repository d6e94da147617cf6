/* Numbers as they lie in BMP and GIF files: the least byte first, at any address. */
#ifndef DCLS_NN_LITTLE_ENDIAN_H
#define DCLS_NN_LITTLE_ENDIAN_H

#include <stdint.h>

static inline uint32_t le16(const uint8_t *bytes)
{
    return bytes[0] | (uint32_t)bytes[1] << 8;
}

static inline uint32_t le32(const uint8_t *bytes)
{
    return le16(bytes) | le16(bytes + 2) << 16;
}

static inline void le32_put(uint8_t *bytes, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(value >> 8 * i);
}

#endif
