/* GIF's LZW codes, each of lzw->bits bits, to indices. */
#ifndef DCLS_NN_LZW_H
#define DCLS_NN_LZW_H

#include <stdint.h>

enum { LZW_CODE_BITS = 12, LZW_CODES = 1 << LZW_CODE_BITS };

struct lzw {
    int bits;                   /* of the code that comes next */
    int initial_bits;           /* behind a clear code */
    int clear;                  /* codes below it stand for an index each; it is followed by the code of the end */
    int next;                   /* the code of the string that is added next */
    int last;                   /* the code before; -1 behind a clear code */
    uint8_t first;              /* index of its string */
    uint16_t prefix[LZW_CODES]; /* of a code's string: the code of all but the last index */
    uint8_t suffix[LZW_CODES];  /* the last index */
    uint8_t string[LZW_CODES];  /* of the code that came last; at its end */
};

/* -1 where indices cannot be of `bits` bits: 0 to 12, of which the lowest 8 count. */
int lzw_init(struct lzw *lzw, int bits);

enum { LZW_CLEARED = 0, LZW_END = -1, LZW_BROKEN = -2 };
/* How many indices the code stands for, and where they are up to the next call; or one of these. */
int lzw_expand(struct lzw *lzw, int code, const uint8_t **indices);

#endif
