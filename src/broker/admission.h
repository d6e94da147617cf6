/* Who may have a node's name. Pure: what is known goes in with the time, a decision comes out; the connections are
 * membership.c's.
 *
 * A name is bound by the secret of its holder: of the node that is connected under it, or else of the one that a job
 * is assigned to. Another secret, or none, is refused, for as long as that is so. Where the secret is right, or nobody
 * has one, a node replaces itself: the process that told the same `instance`, or either told none. Another process of
 * that name is replaced only where it does not live: the holder is pinged, and nothing that the newcomer sends counts
 * for it. */
#ifndef DCLS_BROKER_ADMISSION_H
#define DCLS_BROKER_ADMISSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dcls/base/err.h"

#define ADMISSION_PROBE_MS 2000 /* a live process answers a ping within this */

struct newcomer {
    const char *name;
    const char *instance;    /* NULL: it told none */
    const char *secret_hash; /* empty: it has none */
};

/* Who has the name; session 0: no connected node has. */
struct name_holder {
    int64_t session;
    bool is_newcomer;        /* it is the newcomer's own connection, which tells of itself again */
    const char *instance;    /* NULL: it told none */
    const char *secret_hash; /* empty: it has none */
    const char *job_hash;    /* of the node that a job under this name is assigned to; NULL or empty: none binds it */
    int64_t heard_ms;        /* when it was heard last, */
    uint64_t messages;       /* and how often */
    bool is_full;            /* as many nodes are connected as there may be */
};

/* Whether the holder lives, being found out. All zero: it was not asked yet. */
struct probe {
    int64_t session;   /* of whom was pinged */
    uint64_t messages; /* as many as had come of it then */
    int64_t sent_ms;
};

enum admission {
    ADMISSION_ENTER,  /* in the holder's place, where there is one */
    ADMISSION_PROBE,  /* ping the holder now, and ask again after ADMISSION_PROBE_MS: `probe` was begun */
    ADMISSION_REFUSE, /* `why` says it */
    ADMISSION_FULL,   /* the same: there is no room for a further name */
};

/* When a newcomer comes, and again when its probe has had its time: whoever has the name then, is a holder that was not
 * asked yet unless it is the same connection. */
enum admission admission_decide(const struct newcomer *newcomer, const struct name_holder *holder, struct probe *probe,
                                int64_t now, struct err *why);

/* Whether CLIENT DISCONNECT may take a node off: by itself, or, of a legacy node, from the same address. */
bool admission_may_dismiss(bool by_itself, bool is_legacy, bool same_address);

#endif
