/* A model that was trained or seen: a name and the digest of its weights. */
#ifndef DCLS_BROKER_MODEL_H
#define DCLS_BROKER_MODEL_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "dcls/base/sha256.h"
#include "dcls/proto/msg.h"
#include "dcls/proto/name.h"
#include "name_table.h"

struct model {
    struct name_entry entry;
    TAILQ_ENTRY(model) listed;
    struct model *next;                            /* of a list that is handed over */
    char name[NAME_SIZE], sha256[SHA256_HEX_SIZE]; /* sha256 empty: a legacy node's */
    cJSON *info;                                   /* "type", "classes", "imageSize", "bytes"; may be NULL */
    char job[NAME_SIZE];                           /* the job that made it; empty: none here */
    int64_t completed;                             /* wall clock, ms; 0: not by a job of this broker */
    struct strings holders; /* nodes that had it when they were heard last, some of which may be away */
    /* not stored */
    bool forgotten;  /* its row is to be deleted, and it is there no more for anybody */
    bool shown;      /* it was stored since it came */
    bool outdated;   /* a later one of the name was made, and only nodes that are away have this: it is not listed, and
                        kept for what is to be removed */
    uint64_t news;   /* the version that is told to event streams when it is stored; 0: none */
    unsigned told;   /* the last list of models that had it */
    cJSON *at_nodes; /* of the answer that is being made */
    /* what is stored: model_writes.h's */
    uint64_t version, committed; /* of what it is, from 1, and of its row */
    bool is_due, writing;
    TAILQ_ENTRY(model) due;
};
TAILQ_HEAD(model_list, model);

#endif
