/* See base64.h. */
#include "dcls/base/base64.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t base64_size(size_t count)
{
    return (count + 2) / 3 * 4;
}

char *base64_encode(const void *bytes, size_t count)
{
    const uint8_t *from = bytes;
    char *text = malloc(base64_size(count) + 1), *to = text;
    if (!text)
        return NULL;
    for (size_t i = 0; i < count; i += 3) {
        size_t left = count - i;
        uint32_t group = (uint32_t)from[i] << 16 | (left > 1 ? (uint32_t)from[i + 1] << 8 : 0) |
                         (left > 2 ? (uint32_t)from[i + 2] : 0);
        *to++ = digits[group >> 18];
        *to++ = digits[group >> 12 & 63];
        *to++ = left > 1 ? digits[group >> 6 & 63] : '=';
        *to++ = left > 2 ? digits[group & 63] : '=';
    }
    *to = '\0';
    return text;
}

static int value_of(char digit)
{
    const char *found = digit ? strchr(digits, digit) : NULL;
    return found ? (int)(found - digits) : -1;
}

void *base64_decode(const char *text, size_t *count)
{
    size_t length = strlen(text), padding = 0;
    while (padding < 2 && padding < length && text[length - 1 - padding] == '=')
        padding++;
    if (length % 4)
        return NULL;
    uint8_t *bytes = malloc(length / 4 * 3 + 1), *to = bytes;
    uint32_t group = 0;
    if (!bytes)
        return NULL;
    for (size_t i = 0; i < length; i++) {
        int value = i < length - padding ? value_of(text[i]) : 0;
        if (value < 0) {
            free(bytes);
            return NULL;
        }
        group = group << 6 | (uint32_t)value;
        if (i % 4 != 3)
            continue;
        *to++ = (uint8_t)(group >> 16);
        *to++ = (uint8_t)(group >> 8);
        *to++ = (uint8_t)group;
        group = 0;
    }
    *count = (size_t)(to - bytes) - padding;
    return bytes;
}
