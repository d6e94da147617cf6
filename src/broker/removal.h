/* A model that a node is to remove, or what a training without a model left there. Kept until the node has. */
#ifndef DCLS_BROKER_REMOVAL_H
#define DCLS_BROKER_REMOVAL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "dcls/base/sha256.h"
#include "dcls/proto/name.h"

struct removal_request;

enum removal_state {
    REMOVAL_NEW,     /* on its way to the store */
    REMOVAL_WAITING, /* the node is away, or is asked again later */
    REMOVAL_ASKED,   /* SERVER REMOVE went out */
};

struct removal {
    TAILQ_ENTRY(removal) listed;
    char node[NAME_SIZE], model[NAME_SIZE];
    char sha256[SHA256_HEX_SIZE]; /* of the model; empty: whichever, and what `job` left */
    char job[NAME_SIZE];          /* empty where the digest is known */
    int64_t since;                /* wall clock, ms */
    /* not stored */
    enum removal_state state;
    int64_t asked_ms;                /* clock_ms() of the last SERVER REMOVE; 0: none since the node is here */
    struct removal_request *request; /* who waits for it; NULL: nobody */
    bool promised;                   /* somebody was told that it will be: until then it may be refused */
    bool hidden;                     /* its node says that it holds the model, and nobody is told */
    char reason[256];                /* why the node has not done what was promised; empty: it was not asked yet */
};
TAILQ_HEAD(removal_list, removal);

#endif
