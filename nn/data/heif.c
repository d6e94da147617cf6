/* HEIC (iPhones' photos) and AVIF by libheif, where it is installed: it is opened when such a file comes, so that the
 * program needs none of its many libraries otherwise. The picture is turned and mirrored as the file says, alpha is
 * dropped, and more than 8 bits a sample become 8. libheif's codecs decode in threads of their own; libheif itself is
 * told to use none. */
#include <dlfcn.h>
#include <libheif/heif.h>
#include <malloc.h>
#include <string.h>

#include "decoders.h"
#include "heif_check.h"

#define LIBRARY "libheif.so.1"
/* Of HEVC: as it is coded, of 16 bits and with all its colours, and as RGB. Of AV1 dav1d has coefficients as well,
 * where it has threads. Measured were 14 and 28 bytes at most, both at 10 bits 4:4:4. */
enum { BYTES_A_PIXEL = 16, BYTES_A_PIXEL_AV1 = 32 };

#define FUNCTIONS(X)                                                                                                   \
    X(heif_context_alloc)                                                                                              \
    X(heif_context_free)                                                                                               \
    X(heif_context_set_maximum_image_size_limit)                                                                       \
    X(heif_context_set_max_decoding_threads)                                                                           \
    X(heif_context_read_from_memory_without_copy)                                                                      \
    X(heif_context_get_primary_image_handle)                                                                           \
    X(heif_image_handle_get_width)                                                                                     \
    X(heif_image_handle_get_height)                                                                                    \
    X(heif_image_handle_release)                                                                                       \
    X(heif_decoding_options_alloc)                                                                                     \
    X(heif_decoding_options_free)                                                                                      \
    X(heif_decode_image)                                                                                               \
    X(heif_image_get_width)                                                                                            \
    X(heif_image_get_height)                                                                                           \
    X(heif_image_get_plane_readonly)                                                                                   \
    X(heif_image_release)                                                                                              \
    X(heif_have_decoder_for_format)

/* The library, under its functions' own names. */
struct heif {
    void *library;
#define MEMBER(name) __typeof__(name) *name;
    FUNCTIONS(MEMBER)
};

/* Stays in memory once it was opened, whoever closes it: what follows is quick and needs no lock. */
static int heif_open(struct heif *heif, struct err *err)
{
    heif->library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!heif->library)
        return err_set(err, "HEIC and AVIF images are read by libheif, which is not installed (package libheif1)");
