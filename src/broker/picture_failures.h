/* The pictures that could not be made of late, so that an image which makes its decoder crash or hang is not decoded at
 * each view: what failed once for certain, or twice where it may have been chance (a disk that stood still, a process
 * that was killed), is told again for some minutes.
 *
 * A bounded table in which the oldest gives way; keys are thumbnail_cache.h's, so that a changed image is tried at
 * once. Pure. */
#ifndef DCLS_BROKER_PICTURE_FAILURES_H
#define DCLS_BROKER_PICTURE_FAILURES_H

#include <stdint.h>

#include "dcls/base/err.h"
#include "dcls/base/sha256.h"

#define PICTURE_FAILURES_MAX 256
#define PICTURE_FAILURE_MS 600000

enum picture_fault { FAULT_MAYBE = 1, FAULT_CERTAIN = 2 };

struct picture_failure {
    char key[SHA256_HEX_SIZE]; /* empty: none */
    int status;                /* of HTTP */
    struct err err;
    int faults; /* the sum of its enum picture_fault */
    int64_t until_ms;
};

/* Zeroed it is empty. */
struct picture_failures {
    struct picture_failure list[PICTURE_FAILURES_MAX];
};

void picture_failures_add(struct picture_failures *failures, const char *key, enum picture_fault fault, int status,
                          const struct err *err, int64_t now_ms);
/* What to answer instead of trying again; NULL: try. */
const struct picture_failure *picture_failures_find(const struct picture_failures *failures, const char *key,
                                                    int64_t now_ms);

#endif
