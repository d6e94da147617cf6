/* Which decoder reads an image is told from its first bytes. What begins with no signature of the table is refused:
 * guessing among formats without one would turn garbage into pixels. */
#include "decode.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "decoders.h"

static const struct decoder {
    const char *name;
    const char *endings[2];    /* of files' names */
    const char *signatures[2]; /* with one of these a file begins; '?' is any byte */
    int (*decode)(struct image *image, const uint8_t *bytes, size_t count, struct err *err);
    /* To (size, size, 3) without the whole image in memory. NULL: decoded, then resized. */
    int (*decode_resized)(const uint8_t *bytes, size_t count, enum decoding decoding, int size, uint8_t *out,
                          struct resize_scratch *scratch, struct err *err);
} decoders[] = {
    { "JPEG", { ".jpg", ".jpeg" }, { "\xff\xd8\xff" }, jpeg_decode, jpeg_decode_resized },
    { "PNG", { ".png" }, { "\x89PNG\r\n\x1a\n" }, png_decode, NULL },
    { "BMP", { ".bmp" }, { "BM" }, bmp_decode, NULL },
    { "GIF", { ".gif" }, { "GIF87a", "GIF89a" }, gif_decode, NULL },
};
enum { DECODERS = sizeof decoders / sizeof *decoders };

static bool begins_with(const uint8_t *bytes, size_t count, const char *signature)
{
    for (; *signature; signature++, bytes++, count--)
        if (!count || (*signature != '?' && *bytes != (uint8_t)*signature))
            return false;
    return true;
}

/* The format's decoder; NULL with err. */
static const struct decoder *find(const uint8_t *bytes, size_t count, struct err *err)
{
    for (int i = 0; i < DECODERS; i++)
        for (int k = 0; k < 2 && decoders[i].signatures[k]; k++)
            if (begins_with(bytes, count, decoders[i].signatures[k]))
                return &decoders[i];
    char formats[IMAGE_FORMATS_SIZE];
    if (count)
        err_set(err, "not a %s image", image_formats(formats, " or "));
    else
        err_set(err, "the image is empty");
    return NULL;
}

int image_decode(struct image *image, const void *bytes, size_t count, struct err *err)
{
    const struct decoder *decoder = find(bytes, count, err);
    return decoder ? decoder->decode(image, bytes, count, err) : -1;
}

int image_decode_resized(const void *bytes, size_t count, enum decoding decoding, int size, uint8_t *out,
                         struct image *spare, struct resize_scratch *scratch, struct err *err)
{
    const struct decoder *decoder = find(bytes, count, err);
    if (!decoder)
        return -1;
    if (decoder->decode_resized)
        return decoder->decode_resized(bytes, count, decoding, size, out, scratch, err);
    if (decoder->decode(spare, bytes, count, err))
        return -1;
    return image_resize(spare, size, size, out, scratch, err);
}

bool image_ending_known(const char *ending)
{
    for (int i = 0; i < DECODERS; i++)
        for (int k = 0; k < 2 && decoders[i].endings[k]; k++)
            if (!strcasecmp(ending, decoders[i].endings[k]))
                return true;
    return false;
}

const char *image_formats(char text[IMAGE_FORMATS_SIZE], const char *last)
{
    int length = 0;
    for (int i = 0; i < DECODERS; i++) {
        const char *before = i == 0 ? "" : i < DECODERS - 1 ? ", " : last;
        length += snprintf(text + length, (size_t)(IMAGE_FORMATS_SIZE - length), "%s%s", before, decoders[i].name);
        assert(length < IMAGE_FORMATS_SIZE);
    }
    return text;
}
