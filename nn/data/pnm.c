/* PBM, PGM and PPM, plain and binary (P1 to P6), of up to 16 bits a sample, as PIL 9.4 reads them. Samples are scaled
 * from the file's largest to 255 and rounded; but grey ones of more than 8 bits are scaled to 65535, and clipped at 255
 * by convert('RGB'). A comment joins what stands before and behind it. Where a plain file ends early, but in the midst
 * of a number, PIL takes that number for all that is missing; other files that end early are refused.
 *
 * What is not followed: of plain files of some MiB, PIL 9.4 may insert a number at a multiple of 1 MiB. */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "decoders.h"

enum { NUMBER_LENGTH = 10, BITMAP = 1, GREY = 2, COLOUR = 3, MAX = 65535 };

struct pnm {
    const uint8_t *bytes;
    size_t count, at;
    bool plain;
    int kind, channels;
    uint32_t width, height, max; /* max: of the file's samples */
    uint32_t last;               /* sample of a plain file */
    bool ended;                  /* with it the file ends */
};

static int early(struct err *err)
{
    return err_set(err, "the PNM image ends early");
}

static bool is_space(int c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The next character that is in no comment; -1 at the end. */
static int take(struct pnm *pnm)
{
    while (pnm->at < pnm->count && pnm->bytes[pnm->at] == '#')
        while (pnm->at < pnm->count) {
            uint8_t c = pnm->bytes[pnm->at++];
            if (c == '\n' || c == '\r')
                break;
        }
    return pnm->at < pnm->count ? pnm->bytes[pnm->at++] : -1;
}

/* The next character that is no space either. */
static int take_visible(struct pnm *pnm)
{
    int c;
    do
        c = take(pnm);
    while (is_space(c));
    return c;
}

/* And the space behind it. */
static int take_number(struct pnm *pnm, uint32_t *number, struct err *err)
{
    uint64_t value = 0;
    int length = 0, c = take_visible(pnm);
    if (c < 0)
        return early(err);
    for (; c >= 0 && !is_space(c); c = take(pnm)) {
        if (c < '0' || c > '9' || ++length > NUMBER_LENGTH)
            return err_set(err, "the PNM image has a number that is none or too long");
        value = value * 10 + (uint64_t)(c - '0');
    }
    pnm->ended = c < 0;
    *number = value < UINT32_MAX ? (uint32_t)value : UINT32_MAX;
    return 0;
}

static int read_head(struct pnm *pnm, struct err *err)
{
    if (pnm->count < 3)
        return early(err);
    int digit = pnm->bytes[1] - '0';
    if (digit < 1 || digit > 6 || !is_space(pnm->bytes[2]))
        return err_set(err, "not a PNM image");
    pnm->plain = digit <= 3;
    pnm->kind = pnm->plain ? digit : digit - 3;
    pnm->channels = pnm->kind == COLOUR ? 3 : 1;
    pnm->max = 1;
    pnm->at = 3;
    if (take_number(pnm, &pnm->width, err) || take_number(pnm, &pnm->height, err) ||
        (pnm->kind != BITMAP && take_number(pnm, &pnm->max, err)))
        return -1;
    pnm->ended = false;
    if (!pnm->max || pnm->max > MAX)
        return err_set(err, "a PNM image with samples up to %u is not supported", pnm->max);
    return 0;
}

static uint8_t sample(const struct pnm *pnm, uint32_t value)
{
    double scaled = rint(value / (double)pnm->max * (pnm->kind == GREY && pnm->max > 255 ? MAX : 255));
    return (uint8_t)(scaled < 255 ? scaled : 255);
}

static int plain_pixel(struct pnm *pnm, uint8_t *out, struct err *err)
{
    int c = take_visible(pnm);
    if (c < 0)
        return early(err);
    if (c != '0' && c != '1')
        return err_set(err, "the PNM image has a pixel that is neither 0 nor 1");
    *out = c == '0' ? 255 : 0;
    return 0;
}

static int plain_sample(struct pnm *pnm, uint8_t *out, struct err *err)
{
    uint32_t value;
    if (take_number(pnm, &value, err))
        return -1;
    if (value > pnm->max)
        return err_set(err, "the PNM image has a sample of %u, beyond its largest of %u", value, pnm->max);
    *out = sample(pnm, value);
    pnm->last = *out;
    return 0;
}

/* A byte a sample. */
static int plain_row(struct pnm *pnm, uint8_t *row, struct err *err)
{
    size_t samples = (size_t)pnm->width * (size_t)pnm->channels;
    size_t i;
    for (i = 0; i < samples && !pnm->ended; i++)
        if (pnm->kind == BITMAP ? plain_pixel(pnm, row + i, err) : plain_sample(pnm, row + i, err))
            return -1;
    memset(row + i, pnm->last, samples - i);
    return 0;
}

static void binary_row(struct pnm *pnm, const uint8_t *levels, uint8_t *row)
{
    const uint8_t *bytes = pnm->bytes + pnm->at;
    for (size_t i = 0; i < (size_t)pnm->width * (size_t)pnm->channels; i++)
        if (pnm->kind == BITMAP)
            row[i] = bytes[i / 8] >> (7 - i % 8) & 1 ? 0 : 255;
        else if (pnm->max < 256)
            row[i] = levels[bytes[i]];
        else
            row[i] = sample(pnm, (uint32_t)bytes[2 * i] << 8 | bytes[2 * i + 1]);
}

static size_t row_size(const struct pnm *pnm)
{
    if (pnm->kind == BITMAP)
        return ((size_t)pnm->width + 7) / 8;
    return (size_t)pnm->width * (size_t)pnm->channels * (pnm->max < 256 ? 1 : 2);
}

static int decode_rows(struct pnm *pnm, struct decode_target *target, struct err *err)
{
    uint8_t levels[256];
    for (uint32_t i = 0; i < 256; i++)
        levels[i] = sample(pnm, i);
    for (uint32_t y = 0; y < pnm->height; y++) {
        uint8_t *row = target_row(target);
        if (!pnm->plain) {
            binary_row(pnm, levels, row);
            pnm->at += row_size(pnm);
        } else if (plain_row(pnm, row, err)) {
            return -1;
        }
        for (size_t x = pnm->width; pnm->channels == 1 && x-- > 0;)
            memset(row + 3 * x, row[x], 3);
        target_row_done(target);
    }
    return 0;
}

int pnm_decode(struct decode_target *target, const uint8_t *bytes, size_t count, struct err *err)
{
    struct pnm pnm = { .bytes = bytes, .count = count };
    if (read_head(&pnm, err) || image_size_check(pnm.width, pnm.height, err))
        return -1;
    size_t least = pnm.plain ? (pnm.kind == BITMAP ? pnm.width : 0) : row_size(&pnm);
    if (least * pnm.height > count - pnm.at)
        return early(err);
    if (target_start(target, pnm.width, pnm.height, err))
        return -1;
    return decode_rows(&pnm, target, err);
}
