/* A model that was trained or seen: a name and the digest of its weights. */
#ifndef DCLS_BROKER_MODEL_H
#define DCLS_BROKER_MODEL_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "dcls/base/sha256.h"
#include "dcls/proto/msg.h"
#include "dcls/proto/name.h"

struct model {
    struct model *next;
    char name[NAME_SIZE], sha256[SHA256_HEX_SIZE]; /* sha256 empty: a legacy node's */
    cJSON *info;                                   /* "type", "classes", "imageSize", "bytes"; may be NULL */
    char job[NAME_SIZE];                           /* the job that made it; empty: none here */
    int64_t completed;                             /* wall clock, ms; 0: not by a job of this broker */
    struct strings holders; /* nodes that had it when they were heard last, some of which may be away */
    /* not stored */
    bool changed;  /* since it was stored */
    unsigned told; /* the last list of models that had it */
};

#endif
