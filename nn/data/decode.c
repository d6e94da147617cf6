/* Which decoder reads an image is told from its first bytes. What begins with no signature of the table is refused:
 * guessing among formats without one would turn garbage into pixels. What people take for images beside is named. */
#include "decode.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "decoders.h"

#define SIGNATURES_MAX 8

static const struct decoder {
    const char *name;
    const char *signatures[SIGNATURES_MAX]; /* with one of these a file begins; '?' is any byte */
    int (*decode)(struct decode_target *target, const uint8_t *bytes, size_t count, struct err *err);
    int (*available)(struct err *err); /* whether what decodes it is installed; NULL: it always is */
} decoders[] = {
    { "JPEG", { "\xff\xd8\xff" }, jpeg_decode, NULL },
    { "PNG", { "\x89PNG\r\n\x1a\n" }, png_decode, NULL },
    { "WebP", { "RIFF????WEBPVP8" }, webp_decode, NULL },
    { "HEIC", { "????ftyphei", "????ftyphev", "????ftypmif", "????ftypmsf" }, heif_decode, heic_available },
    { "AVIF", { "????ftypavi" }, heif_decode, avif_available },
    { "BMP", { "BM" }, bmp_decode, NULL },
    { "GIF", { "GIF87a", "GIF89a" }, gif_decode, NULL },
    { "PNM", { "P1", "P2", "P3", "P4", "P5", "P6" }, pnm_decode, NULL },
};
enum { DECODERS = sizeof decoders / sizeof *decoders };

/* What is known and not read; the first that fits. */
static const struct {
    const char *name, *signatures[SIGNATURES_MAX];
} unread[] = {
    { "RAW photos", { "II*?????CR", "????ftypcrx ", "FUJIFILMCCD-RAW", "IIRO", "IIRS", "MMOR", "IIU", "FOVb" } },
    { "TIFF images and RAW photos", { "II*?", "MM?*", "II+?", "MM?+" } },
    { "Photoshop images", { "8BPS" } },
    { "JPEG XL images", { "\xff\x0a", "????JXL \r\n\x87\n" } },
    { "JPEG 2000 images", { "\xff\x4f\xff\x51", "????jP  \r\n\x87\n" } },
    { "videos",
      { "????ftyp", "????moov", "????mdat", "????wide", "RIFF????AVI ", "\x1a\x45\xdf\xa3", "FLV", "??\1\xba" } },
    { "PDF documents", { "%PDF-" } },
    { "web pages", { "<!DOCTYPE html", "<!doctype html", "<html", "<HTML" } },
    { "drawings (SVG)", { "<svg", "<?xml" } },
    { "placeholders of Git LFS", { "version https://git-lfs" } },
};

static bool begins_with(const uint8_t *bytes, size_t count, const char *signature)
{
    for (; *signature; signature++, bytes++, count--)
        if (!count || (*signature != '?' && *bytes != (uint8_t)*signature))
            return false;
    return true;
}

static bool has_signature(const uint8_t *bytes, size_t count, const char *const signatures[SIGNATURES_MAX])
{
    for (int i = 0; i < SIGNATURES_MAX && signatures[i]; i++)
        if (begins_with(bytes, count, signatures[i]))
            return true;
    return false;
}

/* The format's decoder; NULL with err. */
static const struct decoder *find(const uint8_t *bytes, size_t count, struct err *err)
{
    char formats[IMAGE_FORMATS_SIZE];
    if (!count) {
        err_set(err, "the image is empty");
        return NULL;
    }
    for (int i = 0; i < DECODERS; i++)
        if (has_signature(bytes, count, decoders[i].signatures))
            return &decoders[i];
    for (size_t i = 0; i < sizeof unread / sizeof *unread; i++)
        if (has_signature(bytes, count, unread[i].signatures)) {
            err_set(err, "%s are not read (%s are)", unread[i].name, image_formats(formats, " and "));
            return NULL;
        }
    err_set(err, "not a %s image", image_formats(formats, " or "));
    return NULL;
}

int image_format_check(const void *head, size_t count, struct err *err)
{
    const struct decoder *decoder = find(head, count, err);
    if (!decoder)
        return -1;
    return decoder->available ? decoder->available(err) : 0;
}

static int decode(struct decode_target *target, const void *bytes, size_t count, struct err *err)
{
    const struct decoder *decoder = find(bytes, count, err);
    if (!decoder || decoder->decode(target, bytes, count, err))
        return -1;
    return target_finish(target, err);
}

int image_decode(struct image *image, const void *bytes, size_t count, struct err *err)
{
    struct decode_target target = { .image = image };
    return decode(&target, bytes, count, err);
}

int image_decode_reduced(struct image *image, const void *bytes, size_t count, int size, struct err *err)
{
    struct decode_target target = { .image = image, .size = size, .decoding = DECODING_FAST };
    return decode(&target, bytes, count, err);
}

int image_decode_resized(const void *bytes, size_t count, enum decoding decoding, int size, uint8_t *out,
                         struct image *spare, struct resize_scratch *scratch, struct err *err)
{
    struct decode_target target = {
        .image = spare, .scratch = scratch, .out = out, .size = size, .decoding = decoding
    };
    int status = decode(&target, bytes, count, err);
    image_shrink(spare);
    return status;
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
