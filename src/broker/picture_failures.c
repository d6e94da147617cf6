/* See picture_failures.h. Few fail, and each costs seconds: the table is looked through. */
#include "picture_failures.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* That of the key where there is one, or else the one that ends first. */
static struct picture_failure *place_of(struct picture_failures *failures, const char *key)
{
    struct picture_failure *first = failures->list;
    for (size_t i = 0; i < PICTURE_FAILURES_MAX; i++) {
        struct picture_failure *failure = &failures->list[i];
        if (!strcmp(failure->key, key))
            return failure;
        if (failure->until_ms < first->until_ms)
            first = failure;
    }
    *first = (struct picture_failure){ 0 };
    snprintf(first->key, sizeof first->key, "%s", key);
    return first;
}

void picture_failures_add(struct picture_failures *failures, const char *key, enum picture_fault fault, int status,
                          const struct err *err, int64_t now_ms)
{
    struct picture_failure *failure = place_of(failures, key);
    if (failure->until_ms <= now_ms)
        failure->faults = 0;
    failure->faults += fault;
    failure->status = status;
    failure->err = *err;
    failure->until_ms = now_ms + PICTURE_FAILURE_MS;
}

const struct picture_failure *picture_failures_find(const struct picture_failures *failures, const char *key,
                                                    int64_t now_ms)
{
    for (size_t i = 0; i < PICTURE_FAILURES_MAX; i++) {
        const struct picture_failure *failure = &failures->list[i];
        if (!strcmp(failure->key, key))
            return failure->until_ms > now_ms && failure->faults >= FAULT_CERTAIN ? failure : NULL;
    }
    return NULL;
}
