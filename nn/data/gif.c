/* GIF's first frame. stb_image decodes it, but leaves transparent pixels and what the frame does not cover blank,
 * where PIL's convert('RGB') shows the palette's colour: of a transparent pixel its own, of an uncovered one that of
 * the transparent index, or of index 0. So the frame is found first, the transparency taken from a copy of the file,
 * and what stays blank is filled. stb_image also takes a file that ends early for complete; that is refused here. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "decoders.h"
#include "stb.h"

struct gif_walk {
    const uint8_t *bytes;
    size_t count, at;
    size_t control;      /* where the flags of the frame's graphic control extension stand; 0: it has none */
    size_t palette;      /* where the frame's palette starts; 0: it has none */
    size_t colours, end; /* of the palette; of the frame */
};

static bool skip(struct gif_walk *walk, size_t count)
{
    if (walk->count - walk->at < count)
        return false;
    walk->at += count;
    return true;
}

/* Blocks of a length byte and so many bytes, up to one of length 0. */
static bool skip_blocks(struct gif_walk *walk)
{
    for (;;) {
        if (walk->at >= walk->count)
            return false;
        size_t length = walk->bytes[walk->at];
        if (!skip(walk, 1 + length))
            return false;
        if (!length)
            return true;
    }
}

static bool skip_palette(struct gif_walk *walk, uint8_t flags)
{
    if (!(flags & 0x80))
        return true;
    walk->palette = walk->at;
    walk->colours = (size_t)2 << (flags & 7);
    return skip(walk, 3 * walk->colours);
}

/* Up to the end of the first frame; false where the file ends before. */
static bool find_frame(struct gif_walk *walk)
{
    if (!skip(walk, 13) || !skip_palette(walk, walk->bytes[10])) /* signature and screen */
        return false;
    for (;;) {
        size_t start = walk->at;
        if (walk->count - start < 2)
            return false;
        if (walk->bytes[start] == 0x21) { /* an extension */
            if (!skip(walk, 2) || !skip_blocks(walk))
                return false;
            if (walk->bytes[start + 1] == 0xf9 && walk->bytes[start + 2] == 4)
                walk->control = start + 3;
        } else if (walk->bytes[start] == 0x2c) { /* an image: separator, box, flags; palette; code size; blocks */
            if (!skip(walk, 10) || !skip_palette(walk, walk->bytes[start + 9]) || !skip(walk, 1) || !skip_blocks(walk))
                return false;
            walk->end = walk->at;
            return true;
        } else {
            return false;
        }
    }
}

static void fill(struct image *image, const uint8_t *rgba, const struct gif_walk *walk, const uint8_t *bytes)
{
    uint8_t blank[3] = { 0 };
    size_t index = walk->control && (bytes[walk->control] & 1) ? bytes[walk->control + 3] : 0;
    if (walk->palette && index < walk->colours)
        memcpy(blank, bytes + walk->palette + 3 * index, 3);
    size_t pixels = (size_t)image->width * image->height;
    for (size_t i = 0; i < pixels; i++)
        memcpy(image->rgb + 3 * i, rgba[4 * i + 3] ? rgba + 4 * i : blank, 3);
}

int gif_decode(struct image *image, const uint8_t *bytes, size_t count, struct err *err)
{
    struct gif_walk walk = { .bytes = bytes, .count = count };
    if (!find_frame(&walk))
        return err_set(err, "the GIF image ends early or has no frame");
    uint8_t *copy = malloc(walk.end), *rgba = NULL;
    int status = -1;
    if (!copy) {
        err_set(err, "no memory for a GIF image");
        goto out;
    }
    memcpy(copy, bytes, walk.end);
    copy[11] = 0; /* no background colour */
    if (walk.control)
        copy[walk.control] &= (uint8_t)~1;
    if (stb_rgba("GIF", copy, walk.end, image, &rgba, err))
        goto out;
    fill(image, rgba, &walk, bytes);
    status = 0;
out:
    free(rgba);
    free(copy);
    return status;
}
