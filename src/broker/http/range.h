/* The Range header of RFC 9110 section 14, as far as downloads use it: one range of bytes. Pure. */
#ifndef DCLS_BROKER_RANGE_H
#define DCLS_BROKER_RANGE_H

#include <stdint.h>

enum range {
    RANGE_WHOLE,         /* no header, another unit, several ranges or not understood: all of it, status 200 */
    RANGE_PART,          /* *from, *count: status 206 */
    RANGE_UNSATISFIABLE, /* begins behind the end: status 416 */
};

/* Reads "bytes=N-", "bytes=N-M" or "bytes=-N" (NULL: no header) of something that has `size` bytes. *from and *count
 * are set to the whole where it is not RANGE_PART. */
enum range range_parse(const char *header, int64_t size, int64_t *from, int64_t *count);

#endif
