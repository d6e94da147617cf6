/* The NAL units of HEVC (ITU-T H.265, 7.3.1) in a HEIF file (ISO/IEC 14496-15, 8.3): of the sequence parameter sets
 * (7.3.2.2) what comes up to the size, and of the slices whether a picture begins with them. Each picture is taken for
 * the largest of which there is a set; which set it is of is not looked up. */
#include "hevc_size.h"

#include "bit_reader.h"

#define HEAD_MAX 256 /* bytes: what stands before the size are 150 at most */
#define REFERENCES_MAX 16
#define SLICE_PIXELS                                                                                                   \
    ((uint64_t)CODED_SIDE_MIN * CODED_SIDE_MIN) /* a slice's header takes some KiB while it is decoded */
#define PICTURE_SETS 16 /* picture parameter sets, whose tables take as much as a picture does */
#define UNITS_MAX 16384 /* libde265 has 130 to 170 bytes for each, all at a time */
#define ROWS_MAX 4096   /* of blocks in a slice, for each of which libde265 goes through the escapes in it */

enum { IDR_W_RADL = 19, IDR_N_LP = 20, SLICE_LAST = 31, SEQUENCE_SET = 33, PICTURE_SET = 34 };

struct seen {
    uint64_t width, height;
    uint64_t units, pictures, slices, picture_sets, moved;
    bool sequence, refers; /* a set is there; a picture is that may refer to others */
};

/* The unit's beginning, without the bytes that keep start codes out of it (emulation_prevention_three_byte). libde265
 * takes out each such escape by moving all that is behind it. */
static size_t unescape(struct span unit, uint8_t head[HEAD_MAX], uint64_t *moved)
{
    size_t count = 0, zeros = 0;
    for (size_t i = 0; i < unit.count; i++) {
        if (zeros >= 2 && unit.bytes[i] == 3) {
            zeros = 0;
            *moved += unit.count - i - 1 + ROWS_MAX;
            continue;
        }
        zeros = unit.bytes[i] ? 0 : zeros + 1;
        if (count < HEAD_MAX)
            head[count++] = unit.bytes[i];
    }
    return count;
}

static void skip_profiles(struct bit_reader *reader, int layers)
{
    bool profile[8] = { 0 }, level[8] = { 0 };
    bits_skip(reader, 88 + 8);
    for (int i = 0; i < layers; i++) {
        profile[i] = bits_read(reader, 1);
        level[i] = bits_read(reader, 1);
    }
    if (layers)
        bits_skip(reader, 2 * (size_t)(8 - layers));
    for (int i = 0; i < layers; i++)
        bits_skip(reader, (profile[i] ? 88 : 0) + (level[i] ? 8 : 0));
}

static bool read_sequence_set(struct bit_reader *reader, struct seen *seen)
{
    bits_skip(reader, 4);
    const int layers = (int)bits_read(reader, 3); /* below the highest */
    bits_skip(reader, 1);
    skip_profiles(reader, layers);
    (void)bits_exp_golomb(reader); /* its number */
    if (bits_exp_golomb(reader) == 3)
        bits_skip(reader, 1); /* whether colours are coded apart */
    const uint64_t width = bits_exp_golomb(reader), height = bits_exp_golomb(reader);
    if (width * height > seen->width * seen->height) {
        seen->width = width;
        seen->height = height;
    }
    seen->sequence = true;
    return !reader->ended;
}

static bool read_unit(struct span unit, struct seen *seen)
{
    uint8_t head[HEAD_MAX];
    const size_t count = unescape(unit, head, &seen->moved);
    if (++seen->units > UNITS_MAX)
        return false;
    if (count < 3)
        return true;
    const int type = head[0] >> 1 & 63;
    const bool base_layer = !(head[0] & 1) && !(head[1] >> 3);
    struct bit_reader reader = { .bytes = head, .count = count, .at = 16 };
    if (type == SEQUENCE_SET && base_layer) /* those of others, which are not decoded, are of another form */
        return read_sequence_set(&reader, seen);
    if (type == PICTURE_SET)
        seen->picture_sets++;
    if (type > SLICE_LAST)
        return true;
    seen->slices++;
    seen->pictures += bits_read(&reader, 1);
    seen->refers |= type != IDR_W_RADL && type != IDR_N_LP;
    return true;
}

/* Arrays of units behind 22 bytes about the codec. */
static bool read_configuration(struct span configuration, struct seen *seen)
{
    struct span skipped, unit;
    uint64_t arrays, type, units, size;
    if (!span_take(&configuration, 22, &skipped) || !span_number(&configuration, 1, &arrays))
        return false;
    for (; arrays; arrays--) {
        if (!span_number(&configuration, 1, &type) || !span_number(&configuration, 2, &units))
            return false;
        for (; units; units--)
            if (!span_number(&configuration, 2, &size) || !span_take(&configuration, (size_t)size, &unit) ||
                !read_unit(unit, seen))
                return false;
    }
    return true;
}

/* libheif takes a unit's size for 4 bytes, whatever the configuration says. */
static bool read_stream(struct span stream, struct seen *seen)
{
    struct span unit;
    uint64_t size;
    while (stream.count)
        if (!span_number(&stream, 4, &size) || !span_take(&stream, (size_t)size, &unit) || !read_unit(unit, seen))
            return false;
    return true;
}

bool hevc_size(struct span configuration, struct span stream, struct coded_size *size)
{
    struct seen seen = { 0 };
    *size = (struct coded_size){ 0 };
    if (!read_configuration(configuration, &seen) || !read_stream(stream, &seen))
        return false;
    size->moved = seen.moved;
    if (!seen.sequence)
        return true;
    if (!seen.pictures)
        seen.pictures = 1; /* sets alone have tables made */
    coded_size_add(size, seen.pictures + seen.picture_sets / PICTURE_SETS, seen.width, seen.height);
    if (size->pixels < SLICE_PIXELS * seen.slices)
        size->pixels = SLICE_PIXELS * seen.slices;
    if (seen.refers)
        size->missing_references = REFERENCES_MAX * coded_side(seen.width) * coded_side(seen.height);
    return true;
}
