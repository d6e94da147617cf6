/* WebP by libwebp, lossy and lossless, with alpha dropped, and of an animation the first frame: on black where it does
 * not cover the picture, as PIL shows it. The container is read by libwebpdemux, as PIL reads it, which refuses a file
 * that ends early. */
#include <string.h>
#include <webp/decode.h>
#include <webp/demux.h>

#include "decoders.h"

#define BYTES_A_PIXEL 7 /* of a lossless one: libwebp's own four, and ours */

static const char *reason(VP8StatusCode status)
{
    switch (status) {
    case VP8_STATUS_OUT_OF_MEMORY: return "no memory";
    case VP8_STATUS_NOT_ENOUGH_DATA: return "it ends early";
    case VP8_STATUS_UNSUPPORTED_FEATURE: return "it has something that is not supported";
    default: return "it is damaged";
    }
}

/* The frame lies within the picture: libwebpdemux looked. */
static int decode_frame(const WebPIterator *frame, struct image *image, struct err *err)
{
    size_t stride = (size_t)image->width * 3, total = stride * (size_t)image->height;
    size_t at = (size_t)frame->y_offset * stride + (size_t)frame->x_offset * 3;
    WebPDecoderConfig config;
    if (!WebPInitDecoderConfig(&config))
        return err_set(err, "cannot decode the WebP image: libwebp has another version");
    if (frame->width != image->width || frame->height != image->height)
        memset(image->rgb, 0, total);
    config.output.colorspace = MODE_RGB;
    config.output.is_external_memory = 1;
    config.output.u.RGBA.rgba = image->rgb + at;
    config.output.u.RGBA.stride = (int)stride;
    config.output.u.RGBA.size = total - at;
    VP8StatusCode status = WebPDecode(frame->fragment.bytes, frame->fragment.size, &config);
    WebPFreeDecBuffer(&config.output);
    return status == VP8_STATUS_OK ? 0 : err_set(err, "cannot decode the WebP image: %s", reason(status));
}

int webp_decode(struct decode_target *target, const uint8_t *bytes, size_t count, struct err *err)
{
    WebPData data = { bytes, count };
    WebPIterator frame = { 0 };
    int status = -1;
    WebPDemuxer *file = WebPDemux(&data);
    if (!file || !WebPDemuxGetFrame(file, 1, &frame)) {
        err_set(err, "the WebP image ends early or is damaged");
        goto out;
    }
    image_claim(target->image, BYTES_A_PIXEL * (size_t)WebPDemuxGetI(file, WEBP_FF_CANVAS_WIDTH) *
                                   WebPDemuxGetI(file, WEBP_FF_CANVAS_HEIGHT));
    if (target_whole(target, WebPDemuxGetI(file, WEBP_FF_CANVAS_WIDTH), WebPDemuxGetI(file, WEBP_FF_CANVAS_HEIGHT),
                     err) ||
        decode_frame(&frame, target->image, err))
        goto out;
    status = 0;
out:
    WebPDemuxReleaseIterator(&frame);
    WebPDemuxDelete(file);
    return status;
}
