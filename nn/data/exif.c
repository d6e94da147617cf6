/* The one EXIF tag that is read: APP1 "Exif", its TIFF header, the entries of the first directory. Every offset is
 * checked against what is there; what does not fit counts as absent. */
#include "exif.h"

#include <stdbool.h>
#include <string.h>

#define TAG_ORIENTATION 0x0112
#define TYPE_SHORT 3
#define ENTRY_SIZE 12

struct tiff {
    const uint8_t *bytes;
    size_t count;
    bool big; /* the byte order */
};

static unsigned number(const struct tiff *tiff, size_t at, size_t size)
{
    unsigned value = 0;
    for (size_t i = 0; i < size; i++)
        value = value << 8 | tiff->bytes[at + (tiff->big ? i : size - 1 - i)];
    return value;
}

static int orientation_of(const uint8_t *bytes, size_t count)
{
    struct tiff tiff = { bytes, count, count >= 8 && bytes[0] == 'M' };
    if (count < 8 || (memcmp(bytes, "II*\0", 4) && memcmp(bytes, "MM\0*", 4)))
        return 1;
    size_t directory = number(&tiff, 4, 4);
    if (directory > count - 2)
        return 1;
    size_t entries = number(&tiff, directory, 2), at = directory + 2;
    for (size_t i = 0; i < entries && at + ENTRY_SIZE <= count; i++, at += ENTRY_SIZE) {
        if (number(&tiff, at, 2) != TAG_ORIENTATION)
            continue;
        unsigned value = number(&tiff, at + 8, 2);
        bool fits = number(&tiff, at + 2, 2) == TYPE_SHORT && number(&tiff, at + 4, 4) == 1 && value >= 1 && value <= 8;
        return fits ? (int)value : 1;
    }
    return 1;
}

int exif_orientation(const uint8_t *bytes, size_t count)
{
    size_t at = 2;
    if (count < 4 || memcmp(bytes, "\xff\xd8", 2))
        return 1;
    while (at + 4 <= count && bytes[at] == 0xff) {
        unsigned marker = bytes[at + 1];
        if (marker == 0xff) { /* a byte that fills */
            at++;
            continue;
        }
        size_t size = (size_t)bytes[at + 2] << 8 | bytes[at + 3];
        if (marker == 0xda || marker == 0xd9 || size < 2 || size > count - at - 2)
            return 1;
        const uint8_t *segment = bytes + at + 4;
        if (marker == 0xe1 && size >= 8 && !memcmp(segment, "Exif\0", 6))
            return orientation_of(segment + 6, size - 8);
        at += 2 + size;
    }
    return 1;
}