#define FIND(name)                                                                                                     \
    if (!(*(void **)&heif->name = dlsym(heif->library, #name)))                                                        \
        return err_set(err, "HEIC and AVIF images are read by libheif, but this one lacks '%s'", #name);
    FUNCTIONS(FIND)
    return 0;
}

static void heif_close(struct heif *heif)
{
    if (heif->library)
        dlclose(heif->library);
}

static int check_codec(enum heif_compression_format format, const char *name, const char *packages, struct err *err)
{
    struct heif heif = { 0 };
    int status = heif_open(&heif, err);
    if (!status && !heif.heif_have_decoder_for_format(format))
        status =
            err_set(err, "libheif is installed, but not what it decodes %s images with (package %s)", name, packages);
    heif_close(&heif);
    return status;
}

int heic_available(struct err *err)
{
    return check_codec(heif_compression_HEVC, "HEIC", "libde265-0 or libheif-plugin-libde265", err);
}

int avif_available(struct err *err)
{
    return check_codec(heif_compression_AV1, "AVIF", "libdav1d6 or libheif-plugin-dav1d", err);
}

/* What a decoding makes, for one release. */
struct heif_parts {
    struct heif_context *context;
    struct heif_image_handle *handle;
    struct heif_decoding_options *options;
    struct heif_image *image;
};

static int failure(struct heif_error error, struct err *err)
{
    if (error.subcode == heif_suberror_Unsupported_codec)
        return err_set(err,
                       "cannot decode the HEIF image: libheif has no decoder for what it is coded with (HEVC: package "
                       "libde265-0 or libheif-plugin-libde265; AV1: libdav1d6 or libheif-plugin-dav1d)");
    return err_set(err, "cannot decode the HEIF image: %s", error.message ? error.message : "it is damaged");
}

static int give_rows(const struct heif *heif, const struct heif_image *image, struct decode_target *target,
                     struct err *err)
{
    int stride, width = heif->heif_image_get_width(image, heif_channel_interleaved);
    int height = heif->heif_image_get_height(image, heif_channel_interleaved);
    const uint8_t *plane = heif->heif_image_get_plane_readonly(image, heif_channel_interleaved, &stride);
    if (!plane || stride < 3 * (int64_t)width)
        return err_set(err, "cannot decode the HEIF image: it has no pixels");
    if (target_start(target, width, height, err))
        return -1;
    for (int y = 0; y < height; y++) {
        memcpy(target_row(target), plane + (size_t)y * (size_t)stride, (size_t)width * 3);
        target_row_done(target);
    }
    return 0;
}

/* What is shown, or, where that is more, what it is made of. */
static void claim(const struct heif *heif, const struct heif_parts *parts, const struct heif_cost *cost,
                  struct image *image)
{
    const size_t shown = (size_t)heif->heif_image_handle_get_width(parts->handle) *
                         (size_t)heif->heif_image_handle_get_height(parts->handle);
    const size_t pixels = shown > cost->at_once ? shown : (size_t)cost->at_once;
    image_claim(image, pixels * (cost->av1 ? BYTES_A_PIXEL_AV1 : BYTES_A_PIXEL));
}

static int decode(const struct heif *heif, struct heif_parts *parts, const struct heif_cost *cost,
                  struct decode_target *target, const uint8_t *bytes, size_t count, struct err *err)
{
    struct heif_error error;
    parts->context = heif->heif_context_alloc();
    parts->options = heif->heif_decoding_options_alloc();
    if (!parts->context || !parts->options)
        return err_set(err, "no memory for a HEIF image");
    /* From here on the allocator gives zeros, in all of the process. libheif shows what lay in memory where a grid is
     * larger than its tiles, and libde265 where a damaged slice ends early, and says nothing of it: the same file would
     * be another image each time. Neither can be given another allocator. */
    (void)mallopt(M_PERTURB, 0xff);
    heif->heif_context_set_maximum_image_size_limit(parts->context, IMAGE_MAX_SIDE);
    heif->heif_context_set_max_decoding_threads(parts->context, 0);
    error = heif->heif_context_read_from_memory_without_copy(parts->context, bytes, count, NULL);
    if (error.code)
        return failure(error, err);
    error = heif->heif_context_get_primary_image_handle(parts->context, &parts->handle);
    if (error.code)
        return failure(error, err);
    if (image_size_check(heif->heif_image_handle_get_width(parts->handle),
                         heif->heif_image_handle_get_height(parts->handle), err))
        return -1;
    claim(heif, parts, cost, target->image);
    parts->options->convert_hdr_to_8bit = 1;
    parts->options->strict_decoding = 1; /* what is damaged is refused, not made up from what lay in memory */
    error = heif->heif_decode_image(parts->handle, &parts->image, heif_colorspace_RGB, heif_chroma_interleaved_RGB,
                                    parts->options);
    if (error.code)
        return failure(error, err);
    return give_rows(heif, parts->image, target, err);
}

int heif_decode(struct decode_target *target, const uint8_t *bytes, size_t count, struct err *err)
{
    struct heif heif = { 0 };
    struct heif_parts parts = { 0 };
    struct heif_cost cost;
    int status = -1;
    if (heif_check(bytes, count, &cost, err) || heif_open(&heif, err))
        goto out;
    status = decode(&heif, &parts, &cost, target, bytes, count, err);
    if (parts.image)
        heif.heif_image_release(parts.image);
    if (parts.handle)
        heif.heif_image_handle_release(parts.handle);
    if (parts.options)
        heif.heif_decoding_options_free(parts.options);
    if (parts.context)
        heif.heif_context_free(parts.context);
out:
    heif_close(&heif);
    return status;
}
