/* GIF's LZW: a code stands for an index, or for a string of them: an earlier code's string and one index behind it.
 * Each code but the first one behind a clear code adds a string, that of the code before and the first index of its
 * own; it may itself stand for the string that it adds. Where all codes are taken they keep 12 bits and nothing is
 * added until a clear code comes (deferred clear codes). Broken is what PIL takes for broken. */
#include "lzw.h"

#include <assert.h>

static void clear(struct lzw *lzw)
{
    lzw->next = lzw->clear + 2;
    lzw->bits = lzw->initial_bits;
    lzw->last = -1;
}

int lzw_init(struct lzw *lzw, int bits)
{
    if (bits < 0 || bits > LZW_CODE_BITS)
        return -1;
    lzw->clear = 1 << bits;
    lzw->initial_bits = bits + 1;
    clear(lzw);
    return 0;
}

static void add(struct lzw *lzw)
{
    if (lzw->next >= LZW_CODES)
        return;
    lzw->prefix[lzw->next] = (uint16_t)lzw->last;
    lzw->suffix[lzw->next] = lzw->first;
    if (lzw->next == (1 << lzw->bits) - 1 && lzw->bits < LZW_CODE_BITS)
        lzw->bits++;
    lzw->next++;
}

int lzw_expand(struct lzw *lzw, int code, const uint8_t **indices)
{
    uint8_t *end = lzw->string + LZW_CODES, *string = end;
    if (code == lzw->clear) {
        clear(lzw);
        return LZW_CLEARED;
    }
    if (code == lzw->clear + 1)
        return LZW_END;
    if (code > (lzw->last < 0 ? lzw->clear : lzw->next))
        return LZW_BROKEN;
    int part = code;
    if (lzw->last >= 0 && code == lzw->next) {
        *--string = lzw->first;
        part = lzw->last;
    }
    while (part >= lzw->clear) { /* to a smaller code each time, and the two at `clear` have no string */
        if (part >= LZW_CODES)
            return LZW_BROKEN;
        *--string = lzw->suffix[part];
        part = lzw->prefix[part];
    }
    assert(string > lzw->string);
    lzw->first = (uint8_t)part;
    *--string = lzw->first;
    if (lzw->last >= 0)
        add(lzw);
    lzw->last = code;
    *indices = string;
    return (int)(end - string);
}
